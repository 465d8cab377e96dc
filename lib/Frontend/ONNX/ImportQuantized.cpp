// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization that is in the source already: QuantizeLinear and
// DequantizeLinear, and products of integers.  What kernels can take is
// qnn.to_codes and qnn.from_codes; the rest is scalar programs.  Numerics §5.5,
// §6.2, §6.4 and §6.5.

#include "Codes.h"
#include "SmallFloat.h"
#include "Window.h"
#include <cmath>

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

/// A scale or zero point: one for the tensor, one per index of an axis, or one
/// per block of an axis.
struct Parameter {
  size_t input = 0;
  size_t rank = 0;
  bool isSingle = false;
};

} // namespace

static Parameter parameterAt(NodeImport &n, Value value, size_t input) {
  SymbolicShape dims = n.shape(value);
  Parameter parameter{input, dims.size(), true};
  for (AffineExpr dim : dims)
    parameter.isSingle &= staticExtent(dim) == 1;
  return parameter;
}

/// The parameter for the element at `position`.
static Value readParameter(Program &p, const Parameter &parameter,
                           ValueRange position, int64_t axis, int64_t block) {
  Values at;
  if (parameter.isSingle)
    at.assign(parameter.rank, p.index(0));
  else if (block > 0) {
    at.assign(position.begin(), position.end());
    at[axis] = p.div(at[axis], p.index(block));
  } else
    at.push_back(position[axis]);
  return p.read(parameter.input, at);
}

/// clamp(roundeven(x) + z) in the range of `type`; NaN gives z.
static Value saturate(Program &p, Value x, Value zero, Type type) {
  unsigned width = type.getIntOrFloatBitWidth();
  bool isUnsigned = type.isUnsignedInteger();
  double low = isUnsigned ? 0 : -std::ldexp(1.0, width - 1);
  double high = std::ldexp(1.0, isUnsigned ? width : width - 1) - 1;
  Type f = x.getType(), i32 = p.builder.getI32Type();
  Value rounded = p.unary<math::RoundEvenOp>(x);
  rounded = p.select(p.isNan(rounded), p.constant(f, 0), rounded);
  // Both terms are small integers after this: their sum is exact.
  Value bound = p.constant(f, 0x1p+20);
  rounded = p.min(p.max(rounded, p.neg(bound)), bound);
  Value q = arith::FPToSIOp::create(p.builder, p.loc, i32, rounded);
  if (zero)
    q = p.add(q, p.convert(zero, type, i32));
  q = p.min(p.max(q, p.integer(i32, int64_t(low))),
            p.integer(i32, int64_t(high)));
  return p.convert(q, i32, type);
}

static bool isCode(Type type) {
  return isSmallInt(type) ||
         (isInt(type) && type.getIntOrFloatBitWidth() <= 16);
}

/// Small floats that values are quantized to; powers of two are scales only.
static bool isFloatCode(Type type) {
  return isSmallFloat(type) && !isa<Float8E8M0FNUType>(type);
}

static bool isScale(Type type) {
  return type.isF32() || type.isF16() || type.isBF16() ||
         isa<Float8E8M0FNUType>(type);
}

/// A scale as f32.
static Value decodeScale(Program &p, Value scale, Type type) {
  return isSmallFloat(type) ? decodeSmallFloat(p, scale, type) : scale;
}

static LogicalResult checkParameter(NodeImport &n, Value value,
                                    ArrayRef<AffineExpr> dims, int64_t axis,
                                    int64_t block, StringRef what) {
  SymbolicShape shape = n.shape(value);
  bool isSingle = llvm::all_of(
      shape, [](AffineExpr dim) { return staticExtent(dim) == 1; });
  if (isSingle && shape.size() <= 1)
    return success();
  if (block > 0) {
    if (shape.size() != dims.size())
      return n.error("expected " + what + " of the input's rank");
    for (auto [i, dim] : llvm::enumerate(dims))
      if (failed(n.needEqual(shape[i],
                             int64_t(i) == axis ? dim.ceilDiv(block) : dim)))
        return failure();
    return success();
  }
  if (shape.size() != 1)
    return n.error("expected " + what + " of rank 0 or 1, got rank " +
                   Twine(shape.size()));
  return n.needEqual(shape[0], dims[axis]);
}

