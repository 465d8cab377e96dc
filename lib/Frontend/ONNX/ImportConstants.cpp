// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants and what shapes are made of: Constant, ConstantOfShape, Shape,
// Size, Range.

#include "Program.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using onnx::AttributeProto;

namespace quantc::onnx_frontend {

template <typename T> static std::vector<char> bytesOf(ArrayRef<T> values) {
  const char *start = reinterpret_cast<const char *>(values.data());
  return {start, start + values.size() * sizeof(T)};
}

static LogicalResult importConstant(NodeImport &n) {
  auto give = [&](Type type, ArrayRef<int64_t> shape, std::vector<char> bytes) {
    return n.resultEntry(n.importer.constantEntry(
        n.node.output(0), ownTensor(type, shape, std::move(bytes))));
  };
  Builder &builder = n.builder();
  if (const auto *a = n.attribute("value")) {
    Error error;
    auto data =
        readTensor(a->t(), n.importer.model, &n.importer.context, error);
    if (failed(data)) {
      if (a->t().data_type() == onnx::TensorProto::STRING)
        return n.unsupported("of strings");
      return n.error(error.message, error.status);
    }
    return n.resultEntry(
        n.importer.constantEntry(n.node.output(0), std::move(*data)));
  }
  if (const auto *a = n.attribute("value_int"))
    return give(builder.getI64Type(), {}, bytesOf<int64_t>({a->i()}));
  if (const auto *a = n.attribute("value_float"))
    return give(builder.getF32Type(), {}, bytesOf<float>({a->f()}));
  if (const auto *a = n.attribute("value_ints"))
    return give(builder.getI64Type(), {a->ints_size()},
                bytesOf(ArrayRef<int64_t>(a->ints().data(), a->ints_size())));
  if (const auto *a = n.attribute("value_floats"))
    return give(builder.getF32Type(), {a->floats_size()},
                bytesOf(ArrayRef<float>(a->floats().data(), a->floats_size())));
  return n.unsupported("of strings or sparse tensors");
}

/// The value of `ConstantOfShape`: a float 0 by default.
static FailureOr<TensorData> fillValue(NodeImport &n) {
  const auto *attribute = n.attribute("value");
  if (!attribute)
    return ownTensor(n.builder().getF32Type(), {}, bytesOf<float>({0.0f}));
  Error error;
  auto data =
      readTensor(attribute->t(), n.importer.model, &n.importer.context, error);
  if (failed(data))
    return n.error(error.message, error.status);
  if (data->count != 1)
    return n.error("expected 'value' to have 1 element, got " +
                   Twine(data->count));
  data->shape.clear();
  return data;
}

static LogicalResult importConstantOfShape(NodeImport &n) {
  FailureOr<TensorData> fill = fillValue(n);
  if (failed(fill))
    return failure();
  const ShapeData *shape = n.sizes(0, "a shape without negative dimensions");
  if (!shape)
    return failure();
  for (AffineExpr dim : *shape)
    if (failed(n.needNonNegative(dim, "a shape without negative dimensions")))
      return failure();
  Type type = fill->elementType;
  // Small integer vectors are shape arithmetic.
  int64_t size = shape->empty() ? 1 : staticExtent(shape->front());
  bool tracked =
      isBool(type) || type.isSignlessInteger(32) || type.isSignlessInteger(64);
  if (tracked && shape->size() <= 1 && size >= 0 && size <= 64)
    return n.resultData(type, ShapeData(size, n.expr(fill->getInt(0))),
                        shape->size());
  Entry *scalar = n.importer.constantEntry(n.name, *fill);
  return n.result(n.broadcastTo(n.importer.materialize(*scalar), *shape));
}

/// `start` and `end` are attributes since opset 15.
static LogicalResult importShape(NodeImport &n) {
  Entry *input = n.input(0);
  if (!input)
    return failure();
  int64_t rank = input->shape.size();
  auto clamp = [&](int64_t axis) {
    return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  int64_t start = clamp(n.intAttr("start", 0));
  int64_t end = clamp(n.intAttr("end", rank));
  ShapeData dims;
  for (int64_t i = start; i < end; ++i)
    dims.push_back(input->shape[i]);
  return n.resultData(n.builder().getI64Type(), dims, 1);
}

static LogicalResult importSize(NodeImport &n) {
  Entry *input = n.input(0);
  if (!input)
    return failure();
  AffineExpr count = elementCount(input->shape, &n.importer.context);
  return n.resultData(n.builder().getI64Type(), {count}, 0);
}

/// A range whose bounds the run computes: max(0, ceil((limit - start) / delta))
/// elements start + i * delta; a delta of 0 is refused.
static LogicalResult importRunTimeRange(NodeImport &n, Type type) {
  SmallVector<Value> bounds = {n.value(0), n.value(1), n.value(2)};
  for (Value &bound : bounds)
    bound = n.reshape(bound, {});
  if (failed(sameType(n, bounds, isNumber)))
    return failure();
  Type f64 = n.builder().getF64Type();
  Value count = computeList(n, 1, bounds, [&](Program &p) {
    auto read = [&](size_t i) {
      Value value = p.read(i, {});
      return isFloat(type) ? p.convert(value, type, f64)
                           : p.toIndex(value, type);
    };
    Value start = read(0), limit = read(1), delta = read(2);
    Value zero = p.constant(delta.getType(), 0), none = p.index(0);
    Value isZero = p.equal(delta, zero), up = p.less(zero, delta);
    Value runs = p.select(up, p.less(start, limit), p.less(limit, start));
    Value size;
    if (isFloat(type)) {
      Value exact = p.div(p.sub(limit, start), delta);
      // Also refuses what is no number.
      Value fits = p.less(exact, p.constant(f64, 0x1p40));
      size = p.truncateToIndex(
          p.unary<math::CeilOp>(p.select(fits, exact, p.constant(f64, -1))));
      runs = p.either(runs, p.negate(fits));
    } else {
      // Unsigned: the span of two signed values may not fit.
      Value span = p.select(up, p.sub(limit, start), p.sub(start, limit));
      Value step = p.select(up, delta, p.neg(delta));
      Value before = p.sub(span, p.index(1));
      size = p.add(p.div(before, step, /*isUnsigned=*/true), p.index(1));
    }
    size = p.select(runs, size, none);
    return Values{p.select(isZero, p.index(-1), size)};
  });
  auto size = n.bindAll(count, "size of " + n.name,
                        "a delta other than 0 and bounds that are numbers");
  if (failed(size))
    return failure();
  return n.result(compute(
      n, type, {size->front()}, {bounds[0], bounds[2]}, [&](Program &p) {
        Value start = p.read(0, {}), delta = p.read(1, {});
        Value i = isFloat(type) ? p.toFloat(p.at(0), start.getType())
                                : p.fromIndex(p.at(0), start.getType());
        return p.add(start, p.mul(i, delta));
      }));
}

/// ceil((limit - start) / step), 0 when negative.
static FailureOr<AffineExpr> rangeSize(NodeImport &n, AffineExpr start,
                                       AffineExpr limit, int64_t step) {
  auto first = dyn_cast<AffineConstantExpr>(start);
  auto last = dyn_cast<AffineConstantExpr>(limit);
  if (first && last && !llvm::checkedSub(last.getValue(), first.getValue()))
    return n.error("expected at most 2^63 - 1 elements", Status::Limit);
  AffineExpr span = step > 0 ? limit - start : start - limit;
  AffineExpr size = canonicalize(span.ceilDiv(step > 0 ? step : -step));
  if (int64_t known = staticExtent(size);
      !ShapedType::isDynamic(known) && known < 0)
    return n.expr(0);
  if (failed(n.needNonNegative(size, "a range that does not run backwards")))
    return failure();
  return size;
}

/// The integer that a float is: a constant, or a dimension's conversion.
static std::optional<AffineExpr> integerOf(NodeImport &n, size_t index) {
  if (auto known = n.constantScalar(index))
    return *known == std::trunc(*known) && std::abs(*known) <= 0x1p24
               ? std::optional(n.expr(int64_t(*known)))
               : std::nullopt;
  Value value = n.value(index);
  auto cast = value ? value.getDefiningOp<qnn::CastOp>() : qnn::CastOp();
  auto dims = cast ? cast.getInput().getDefiningOp<qnn::ShapeValueOp>()
                   : qnn::ShapeValueOp();
  if (!dims || dims.getValues().getNumResults() != 1)
    return std::nullopt;
  return dims.getValues().getResult(0);
}

/// A range of floats is known when its bounds are constants or dimensions.
static LogicalResult importFloatRange(NodeImport &n, Type type) {
  auto start = n.constantScalar(0), limit = n.constantScalar(1),
       delta = n.constantScalar(2);
  if (!start || !limit || !delta) {
    auto first = integerOf(n, 0), end = integerOf(n, 1), by = integerOf(n, 2);
    int64_t step = by ? staticExtent(*by) : 0;
    if (!first || !end || step == 0 || ShapedType::isDynamic(step))
      return importRunTimeRange(n, type);
    auto size = rangeSize(n, *first, *end, step);
    if (failed(size))
      return failure();
    Type index = n.builder().getI64Type();
    return n.result(n.cast(n.range(index, *first, *size, step), type));
  }
  double size = std::max(0.0, std::ceil((*limit - *start) / *delta));
  if (!(size <= 1 << 24))
    return n.error("expected at most 2^24 elements", Status::Limit);
  if (!type.isF32() && !type.isF64())
    return n.unsupported("of 16-bit floats");
  std::vector<char> bytes;
  for (int64_t i = 0; i < int64_t(size); ++i) {
    std::vector<char> element;
    if (type.isF32())
      element = bytesOf<float>({float(*start) + float(i) * float(*delta)});
    else
      element = bytesOf<double>({*start + double(i) * *delta});
    bytes.insert(bytes.end(), element.begin(), element.end());
  }
  return n.resultEntry(n.importer.constantEntry(
      n.node.output(0), ownTensor(type, {int64_t(size)}, std::move(bytes))));
}

static LogicalResult importRange(NodeImport &n) {
  Entry *first = n.input(0);
  if (!first || !n.input(1) || !n.input(2))
    return failure();
  Type type = first->elementType;
  if (isFloat(type))
    return importFloatRange(n, type);
  if (!n.data(0) || !n.data(1) || !n.data(2))
    return importRunTimeRange(n, type);
  if (n.data(0)->size() != 1 || n.data(1)->size() != 1 ||
      n.data(2)->size() != 1)
    return n.error("expected bounds of 1 element");
  AffineExpr start = n.data(0)->front(), limit = n.data(1)->front();
  int64_t step = staticExtent(n.data(2)->front());
  if (step == 0)
    return n.error("expected a step other than 0");
  if (ShapedType::isDynamic(step))
    return importRunTimeRange(n, type);
  constexpr int64_t maxStep = int64_t(1) << 32;
  if (step > maxStep || step < -maxStep)
    return n.unsupported("with a step over 2^32");
  auto size = rangeSize(n, start, limit, step);
  if (failed(size))
    return failure();
  // A short range of known bounds may be a list of axes.
  int64_t count = staticExtent(*size), origin = staticExtent(start);
  if (!ShapedType::isDynamic(count) && count <= 64 &&
      !ShapedType::isDynamic(origin)) {
    ShapeData elements;
    for (int64_t i = 0; i < count; ++i)
      elements.push_back(n.expr(origin + i * step));
    return n.resultData(type, elements, 1);
  }
  return n.result(n.range(type, start, *size, step));
}

void registerConstants(Registry &r) {
  r.add("Constant", importConstant);
  r.add("ConstantOfShape", importConstantOfShape);
  r.add("Shape", importShape);
  r.add("Size", importSize);
  r.add("Range", importRange);
}

} // namespace quantc::onnx_frontend
