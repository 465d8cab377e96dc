// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lowbit.hadamard: verification and tiling by rows.

#include "Slices.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "quantc/Support/Hadamard.h"

using namespace mlir;

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
  return verifyDestinationStyle(*this);
}

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

// A row is a reduction to those who choose tiles: it is never cut.
SmallVector<utils::IteratorType> HadamardOp::getLoopIteratorTypes() {
  return {utils::IteratorType::parallel, utils::IteratorType::reduction};
}

FailureOr<TilingResult>
HadamardOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                   ArrayRef<OpFoldResult> sizes) {
  if (getConstantIntValue(offsets[1]) != 0 ||
      getConstantIntValue(sizes[1]) != getOutputType().getDimSize(1))
    return failure();
  Slice rows(offsets, sizes);
  Value input = takeSlice(b, getLoc(), getInput(), rows);
  Value output = takeSlice(b, getLoc(), getOutput(), rows);
  SmallVector<Type> types;
  if (isa<TensorType>(output.getType()))
    types.push_back(output.getType());
  auto tiled = HadamardOp::create(b, getLoc(), types, input, output, getBlock(),
                                  getTransposed());
  return TilingResult{{tiled},
                      SmallVector<Value>(tiled->getResults()),
                      {input.getDefiningOp(), output.getDefiningOp()}};
}

} // namespace quantc::lowbit