/// The axis and the block size; per tensor the axis does not matter.
static LogicalResult readGranularity(NodeImport &n, size_t rank, bool isSingle,
                                     int64_t &axis, int64_t &block) {
  axis = n.intAttr("axis", 1);
  block = n.intAttr("block_size", 0);
  if (block < 0)
    return n.error("expected 'block_size' of 0 or more, got " + Twine(block));
  if (isSingle && block == 0) {
    axis = 0;
    return success();
  }
  FailureOr<int64_t> normal = n.axis(axis, rank);
  if (failed(normal))
    return failure();
  axis = *normal;
  return success();
}

static bool isSingleElement(NodeImport &n, Value value) {
  return llvm::all_of(n.shape(value),
                      [](AffineExpr dim) { return staticExtent(dim) == 1; });
}

/// A constant scale is a finite number, not negative; one to divide by is above
/// 0, and of f32 at least the smallest normal number.
static LogicalResult checkScaleValues(NodeImport &n, bool divides) {
  auto scales = n.constantFloats(1);
  bool isNormal = divides && scales && n.inputs[1]->elementType.isF32();
  double lowest = isNormal ? std::numeric_limits<float>::min() : 0;
  for (double scale : scales.value_or(SmallVector<double>()))
    if (!std::isfinite(scale) || scale < lowest || (divides && scale == 0))
      return n.error("expected a finite scale " +
                     Twine(isNormal  ? "of at least 2^-126"
                           : divides ? "above 0"
                                     : "of at least 0") +
                     ", got " + std::to_string(scale));
  return success();
}

/// Reads axis and block size, and checks the scale and the zero point (null if
/// there is none) of an input with extents `dims`.
static LogicalResult readParameters(NodeImport &n, ArrayRef<AffineExpr> dims,
                                    Value scale, Value zero, bool divides,
                                    int64_t &axis, int64_t &block) {
  if (failed(checkScaleValues(n, divides)) ||
      failed(readGranularity(n, dims.size(), isSingleElement(n, scale), axis,
                             block)) ||
      failed(checkParameter(n, scale, dims, axis, block, "a scale")))
    return failure();
  return zero ? checkParameter(n, zero, dims, axis, block, "a zero point")
              : success();
}

static LogicalResult importQuantizeLinear(NodeImport &n) {
  Value x = n.value(0), scale = n.value(1), zero;
  if (!x || !scale)
    return failure();
  SmallVector<Value> inputs = {x, scale};
  MLIRContext *context = &n.importer.context;
  Type type = IntegerType::get(context, 8, IntegerType::Unsigned);
  int64_t given = n.intAttr("output_dtype", 0);
  if (given)
    type = elementTypeOf(given, context);
  if (n.has(2)) {
    zero = n.value(2);
    inputs.push_back(zero);
    if (given && zero && n.elementType(zero) != type)
      return n.error("expected a zero point of type 'output_dtype'");
    type = n.elementType(zero);
  }
  Type from = n.elementType(x), scaleType = n.elementType(scale);
  if (!type || !(isCode(type) || isFloatCode(type)))
    return n.unsupported("to an element type that is neither an integer of at "
                         "most 16 bits nor a float of at most 8");
  if (!isScale(scaleType) || from.isF64() ||
      (!isFloat(from) && !from.isSignlessInteger(32)))
    return n.unsupported("of this element type");
  // What the quotient is rounded to; 'precision' is for its operands, too.
  Type divided = scaleType;
  int64_t precision = n.intAttr("precision", 0);
  if (precision)
    divided = elementTypeOf(precision, context);
  if (!divided || !isScale(divided) || (precision && isSmallFloat(divided)))
    return n.unsupported("with a division in " + elementTypeName(precision));
  SmallFloatCast how;
  how.saturates = n.intAttr("saturate", 1) != 0;
  SymbolicShape dims = n.shape(x);
  int64_t axis = 0, block = 0;
  if (failed(
          readParameters(n, dims, scale, zero, /*divides=*/true, axis, block)))
    return failure();
  Type f32 = n.builder().getF32Type();
  if (isCode(type) && scaleType.isF32() && divided.isF32() && block == 0)
    return n.result(toCodes(n, n.cast(x, f32), scale, zero, type, axis));
  return n.result(compute(n, type, dims, inputs, [&](Program &p) {
    auto narrow = [&](Value value) {
      bool isHalf = divided.isF16() || divided.isBF16();
      return isHalf ? p.roundTo(value, divided) : value;
    };
    Value s = decodeScale(
        p, readParameter(p, parameterAt(n, scale, 1), p.at(), axis, block),
        scaleType);
    Value z =
        zero ? readParameter(p, parameterAt(n, zero, 2), p.at(), axis, block)
             : Value();
    Value v = p.convert(p.read(0, p.at()), from, f32);
    if (precision) {
      v = narrow(v);
      s = narrow(s);
    }
    // 16-bit floats divide in their own type (numerics §1.5).
    Value ratio = narrow(p.div(v, s));
    if (!isSmallFloat(type))
      return saturate(p, ratio, z, type);
    if (z)
      ratio = p.add(ratio, decodeSmallFloat(p, z, type));
    return encodeSmallFloat(p, ratio, type, how);
  }));
}

