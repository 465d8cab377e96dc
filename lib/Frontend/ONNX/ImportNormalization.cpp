// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normalizations.  Layer, RMS and batch normalization map to one operation;
// instance and group normalization are composed from reductions.

#include "Importer.h"

using namespace mlir;

namespace quantc::onnx_frontend {

/// The scale (or bias) with exactly the shape of the normalized dimensions.
static Value normalizedOperand(NodeImport &n, size_t index, Value x,
                               size_t axis) {
  Value operand = n.value(index);
  if (!operand)
    return {};
  if (n.elementType(operand) != n.elementType(x)) {
    (void)n.unsupported("with a scale of another element type");
    return {};
  }
  SymbolicShape want(ArrayRef(n.shape(x)).drop_front(axis));
  SymbolicShape have = n.shape(operand);
  while (have.size() > want.size() && staticExtent(have.front()) == 1)
    have.erase(have.begin());
  if (have.size() > want.size()) {
    (void)n.unsupported("with a scale that varies over the kept dimensions");
    return {};
  }
  if (failed(n.tieBroadcast(have, want)))
    return {};
  return n.broadcastTo(n.reshape(operand, have), want);
}

/// The outputs Mean and InvStdDev of LayerNormalization, where they are used.
static LogicalResult importStatistics(NodeImport &n, Value x, int64_t axis) {
  if (!n.isOutputUsed(1) && !n.isOutputUsed(2))
    return success();
  Type type = n.elementType(x);
  if (!type.isF32())
    return n.unsupported("with statistics of another type");
  SmallVector<int64_t> axes;
  for (size_t i = axis; i < n.rank(x); ++i)
    axes.push_back(i);
  Value mean = n.reduce(qnn::ReduceKind::mean, x, axes, true);
  Value centred = n.binary<qnn::SubOp>(x, mean);
  Value variance = n.reduce(qnn::ReduceKind::mean,
                            n.binary<qnn::MulOp>(centred, centred), axes, true);
  Value shifted = n.binary<qnn::AddOp>(
      variance, n.scalar(type, n.floatAttr("epsilon", 1e-5f)));
  Value inverse =
      n.create<qnn::ReciprocalOp>(type, n.create<qnn::SqrtOp>(type, shifted));
  if (failed(n.result(mean, 1)))
    return failure();
  return n.numOutputs() > 2 ? n.result(inverse, 2) : success();
}

/// Shared by LayerNormalization and RMSNormalization.
template <bool centred> static LogicalResult importNorm(NodeImport &n) {
  Value x = n.value(0);
  if (!x)
    return failure();
  if (!isFloat(n.elementType(x)))
    return n.error("expected a float operand");
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", -1), n.rank(x));
  if (failed(axis))
    return failure();
  FloatAttr epsilon =
      n.builder().getF32FloatAttr(n.floatAttr("epsilon", 1e-5f));
  Value scale = normalizedOperand(n, 1, x, *axis), bias;
  if (!scale)
    return failure();
  Type type = n.elementType(x);
  if constexpr (!centred)
    return n.result(n.create<qnn::RmsNormOp>(
        type, x, scale, n.builder().getI64IntegerAttr(*axis), epsilon));
  if (n.has(2) && !(bias = normalizedOperand(n, 2, x, *axis)))
    return failure();
  if (failed(importStatistics(n, x, *axis)))
    return failure();
  return n.result(n.create<qnn::LayerNormOp>(
      type, x, scale, OptionalValue{bias}, n.builder().getI64IntegerAttr(*axis),
      epsilon));
}

static LogicalResult importTrainedBatchNorm(NodeImport &n,
                                            ArrayRef<Value> operands);

static LogicalResult importBatchNorm(NodeImport &n) {
  if (n.opset < 9 && n.intAttr("spatial", 1) == 0)
    return n.unsupported("with spatial = 0");
  SmallVector<Value> v;
  for (size_t i = 0; i < 5; ++i) {
    v.push_back(n.value(i));
    if (!v.back())
      return failure();
    if (n.elementType(v.back()) != n.elementType(v[0]))
      return n.unsupported("with parameters of another element type");
  }
  if (!isFloat(n.elementType(v[0])))
    return n.error("expected a float operand");
  if (n.rank(v[0]) < 2)
    return n.error("expected an input of rank 2 or more, got " +
                   Twine(n.rank(v[0])));
  for (Value parameter : ArrayRef(v).drop_front()) {
    if (n.rank(parameter) != 1)
      return n.error("expected parameters of rank 1, got rank " +
                     Twine(n.rank(parameter)));
    if (failed(n.needEqual(n.shape(parameter)[0], n.shape(v[0])[1])))
      return failure();
  }
  if (n.intAttr("training_mode", 0) != 0)
    return importTrainedBatchNorm(n, v);
  FloatAttr epsilon =
      n.builder().getF32FloatAttr(n.floatAttr("epsilon", 1e-5f));
  return n.result(n.create<qnn::BatchNormOp>(n.elementType(v[0]), v[0], v[1],
                                             v[2], v[3], v[4], epsilon));
}

/// (x - mean) / sqrt(variance + epsilon) over all dimensions from the third: a
/// layer normalization of rows whose scale is 1.
static Value standardize(NodeImport &n, Value x, float epsilon) {
  if (!x)
    return {};
  Type type = n.elementType(x);
  if (!isFloat(type)) {
    (void)n.error("expected a float operand");
    return {};
  }
  SymbolicShape shape = n.shape(x), rows(ArrayRef(shape).take_front(2));
  rows.push_back(
      elementCount(ArrayRef(shape).drop_front(2), &n.importer.context));
  Value y = n.create<qnn::LayerNormOp>(
      type, n.reshape(x, rows), n.scalar(type, 1), OptionalValue{},
      n.builder().getI64IntegerAttr(2), n.builder().getF32FloatAttr(epsilon));
  return n.reshape(y, shape);
}

/// y * scale[c] + bias[c] for y [n, c, spatial...].
static Value affine(NodeImport &n, Value y, Value scale, Value bias) {
  if (!y || !scale || !bias)
    return {};
  if (n.rank(y) < 2) {
    (void)n.error("expected an operand of rank 2 or more");
    return {};
  }
  SymbolicShape shape(n.rank(y) - 1, n.expr(1));
  for (Value *parameter : {&scale, &bias}) {
    if (n.rank(*parameter) != 1 ||
        failed(n.needEqual(n.shape(*parameter)[0], n.shape(y)[1]))) {
      (void)n.error("expected a scale and a bias per channel");
      return {};
    }
    shape[0] = n.shape(*parameter)[0];
    *parameter = n.reshape(*parameter, shape);
  }
  return n.binary<qnn::AddOp>(n.binary<qnn::MulOp>(y, scale), bias);
}

/// By the statistics of the batch, which the running ones move towards.
static LogicalResult importTrainedBatchNorm(NodeImport &n,
                                            ArrayRef<Value> operands) {
  Value x = operands[0];
  Type type = n.elementType(x);
  SmallVector<int64_t> axes = {0};
  for (size_t i = 2; i < n.rank(x); ++i)
    axes.push_back(i);
  Value mean = n.reduce(qnn::ReduceKind::mean, x, axes, true);
  Value centred = n.binary<qnn::SubOp>(x, mean);
  Value variance = n.reduce(qnn::ReduceKind::mean,
                            n.binary<qnn::MulOp>(centred, centred), axes, true);
  float epsilon = n.floatAttr("epsilon", 1e-5f);
  float momentum = n.floatAttr("momentum", 0.9f);
  Value shifted = n.binary<qnn::AddOp>(variance, n.scalar(type, epsilon));
  Value y = n.binary<qnn::DivOp>(centred, n.create<qnn::SqrtOp>(type, shifted));
  if (failed(n.result(affine(n, y, operands[1], operands[2]))))
    return failure();
  for (auto [i, current] : {std::pair(1, mean), std::pair(2, variance)}) {
    if (!current)
      return failure();
    Value old = n.binary<qnn::MulOp>(operands[i + 2], n.scalar(type, momentum));
    Value now =
        n.binary<qnn::MulOp>(n.reshape(current, n.shape(operands[i + 2])),
                             n.scalar(type, 1 - double(momentum)));
    if (failed(n.result(n.binary<qnn::AddOp>(old, now), i)))
      return failure();
  }
  return success();
}

static LogicalResult importInstanceNorm(NodeImport &n) {
  Value x = n.value(0), scale = n.value(1), bias = n.value(2);
  if (!x || !scale || !bias)
    return failure();
  if (n.rank(x) < 3)
    return n.error("expected an input of rank 3 or more, got " +
                   Twine(n.rank(x)));
  float epsilon = n.floatAttr("epsilon", 1e-5f);
  return n.result(affine(n, standardize(n, x, epsilon), scale, bias));
}

/// The channels are split into groups; since opset 21 the scale is per channel,
/// before it was per group.
static LogicalResult importGroupNorm(NodeImport &n) {
  Value x = n.value(0), scale = n.value(1), bias = n.value(2);
  if (!x || !scale || !bias)
    return failure();
  if (n.opset < 21)
    return n.unsupported("before opset 21");
  if (n.rank(x) < 3)
    return n.error("expected an input of rank 3 or more, got " +
                   Twine(n.rank(x)));
  int64_t groups = n.intAttr("num_groups", 0);
  SymbolicShape original(n.shape(x));
  int64_t channels = staticExtent(original[1]);
  if (groups < 1 || ShapedType::isDynamic(channels) || channels % groups != 0)
    return n.error("expected the channels to be a multiple of 'num_groups', "
                   "got " +
                   Twine(groups));
  SymbolicShape grouped{original[0], n.expr(groups), n.expr(channels / groups)};
  grouped.append(original.begin() + 2, original.end());
  Value y =
      standardize(n, n.reshape(x, grouped), n.floatAttr("epsilon", 1e-5f));
  return n.result(affine(n, n.reshape(y, original), scale, bias));
}

void registerNormalization(Registry &r) {
  r.add("LayerNormalization", importNorm<true>);
  r.add("RMSNormalization", importNorm<false>);
  r.add("BatchNormalization", importBatchNorm);
  r.add("InstanceNormalization", importInstanceNorm);
  r.add("GroupNormalization", importGroupNorm);
}

} // namespace quantc::onnx_frontend
