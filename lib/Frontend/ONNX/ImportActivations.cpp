// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Activations with attributes or bounds, and those that are composed from a few
// elementwise operations.

#include "Importer.h"

using namespace mlir;

namespace quantc::onnx_frontend {

/// A float operand, or null and an error.
static Value floatValue(NodeImport &n, size_t index = 0) {
  Value x = n.value(index);
  return succeeded(sameType(n, {x}, isFloat)) ? x : Value();
}

static LogicalResult importGelu(NodeImport &n) {
  Value x = floatValue(n);
  std::string form = n.stringAttr("approximate", "none");
  if (form != "none" && form != "tanh")
    return n.error("expected 'approximate' to be 'none' or 'tanh', got " +
                   quote(form));
  if (!x)
    return failure();
  auto approximation = form == "tanh" ? qnn::GeluApproximation::tanh
                                      : qnn::GeluApproximation::none;
  return n.result(n.create<qnn::GeluOp>(n.elementType(x), x, approximation));
}

/// x * sigmoid(alpha * x).
static LogicalResult importSwish(NodeImport &n) {
  Value x = floatValue(n);
  float alpha = n.floatAttr("alpha", 1.0f);
  if (!x)
    return failure();
  Type type = n.elementType(x);
  if (alpha == 1.0f)
    return n.result(n.create<qnn::SiluOp>(type, x));
  Value scaled = n.binary<qnn::MulOp>(x, n.scalar(type, alpha));
  return n.result(
      n.binary<qnn::MulOp>(x, n.create<qnn::SigmoidOp>(type, scaled)));
}

static LogicalResult importLeakyRelu(NodeImport &n) {
  Value x = floatValue(n);
  FloatAttr alpha = n.builder().getF32FloatAttr(n.floatAttr("alpha", 0.01f));
  return n.result(n.create<qnn::LeakyReluOp>(n.elementType(x), x, alpha));
}

static LogicalResult importHardSigmoid(NodeImport &n) {
  Value x = floatValue(n);
  FloatAttr alpha = n.builder().getF32FloatAttr(n.floatAttr("alpha", 0.2f));
  FloatAttr beta = n.builder().getF32FloatAttr(n.floatAttr("beta", 0.5f));
  return n.result(
      n.create<qnn::HardSigmoidOp>(n.elementType(x), x, alpha, beta));
}

static LogicalResult importPRelu(NodeImport &n) {
  Value x = floatValue(n), slope = n.value(1);
  if (failed(sameType(n, {x, slope}, isFloat)))
    return failure();
  Type type = n.elementType(x);
  Value negative =
      n.binary<qnn::LessOp>(x, n.scalar(type, 0), n.builder().getI1Type());
  Value scaled = n.binary<qnn::MulOp>(x, slope);
  return n.result(n.create<qnn::WhereOp>(type, negative, scaled, x));
}

/// x < 0 ? alpha * (exp(x) - 1) : x
static LogicalResult importElu(NodeImport &n) {
  Value x = floatValue(n);
  if (!x)
    return failure();
  Type type = n.elementType(x);
  Value negative =
      n.binary<qnn::LessOp>(x, n.scalar(type, 0), n.builder().getI1Type());
  Value bent =
      n.binary<qnn::SubOp>(n.create<qnn::ExpOp>(type, x), n.scalar(type, 1));
  bent = n.binary<qnn::MulOp>(bent, n.scalar(type, n.floatAttr("alpha", 1.0f)));
  return n.result(n.create<qnn::WhereOp>(type, negative, bent, x));
}

static LogicalResult importMish(NodeImport &n) {
  Value x = floatValue(n);
  Type type = n.elementType(x);
  Value soft = n.create<qnn::SoftplusOp>(type, x);
  return n.result(n.binary<qnn::MulOp>(x, n.create<qnn::TanhOp>(type, soft)));
}

/// Bounds are attributes before opset 11 and optional inputs since.  Constant
/// bounds of floats become qnn.clip; others and integers, min and max.
static LogicalResult importClip(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isNumber)))
    return failure();
  Type type = n.elementType(x);
  double low = -std::numeric_limits<double>::infinity(), high = -low;
  bool constant = isFloat(type);
  if (n.opset < 11) {
    low = n.floatAttr("min", std::numeric_limits<float>::lowest());
    high = n.floatAttr("max", std::numeric_limits<float>::max());
  } else {
    auto bound = [&](size_t index, double &value) {
      if (!n.has(index))
        return;
      auto known = n.constantScalar(index);
      constant &= known.has_value();
      value = known.value_or(0);
    };
    bound(1, low);
    bound(2, high);
  }
  if (constant)
    return n.result(n.create<qnn::ClipOp>(type, x,
                                          n.builder().getF64FloatAttr(low),
                                          n.builder().getF64FloatAttr(high)));
  if (n.opset < 11)
    return n.unsupported("of integers before opset 11");
  for (size_t i : {1, 2}) {
    if (!n.has(i))
      continue;
    Value bound = n.value(i);
    if (failed(sameType(n, {x, bound}, isNumber)))
      return failure();
    bound = n.reshape(bound, {});
    x = i == 1 ? n.binary<qnn::MaxOp>(x, bound)
               : n.binary<qnn::MinOp>(x, bound);
  }
  return n.result(x);
}

