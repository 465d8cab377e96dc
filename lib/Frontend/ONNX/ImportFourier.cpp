// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fourier transforms.  A known length is transformed in passes, one for each
// factor, with twiddles that are computed in f64 and rounded once; a length
// that only the run knows by the definition, whose sums are in f64.
//
// The passes are those of the published mixed-radix algorithm as NumPy has it:
// factors 8, 4 and 2 (a single 2 goes to the front), then the odd primes, and
// the butterflies' sums in its order.  They are in f64, whose result is rounded
// once, except for the inverse of complex f32: NumPy has that one in f32, and
// passes in f32 give its bits.  (With a prime factor above 11 they are in f64,
// too.)

#include "Program.h"
#include <cmath>
#include <complex>
#include <functional>

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

constexpr double kPi = 3.14159265358979323846;
/// Longer ones are computed by the definition: the twiddles are a constant.
constexpr int64_t kMaxLength = 1 << 22;
/// Larger factors are summed in a loop.
constexpr int64_t kMaxRadix = 11;

struct Complex {
  Value re, im;
};

/// The sequences to transform, along a dimension behind `outer`.
struct Lines {
  SymbolicShape outer;
  SmallVector<Value> inputs;
  /// Element k < `length` of the line at the first dimensions of a position, in
  /// f64; the imaginary part is null for real lines.
  std::function<Complex(Program &, Value k)> term;
  AffineExpr length;
  bool isReal = false, inverse = false;
  Type type; ///< of the operand
};

} // namespace

static Complex add(Program &p, Complex a, Complex b) {
  return {p.add(a.re, b.re), p.add(a.im, b.im)};
}

static Complex sub(Program &p, Complex a, Complex b) {
  return {p.sub(a.re, b.re), p.sub(a.im, b.im)};
}

/// a * i, or a * -i.
static Complex turn(Program &p, Complex a, bool inverse) {
  return inverse ? Complex{p.neg(a.im), a.re} : Complex{a.im, p.neg(a.re)};
}

//===----------------------------------------------------------------------===//
// Butterflies
//===----------------------------------------------------------------------===//

/// Output j of four terms.
static Complex butterfly4(Program &p, ArrayRef<Complex> t, int64_t j,
                          bool inverse) {
  if (j % 2 == 0) {
    Complex a = add(p, t[0], t[2]), b = add(p, t[1], t[3]);
    return j == 0 ? add(p, a, b) : sub(p, a, b);
  }
  Complex a = sub(p, t[0], t[2]);
  Complex b = turn(p, sub(p, t[1], t[3]), inverse);
  return j == 1 ? add(p, a, b) : sub(p, a, b);
}

/// Output j of eight terms: the even ones are those of four sums, the odd ones
/// of four differences that are turned by multiples of 45 degrees.
static Complex butterfly8(Program &p, ArrayRef<Complex> t, int64_t j,
                          bool inverse) {
  auto pair = [&](int64_t a, bool difference) {
    return difference ? sub(p, t[a], t[a + 4]) : add(p, t[a], t[a + 4]);
  };
  bool odd = j % 2 != 0;
  Complex a = pair(0, odd), b = pair(2, odd);
  Complex c = pair(1, odd), d = pair(3, odd);
  if (odd) {
    b = turn(p, b, inverse);
    d = turn(p, d, inverse);
  }
  bool second = j % 4 >= 2;
  Complex even = second ? sub(p, a, b) : add(p, a, b);
  Complex rest = second ? sub(p, c, d) : add(p, c, d);
  if (second && !odd)
    rest = turn(p, rest, inverse);
  if (odd) {
    // By 45 or 135 degrees.
    Value half = p.constant(rest.re.getType(), std::sqrt(0.5));
    Value re = rest.re, im = rest.im;
    Value sum = p.add(re, im);
    if (second)
      rest = inverse
                 ? Complex{p.mul(half, p.neg(sum)), p.mul(half, p.sub(re, im))}
                 : Complex{p.mul(half, p.sub(im, re)), p.mul(half, p.neg(sum))};
    else
      rest = inverse ? Complex{p.mul(half, p.sub(re, im)), p.mul(half, sum)}
                     : Complex{p.mul(half, sum), p.mul(half, p.sub(im, re))};
  }
  return j < 4 ? add(p, even, rest) : sub(p, even, rest);
}

