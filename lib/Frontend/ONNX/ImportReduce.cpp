// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions and softmax.  The axes are an attribute first and an input later
// (ReduceSum from opset 13, the others from 18), which may be known to the run
// only.  Norms and log-sums are composed from one reduction and elementwise
// operations.

#include "Axes.h"

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

/// The axes to reduce; empty when the node leaves its operand as it is.
struct Reduction {
  SmallVector<int64_t> axes;
  bool keepDims = true;
  /// Of the result, when the axes are known to the run only.
  std::optional<SymbolicShape> shape;
};

} // namespace

/// The opset from which the axes are an input.
static int64_t axesSince(NodeImport &n) {
  return n.node.op_type() == "ReduceSum" ? 13 : 18;
}

static FailureOr<Reduction> readReduction(NodeImport &n, size_t rank) {
  Reduction reduction;
  reduction.keepDims = n.intAttr("keepdims", 1) != 0;
  int64_t since = axesSince(n);
  auto axes = n.intsAttrOrInput("axes", 1, since);
  if (failed(axes))
    return failure();
  if (*axes && !(*axes)->empty()) {
    reduction.axes = **axes;
    if (failed(n.normalizeAxes(reduction.axes, rank)))
      return failure();
  } else if (n.opset < since || n.intAttr("noop_with_empty_axes", 0) == 0) {
    for (size_t i = 0; i < rank; ++i)
      reduction.axes.push_back(i);
  }
  return reduction;
}

/// The reduction over `x`, which becomes a view with the axes last when only
/// the run knows them.
static FailureOr<Reduction> readReduction(NodeImport &n, Value &x) {
  FailureOr<int64_t> count = countRunTimeAxes(n, 1, axesSince(n));
  if (failed(count))
    return failure();
  if (*count == 0)
    return readReduction(n, n.rank(x));
  size_t rank = n.rank(x);
  Reduction reduction;
  reduction.keepDims = false;
  Value view = moveRunTimeAxes(n, 1, x);
  if (!view)
    return failure();
  if (n.intAttr("keepdims", 1) != 0) {
    reduction.shape = n.shape(view);
    reduction.shape->resize(rank);
  } else {
    auto kept = removeRunTimeAxes(n, 1, n.shape(x), /*areOnes=*/false);
    if (failed(kept))
      return failure();
    reduction.shape = *kept;
  }
  for (size_t i = 0; i < rank; ++i)
    reduction.axes.push_back(rank + i);
  x = view;
  return reduction;
}

/// An operand of numbers and the reduction over it.
static Value readOperand(NodeImport &n, Reduction &reduction,
                         bool needsFloat = false) {
  Value x = n.value(0);
  if (!x)
    return {};
  Type type = n.elementType(x);
  if (isBool(type) || (needsFloat && !isFloat(type))) {
    (void)n.unsupported(isBool(type) ? "of bool" : "of integers");
    return {};
  }
  auto read = readReduction(n, x);
  if (failed(read))
    return {};
  reduction = *read;
  return x;
}

static Value apply(NodeImport &n, qnn::ReduceKind kind, Value x,
                   const Reduction &reduction) {
  if (reduction.axes.empty())
    return x;
  Value y = n.reduce(kind, x, reduction.axes, reduction.keepDims);
  return reduction.shape ? n.reshape(y, *reduction.shape) : y;
}

template <qnn::ReduceKind kind>
static LogicalResult importReduce(NodeImport &n) {
  // The number of elements of a shape.
  const ShapeData *data = n.data(0);
  if (data && n.inputs[0]->shape.size() == 1 &&
      (!n.has(1) || n.constantInts(1)) &&
      (kind == qnn::ReduceKind::prod || kind == qnn::ReduceKind::sum)) {
    auto reduction = readReduction(n, 1);
    if (failed(reduction))
      return failure();
    AffineExpr result = n.expr(kind == qnn::ReduceKind::prod);
    for (AffineExpr element : *data)
      result =
          kind == qnn::ReduceKind::prod ? result * element : result + element;
    if (!reduction->axes.empty())
      return n.resultData(n.inputs[0]->elementType, {result},
                          reduction->keepDims ? 1 : 0);
  }
  Reduction reduction;
  constexpr bool isExtremum =
      kind == qnn::ReduceKind::max || kind == qnn::ReduceKind::min;
  Value x = isExtremum && n.has(0) ? n.value(0) : Value();
  if (x && isBool(n.elementType(x))) {
    // As bytes without a sign, so that 0 is the least.
    Type byte = IntegerType::get(&n.importer.context, 8, IntegerType::Unsigned);
    x = n.cast(x, byte);
    if (!x)
      return failure();
    auto read = readReduction(n, x);
    if (failed(read))
      return failure();
    return n.result(n.cast(apply(n, kind, x, *read), n.builder().getI1Type()));
  }
  x = readOperand(n, reduction, kind == qnn::ReduceKind::mean);
  return n.result(x ? apply(n, kind, x, reduction) : Value());
}

