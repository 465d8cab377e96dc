// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verification and tiling of the sliding windows.  A tile of rows reads the
// same input and only knows another first position, since the rows of an image
// that a tile needs overlap those of the next one.

#include "Slices.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "quantc/Dialect/Fmt/Planes.h"

using namespace mlir;
using namespace quantc::lowbit;

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

static LogicalResult expectEntries(Operation *op, StringRef what,
                                   ArrayRef<int64_t> values, size_t count,
                                   int64_t minimum) {
  if (values.size() != count)
    return op->emitOpError("expected ")
           << count << " entries in '" << what << "', got " << values.size();
  for (int64_t value : values)
    if (value < minimum)
      return op->emitOpError("expected entries of '")
             << what << "' to be at least " << minimum << ", got " << value;
  return success();
}

template <typename OpTy> static LogicalResult verifyWindow(OpTy op) {
  int64_t rank = op.getInputType().getRank();
  if (rank < 3 || op.getOutputType().getRank() != 2)
    return op.emitOpError("expected an input of rank 3 or more and an output "
                          "of rank 2, got ")
           << rank << " and " << op.getOutputType().getRank();
  size_t count = rank - 2;
  if (failed(expectEntries(op, "window", op.getWindow(), count, 1)) ||
      failed(expectEntries(op, "strides", op.getStrides(), count, 1)) ||
      failed(expectEntries(op, "dilations", op.getDilations(), count, 1)) ||
      failed(expectEntries(op, "pad_low", op.getPadLow(), count, 0)) ||
      failed(expectEntries(op, "pad_high", op.getPadHigh(), count, 0)))
    return failure();
  return verifyDestinationStyle(op);
}

LogicalResult PatchesOp::verify() {
  if (failed(verifyWindow(*this)))
    return failure();
  Type from = getInputType().getElementType();
  if (from != getOutputType().getElementType() || from.isInteger(32))
    return emitOpError("expected f32 -> f32 or i8 -> i8, got ")
           << from << " -> " << getOutputType().getElementType();
  if (getZeroPoint() && !from.isInteger())
    return emitOpError("expected 'zero_point' only on i8");
  int64_t depth = getInputType().getShape().back();
  if (ShapedType::isDynamic(depth))
    return emitOpError("expected a static number of channels");
  for (int64_t extent : getWindow())
    depth *= extent;
  int64_t columns = getOutputType().getDimSize(1);
  if (columns < depth || columns >= depth + kLineDepth)
    return emitOpError("expected ")
           << depth << " columns, rounded up to at most " << depth + 3
           << ", got " << columns;
  return success();
}

LogicalResult DepthwiseOp::verify() {
  auto weight = cast<ShapedType>(getWeight().getType());
  if (weight.getRank() + 1 != getInputType().getRank() ||
      !weight.hasStaticShape())
    return emitOpError("expected a static weight [k…, c] for the input [n, "
                       "spatial…, c], got ")
           << weight << " and " << getInputType();
  if (failed(verifyWindow(*this)))
    return failure();
  Type from = getInputType().getElementType();
  if (from.isInteger(32) || from != weight.getElementType() ||
      !getOutputType().getElementType().isF32())
    return emitOpError("expected f32 x f32 -> f32 or i8 x i8 -> f32, got ")
           << from << " x " << weight.getElementType() << " -> "
           << getOutputType().getElementType();
  int64_t channels = weight.getShape().back();
  if (getInputType().getShape().back() != channels ||
      getOutputType().getShape().back() != channels)
    return emitOpError("expected ")
           << channels << " channels as in the weight, got "
           << getInputType().getShape().back() << " and "
           << getOutputType().getShape().back();
  int64_t taps = weight.getNumElements() / std::max<int64_t>(1, channels);
  if (getZeroPoint() && !from.isInteger())
    return emitOpError("expected 'zero_point' only on i8");
  if (from.isInteger(8) && taps > fmt::kMaxDepthwiseTaps)
    return emitOpError("expected at most ")
           << fmt::kMaxDepthwiseTaps << " taps on i8, got " << taps;
  return success();
}