/// Output j of an odd number of terms, from their sums and differences in
/// pairs.
static Complex butterflyOdd(Program &p, ArrayRef<Complex> t, int64_t j,
                            bool inverse) {
  int64_t radix = t.size();
  bool mirrored = 2 * j > radix;
  int64_t row = mirrored ? radix - j : j;
  Type type = t[0].re.getType();
  Complex even = t[0], odd;
  for (int64_t b = 1; 2 * b < radix; ++b) {
    Complex sum = add(p, t[b], t[radix - b]);
    if (j == 0) {
      even = add(p, even, sum);
      continue;
    }
    Complex difference = sub(p, t[b], t[radix - b]);
    int64_t angle = row * b % radix;
    bool folded = 2 * angle > radix;
    double radians =
        2 * kPi * double(folded ? radix - angle : angle) / double(radix);
    double sine = std::sin(radians);
    Value c = p.constant(type, std::cos(radians));
    Value s = p.constant(type, folded == inverse ? -sine : sine);
    even = add(p, even, {p.mul(c, sum.re), p.mul(c, sum.im)});
    Complex part = {p.mul(s, difference.im), p.mul(s, difference.re)};
    odd = odd.re ? add(p, odd, part) : part;
  }
  if (j == 0)
    return even;
  // `odd` is turned by 90 degrees.
  Complex turned = {p.neg(odd.re), odd.im};
  return mirrored ? sub(p, even, turned) : add(p, even, turned);
}

