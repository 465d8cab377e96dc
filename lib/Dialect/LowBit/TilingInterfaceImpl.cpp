// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiling of lowbit.matmul: one parallel loop per dimension of C, the reduction
// stays whole.  A tile of a packed B begins at a multiple of 16 columns, so its
// lines are those of columns [n / 16, ceil((n + size) / 16)).

#include "Slices.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace quantc::lowbit;

/// The slice of B for the tile of C at `offsets` of `sizes`.
static Slice getSliceOfB(OpBuilder &b, MatmulOp op,
                         ArrayRef<OpFoldResult> offsets,
                         ArrayRef<OpFoldResult> sizes) {
  Location loc = op.getLoc();
  Slice slice;
  for (int64_t i = 0; i < op.getNumBBatchDims(); ++i) {
    if (op.isBroadcastInB(i))
      slice.add(b.getIndexAttr(0), b.getIndexAttr(1));
    else
      slice.add(offsets[i], sizes[i]);
  }
  auto addWhole = [&](int64_t dim) {
    slice.add(b.getIndexAttr(0), getExtent(b, loc, op.getB(), dim));
  };
  int64_t first = op.getNumBBatchDims();
  switch (op.getBLayout()) {
  case BLayout::RowMajor:
    addWhole(first);
    slice.add(offsets.back(), sizes.back());
    break;
  case BLayout::Transposed:
    slice.add(offsets.back(), sizes.back());
    addWhole(first + 1);
    break;
  case BLayout::Packed:
    addPanels(b, loc, slice, offsets.back(), sizes.back());
    for (int64_t i = 1; i < op.getNumBMatrixDims(); ++i)
      addWhole(first + i);
    break;
  }
  return slice;
}

SmallVector<utils::IteratorType> MatmulOp::getLoopIteratorTypes() {
  return SmallVector<utils::IteratorType>(getCType().getRank(),
                                          utils::IteratorType::parallel);
}

FailureOr<TilingResult>
MatmulOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                 ArrayRef<OpFoldResult> sizes) {
  std::optional<int64_t> column = getConstantIntValue(offsets.back());
  if (getBLayout() == BLayout::Packed && column && *column % kLineColumns)
    return failure();

  Slice ofC(offsets, sizes), ofA = ofC;
  ofA.offsets.back() = b.getIndexAttr(0);
  ofA.sizes.back() = getExtent(b, getLoc(), getA(), ofC.sizes.size() - 1);

  Value a = takeSlice(b, getLoc(), getA(), ofA);
  Value right =
      takeSlice(b, getLoc(), getB(), getSliceOfB(b, *this, offsets, sizes));
  Value c = takeSlice(b, getLoc(), getC(), ofC);
  SmallVector<Type> types;
  if (isa<TensorType>(c.getType()))
    types.push_back(c.getType());
  auto tiled = MatmulOp::create(b, getLoc(), types, getBLayout(), a, right, c);
  tiled->setDiscardableAttrs(getOperation()->getDiscardableAttrDictionary());
  return TilingResult{
      {tiled},
      SmallVector<Value>(tiled->getResults()),
      {a.getDefiningOp(), right.getDefiningOp(), c.getDefiningOp()}};
}
