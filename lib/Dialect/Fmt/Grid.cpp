// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Grids over tensors: which elements share a scale, the arrays of a payload and
// what they take in an artifact.

#include "GridWalk.h"
#include "quantc/Dialect/Fmt/PackLines.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;

namespace quantc::fmt {

SmallVector<int64_t> Grid::getBlockExtents(int64_t rank) const {
  if (granularity == Granularity::Block)
    return block;
  SmallVector<int64_t> extents(rank, kWholeAxis);
  if (granularity == Granularity::Axis)
    extents[axis] = 1;
  if (granularity == Granularity::Row)
    std::fill(extents.begin(), extents.end() - 1, 1);
  return extents;
}

namespace grid {

LogicalResult verifyShape(FormatInterface format, EmitError emitError,
                          ArrayRef<int64_t> shape) {
  Grid grid = format.getGrid();
  int64_t rank = shape.size();
  switch (grid.granularity) {
  case Granularity::Tensor:
    return success();
  case Granularity::Axis:
    if (grid.axis < rank)
      return success();
    return emitError() << "expected 'axis' of " << format
                       << " to be below the tensor's rank of " << rank
                       << ", got " << grid.axis;
  case Granularity::Row:
    if (rank > 0)
      return success();
    return emitError() << "expected a tensor of rank 1 or more for " << format
                       << ", got rank 0";
  case Granularity::Block:
    if (int64_t(grid.block.size()) == rank)
      return success();
    return emitError() << "expected 'block' of " << format
                       << " to have one extent for each of " << rank
                       << " dimensions, got " << grid.block.size();
  }
  llvm_unreachable("unknown granularity");
}

SmallVector<int64_t> gridOf(ArrayRef<int64_t> shape, ArrayRef<int64_t> block) {
  SmallVector<int64_t> grid;
  for (auto [extent, unit] : llvm::zip_equal(shape, block))
    grid.push_back(unit == kWholeAxis ? 1
                   : ShapedType::isDynamic(extent) && unit > 1
                       ? ShapedType::kDynamic
                   : unit == 1 ? extent
                               : int64_t(llvm::divideCeil(extent, unit)));
  return grid;
}

void forEachRun(ArrayRef<int64_t> shape, ArrayRef<int64_t> block,
                llvm::function_ref<void(int64_t, int64_t, int64_t)> visit) {
  if (shape.empty())
    return visit(0, 1, 0);
  SmallVector<int64_t> grid = gridOf(shape, block), index(shape.size(), 0);
  int64_t length = shape.back(), total = llvm::product_of(shape);
  int64_t unit = block.back() == kWholeAxis ? length : block.back();
  for (int64_t row = 0; row < total; row += length) {
    int64_t cell = 0;
    for (auto [i, count, size] : llvm::zip_equal(index, grid, block))
      cell = cell * count + (size == kWholeAxis ? 0 : i / size);
    for (int64_t begin = 0; begin < length; begin += unit)
      visit(row + begin, std::min(unit, length - begin), cell++);
    for (int64_t axis = int64_t(shape.size()) - 2; axis >= 0; --axis) {
      if (++index[axis] < shape[axis])
        break;
      index[axis] = 0;
    }
  }
}

/// The grid without the axes that have one block by definition.
static SmallVector<int64_t> scaleShape(FormatInterface format,
                                       ArrayRef<int64_t> shape) {
  SmallVector<int64_t> block = format.getBlockExtents(shape.size()), result;
  for (auto [count, unit] : llvm::zip_equal(gridOf(shape, block), block))
    if (unit != kWholeAxis)
      result.push_back(count);
  return result;
}

SmallVector<PayloadArray> payload(FormatInterface format,
                                  ArrayRef<int64_t> shape) {
  SmallVector<int64_t> scales = scaleShape(format, shape);
  Type codeType = format.getCodes().type,
       scaleType = format.getGrid().scaleType;
  SmallVector<PayloadArray> arrays = {
      {"codes", codeType, llvm::to_vector(shape)},
      {"scales", scaleType, scales}};
  if (format.getOffsetKind() == OffsetKind::Integer)
    arrays.push_back({"offsets", codeType, scales});
  if (format.getOffsetKind() == OffsetKind::Float)
    arrays.push_back({"offsets", scaleType, scales});
  return arrays;
}

//===----------------------------------------------------------------------===//
// Stored size
//===----------------------------------------------------------------------===//

static std::optional<int64_t> product(ArrayRef<int64_t> factors) {
  int64_t result = 1;
  for (int64_t factor : factors) {
    std::optional<int64_t> next = llvm::checkedMul(result, factor);
    if (!next)
      return std::nullopt;
    result = *next;
  }
  return result;
}

/// How many consecutive k of a [shape[0], rest] weight share a scale.
static std::optional<int64_t> groupLength(const Grid &grid,
                                          ArrayRef<int64_t> shape) {
  if (grid.granularity != Granularity::Block)
    return product(shape.drop_front());
  int64_t length = 1;
  for (size_t i = shape.size() - 1; i > 0; --i) {
    int64_t extent = std::min(shape[i], grid.block[i]);
    std::optional<int64_t> next = llvm::checkedMul(length, extent);
    if (!next || extent < shape[i])
      return next;
    length = *next;
  }
  return length;
}

/// Bytes of the codes: packed lines, or one byte per code of a vector.
static std::optional<int64_t> codeBytes(FormatInterface format,
                                        ArrayRef<int64_t> shape) {
  if (shape.size() < 2)
    return product(shape);
  CodeScheme codes = format.getCodes();
  std::optional<int64_t> k = product(shape.drop_front());
  std::optional<int64_t> group = groupLength(format.getGrid(), shape);
  if (!k || !group)
    return std::nullopt;
  if (!codes.areGrouped)
    group = k;
  std::optional<SmallVector<int64_t>> lines = getLineShape(
      codes.bits, shape[0], *k, std::max<int64_t>(*group, 1), codes.isTernary);
  return lines ? product(*lines) : std::nullopt;
}

std::optional<int64_t> storedBits(FormatInterface format,
                                  ArrayRef<int64_t> shape) {
  std::optional<int64_t> bytes = codeBytes(format, shape);
  auto arrays = payload(format, shape);
  for (const PayloadArray &array : llvm::drop_begin(arrays)) {
    std::optional<int64_t> count = product(array.shape);
    if (!count || !bytes)
      return std::nullopt;
    bytes = llvm::checkedMulAdd(
        *count, HostTensor::storageBytes(array.elementType), *bytes);
  }
  return bytes ? llvm::checkedMul<int64_t>(*bytes, 8) : std::nullopt;
}

std::optional<BlockFormat> asBlocks(FormatInterface format,
                                    ArrayRef<int64_t> shape) {
  CodeScheme codes = format.getCodes();
  if (shape.size() != 2 || !codes.areGrouped)
    return std::nullopt;
  SmallVector<int64_t> block = format.getBlockExtents(2);
  if (block[0] != 1)
    return std::nullopt;
  int64_t group = block[1] == kWholeAxis ? shape[1] : block[1];
  return BlockFormat{codes.bits,
                     std::min(group, std::max<int64_t>(shape[1], 1)),
                     format.getOffsetKind(),
                     codes.isTernary,
                     codes.exponentBits,
                     codes.values};
}

} // namespace grid
} // namespace quantc::fmt