static LogicalResult importDequantizeLinear(NodeImport &n) {
  Value x = n.value(0), scale = n.value(1), zero;
  if (!x || !scale)
    return failure();
  SmallVector<Value> inputs = {x, scale};
  Type from = n.elementType(x), scaleType = n.elementType(scale);
  Type type = scaleType;
  if (int64_t given = n.intAttr("output_dtype", 0))
    type = elementTypeOf(given, &n.importer.context);
  if (n.has(2)) {
    zero = n.value(2);
    inputs.push_back(zero);
    if (n.elementType(zero) != from)
      return n.error("expected a zero point of the input's element type");
  }
  if (!type || !isFloat(type) || type.isF64() || !isScale(scaleType) ||
      (!isCode(from) && !from.isSignlessInteger(32) && !isFloatCode(from)))
    return n.unsupported("of this element type");
  SymbolicShape dims = n.shape(x);
  int64_t axis = 0, block = 0;
  if (failed(
          readParameters(n, dims, scale, zero, /*divides=*/false, axis, block)))
    return failure();
  if (isFloat(scaleType) && !isFloatCode(from)) {
    if (block == 0)
      return n.result(n.cast(fromCodes(n, x, scale, zero, axis), type));
    if (Value values = fromBlocks(n, {x, scale, zero, axis, block}))
      return n.result(n.cast(values, type));
  }
  Type f32 = n.builder().getF32Type(), i32 = n.builder().getI32Type();
  return n.result(compute(n, type, dims, inputs, [&](Program &p) {
    auto decode = [&](Value code) {
      return isSmallFloat(from) ? decodeSmallFloat(p, code, from)
                                : p.convert(code, from, i32);
    };
    Value q = decode(p.read(0, p.at()));
    if (zero)
      q = p.sub(q, decode(readParameter(p, parameterAt(n, zero, 2), p.at(),
                                        axis, block)));
    Value s = decodeScale(
        p, readParameter(p, parameterAt(n, scale, 1), p.at(), axis, block),
        scaleType);
    return p.mul(isSmallFloat(from) ? q : p.convert(q, i32, f32), s);
  }));
}

//===----------------------------------------------------------------------===//
// Products of integers
//===----------------------------------------------------------------------===//

namespace {

/// What MatMulInteger and ConvInteger are given.
struct CodeOperands {
  explicit CodeOperands(NodeImport &n)
      : a(n.value(0)), b(n.value(1)), inputs({a, b}) {
    for (auto [index, zero] : {std::pair(2, &zeroA), std::pair(3, &zeroB)})
      if (n.has(index))
        inputs.push_back(*zero = n.value(index));
  }
  /// The zero point for a row or column in i32.
  Value readZero(Program &p, NodeImport &n, Value zero, Value line) const;

  Value a, b;
  Value zeroA, zeroB;        ///< may be null
  SmallVector<Value> inputs; ///< of the program: all that there are
};

/// A matrix product of codes: [..., m, k] x [..., k, n].
struct CodeProduct : CodeOperands {
  using CodeOperands::CodeOperands;
  SymbolicShape dimsA, dimsB, shape;
};

} // namespace

