// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiling of lowbit.grouped_conv: the outputs of one group for some rows are a
// dense convolution of the group's channels, so no kernel knows groups.

#include "Slices.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace quantc::lowbit;

int64_t GroupedConvOp::getDepth() {
  return llvm::alignTo(llvm::product_of(getWindow()) * getGroupChannels(),
                       kLineDepth);
}

SmallVector<utils::IteratorType> GroupedConvOp::getLoopIteratorTypes() {
  return {utils::IteratorType::parallel, utils::IteratorType::parallel};
}

/// The sum of each row of codes, int32.
static Value sumRows(OpBuilder &b, Location loc, Value rows,
                     OpFoldResult count) {
  Type i32 = b.getI32Type();
  Value zero = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0));
  Value empty =
      tensor::EmptyOp::create(b, loc, ArrayRef<OpFoldResult>{count}, i32);
  Value init = linalg::FillOp::create(b, loc, zero, empty).getResult(0);
  AffineMap both = b.getMultiDimIdentityMap(2);
  auto sums = linalg::GenericOp::create(
      b, loc, init.getType(), rows, init,
      ArrayRef<AffineMap>{both, both.getMajorSubMap(1)},
      ArrayRef<utils::IteratorType>{utils::IteratorType::parallel,
                                    utils::IteratorType::reduction},
      [&](OpBuilder &inner, Location at, ValueRange args) {
        Value wide = arith::ExtSIOp::create(inner, at, i32, args[0]);
        Value sum = arith::AddIOp::create(inner, at, args[1], wide);
        linalg::YieldOp::create(inner, at, sum);
      });
  return sums.getResult(0);
}

/// What the sums over packed bytes w + 128 start from: -128 * the row's sum,
/// plus `start` of the column.
static Value startSums(OpBuilder &b, Location loc, Value rowSums, Value start,
                       Value output) {
  AffineMap both = b.getMultiDimIdentityMap(2);
  SmallVector<Value> inputs = {rowSums};
  SmallVector<AffineMap> maps = {both.getMajorSubMap(1)};
  if (start) {
    inputs.push_back(start);
    maps.push_back(both.getMinorSubMap(1));
  }
  maps.push_back(both);
  auto generic = linalg::GenericOp::create(
      b, loc, output.getType(), inputs, output, maps,
      SmallVector<utils::IteratorType>(2, utils::IteratorType::parallel),
      [&](OpBuilder &inner, Location at, ValueRange args) {
        Value factor =
            arith::ConstantOp::create(inner, at, inner.getI32IntegerAttr(-128));
        Value sum = arith::MulIOp::create(inner, at, args[0], factor);
        if (start)
          sum = arith::AddIOp::create(inner, at, sum, args[1]);
        linalg::YieldOp::create(inner, at, sum);
      });
  return generic.getResult(0);
}

FailureOr<TilingResult>
GroupedConvOp::getTiledImplementation(OpBuilder &b,
                                      ArrayRef<OpFoldResult> offsets,
                                      ArrayRef<OpFoldResult> sizes) {
  int64_t columns = getGroupColumns(), channels = getGroupChannels();
  std::optional<int64_t> column = getConstantIntValue(offsets[1]);
  if (getConstantIntValue(sizes[1]) != columns || (column && *column % columns))
    return failure();
  Location loc = getLoc();
  AffineExpr x, y;
  bindDims(b.getContext(), x, y);
  OpFoldResult channel = affine::makeComposedFoldedAffineApply(
      b, loc, x.floorDiv(columns) * channels, {offsets[1]});
  Value input =
      takeChannels(b, loc, getInput(), channel, b.getIndexAttr(channels));
  Slice panels;
  addPanels(b, loc, panels, offsets[1], sizes[1]);
  for (int64_t i = 1; i < 4; ++i)
    panels.add(b.getIndexAttr(0), getExtent(b, loc, getWeight(), i));
  Value weight = takeSlice(b, loc, getWeight(), panels);
  Value output = takeSlice(b, loc, getOutput(), Slice(offsets, sizes));
  SmallVector<Operation *> slices = {
      input.getDefiningOp(), weight.getDefiningOp(), output.getDefiningOp()};
  Value start;
  if (getStart()) {
    start = takeChannels(b, loc, getStart(), offsets[1], sizes[1]);
    slices.push_back(start.getDefiningOp());
  }

  OpFoldResult first = affine::makeComposedFoldedAffineApply(
      b, loc, x + y, {OpFoldResult(getFirst()), offsets[0]});
  Value empty = tensor::EmptyOp::create(
      b, loc, ArrayRef<OpFoldResult>{sizes[0], b.getIndexAttr(getDepth())},
      b.getI8Type());
  Value rows = PatchesOp::create(b, loc, empty.getType(), input, empty,
                                 getValueOrCreateConstantIndexOp(b, loc, first),
                                 getZeroPoint(), getWindow(), getStrides(),
                                 getDilations(), getPadLow(), getPadHigh())
                   .getResult(0);
  Value init =
      startSums(b, loc, sumRows(b, loc, rows, sizes[0]), start, output);
  auto matmul = MatmulOp::create(b, loc, init.getType(), BLayout::Packed, rows,
                                 weight, init);
  return TilingResult{
      {matmul}, SmallVector<Value>(matmul->getResults()), slices};
}
