// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fourier transforms by their definition, sums in f64: an output near 0 is then
// near 0 to f32's precision and not to that of the sum.  Det and
// MelWeightMatrix, which are as small.

#include "Program.h"
#include <cmath>
#include <functional>

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

constexpr double kPi = 3.14159265358979323846;

/// Sum over k of x[k] * exp(sign * 2 pi i * row * k / length), one part of it.
struct Transform {
  AffineExpr length; ///< of the transform; x is 0 beyond its extent
  AffineExpr extent; ///< terms that there are
  bool inverse = false;
};

} // namespace

/// The real (imaginary) part of the sum; `term` gives the real and imaginary
/// parts of x[k] in f64.
static Value
fourierSum(Program &p, const Transform &transform, Value row, Value imaginary,
           llvm::function_ref<std::pair<Value, Value>(Value)> term) {
  Type f64 = p.builder.getF64Type();
  Value length = p.extent(transform.length);
  Value factor = p.div(p.constant(f64, transform.inverse ? 2 * kPi : -2 * kPi),
                       p.toFloat(length, f64));
  Value zero = p.constant(f64, 0);
  Value count = p.min(p.extent(transform.extent), length);
  Value sum = p.loop(p.index(0), count, zero, [&](Value k, ValueRange acc) {
    // The angle's whole turns are taken off in integers.
    Value turn = p.rem(p.mul(row, k), length);
    Value angle = p.mul(p.toFloat(turn, f64), factor);
    Value c = p.unary<math::CosOp>(angle), s = p.unary<math::SinOp>(angle);
    auto [re, im] = term(k);
    Value real = im ? p.sub(p.mul(re, c), p.mul(im, s)) : p.mul(re, c);
    Value imag = im ? p.add(p.mul(re, s), p.mul(im, c)) : p.mul(re, s);
    return Values{p.add(acc[0], p.select(imaginary, imag, real))};
  })[0];
  return transform.inverse ? p.div(sum, p.toFloat(length, f64)) : sum;
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
  int64_t given = n.opset < 20 ? n.intAttr("axis", 1) : -2;
  if (n.opset >= 20 && n.has(2)) {
    auto value = n.constantInts(2);
    if (!value || value->size() != 1)
      return n.error("the axis depends on run-time data");
    given = value->front();
  }
  FailureOr<int64_t> axis = n.axis(given, rank);
  if (failed(axis))
    return failure();
  if (*axis == rank - 1)
    return n.error("expected another axis than the last");
  bool inverse = n.intAttr("inverse", 0) != 0;
  bool onesided = n.intAttr("onesided", 0) != 0;
  Transform transform{dims[*axis], dims[*axis], inverse};
  if (inverse && onesided)
    transform.length = canonicalize((dims[*axis] - 1) * 2);
  if (n.has(1)) {
    const ShapeData *length = n.data(1);
    if (!length || length->size() != 1)
      return n.error("the length depends on run-time data");
    transform.length = length->front();
  }
  if (failed(n.needAtMost(n.expr(1), transform.length)))
    return failure();
  if (onesided && !inverse && parts == 2)
    return n.error("expected real input for a one-sided transform");
  if (onesided && inverse && parts != 2)
    return n.error("expected complex input for an inverse one-sided transform");
  SymbolicShape shape = dims;
  shape.back() = n.expr(onesided && inverse ? 1 : 2);
  shape[*axis] = onesided && !inverse
                     ? canonicalize(transform.length.floorDiv(2) + 1)
                     : transform.length;
  Type type = n.elementType(x), f64 = n.builder().getF64Type();
  // The other half of a real signal's spectrum is the mirrored conjugate.
  bool mirrors = onesided && inverse;
  AffineExpr half = dims[*axis];
  if (mirrors)
    transform.extent = transform.length;
  return n.result(compute(n, type, shape, {x}, [&](Program &p) {
    Value imaginary =
        mirrors ? p.boolean(false) : p.equal(p.at(rank - 1), p.index(1));
    auto term = [&](Value k) -> std::pair<Value, Value> {
      Value from = k, flip;
      if (mirrors) {
        flip = p.lessEqual(p.extent(half), k);
        from = p.select(flip, p.sub(p.extent(transform.length), k), k);
      }
      auto part = [&](int64_t i) {
        Values position = p.at();
        position[*axis] = from;
        position[rank - 1] = p.index(i);
        return p.convert(p.read(0, position), type, f64);
      };
      if (parts == 1)
        return {part(0), Value()};
      Value im = part(1);
      return {part(0), flip ? p.select(flip, p.neg(im), im) : im};
    };
    Value sum = fourierSum(p, transform, p.at(*axis), imaginary, term);
    return p.convert(sum, f64, scalarType(type));
  }));
}

