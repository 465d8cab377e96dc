// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates elementwise operations through the table, and where and cast on the
// elements' bits and values (docs/numerics.md §2.6).

#include "Reference.h"
#include "quantc/Dialect/QNN/Elementwise.h"
#include "quantc/Support/ReferenceMath.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace quantc::qnn {

static ElementwiseParameters parametersOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, ElementwiseParameters>(op)
      .Case([](LeakyReluOp op) {
        return ElementwiseParameters{op.getAlpha().convertToFloat(), 0};
      })
      .Case([](HardSigmoidOp op) {
        return ElementwiseParameters{op.getAlpha().convertToFloat(),
                                     op.getBeta().convertToFloat()};
      })
      .Case([](ClipOp op) {
        return ElementwiseParameters{op.getMin().convertToDouble(),
                                     op.getMax().convertToDouble()};
      })
      .Default(ElementwiseParameters());
}

/// The table's function for a type of arithmetic, as a callable on one element.
template <typename T>
static LogicalResult applyTable(Operation *op,
                                const ElementwiseFunction &function,
                                const Evaluation &evaluation) {
  HostTensor &result = evaluation.result();
  SmallVector<Elements<T>, 2> operands;
  for (const HostTensor &operand : evaluation.operands) {
    FailureOr<HostTensor> full =
        broadcastTensor(op, operand, result.getShape());
    if (failed(full))
      return failure();
    operands.emplace_back(*full);
  }
  ElementwiseParameters parameters = parametersOf(op);
  Type type = evaluation.operands[0].getElementType();
  IntegerElement element{type.getIntOrFloatBitWidth(),
                         type.isUnsignedInteger()};
  Output<T> output(result);
  T x[2] = {};
  for (int64_t i = 0; i < result.getNumElements(); ++i) {
    for (unsigned k = 0; k < function.arity; ++k)
      x[k] = operands[k][i];
    if constexpr (std::is_same_v<T, float>)
      output[i] = function.f32(x, parameters);
    else if constexpr (std::is_same_v<T, double>)
      output[i] = function.f64(x, parameters);
    else
      output[i] = function.integer(x, parameters, element);
  }
  return output.commit();
}

/// An integer base with a float exponent: in f64, then cast (§2.5).
static LogicalResult evaluateMixedPow(PowOp op, const Evaluation &evaluation) {
  HostTensor &result = evaluation.result();
  ArrayRef<int64_t> shape = result.getShape();
  auto base = broadcastTensor(op, evaluation.operands[0], shape);
  auto exponent = broadcastTensor(op, evaluation.operands[1], shape);
  if (failed(base) || failed(exponent))
    return failure();
  Elements<double> x(*base), y(*exponent);
  for (int64_t i = 0; i < result.getNumElements(); ++i) {
    double power = reference::pow(x[i], y[i]), whole = std::nearbyint(power);
    bool isNear = std::fabs(power - whole) <= std::fabs(whole) * 0x1p-44;
    result.setFloat(i, isNear ? whole : power);
  }
  return success();
}

LogicalResult evaluateElementwise(Operation *op, const Evaluation &evaluation) {
  StringRef name = op->getName().getStringRef();
  if (auto gelu = dyn_cast<GeluOp>(op);
      gelu && gelu.getApproximation() == GeluApproximation::tanh)
    name = "qnn.gelu.tanh";
  const ElementwiseFunction *function = lookupElementwise(name);
  assert(function && "elementwise operation without a table entry");
  Type type = evaluation.operands[0].getElementType();
  if (auto pow = dyn_cast<PowOp>(op);
      pow && type.isInteger() &&
      isa<FloatType>(evaluation.operands[1].getElementType()))
    return evaluateMixedPow(pow, evaluation);
  return withArithmetic(op, type, [&](auto zero) -> LogicalResult {
    using T = decltype(zero);
    bool defined = std::is_same_v<T, int64_t> ? function->integer != nullptr
                                              : function->f32 != nullptr;
    if (!defined)
      return op->emitOpError("has no reference on elements of type ") << type;
    return applyTable<T>(op, *function, evaluation);
  });
}

LogicalResult evaluateOp(WhereOp op, const Evaluation &evaluation) {
  HostTensor &result = evaluation.result();
  SmallVector<HostTensor, 3> operands;
  for (const HostTensor &operand : evaluation.operands) {
    auto full = broadcastTensor(op, operand, result.getShape());
    if (failed(full))
      return failure();
    operands.push_back(*full);
  }
  int64_t width = HostTensor::storageBytes(result.getElementType());
  ArrayRef<uint8_t> condition = operands[0].as<uint8_t>();
  MutableArrayRef<char> bytes = result.getMutableBytes();
  for (int64_t i = 0; i < result.getNumElements(); ++i) {
    const HostTensor &chosen = condition[i] ? operands[1] : operands[2];
    memcpy(bytes.data() + i * width, chosen.getBytes().data() + i * width,
           width);
  }
  return success();
}

LogicalResult evaluateOp(CastOp op, const Evaluation &evaluation) {
  const HostTensor &input = evaluation.operands[0];
  HostTensor &result = evaluation.result();
  Type from = input.getElementType(), to = result.getElementType();
  return withArithmetic(op, from, [&](auto zero) -> LogicalResult {
    return withArithmetic(op, to, [&](auto) -> LogicalResult {
      for (int64_t i = 0; i < result.getNumElements(); ++i) {
        if (isa<FloatType>(from))
          result.setFloat(i, input.getFloat(i));
        else if (from.isUnsignedInteger(64) && isa<FloatType>(to))
          result.setUnsigned(i, uint64_t(input.getInt(i)));
        else
          result.setInt(i, input.getInt(i));
      }
      return success();
    });
  });
}

} // namespace quantc::qnn