static LogicalResult readProduct(NodeImport &n, CodeProduct &product) {
  if (!product.a || !product.b)
    return failure();
  Type a = n.elementType(product.a), b = n.elementType(product.b);
  if (!isCode(a) || !isCode(b) || a.getIntOrFloatBitWidth() != 8 ||
      b.getIntOrFloatBitWidth() != 8)
    return n.unsupported("of other types than 8-bit integers");
  product.dimsA = n.shape(product.a);
  product.dimsB = n.shape(product.b);
  ArrayRef<AffineExpr> x = product.dimsA, y = product.dimsB;
  if (x.size() < 2 || y.size() < 2)
    return n.unsupported("of vectors");
  if (failed(n.needEqual(x.back(), y[y.size() - 2])) ||
      failed(n.tieBroadcast(x.drop_back(2), y.drop_back(2))))
    return failure();
  ArrayRef<AffineExpr> longer = x.size() >= y.size() ? x : y;
  ArrayRef<AffineExpr> other = x.size() >= y.size() ? y : x;
  product.shape.assign(longer.begin(), longer.end() - 2);
  for (size_t i = 3; i <= other.size(); ++i)
    if (AffineExpr &dim = product.shape[product.shape.size() + 2 - i];
        staticExtent(dim) == 1)
      dim = other[other.size() - i];
  product.shape.push_back(x[x.size() - 2]);
  product.shape.push_back(y.back());
  for (auto [zero, type, extent] :
       {std::tuple(product.zeroA, a, x[x.size() - 2]),
        std::tuple(product.zeroB, b, y.back())}) {
    if (!zero)
      continue;
    if (n.elementType(zero) != type)
      return n.error("expected zero points of their operands' element types");
    SymbolicShape dims = n.shape(zero);
    if (dims.size() > 1)
      return n.unsupported("with zero points of rank 2 or more");
    if (!isSingleElement(n, zero) && failed(n.needEqual(dims[0], extent)))
      return failure();
  }
  return success();
}

/// A row's or column's parameter of rank 0 or 1.
static Value readLine(Program &p, NodeImport &n, Value value, size_t input,
                      Value line) {
  return readParameter(p, parameterAt(n, value, input), line, 0, 0);
}

Value CodeOperands::readZero(Program &p, NodeImport &n, Value zero,
                             Value line) const {
  Type i32 = p.builder.getI32Type();
  if (!zero)
    return p.integer(i32, 0);
  size_t at = llvm::find(inputs, zero) - inputs.begin();
  return p.convert(readLine(p, n, zero, at, line), p.elementType(at), i32);
}

/// sum over k of (a - za) * (b - zb) in i32.
static Value sumOfCodes(Program &p, NodeImport &n, const CodeProduct &product) {
  size_t rank = product.shape.size();
  Type i32 = p.builder.getI32Type();
  Value row = p.at(rank - 2), column = p.at(rank - 1);
  Value za = product.readZero(p, n, product.zeroA, row);
  Value zb = product.readZero(p, n, product.zeroB, column);
  return p.loop(p.index(0), p.extent(product.dimsA.back()), p.integer(i32, 0),
                [&](Value k, ValueRange sum) {
                  Value x = p.read(0, p.matrixPosition(product.dimsA, row, k));
                  Value y =
                      p.read(1, p.matrixPosition(product.dimsB, k, column));
                  x = p.sub(p.convert(x, p.elementType(0), i32), za);
                  y = p.sub(p.convert(y, p.elementType(1), i32), zb);
                  return Values{p.add(sum[0], p.mul(x, y))};
                })[0];
}

static LogicalResult importMatMulInteger(NodeImport &n) {
  CodeProduct product(n);
  if (failed(readProduct(n, product)))
    return failure();
  Value sums =
      compute(n, n.builder().getI32Type(), product.shape, product.inputs,
              [&](Program &p) { return sumOfCodes(p, n, product); });
  if (failed(n.result(sums)))
    return failure();
  // A cast to float reads these sums instead.
  Value one = n.scalar(n.builder().getF32Type(), 1);
  Value a = fromCodes(n, product.a, one, product.zeroA, n.rank(product.a) - 2);
  Value b = fromCodes(n, product.b, one, product.zeroB, n.rank(product.b) - 1);
  return n.floatResult(n.create<qnn::MatmulOp>(n.builder().getF32Type(), a, b));
}

