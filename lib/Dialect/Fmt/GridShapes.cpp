// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What importers, exporters and rewrites may do with the arrays of a payload
// instead of decoding them: slices, reshapes and transposes.

#include "quantc/Dialect/Fmt/Fmt.h"

using namespace mlir;

namespace quantc::fmt::grid {

static FormatInterface withAxis(FormatInterface format, int64_t axis) {
  Grid grid = format.getGrid();
  grid.axis = axis;
  return format.withGrid(grid);
}

static FormatInterface withBlock(FormatInterface format,
                                 ArrayRef<int64_t> block) {
  Grid grid = format.getGrid();
  grid.block = llvm::to_vector(block);
  return format.withGrid(grid);
}

// A slice keeps its blocks if it begins with one, or lies in one.
FormatInterface slice(FormatInterface format, ArrayRef<int64_t> shape,
                      int64_t axis, int64_t begin, int64_t size) {
  Grid grid = format.getGrid();
  if (axis < 0 || axis >= int64_t(shape.size()) || begin < 0 || size < 0)
    return {};
  if (grid.granularity != Granularity::Block)
    return format;
  int64_t unit = grid.block[axis];
  bool liesInOne = begin % unit + size <= unit;
  return begin % unit == 0 || liesInOne ? format : FormatInterface();
}

/// An axis of `to` with the same extent as `axis` of `from` and as many
/// elements before and after it; -1 if there is none.
static int64_t findAxis(ArrayRef<int64_t> from, ArrayRef<int64_t> to,
                        int64_t axis) {
  for (size_t i = 0; i < to.size(); ++i)
    if (to[i] == from[axis] &&
        llvm::product_of(to.take_front(i)) ==
            llvm::product_of(from.take_front(axis)) &&
        llvm::product_of(to.drop_front(i + 1)) ==
            llvm::product_of(from.drop_front(axis + 1)))
      return i;
  return -1;
}

/// Leading axes with blocks of 1 may be regrouped before axes that stay.
static FormatInterface reshapeBlock(FormatInterface format,
                                    ArrayRef<int64_t> from,
                                    ArrayRef<int64_t> to) {
  Grid grid = format.getGrid();
  ArrayRef<int64_t> block = grid.block;
  SmallVector<int64_t> kept;
  while (!from.empty() && !to.empty() && from.back() == to.back()) {
    kept.push_back(block.back());
    from = from.drop_back(), to = to.drop_back(), block = block.drop_back();
  }
  bool areUnits = llvm::all_of(block, [](int64_t unit) { return unit == 1; });
  if (!areUnits || llvm::product_of(from) != llvm::product_of(to))
    return {};
  SmallVector<int64_t> result(to.size(), 1);
  result.append(kept.rbegin(), kept.rend());
  return result.empty() ? FormatInterface() : withBlock(format, result);
}

FormatInterface reshape(FormatInterface format, ArrayRef<int64_t> from,
                        ArrayRef<int64_t> to) {
  Grid grid = format.getGrid();
  if (from == to || grid.granularity == Granularity::Tensor)
    return format;
  if (ShapedType::isDynamicShape(from) || ShapedType::isDynamicShape(to))
    return {};
  if (grid.granularity == Granularity::Axis) {
    int64_t axis = findAxis(from, to, grid.axis);
    return axis < 0 ? FormatInterface() : withAxis(format, axis);
  }
  if (grid.granularity == Granularity::Block)
    return reshapeBlock(format, from, to);
  bool areRowsKept =
      !to.empty() && to.back() == from.back() &&
      llvm::product_of(to.drop_back()) == llvm::product_of(from.drop_back());
  return areRowsKept ? format : FormatInterface();
}

FormatInterface transpose(FormatInterface format,
                          ArrayRef<int64_t> permutation) {
  Grid grid = format.getGrid();
  switch (grid.granularity) {
  case Granularity::Tensor:
    return format;
  case Granularity::Axis:
    return withAxis(format,
                    llvm::find(permutation, grid.axis) - permutation.begin());
  case Granularity::Row: {
    bool isLastKept = permutation.back() + 1 == int64_t(permutation.size());
    return isLastKept ? format : FormatInterface();
  }
  case Granularity::Block: {
    SmallVector<int64_t> block;
    for (int64_t axis : permutation)
      block.push_back(grid.block[axis]);
    return withBlock(format, block);
  }
  }
  llvm_unreachable("unknown granularity");
}

SmallVector<int64_t> getUniformBlock(FormatInterface format,
                                     ArrayRef<int64_t> shape) {
  SmallVector<int64_t> block = format.getBlockExtents(shape.size());
  for (auto [unit, extent] : llvm::zip_equal(block, shape))
    if (unit == kWholeAxis)
      unit = extent;
  return block;
}

} // namespace quantc::fmt::grid