static Complex butterfly(Program &p, ArrayRef<Complex> t, int64_t j,
                         bool inverse) {
  switch (t.size()) {
  case 2:
    return j == 0 ? add(p, t[0], t[1]) : sub(p, t[0], t[1]);
  case 4:
    return butterfly4(p, t, j, inverse);
  case 8:
    return butterfly8(p, t, j, inverse);
  default:
    return butterflyOdd(p, t, j, inverse);
  }
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

static SmallVector<int64_t> factorize(int64_t length) {
  SmallVector<int64_t> factors;
  auto take = [&](int64_t factor) {
    while (length % factor == 0) {
      factors.push_back(factor);
      length /= factor;
    }
  };
  take(8);
  take(4);
  if (length % 2 == 0) {
    length /= 2;
    factors.push_back(2);
    std::swap(factors.front(), factors.back());
  }
  for (int64_t factor = 3; factor * factor <= length; factor += 2)
    take(factor);
  if (length > 1)
    factors.push_back(length);
  return factors;
}

/// exp(2 pi i m / length), 0 <= m < length, from an angle of at most 45
/// degrees: exact on the axes, and with the circle's symmetries.
static std::complex<double> rootOfUnity(int64_t m, int64_t length) {
  // In eighths of the circle, x / length.
  int64_t x = 8 * m;
  bool below = x > 4 * length;
  x = below ? 8 * length - x : x;
  bool left = x > 2 * length;
  x = left ? 4 * length - x : x;
  bool steep = x > length;
  x = steep ? 2 * length - x : x;
  double angle = kPi / 4 * double(x) / double(length);
  double c = std::cos(angle), s = std::sin(angle);
  if (steep)
    std::swap(c, s);
  return {left ? -c : c, below ? -s : s};
}

/// exp(-2 pi i m / length) for all m, or the conjugates.
static Value twiddles(NodeImport &n, Type type, int64_t length, bool inverse) {
  std::vector<char> bytes;
  auto append = [&](auto value) {
    const char *data = reinterpret_cast<const char *>(&value);
    bytes.insert(bytes.end(), data, data + sizeof(value));
  };
  for (int64_t m = 0; m < length; ++m) {
    std::complex<double> root = rootOfUnity(m, length);
    for (double part : {root.real(), inverse ? root.imag() : -root.imag()}) {
      if (type.isF64())
        append(part);
      else
        append(float(part));
    }
  }
  return n.importer.materialize(*n.importer.constantEntry(
      n.name + ".twiddles", ownTensor(type, {length, 2}, std::move(bytes))));
}

namespace {

/// One pass: `radix` interleaved lines become one, `done` times.
struct Pass {
  int64_t radix, done, rest;
  bool inverse;
};

} // namespace

/// Element [..., idx, part] behind the pass: output j of the butterfly over the
/// terms i + rest * (b + radix * k), times twiddle j * done * i.
static Value passElement(Program &p, const Pass &pass, int64_t length) {
  size_t rank = p.at().size();
  Value imaginary = p.equal(p.at(rank - 1), p.index(1));
  Value at = p.at(rank - 2), rest = p.index(pass.rest);
  Value j = p.div(at, p.index(pass.done * pass.rest));
  Value k = p.rem(p.div(at, rest), p.index(pass.done));
  Value i = p.rem(at, rest);
  auto term = [&](Value b) -> Complex {
    Values position = p.at();
    position[rank - 2] =
        p.add(i, p.mul(rest, p.add(b, p.mul(p.index(pass.radix), k))));
    position[rank - 1] = p.index(0);
    Value re = p.read(0, position);
    position[rank - 1] = p.index(1);
    return {re, p.read(0, position)};
  };
  auto times = [&](Complex a, Value m) -> Complex {
    Value c = p.read(1, {m, p.index(0)}), s = p.read(1, {m, p.index(1)});
    return {p.sub(p.mul(a.re, c), p.mul(a.im, s)),
            p.add(p.mul(a.re, s), p.mul(a.im, c))};
  };
  auto part = [&](Complex a) {
    if (pass.rest > 1)
      a = times(a, p.mul(p.mul(j, p.index(pass.done)), i));
    return p.select(imaginary, a.im, a.re);
  };
  if (pass.radix > kMaxRadix) {
    Value zero = p.constant(p.elementType(0), 0);
    Value radix = p.index(pass.radix);
    Value step = p.index(length / pass.radix);
    auto sums =
        p.loop(p.index(0), radix, {zero, zero}, [&](Value b, ValueRange acc) {
          Value m = p.mul(p.rem(p.mul(j, b), radix), step);
          Complex x = times(term(b), m);
          return Values{p.add(acc[0], x.re), p.add(acc[1], x.im)};
        });
    return part({sums[0], sums[1]});
  }
  // One program for each j; a run takes one branch.
  std::function<Value(int64_t)> from = [&](int64_t first) -> Value {
    auto output = [&] {
      SmallVector<Complex> terms;
      for (int64_t b = 0; b < pass.radix; ++b)
        terms.push_back(term(p.index(b)));
      return part(butterfly(p, terms, first, pass.inverse));
    };
    if (first == pass.radix - 1)
      return output();
    return p.branch(p.equal(j, p.index(first)), output,
                    [&] { return from(first + 1); });
  };
  return from(0);
}

/// The transform of all lines of a known length, scaled.
static Value transformInPasses(NodeImport &n, const Lines &lines,
                               int64_t length) {
  SmallVector<int64_t> factors = factorize(length);
  bool isSmooth =
      llvm::all_of(factors, [](int64_t f) { return f <= kMaxRadix; });
  Type f64 = n.builder().getF64Type();
  bool isSingle =
      lines.inverse && !lines.isReal && isSmooth && !lines.type.isF64();
  Type type = isSingle ? n.builder().getF32Type() : f64;
  SymbolicShape shape = lines.outer;
  shape.append({n.expr(length), n.expr(2)});
  size_t rank = shape.size();
  Value x = compute(n, type, shape, lines.inputs, [&](Program &p) {
    Complex element = lines.term(p, p.at(rank - 2));
    if (!element.im)
      element.im = p.constant(f64, 0);
    return p.convert(
        p.select(p.equal(p.at(rank - 1), p.index(1)), element.im, element.re),
        f64, type);
  });
  Value table = twiddles(n, type, length, lines.inverse);
  int64_t done = 1;
  for (int64_t radix : factors) {
    Pass pass = {radix, done, length / (radix * done), lines.inverse};
    x = compute(n, type, shape, {x, table},
                [&](Program &p) { return passElement(p, pass, length); });
    done *= radix;
  }
  if (lines.inverse)
    x = n.binary<qnn::MulOp>(x, n.scalar(type, 1.0 / double(length)));
  return x;
}

/// The first `count` results by the definition, in f64 and scaled; only the
/// real part with `parts` 1.
static Value transformDirectly(NodeImport &n, const Lines &lines,
                               AffineExpr count, int64_t parts) {
  SymbolicShape shape = lines.outer;
  shape.append({count, n.expr(parts)});
  size_t rank = shape.size();
  Type f64 = n.builder().getF64Type();
  return compute(n, f64, shape, lines.inputs, [&](Program &p) {
    Value row = p.at(rank - 2);
    Value imaginary = p.equal(p.at(rank - 1), p.index(1));
    Value length = p.extent(lines.length);
    Value factor = p.div(p.constant(f64, lines.inverse ? 2 * kPi : -2 * kPi),
                         p.toFloat(length, f64));
    Value zero = p.constant(f64, 0);
    Value sum = p.loop(p.index(0), length, zero, [&](Value k, ValueRange acc) {
      // The angle's whole turns are taken off in integers.
      Value turns = p.rem(p.mul(row, k), length);
      Value angle = p.mul(p.toFloat(turns, f64), factor);
      Value c = p.unary<math::CosOp>(angle), s = p.unary<math::SinOp>(angle);
      auto [re, im] = lines.term(p, k);
      Value real = im ? p.sub(p.mul(re, c), p.mul(im, s)) : p.mul(re, c);
      Value imag = im ? p.add(p.mul(re, s), p.mul(im, c)) : p.mul(re, s);
      return Values{p.add(acc[0], p.select(imaginary, imag, real))};
    })[0];
    return lines.inverse ? p.div(sum, p.toFloat(length, f64)) : sum;
  });
}

/// [outer, count, parts] of the operand's type.
static Value transform(NodeImport &n, const Lines &lines, AffineExpr count,
                       int64_t parts) {
  int64_t length = staticExtent(lines.length);
  if (ShapedType::isDynamic(length) || length > kMaxLength)
    return n.cast(transformDirectly(n, lines, count, parts), lines.type);
  Value x = transformInPasses(n, lines, length);
  SymbolicShape sizes = lines.outer, starts(sizes.size() + 2, n.expr(0));
  sizes.append({count, n.expr(parts)});
  x = n.slice(x, starts, sizes, SmallVector<int64_t>(sizes.size(), 1));
  return n.cast(x, lines.type);
}

//===----------------------------------------------------------------------===//
// DFT and STFT
//===----------------------------------------------------------------------===//

static FailureOr<int64_t> readAxis(NodeImport &n, int64_t rank) {
  int64_t given = n.opset < 20 ? n.intAttr("axis", 1) : -2;
  if (n.opset >= 20 && n.has(2)) {
    auto value = n.constantInts(2);
    if (!value || value->size() != 1)
      return n.error("the axis depends on run-time data");
    given = value->front();
  }
  FailureOr<int64_t> axis = n.axis(given, rank);
  if (succeeded(axis) && *axis == rank - 1)
    return n.error("expected another axis than the last");
  return axis;
}

/// The element of x at a line's position and k; `mirrors` takes what lies
/// behind the extent from the conjugated front, as a real signal's spectrum has
/// it.
static std::function<Complex(Program &, Value)>
dftTerm(NodeImport &n, Type type, int64_t axis, int64_t parts,
        AffineExpr extent, AffineExpr length, bool mirrors) {
  Type f64 = n.builder().getF64Type();
  return [=](Program &p, Value k) -> Complex {
    Value from = k, isInside, flip;
    if (mirrors) {
      flip = p.lessEqual(p.extent(extent), k);
      from = p.select(flip, p.sub(p.extent(length), k), k);
    } else if (extent != length) {
      isInside = p.less(k, p.extent(extent));
    }
    auto part = [&](int64_t i) {
      Values position(p.at().begin(), p.at().end() - 2);
      position.insert(position.begin() + axis, from);
      position.push_back(p.index(i));
      Value element = p.convert(p.read(0, position), type, f64);
      return isInside ? p.select(isInside, element, p.constant(f64, 0))
                      : element;
    };
    if (parts == 1)
      return {part(0), Value()};
    Value im = part(1);
    return {part(0), flip ? p.select(flip, p.neg(im), im) : im};
  };
}

/// [..., n, ..., 1 or 2] -> [..., m, ..., 2]; with 'inverse' and 'onesided' the
/// result is real.
static LogicalResult importDft(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isFloat)))
    return failure();
  SymbolicShape dims = n.shape(x);
  int64_t rank = dims.size(), parts = rank ? staticExtent(dims.back()) : 0;
  if (rank < 2 || (parts != 1 && parts != 2))
    return n.error("expected a last dimension of 1 or 2, real and imaginary");
  FailureOr<int64_t> axis = readAxis(n, rank);
  if (failed(axis))
    return failure();
  bool inverse = n.intAttr("inverse", 0) != 0;
  bool onesided = n.intAttr("onesided", 0) != 0;
  AffineExpr extent = dims[*axis], length = extent;
  if (inverse && onesided)
    length = canonicalize((extent - 1) * 2);
  if (n.has(1)) {
    auto given = n.size(1, "a length", "a length of 0 or more");
    if (failed(given))
      return failure();
    length = *given;
  }
  if (failed(n.needAtMost(n.expr(1), length)))
    return failure();
  if (onesided && !inverse && parts == 2)
    return n.error("expected real input for a one-sided transform");
  if (onesided && inverse && parts != 2)
    return n.error("expected complex input for an inverse one-sided transform");
  bool mirrors = onesided && inverse;
  Lines lines;
  lines.outer = dims;
  lines.outer.pop_back();
  lines.outer.erase(lines.outer.begin() + *axis);
  lines.inputs = {x};
  lines.type = n.elementType(x);
  lines.length = length;
  lines.inverse = inverse;
  lines.isReal = parts == 1 || mirrors;
  lines.term = dftTerm(n, lines.type, *axis, parts, extent, length, mirrors);
  AffineExpr count =
      onesided && !inverse ? canonicalize(length.floorDiv(2) + 1) : length;
  Value y = transform(n, lines, count, mirrors ? 1 : 2);
  // The results' dimension lies behind the outer ones; it goes where x has it.
  SmallVector<int64_t> permutation;
  for (int64_t i = 0; i < rank - 2; ++i)
    permutation.push_back(i);
  permutation.insert(permutation.begin() + *axis, rank - 2);
  permutation.push_back(rank - 1);
  return n.result(llvm::is_sorted(permutation) ? y
                                               : n.transpose(y, permutation));
}