/// Frames of the signal, each times the window, transformed.
static LogicalResult importStft(NodeImport &n) {
  Value x = n.value(0), window;
  if (failed(sameType(n, {x}, isFloat)))
    return failure();
  SymbolicShape dims = n.shape(x);
  if (dims.size() != 3 && dims.size() != 2)
    return n.error("expected a signal [batch, length, 1 or 2]");
  int64_t parts = dims.size() == 3 ? staticExtent(dims[2]) : 1;
  auto step = n.constantInts(1);
  if (!step || step->size() != 1)
    return n.error("the frame step depends on run-time data");
  if (step->front() < 1 || (parts != 1 && parts != 2))
    return n.error("expected a frame step of 1 or more");
  SmallVector<Value> inputs = {x};
  AffineExpr length;
  if (n.has(2)) {
    window = n.value(2);
    if (!window || failed(sameType(n, {x, window}, isFloat)))
      return failure();
    inputs.push_back(window);
    length = n.shape(window)[0];
  }
  if (n.has(3)) {
    const ShapeData *given = n.data(3);
    if (!given || given->size() != 1)
      return n.error("the frame length depends on run-time data");
    if (length && failed(n.needEqual(length, given->front())))
      return failure();
    length = given->front();
  }
  if (!length)
    return n.error("expected a window or a frame length");
  if (failed(n.needAtMost(n.expr(1), length)) ||
      failed(n.needAtMost(length, dims[1])))
    return failure();
  bool onesided = n.intAttr("onesided", 1) != 0;
  if (onesided && parts == 2)
    return n.error("expected a real signal for a one-sided transform");
  AffineExpr frames =
      canonicalize((dims[1] - length).floorDiv(step->front()) + 1);
  SymbolicShape shape = {
      dims[0], frames, onesided ? canonicalize(length.floorDiv(2) + 1) : length,
      n.expr(2)};
  Type type = n.elementType(x), f64 = n.builder().getF64Type();
  Transform transform{length, length, false};
  return n.result(compute(n, type, shape, inputs, [&](Program &p) {
    Value imaginary = p.equal(p.at(3), p.index(1));
    Value start = p.mul(p.at(1), p.index(step->front()));
    auto term = [&](Value k) -> std::pair<Value, Value> {
      auto part = [&](int64_t i) {
        Values position = {p.at(0), p.add(start, k)};
        if (dims.size() == 3)
          position.push_back(p.index(i));
        Value v = p.convert(p.read(0, position), type, f64);
        return window ? p.mul(v, p.convert(p.read(1, k), type, f64)) : v;
      };
      return {part(0), parts == 2 ? part(1) : Value()};
    };
    Value sum = fourierSum(p, transform, p.at(2), imaginary, term);
    return p.convert(sum, f64, scalarType(type));
  }));
}

