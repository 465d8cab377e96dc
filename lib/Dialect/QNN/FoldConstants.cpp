// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates operations on constants with the reference evaluator.  One walk in
// program order suffices, since operands are folded before their users.  New
// resource keys are made, so this is a sequential module pass.

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "quantc/Dialect/QNN/Compute.h"
#include "quantc/Dialect/QNN/EvaluationLimit.h"
#include "quantc/Dialect/QNN/Passes.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;

namespace quantc::qnn {

#define GEN_PASS_DEF_FOLDCONSTANTSPASS
#include "quantc/Dialect/QNN/Passes.h.inc"

/// Larger constants are resources: `dense` attributes are hashed and never
/// freed.
static constexpr int64_t kLargestDenseBytes = 4096;

/// The storage type of a constant: f16 and bf16 are words in resources.
static Type storedElementType(Type elementType) {
  if (elementType.isF16() || elementType.isBF16())
    return IntegerType::get(elementType.getContext(), 16);
  return elementType;
}

static ElementsAttr toConstantAttribute(const HostTensor &tensor) {
  if (tensor.getByteSize() <= kLargestDenseBytes)
    return tensor.toAttribute();
  auto type = RankedTensorType::get(tensor.getShape(),
                                    storedElementType(tensor.getElementType()));
  auto &manager =
      DenseResourceElementsHandle::getManagerInterface(type.getContext());
  return DenseResourceElementsAttr::get(
      type,
      manager.insert("folded", HeapAsmResourceBlob::allocateAndCopyWithAlign(
                                   tensor.getBytes(), /*align=*/64)));
}

/// A reshape's value under the new shape, sharing memory.
static ElementsAttr reshaped(ElementsAttr value, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, value.getElementType());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  return cast<DenseElementsAttr>(value).reshape(type);
}

static std::optional<int64_t> byteSize(Type type) {
  auto shaped = dyn_cast<RankedTensorType>(type);
  if (!shaped || !shaped.hasStaticShape() ||
      !shaped.getElementType().isIntOrFloat())
    return std::nullopt;
  int64_t bytes = HostTensor::storageBytes(shaped.getElementType());
  for (int64_t extent : shaped.getShape()) {
    auto product = llvm::checkedMul(bytes, extent);
    if (!product)
      return std::nullopt;
    bytes = *product;
  }
  return bytes;
}

namespace {
struct FoldConstantsPass
    : public impl::FoldConstantsPassBase<FoldConstantsPass> {
  using Base::Base;

  void runOnOperation() override {
    stepsLeft = int64_t(1) << 29;
    // A failing evaluation only means that the operation stays.
    ScopedDiagnosticHandler silence(&getContext(),
                                    [](Diagnostic &) { return success(); });
    getOperation().walk([&](func::FuncOp func) {
      for (Block &block : func.getBody())
        for (Operation &op : llvm::make_early_inc_range(block))
          fold(&op);
    });
  }

private:
  /// Scalar programs may loop over their operands for each element;
  /// EvaluationLimit ends longer loops.
  static bool isShortProgram(ComputeOp op) {
    constexpr int64_t maxElements = 4096;
    int64_t elements = cast<ShapedType>(op.getType()).getNumElements();
    for (Value input : op.getInputs())
      elements += cast<ShapedType>(input.getType()).getNumElements();
    return elements <= maxElements;
  }

  bool isWithinBudget(Operation *op) {
    int64_t resultBytes = 0, operandBytes = 0, replacedBytes = 0;
    for (Type type : op->getResultTypes()) {
      std::optional<int64_t> bytes = byteSize(type);
      if (!bytes)
        return false;
      resultBytes = llvm::SaturatingAdd<uint64_t>(resultBytes, *bytes);
    }
    for (Value operand : op->getOperands()) {
      int64_t bytes = byteSize(operand.getType()).value_or(0);
      operandBytes = llvm::SaturatingAdd<uint64_t>(operandBytes, bytes);
      if (operand.hasOneUse() && !lazyWeights)
        replacedBytes = std::max(replacedBytes, bytes);
    }
    if (resultBytes - operandBytes > maxGrowthBytes)
      return false;
    return resultBytes <= maxBytes || resultBytes <= replacedBytes;
  }

  void fold(Operation *op) {
    auto reference = dyn_cast<ReferenceOpInterface>(op);
    if (!reference || isa<ConstantOp>(op))
      return;
    SmallVector<ConstantOp> constants;
    for (Value operand : op->getOperands()) {
      auto constant = operand.getDefiningOp<ConstantOp>();
      if (!constant)
        return;
      constants.push_back(constant);
    }
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (op->getNumResults() != 1 || !type || !type.hasStaticShape())
      return;
    if (auto program = dyn_cast<ComputeOp>(op);
        program && !isShortProgram(program))
      return;
    // What a contraction may read as codes.
    if (auto values = dyn_cast<FromCodesOp>(op);
        values && type.getRank() > 1 && type.getNumElements() > 1 &&
        cast<ShapedType>(values.getCodes().getType())
                .getElementTypeBitWidth() <= 8)
      return;
    ElementsAttr value;
    if (isa<ReshapeOp>(op) && isa<DenseElementsAttr, DenseResourceElementsAttr>(
                                  constants[0].getValue()))
      value = reshaped(constants[0].getValue(), type.getShape());
    else
      value = evaluateToConstant(reference, constants);
    if (!value)
      return;
    OpBuilder builder(op);
    auto folded = ConstantOp::create(builder, op->getLoc(), type, value);
    op->replaceAllUsesWith(folded->getResults());
    op->erase();
    for (ConstantOp constant :
         llvm::SetVector<ConstantOp>(constants.begin(), constants.end()))
      if (constant->use_empty())
        constant->erase();
    ++numFolded;
  }

  ElementsAttr evaluateToConstant(ReferenceOpInterface op,
                                  ArrayRef<ConstantOp> constants) {
    if (!isWithinBudget(op))
      return {};
    SmallVector<HostTensor> operands, results;
    for (ConstantOp constant : constants) {
      auto operand = HostTensor::fromAttribute(
          constant.getValue(), cast<ShapedType>(constant.getType()));
      if (failed(operand))
        return {};
      operands.push_back(*operand);
    }
    // A small part of a second for one operation, half a one for all.
    constexpr int64_t maxSteps = int64_t(1) << 26;
    int64_t allowed = std::min(maxSteps, stepsLeft);
    EvaluationLimit limit(allowed);
    LogicalResult done = op.evaluate(operands, /*symbols=*/{}, results);
    stepsLeft -= allowed - std::max<int64_t>(EvaluationLimit::stepsLeft(), 0);
    if (failed(done))
      return {};
    return toConstantAttribute(results[0]);
  }

  int64_t stepsLeft = 0;
};
} // namespace

} // namespace quantc::qnn
