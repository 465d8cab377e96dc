// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extents and slices: tensor and memref operations alike.

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

void addPanels(OpBuilder &b, Location loc, Slice &slice, OpFoldResult offset,
               OpFoldResult size) {
  AffineExpr column = b.getAffineDimExpr(0);
  slice.add(affine::makeComposedFoldedAffineApply(
                b, loc, column.floorDiv(kLineColumns), {offset}),
            affine::makeComposedFoldedAffineApply(
                b, loc, column.ceilDiv(kLineColumns), {size}));
}

} // namespace quantc::lowbit