/// `detect_negative` and `detect_positive` are both 1 by default.
static LogicalResult importIsInf(NodeImport &n) {
  Value x = floatValue(n);
  if (!x)
    return failure();
  bool negative = n.intAttr("detect_negative", 1) != 0;
  bool positive = n.intAttr("detect_positive", 1) != 0;
  if (!negative && !positive)
    return n.unsupported("that detects nothing");
  Type type = n.elementType(x);
  double infinity = std::numeric_limits<double>::infinity();
  if (negative && positive)
    x = n.create<qnn::AbsOp>(type, x);
  Value limit = n.scalar(type, positive ? infinity : -infinity);
  return n.result(n.binary<qnn::EqualOp>(x, limit, n.builder().getI1Type()));
}

/// max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
static LogicalResult importCelu(NodeImport &n) {
  Value x = floatValue(n);
  float alpha = n.floatAttr("alpha", 1.0f);
  if (!x)
    return failure();
  if (alpha == 0.0f)
    return n.error("expected 'alpha' other than 0");
  Type type = n.elementType(x);
  Value bent = n.create<qnn::ExpOp>(
      type, n.binary<qnn::DivOp>(x, n.scalar(type, alpha)));
  bent = n.binary<qnn::SubOp>(bent, n.scalar(type, 1));
  bent = n.binary<qnn::MulOp>(bent, n.scalar(type, alpha));
  bent = n.binary<qnn::MinOp>(bent, n.scalar(type, 0));
  return n.result(n.binary<qnn::AddOp>(n.create<qnn::ReluOp>(type, x), bent));
}

/// gamma * (x <= 0 ? alpha * (exp(x) - 1) : x)
static LogicalResult importSelu(NodeImport &n) {
  Value x = floatValue(n);
  if (!x)
    return failure();
  Type type = n.elementType(x);
  float alpha = n.floatAttr("alpha", 1.67326319217681884765625f);
  float gamma = n.floatAttr("gamma", 1.05070102214813232421875f);
  Value negative =
      n.binary<qnn::LessEqualOp>(x, n.scalar(type, 0), n.builder().getI1Type());
  Value bent =
      n.binary<qnn::SubOp>(n.create<qnn::ExpOp>(type, x), n.scalar(type, 1));
  bent = n.binary<qnn::MulOp>(bent, n.scalar(type, alpha));
  Value chosen = n.create<qnn::WhereOp>(type, negative, bent, x);
  return n.result(n.binary<qnn::MulOp>(chosen, n.scalar(type, gamma)));
}

static LogicalResult importThresholdedRelu(NodeImport &n) {
  Value x = floatValue(n);
  if (!x)
    return failure();
  Type type = n.elementType(x);
  Value above = n.binary<qnn::GreaterOp>(
      x, n.scalar(type, n.floatAttr("alpha", 1.0f)), n.builder().getI1Type());
  return n.result(n.create<qnn::WhereOp>(type, above, x, n.scalar(type, 0)));
}

/// x / (1 + |x|)
static LogicalResult importSoftsign(NodeImport &n) {
  Value x = floatValue(n);
  if (!x)
    return failure();
  Type type = n.elementType(x);
  Value size =
      n.binary<qnn::AddOp>(n.create<qnn::AbsOp>(type, x), n.scalar(type, 1));
  return n.result(n.binary<qnn::DivOp>(x, size));
}

void registerActivations(Registry &r) {
  r.add("IsNaN", [](NodeImport &n) {
    Value x = floatValue(n);
    return n.result(n.create<qnn::IsNanOp>(n.builder().getI1Type(), x));
  });
  r.add("IsInf", importIsInf);
  r.add("Clip", importClip);
  r.add("Gelu", importGelu);
  r.add("Swish", importSwish);
  r.add("LeakyRelu", importLeakyRelu);
  r.add("HardSigmoid", importHardSigmoid);
  r.add("PRelu", importPRelu);
  r.add("Elu", importElu);
  r.add("Celu", importCelu);
  r.add("Selu", importSelu);
  r.add("ThresholdedRelu", importThresholdedRelu);
  r.add("Softsign", importSoftsign);
  r.add("Mish", importMish);
}

} // namespace quantc::onnx_frontend
