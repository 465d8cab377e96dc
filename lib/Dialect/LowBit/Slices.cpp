// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extents, slices and destinations: tensor and memref operations alike.

#include "Slices.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace quantc::lowbit {

OpFoldResult getExtent(OpBuilder &b, Location loc, Value value, int64_t dim) {
  auto type = cast<ShapedType>(value.getType());
  if (!type.isDynamicDim(dim))
    return b.getIndexAttr(type.getDimSize(dim));
  if (isa<MemRefType>(type))
    return memref::DimOp::create(b, loc, value, dim).getResult();
  return tensor::DimOp::create(b, loc, value, dim).getResult();
}

Value takeSlice(OpBuilder &b, Location loc, Value value, const Slice &slice) {
  SmallVector<OpFoldResult> strides(slice.sizes.size(), b.getIndexAttr(1));
  if (isa<MemRefType>(value.getType()))
    return memref::SubViewOp::create(b, loc, value, slice.offsets, slice.sizes,
                                     strides);
  return tensor::ExtractSliceOp::create(b, loc, value, slice.offsets,
                                        slice.sizes, strides);
}

Value takeChannels(OpBuilder &b, Location loc, Value value, OpFoldResult offset,
                   OpFoldResult size) {
  Slice slice;
  for (int64_t i = 0; i + 1 < cast<ShapedType>(value.getType()).getRank(); ++i)
    slice.add(b.getIndexAttr(0), getExtent(b, loc, value, i));
  slice.add(offset, size);
  return takeSlice(b, loc, value, slice);
}

void addPanels(OpBuilder &b, Location loc, Slice &slice, OpFoldResult offset,
               OpFoldResult size) {
  AffineExpr column = b.getAffineDimExpr(0);
  slice.add(affine::makeComposedFoldedAffineApply(
                b, loc, column.floorDiv(kLineColumns), {offset}),
            affine::makeComposedFoldedAffineApply(
                b, loc, column.ceilDiv(kLineColumns), {size}));
}

//===----------------------------------------------------------------------===//
// Destinations
//===----------------------------------------------------------------------===//

static Value destinationOf(DestinationStyleOpInterface op) {
  return op.getDpsInitOperand(0)->get();
}

LogicalResult verifyDestinationStyle(DestinationStyleOpInterface op) {
  bool onTensors = isa<TensorType>(destinationOf(op).getType());
  for (Value operand : op->getOperands())
    if (isa<ShapedType>(operand.getType()) &&
        isa<TensorType>(operand.getType()) != onTensors)
      return op->emitOpError(
          "expected all operands to be tensors or all memrefs");
  if (op->getNumResults() != size_t(onTensors ? 1 : 0))
    return op->emitOpError("expected one result on tensors and none on "
                           "memrefs, got ")
           << op->getNumResults();
  return success();
}

void getDestinationEffects(
    DestinationStyleOpInterface op, bool readsDestination,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    bool isDestination = op.isDpsInit(&operand);
    if (!isDestination || readsDestination)
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (isDestination)
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}

static SmallVector<OpFoldResult> extentsOf(OpBuilder &b,
                                           DestinationStyleOpInterface op) {
  Value destination = destinationOf(op);
  SmallVector<OpFoldResult> extents;
  for (int64_t i = 0; i < cast<ShapedType>(destination.getType()).getRank();
       ++i)
    extents.push_back(getExtent(b, op.getLoc(), destination, i));
  return extents;
}

SmallVector<Range> getDestinationDomain(OpBuilder &b,
                                        DestinationStyleOpInterface op) {
  SmallVector<Range> domain;
  for (OpFoldResult extent : extentsOf(b, op))
    domain.push_back({b.getIndexAttr(0), extent, b.getIndexAttr(1)});
  return domain;
}

LogicalResult reifyDestination(OpBuilder &b, DestinationStyleOpInterface op,
                               ReifiedRankedShapedTypeDims &shapes) {
  if (op->getNumResults() != 0)
    shapes.push_back(extentsOf(b, op));
  return success();
}

} // namespace quantc::lowbit
