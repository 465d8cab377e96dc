// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lowbit.hadamard: verification, tiling by rows and bufferization.

#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "quantc/Dialect/LowBit/LowBit.h"
#include "quantc/Support/Hadamard.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace quantc::lowbit {

LogicalResult HadamardOp::verify() {
  auto input = cast<ShapedType>(getInput().getType());
  ShapedType output = getOutputType();
  if (input.getRank() != 2 || output.getRank() != 2 ||
      !input.getElementType().isF32() || !output.getElementType().isF32())
    return emitOpError("expected rows of f32, got ")
           << input << " and " << output;
  int64_t length = output.getDimSize(1);
  if (ShapedType::isDynamic(length) || input.getDimSize(1) != length)
    return emitOpError("expected rows of one static length, got ")
           << input << " and " << output;
  if (!factorHadamard(getBlock()) || length % getBlock())
    return emitOpError("expected a block that has a Hadamard matrix and "
                       "divides ")
           << length << ", got " << getBlock();
  bool onTensors = isa<TensorType>(output);
  if (isa<TensorType>(input) != onTensors)
    return emitOpError("expected all operands to be tensors or all memrefs");
  if (getNumResults() != size_t(onTensors ? 1 : 0))
    return emitOpError("expected one result on tensors and none on memrefs, "
                       "got ")
           << getNumResults();
  return success();
}

void HadamardOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  if (!isa<MemRefType>(getOutput().getType()))
    return;
  effects.emplace_back(MemoryEffects::Read::get(), &getInputMutable());
  // Partial results are kept there.
  effects.emplace_back(MemoryEffects::Read::get(), &getOutputMutable());
  effects.emplace_back(MemoryEffects::Write::get(), &getOutputMutable());
}

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

static OpFoldResult getExtent(OpBuilder &b, HadamardOp op, int64_t dim) {
  ShapedType type = op.getOutputType();
  if (!type.isDynamicDim(dim))
    return b.getIndexAttr(type.getDimSize(dim));
  if (isa<MemRefType>(type))
    return memref::DimOp::create(b, op.getLoc(), op.getOutput(), dim)
        .getResult();
  return tensor::DimOp::create(b, op.getLoc(), op.getOutput(), dim).getResult();
}

static Value takeRows(OpBuilder &b, Location loc, Value value,
                      ArrayRef<OpFoldResult> offsets,
                      ArrayRef<OpFoldResult> sizes) {
  SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
  if (isa<MemRefType>(value.getType()))
    return memref::SubViewOp::create(b, loc, value, offsets, sizes, strides);
  return tensor::ExtractSliceOp::create(b, loc, value, offsets, sizes, strides);
}

// A row is a reduction to those who choose tiles: it is never cut.
SmallVector<utils::IteratorType> HadamardOp::getLoopIteratorTypes() {
  return {utils::IteratorType::parallel, utils::IteratorType::reduction};
}

SmallVector<Range> HadamardOp::getIterationDomain(OpBuilder &b) {
  SmallVector<Range> domain;
  for (int64_t i = 0; i < 2; ++i)
    domain.push_back(
        {b.getIndexAttr(0), getExtent(b, *this, i), b.getIndexAttr(1)});
  return domain;
}

FailureOr<TilingResult>
HadamardOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                   ArrayRef<OpFoldResult> sizes) {
  if (getConstantIntValue(offsets[1]) != 0 ||
      getConstantIntValue(sizes[1]) != getOutputType().getDimSize(1))
    return failure();
  Value input = takeRows(b, getLoc(), getInput(), offsets, sizes);
  Value output = takeRows(b, getLoc(), getOutput(), offsets, sizes);
  SmallVector<Type> types;
  if (isa<TensorType>(output.getType()))
    types.push_back(output.getType());
  auto tiled = HadamardOp::create(b, getLoc(), types, input, output, getBlock(),
                                  getTransposed());
  return TilingResult{{tiled},
                      SmallVector<Value>(tiled->getResults()),
                      {input.getDefiningOp(), output.getDefiningOp()}};
}

LogicalResult HadamardOp::getResultTilePosition(
    OpBuilder &, unsigned, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
    SmallVector<OpFoldResult> &resultSizes) {
  resultOffsets.assign(offsets.begin(), offsets.end());
  resultSizes.assign(sizes.begin(), sizes.end());
  return success();
}

FailureOr<TilingResult>
HadamardOp::generateResultTileValue(OpBuilder &b, unsigned,
                                    ArrayRef<OpFoldResult> offsets,
                                    ArrayRef<OpFoldResult> sizes) {
  return getTiledImplementation(b, offsets, sizes);
}

LogicalResult HadamardOp::getIterationDomainTileFromResultTile(
    OpBuilder &, unsigned, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVectorImpl<OpFoldResult> &domainOffsets,
    SmallVectorImpl<OpFoldResult> &domainSizes) {
  domainOffsets.assign(offsets.begin(), offsets.end());
  domainSizes.assign(sizes.begin(), sizes.end());
  return success();
}

LogicalResult
HadamardOp::reifyResultShapes(OpBuilder &b,
                              ReifiedRankedShapedTypeDims &shapes) {
  if (getNumResults() != 0)
    shapes.push_back({getExtent(b, *this, 0), getExtent(b, *this, 1)});
  return success();
}

//===----------------------------------------------------------------------===//
// Bufferization
//===----------------------------------------------------------------------===//

namespace {

struct HadamardBufferization
    : DstBufferizableOpInterfaceExternalModel<HadamardBufferization,
                                              HadamardOp> {
  /// What the output holds before does not matter.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<HadamardOp>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto hadamard = cast<HadamardOp>(op);
    if (hadamard.hasPureBufferSemantics())
      return success();
    FailureOr<Value> input =
        getBuffer(rewriter, hadamard.getInput(), options, state);
    FailureOr<Value> output =
        getBuffer(rewriter, hadamard.getOutput(), options, state);
    if (failed(input) || failed(output))
      return failure();
    rewriter.setInsertionPoint(op);
    HadamardOp::create(rewriter, op->getLoc(), TypeRange(), *input, *output,
                       hadamard.getBlock(), hadamard.getTransposed());
    replaceOpWithBufferizedValues(rewriter, op, *output);
    return success();
  }
};

} // namespace

void registerHadamardBufferization(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, LowBitDialect *) {
    HadamardOp::attachInterface<HadamardBufferization>(*context);
  });
}

} // namespace quantc::lowbit
