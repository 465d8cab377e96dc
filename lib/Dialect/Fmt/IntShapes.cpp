// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What #fmt.int allows importers, exporters and rewrites to do with the arrays
// of a payload instead of decoding them: slices, reshapes, transposes, and the
// uniform form of exchange formats.

#include "quantc/Dialect/Fmt/Fmt.h"

using namespace mlir;
using namespace quantc::fmt;

static IntAttr withAxis(IntAttr format, int64_t axis) {
  return IntAttr::get(format.getContext(), format.getBits(),
                      format.getGranularity(), axis, format.getBlock(),
                      format.getScaleType(), format.getOffset(),
                      format.getNarrow());
}

static IntAttr withBlock(IntAttr format, ArrayRef<int64_t> block) {
  return IntAttr::get(format.getContext(), format.getBits(),
                      format.getGranularity(), format.getAxis(), block,
                      format.getScaleType(), format.getOffset(),
                      format.getNarrow());
}

// A slice keeps its blocks if it begins with one, or lies in one.
FormatInterface IntAttr::slice(ArrayRef<int64_t> shape, int64_t axis,
                               int64_t begin, int64_t size) const {
  if (axis < 0 || axis >= int64_t(shape.size()) || begin < 0 || size < 0)
    return {};
  if (getGranularity() != Granularity::Block)
    return *this;
  int64_t unit = getBlock()[axis];
  bool liesInOne = begin % unit + size <= unit;
  return begin % unit == 0 || liesInOne ? *this : IntAttr();
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
static IntAttr reshapeBlock(IntAttr format, ArrayRef<int64_t> from,
                            ArrayRef<int64_t> to) {
  ArrayRef<int64_t> block = format.getBlock();
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
  return result.empty() ? IntAttr() : withBlock(format, result);
}

FormatInterface IntAttr::reshape(ArrayRef<int64_t> from,
                                 ArrayRef<int64_t> to) const {
  if (from == to || getGranularity() == Granularity::Tensor)
    return *this;
  if (ShapedType::isDynamicShape(from) || ShapedType::isDynamicShape(to))
    return {};
  if (getGranularity() == Granularity::Axis) {
    int64_t axis = findAxis(from, to, getAxis());
    return axis < 0 ? IntAttr() : withAxis(*this, axis);
  }
  if (getGranularity() == Granularity::Block)
    return reshapeBlock(*this, from, to);
  bool areRowsKept =
      !to.empty() && to.back() == from.back() &&
      llvm::product_of(to.drop_back()) == llvm::product_of(from.drop_back());
  return areRowsKept ? *this : IntAttr();
}

FormatInterface IntAttr::transpose(ArrayRef<int64_t> permutation) const {
  switch (getGranularity()) {
  case Granularity::Tensor:
    return *this;
  case Granularity::Axis:
    return withAxis(*this,
                    llvm::find(permutation, getAxis()) - permutation.begin());
  case Granularity::Row: {
    bool isLastKept = permutation.back() + 1 == int64_t(permutation.size());
    return isLastKept ? *this : IntAttr();
  }
  case Granularity::Block: {
    SmallVector<int64_t> block;
    for (int64_t axis : permutation)
      block.push_back(getBlock()[axis]);
    return withBlock(*this, block);
  }
  }
  llvm_unreachable("unknown granularity");
}

std::optional<UniformFormat> IntAttr::asUniform(ArrayRef<int64_t> shape) const {
  if (getOffset() == OffsetKind::Float)
    return std::nullopt;
  SmallVector<int64_t> block = getBlockExtents(shape.size());
  for (auto [unit, extent] : llvm::zip_equal(block, shape))
    if (unit == kWholeAxis)
      unit = extent;
  return UniformFormat{getMinCode(),
                       getMaxCode(),
                       getCodeType(),
                       getScaleType(),
                       getOffset() == OffsetKind::Integer,
                       block};
}

std::optional<BlockFormat> IntAttr::asBlocks(ArrayRef<int64_t> shape) const {
  if (shape.size() != 2 || getBits() > 4)
    return std::nullopt;
  SmallVector<int64_t> block = getBlockExtents(2);
  if (block[0] != 1)
    return std::nullopt;
  int64_t group = block[1] == kWholeAxis ? shape[1] : block[1];
  return BlockFormat{getBits(), std::min(group, std::max<int64_t>(shape[1], 1)),
                     getOffset()};
}