/// Frames of the signal, each times the window, transformed.
static LogicalResult importStft(NodeImport &n) {
  Value x = n.value(0), window;
  if (failed(sameType(n, {x}, isFloat)))
    return failure();
  SymbolicShape dims = n.shape(x);
  int64_t parts = dims.size() == 3 ? staticExtent(dims[2]) : 1;
  if ((dims.size() != 3 && dims.size() != 2) || (parts != 1 && parts != 2))
    return n.error("expected a signal [batch, length, 1 or 2]");
  auto step = n.size(1, "a frame step", "a frame step of 1 or more");
  if (failed(step) || failed(n.needAtMost(n.expr(1), *step)))
    return failure();
  Lines lines;
  lines.inputs = {x};
  lines.type = n.elementType(x);
  if (n.has(2)) {
    window = n.value(2);
    if (!window || failed(sameType(n, {x, window}, isFloat)))
      return failure();
    if (n.rank(window) != 1)
      return n.error("expected a window of rank 1, got rank " +
                     Twine(n.rank(window)));
    lines.inputs.push_back(window);
    lines.length = n.shape(window)[0];
  }
  if (n.has(3)) {
    auto given = n.size(3, "a frame length", "a frame length of 0 or more");
    if (failed(given) ||
        (lines.length && failed(n.needEqual(lines.length, *given))))
      return failure();
    lines.length = *given;
  }
  if (!lines.length)
    return n.error("expected a window or a frame length");
  if (failed(n.needAtMost(n.expr(1), lines.length)) ||
      failed(n.needAtMost(lines.length, dims[1])))
    return failure();
  bool onesided = n.intAttr("onesided", 1) != 0;
  if (onesided && parts == 2)
    return n.error("expected a real signal for a one-sided transform");
  lines.isReal = parts == 1;
  lines.outer = {dims[0],
                 canonicalize((dims[1] - lines.length).floorDiv(*step) + 1)};
  Type type = lines.type, f64 = n.builder().getF64Type();
  lines.term = [&](Program &p, Value k) -> Complex {
    auto part = [&](int64_t i) {
      Value start = p.mul(p.at(1), p.extent(*step));
      Values position = {p.at(0), p.add(start, k)};
      if (dims.size() == 3)
        position.push_back(p.index(i));
      Value v = p.convert(p.read(0, position), type, f64);
      return window ? p.mul(v, p.convert(p.read(1, k), type, f64)) : v;
    };
    return {part(0), parts == 2 ? part(1) : Value()};
  };
  AffineExpr count =
      onesided ? canonicalize(lines.length.floorDiv(2) + 1) : lines.length;
  return n.result(transform(n, lines, count, 2));
}

void registerFourier(Registry &r) {
  r.add("DFT", importDft);
  r.add("STFT", importStft);
}

} // namespace quantc::onnx_frontend