//===----------------------------------------------------------------------===//
// Convolutions of integers
//===----------------------------------------------------------------------===//

namespace {

/// Of an input `a` and a weight `b`.
struct CodeConv : CodeOperands {
  using CodeOperands::CodeOperands;
  SymbolicShape dims, filter, shape;
  Window window;
  int64_t groups = 1, depth = 1;
};

} // namespace

static LogicalResult readConv(NodeImport &n, CodeConv &conv) {
  if (!conv.a || !conv.b)
    return failure();
  if (!isCode(n.elementType(conv.a)) || !isCode(n.elementType(conv.b)))
    return n.unsupported("of other types than 8-bit integers");
  conv.dims = n.shape(conv.a);
  conv.filter = n.shape(conv.b);
  if (conv.dims.size() < 3 || conv.filter.size() != conv.dims.size())
    return n.error("expected an input of rank 3 or more and a weight of the "
                   "same rank");
  SmallVector<int64_t> kernel;
  for (AffineExpr extent : ArrayRef(conv.filter).drop_front(2))
    kernel.push_back(staticExtent(extent));
  int64_t outputs = staticExtent(conv.filter[0]);
  conv.depth = staticExtent(conv.filter[1]);
  conv.groups = n.intAttr("group", 1);
  if (outputs < 1 || conv.depth < 1 ||
      llvm::any_of(kernel, [](int64_t extent) { return extent < 1; }))
    return n.unsupported("with a weight of dynamic shape");
  if (conv.groups < 1 || outputs % conv.groups != 0 ||
      failed(n.needEqual(conv.dims[1], n.expr(conv.depth * conv.groups))))
    return n.error("expected groups that divide the channels");
  FailureOr<Window> window =
      readWindow(n, ArrayRef(conv.dims).drop_front(2), kernel);
  if (failed(window))
    return failure();
  conv.window = *window;
  conv.shape = windowShape(conv.dims, *window);
  conv.shape[1] = conv.filter[0];
  for (Value zero : {conv.zeroA, conv.zeroB})
    if (zero && n.rank(zero) > 1)
      return n.unsupported("with zero points of rank 2 or more");
  if (conv.zeroA && !isSingleElement(n, conv.zeroA))
    return n.unsupported("with several zero points of the input");
  if (conv.zeroB && !isSingleElement(n, conv.zeroB))
    return n.needEqual(n.shape(conv.zeroB)[0], conv.filter[0]);
  return success();
}

static Value sumOfTaps(Program &p, NodeImport &n, const CodeConv &conv) {
  Type i32 = p.builder.getI32Type();
  Value zx = conv.readZero(p, n, conv.zeroA, p.index(0));
  Value zw = conv.readZero(p, n, conv.zeroB, p.at(1));
  int64_t outputs = staticExtent(conv.filter[0]);
  Value group = p.div(p.at(1), p.index(outputs / conv.groups));
  Taps taps = tapsOf(p, conv.window);
  taps.bounds.push_back(p.index(conv.depth));
  return p.nest(taps.bounds, p.integer(i32, 0), [&](ValueRange tap, Value sum) {
    Value inside;
    Values position = tapPosition(p, conv.window, taps, tap, conv.dims, inside);
    position[1] = p.add(p.mul(group, p.index(conv.depth)), tap.back());
    Values weight = {p.at(1), tap.back()};
    llvm::append_range(weight, tap.drop_back());
    Value x = p.sub(p.convert(p.read(0, position), p.elementType(0), i32), zx);
    Value w = p.sub(p.convert(p.read(1, weight), p.elementType(1), i32), zw);
    return p.add(sum, p.select(inside, p.mul(x, w), p.integer(i32, 0)));
  });
}