static LogicalResult importSumSquare(NodeImport &n) {
  Reduction reduction;
  Value x = readOperand(n, reduction);
  Value square = x ? n.binary<qnn::MulOp>(x, x) : Value();
  return n.result(square ? apply(n, qnn::ReduceKind::sum, square, reduction)
                         : Value());
}

static LogicalResult importL1(NodeImport &n) {
  Reduction reduction;
  Value x = readOperand(n, reduction);
  x = n.create<qnn::AbsOp>(n.elementType(x), x);
  return n.result(x ? apply(n, qnn::ReduceKind::sum, x, reduction) : Value());
}

static LogicalResult importL2(NodeImport &n) {
  Reduction reduction;
  Value x = readOperand(n, reduction, /*needsFloat=*/true);
  Value sum =
      x ? apply(n, qnn::ReduceKind::sum, n.binary<qnn::MulOp>(x, x), reduction)
        : Value();
  return n.result(n.create<qnn::SqrtOp>(n.elementType(sum), sum));
}

static LogicalResult importLogSum(NodeImport &n) {
  Reduction reduction;
  Value x = readOperand(n, reduction, /*needsFloat=*/true);
  Value sum = x ? apply(n, qnn::ReduceKind::sum, x, reduction) : Value();
  return n.result(n.create<qnn::LogOp>(n.elementType(sum), sum));
}

/// log(sum(exp(x - m))) + m with the maximum m, so that exp stays finite.
static LogicalResult importLogSumExp(NodeImport &n) {
  Reduction reduction;
  Value x = readOperand(n, reduction, /*needsFloat=*/true);
  if (!x || reduction.axes.empty())
    return n.result(x);
  Type type = n.elementType(x);
  Reduction kept{reduction.axes, /*keepDims=*/true, {}};
  Value highest = apply(n, qnn::ReduceKind::max, x, kept);
  Value shifted = n.binary<qnn::SubOp>(x, highest);
  Value sum =
      apply(n, qnn::ReduceKind::sum, n.create<qnn::ExpOp>(type, shifted), kept);
  Value result = n.binary<qnn::AddOp>(n.create<qnn::LogOp>(type, sum), highest);
  if (reduction.keepDims || !result)
    return n.result(result);
  if (reduction.shape)
    return n.result(n.reshape(result, *reduction.shape));
  SymbolicShape shape;
  for (auto [i, dim] : llvm::enumerate(n.shape(result)))
    if (!llvm::is_contained(reduction.axes, int64_t(i)))
      shape.push_back(dim);
  return n.result(n.reshape(result, shape));
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

/// x - max - log(sum(exp(x - max))).
static Value logSoftmax(NodeImport &n, Value x, int64_t axis) {
  Type type = n.elementType(x);
  Value highest = n.reduce(qnn::ReduceKind::max, x, {axis}, true);
  Value shifted = n.binary<qnn::SubOp>(x, highest);
  Value sum = n.reduce(qnn::ReduceKind::sum,
                       n.create<qnn::ExpOp>(type, shifted), {axis}, true);
  return n.binary<qnn::SubOp>(shifted, n.create<qnn::LogOp>(type, sum));
}

/// Before opset 13 the operand is a matrix: rows of all dimensions from `axis`.
template <bool logarithm> static LogicalResult importSoftmax(NodeImport &n) {
  Value x = n.value(0);
  if (!x)
    return failure();
  if (!isFloat(n.elementType(x)))
    return n.error("expected a float operand");
  size_t rank = n.rank(x);
  FailureOr<int64_t> axis =
      n.axis(n.intAttr("axis", n.opset < 13 ? 1 : -1), rank);
  if (failed(axis))
    return failure();
  SymbolicShape original(n.shape(x));
  bool coerced = n.opset < 13 && size_t(*axis) + 1 != rank;
  if (coerced) {
    ArrayRef<AffineExpr> dims = original;
    MLIRContext *context = &n.importer.context;
    x = n.reshape(x, {elementCount(dims.take_front(*axis), context),
                      elementCount(dims.drop_front(*axis), context)});
    *axis = 1;
  }
  if (!x)
    return failure();
  Value y = logarithm ? logSoftmax(n, x, *axis)
                      : n.create<qnn::SoftmaxOp>(n.elementType(x), x, *axis);
  return n.result(coerced ? n.reshape(y, original) : y);
}

void registerReduce(Registry &r) {
  r.add("ReduceSum", importReduce<qnn::ReduceKind::sum>);
  r.add("ReduceMean", importReduce<qnn::ReduceKind::mean>);
  r.add("ReduceMax", importReduce<qnn::ReduceKind::max>);
  r.add("ReduceMin", importReduce<qnn::ReduceKind::min>);
  r.add("ReduceProd", importReduce<qnn::ReduceKind::prod>);
  r.add("ReduceSumSquare", importSumSquare);
  r.add("ReduceL1", importL1);
  r.add("ReduceL2", importL2);
  r.add("ReduceLogSum", importLogSum);
  r.add("ReduceLogSumExp", importLogSumExp);
  r.add("Softmax", importSoftmax<false>);
  r.add("LogSoftmax", importSoftmax<true>);
}

} // namespace quantc::onnx_frontend