LogicalResult GroupedConvOp::verify() {
  if (failed(verifyWindow(*this)))
    return failure();
  int64_t groups = getGroups(), channels = getInputType().getShape().back(),
          columns = getOutputType().getDimSize(1);
  if (groups < 1 || ShapedType::isDynamic(channels) || channels % groups ||
      ShapedType::isDynamic(columns) || columns % (groups * kLineColumns))
    return emitOpError("expected ")
           << groups << " groups of input channels, and of output channels in "
           << "multiples of " << kLineColumns << ", got " << channels << " and "
           << columns;
  SmallVector<int64_t> lines = {columns / kLineColumns, getDepth() / kLineDepth,
                                kLineColumns, kLineDepth};
  auto weight = cast<ShapedType>(getWeight().getType());
  if (weight.getShape() != ArrayRef(lines))
    return emitOpError("expected a weight of shape ")
           << lines << ", got " << weight;
  if (getStart() &&
      cast<ShapedType>(getStart().getType()).getDimSize(0) != columns)
    return emitOpError("expected a start of ")
           << columns << " elements, got " << getStart().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

/// The operation on rows from offsets[0], with `inputs` in place of its own.
template <typename OpTy>
static TilingResult
tileWindow(OpTy op, OpBuilder &b, ArrayRef<OpFoldResult> offsets,
           ArrayRef<OpFoldResult> sizes, ArrayRef<Value> inputs) {
  Location loc = op.getLoc();
  AffineExpr x, y;
  bindDims(b.getContext(), x, y);
  OpFoldResult first = affine::makeComposedFoldedAffineApply(
      b, loc, x + y, {OpFoldResult(op.getFirst()), offsets[0]});
  Value output = takeSlice(b, loc, op.getOutput(), Slice(offsets, sizes));
  SmallVector<Value> operands(inputs);
  operands.push_back(output);
  operands.push_back(getValueOrCreateConstantIndexOp(b, loc, first));
  llvm::append_range(operands, op->getOperands().drop_front(operands.size()));
  SmallVector<Type> types;
  if (isa<TensorType>(output.getType()))
    types.push_back(output.getType());
  auto tiled = OpTy::create(b, loc, types, operands, op->getAttrs());
  SmallVector<Operation *> slices = {output.getDefiningOp()};
  for (auto [cut, whole] : llvm::zip(inputs, op->getOperands()))
    if (cut != whole)
      slices.push_back(cut.getDefiningOp());
  return TilingResult{{tiled}, SmallVector<Value>(tiled->getResults()), slices};
}

/// Whether a tile covers all of dimension 1 of the output.
template <typename OpTy>
static bool isWholeRow(OpTy op, ArrayRef<OpFoldResult> offsets,
                       ArrayRef<OpFoldResult> sizes) {
  return getConstantIntValue(offsets[1]) == 0 &&
         getConstantIntValue(sizes[1]) == op.getOutputType().getDimSize(1);
}

FailureOr<TilingResult>
PatchesOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                  ArrayRef<OpFoldResult> sizes) {
  if (!isWholeRow(*this, offsets, sizes))
    return failure();
  return tileWindow(*this, b, offsets, sizes, {getInput()});
}

FailureOr<TilingResult>
DepthwiseOp::getTiledImplementation(OpBuilder &b,
                                    ArrayRef<OpFoldResult> offsets,
                                    ArrayRef<OpFoldResult> sizes) {
  if (isWholeRow(*this, offsets, sizes))
    return tileWindow(*this, b, offsets, sizes, {getInput(), getWeight()});
  if (!getConstantIntValue(sizes[1]))
    return failure();
  return tileWindow(
      *this, b, offsets, sizes,
      {takeChannels(b, getLoc(), getInput(), offsets[1], sizes[1]),
       takeChannels(b, getLoc(), getWeight(), offsets[1], sizes[1])});
}

SmallVector<utils::IteratorType> PatchesOp::getLoopIteratorTypes() {
  return {utils::IteratorType::parallel, utils::IteratorType::parallel};
}

SmallVector<utils::IteratorType> DepthwiseOp::getLoopIteratorTypes() {
  return {utils::IteratorType::parallel, utils::IteratorType::parallel};
}