static LogicalResult importConvInteger(NodeImport &n) {
  CodeConv conv(n);
  if (failed(readConv(n, conv)))
    return failure();
  Value sums = compute(n, n.builder().getI32Type(), conv.shape, conv.inputs,
                       [&](Program &p) { return sumOfTaps(p, n, conv); });
  if (failed(n.result(sums)))
    return failure();
  Type f32 = n.builder().getF32Type();
  Value one = n.scalar(f32, 1);
  Value x = fromCodes(n, conv.a, one, conv.zeroA, 0);
  Value w = fromCodes(n, conv.b, one, conv.zeroB, 0);
  return n.floatResult(n.create<qnn::ConvOp>(
      f32, x, w, OptionalValue{}, ArrayRef<int64_t>(conv.window.strides),
      ArrayRef<int64_t>(conv.window.dilations),
      ArrayRef<int64_t>(conv.window.padLow),
      ArrayRef<int64_t>(conv.window.padHigh), conv.groups,
      /*channels_last=*/false, DenseI64ArrayAttr()));
}

//===----------------------------------------------------------------------===//
// Dynamic quantization
//===----------------------------------------------------------------------===//

/// Numerics §6.5: y (ui8), its scale and its zero point.
static LogicalResult importDynamicQuantize(NodeImport &n) {
  Value x = n.value(0);
  if (!x)
    return failure();
  Type f32 = n.elementType(x), boolean = n.builder().getI1Type();
  if (!f32.isF32())
    return n.error("expected an input of type FLOAT");
  Type ui8 = IntegerType::get(&n.importer.context, 8, IntegerType::Unsigned);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(n.rank(x)));
  Value zero = n.scalar(f32, 0), most = n.scalar(f32, 255);
  auto limited = [&](Value bound) {
    constexpr double largest = std::numeric_limits<float>::max();
    return n.create<qnn::ClipOp>(f32, bound,
                                 n.builder().getF64FloatAttr(-largest),
                                 n.builder().getF64FloatAttr(largest));
  };
  // NaN is left out of both bounds.
  Value isNan = n.create<qnn::IsNanOp>(boolean, x);
  Value values = n.create<qnn::WhereOp>(f32, isNan, zero, x);
  Value high = n.reduce(qnn::ReduceKind::max, values, axes, false);
  Value low = n.reduce(qnn::ReduceKind::min, values, axes, false);
  high = limited(n.binary<qnn::MaxOp>(high, zero));
  low = limited(n.binary<qnn::MinOp>(low, zero));
  // hi - lo may overflow.
  Value range = n.binary<qnn::DivOp>(n.binary<qnn::SubOp>(high, low), most);
  Value halves = n.binary<qnn::SubOp>(n.binary<qnn::DivOp>(high, most),
                                      n.binary<qnn::DivOp>(low, most));
  Value finite = n.binary<qnn::LessEqualOp>(
      range, n.scalar(f32, std::numeric_limits<float>::max()), boolean);
  Value scale = n.create<qnn::WhereOp>(f32, finite, range, halves);
  Value isZero = n.binary<qnn::EqualOp>(scale, zero, boolean);
  scale = n.create<qnn::WhereOp>(f32, isZero, n.scalar(f32, 1), scale);
  Value point = n.create<qnn::RoundOp>(
      f32, n.binary<qnn::SubOp>(zero, n.binary<qnn::DivOp>(low, scale)));
  point = n.create<qnn::ClipOp>(f32, point, n.builder().getF64FloatAttr(0),
                                n.builder().getF64FloatAttr(255));
  point = n.cast(n.cast(point, n.builder().getI32Type()), ui8);
  if (failed(n.result(toCodes(n, x, scale, point, ui8, 0))) ||
      failed(n.result(scale, 1)))
    return failure();
  return n.result(point, 2);
}

void registerQuantized(Registry &r) {
  for (StringRef domain : {"", "com.microsoft"}) {
    r.add("QuantizeLinear", importQuantizeLinear, 1, domain);
    r.add("DequantizeLinear", importDequantizeLinear, 1, domain);
  }
  r.add("DynamicQuantizeLinear", importDynamicQuantize);
  r.add("MatMulInteger", importMatMulInteger);
  r.add("ConvInteger", importConvInteger);
}

} // namespace quantc::onnx_frontend