/// Written out by minors, for matrices of up to 4 x 4.
static LogicalResult importDet(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isFloat)))
    return failure();
  SymbolicShape dims = n.shape(x);
  int64_t size = dims.size() < 2 ? 0 : staticExtent(dims.back());
  if (size < 1 || staticExtent(dims[dims.size() - 2]) != size)
    return n.error("expected square matrices of a known size");
  if (size > 4)
    return n.unsupported("of matrices over 4 x 4");
  SymbolicShape shape(ArrayRef(dims).drop_back(2));
  Type type = n.elementType(x), f64 = n.builder().getF64Type();
  return n.result(compute(n, type, shape, {x}, [&](Program &p) {
    auto at = [&](int64_t row, int64_t column) {
      Values position = p.at();
      position.append({p.index(row), p.index(column)});
      return p.convert(p.read(0, position), type, f64);
    };
    // Expansion along the first row that is left.
    std::function<Value(int64_t, ArrayRef<int64_t>)> cofactor =
        [&](int64_t row, ArrayRef<int64_t> columns) -> Value {
      Value sum;
      for (auto [i, column] : llvm::enumerate(columns)) {
        Value term = at(row, column);
        if (columns.size() > 1) {
          SmallVector<int64_t> rest(columns);
          rest.erase(rest.begin() + i);
          term = p.mul(term, cofactor(row + 1, rest));
        }
        sum = !sum ? term : i % 2 ? p.sub(sum, term) : p.add(sum, term);
      }
      return sum;
    };
    auto columns = llvm::to_vector(llvm::seq<int64_t>(0, size));
    return p.convert(cofactor(0, columns), f64, scalarType(type));
  }));
}

/// Triangular filters on the mel scale; all sizes are known.
static LogicalResult importMelWeightMatrix(NodeImport &n) {
  auto bins = n.constantScalar(0), length = n.constantScalar(1),
       rate = n.constantScalar(2), low = n.constantScalar(3),
       high = n.constantScalar(4);
  if (!bins || !length || !rate || !low || !high)
    return n.error("an input depends on run-time data");
  Type type =
      elementTypeOf(n.intAttr("output_datatype", 1), &n.importer.context);
  if (!type || !(type.isF32() || type.isF64()))
    return n.unsupported("to this element type");
  if (!(*bins >= 1 && *bins < 1 << 16 && *length >= 1 && *length < 1 << 24 &&
        *rate >= 1 && *low >= 0 && *high > *low && *high < 1e9))
    return n.error("expected positive sizes and frequencies in order");
  int64_t count = int64_t(*bins), rows = int64_t(*length) / 2 + 1;
  auto mel = [](double f) { return 2595 * std::log10(1 + f / 700); };
  double first = mel(*low), step = (mel(*high) - first) / double(count + 2);
  SmallVector<int64_t> edges;
  for (int64_t i = 0; i < count + 2; ++i) {
    double hertz = 700 * (std::pow(10, (first + double(i) * step) / 2595) - 1);
    edges.push_back(int64_t(std::floor((*length + 1) * hertz / *rate)));
  }
  std::vector<double> values(rows * count, 0.0);
  for (int64_t i = 0; i < count; ++i) {
    int64_t a = edges[i], b = edges[i + 1], c = edges[i + 2];
    if (b == a && b < rows)
      values[b * count + i] = 1;
    for (int64_t j = a; b > a && j <= b && j < rows; ++j)
      values[j * count + i] = double(j - a) / double(b - a);
    for (int64_t j = b; c > b && j < c && j < rows; ++j)
      values[j * count + i] = double(c - j) / double(c - b);
  }
  std::vector<char> bytes(values.size() * type.getIntOrFloatBitWidth() / 8);
  for (auto [i, value] : llvm::enumerate(values)) {
    if (type.isF64())
      reinterpret_cast<double *>(bytes.data())[i] = value;
    else
      reinterpret_cast<float *>(bytes.data())[i] = float(value);
  }
  return n.resultEntry(n.importer.constantEntry(
      n.node.output(0), ownTensor(type, {rows, count}, std::move(bytes))));
}

void registerSignal(Registry &r) {
  r.add("DFT", importDft);
  r.add("STFT", importStft);
  r.add("Det", importDet);
  r.add("MelWeightMatrix", importMelWeightMatrix);
}

} // namespace quantc::onnx_frontend
