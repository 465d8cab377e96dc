// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #fmt.int: integer codes with scales and, optionally, integer or float
// offsets.

#include "IntCodes.h"
#include "StoredScales.h"
#include "quantc/Dialect/Fmt/Fmt.h"
#include "quantc/Dialect/Fmt/PackLines.h"
#include <cmath>

using namespace mlir;
using namespace quantc;
using namespace quantc::fmt;

//===----------------------------------------------------------------------===//
// Scheme
//===----------------------------------------------------------------------===//

int32_t IntAttr::getMaxCode() const {
  bool isSigned = getOffset() == OffsetKind::None;
  return (1 << (getBits() - (isSigned ? 1 : 0))) - 1;
}

int32_t IntAttr::getMinCode() const {
  if (getOffset() != OffsetKind::None)
    return 0;
  return -getMaxCode() - (getNarrow() ? 0 : 1);
}

Type IntAttr::getCodeType() const {
  return IntegerType::get(getContext(), 8,
                          getOffset() == OffsetKind::None
                              ? IntegerType::Signless
                              : IntegerType::Unsigned);
}

Grid IntAttr::getGrid() const {
  return {getGranularity(), getAxis(), llvm::to_vector(getBlock()),
          getScaleType()};
}

FormatInterface IntAttr::withGrid(const Grid &grid) const {
  return IntAttr::get(getContext(), getBits(), grid.granularity, grid.axis,
                      grid.block, grid.scaleType, getOffset(), getNarrow());
}

// Bytes above four bits are packed by lowbit::packWeight.
CodeScheme IntAttr::getCodes() const {
  CodeScheme codes{getCodeType(), getMinCode(), getMaxCode(), getBits()};
  codes.areGrouped = getBits() <= 4;
  return codes;
}

OffsetKind IntAttr::getOffsetKind() const { return getOffset(); }

SmallVector<Plane> IntAttr::planes() const {
  bool isSigned = getOffset() == OffsetKind::None;
  unsigned field = getBits() > 4 ? 8 : getBits();
  int32_t offset = isSigned ? 1 << (field - 1) : 0;
  SmallVector<Plane> planes;
  for (unsigned shift : getLineUnit(getBits()).shifts)
    planes.push_back({field, /*isSigned=*/false, shift, offset,
                      (getMinCode() + offset) << shift,
                      (getMaxCode() + offset) << shift});
  return planes;
}

std::optional<UniformFormat> IntAttr::asUniform(ArrayRef<int64_t> shape) const {
  if (getOffset() == OffsetKind::Float)
    return std::nullopt;
  return UniformFormat{getMinCode(),
                       getMaxCode(),
                       getCodeType(),
                       getScaleType(),
                       getOffset() == OffsetKind::Integer,
                       grid::getUniformBlock(*this, shape)};
}

//===----------------------------------------------------------------------===//
// Reference conversion
//===----------------------------------------------------------------------===//

static CodeRule ruleOf(IntAttr format) {
  return {format.getMinCode(), format.getMaxCode(),
          format.getOffset() == OffsetKind::Float};
}

BlockScale IntAttr::fitRange(float low, float high) const {
  FloatRange range{low, high};
  BlockScale fit;
  switch (getOffset()) {
  case OffsetKind::None:
    fit.scale =
        roundScale(getScaleType(), symmetricScale(range, float(getMaxCode())));
    break;
  case OffsetKind::Integer:
    fit.scale =
        roundScale(getScaleType(), integerOffsetScale(range, getMaxCode()));
    fit.offset = float(integerOffset(range, fit.scale, getMaxCode()));
    break;
  case OffsetKind::Float:
    fit.offset = range.isEmpty() ? 0 : roundTo(getScaleType(), range.low);
    fit.scale = roundScale(getScaleType(),
                           floatOffsetScale(range, fit.offset, getMaxCode()));
    break;
  }
  return fit;
}

BlockScale IntAttr::storeScale(BlockScale wanted) const {
  BlockScale stored{roundScale(getScaleType(), std::max(wanted.scale, 0.0f))};
  if (getOffset() == OffsetKind::Integer)
    stored.offset =
        std::clamp(std::nearbyint(wanted.offset), 0.0f, float(getMaxCode()));
  if (getOffset() == OffsetKind::Float)
    stored.offset = roundTo(getScaleType(), wanted.offset);
  return stored;
}

void IntAttr::roundValues(ArrayRef<float> values, ArrayRef<float> scales,
                          ArrayRef<float> offsets,
                          MutableArrayRef<uint8_t> codes,
                          MutableArrayRef<float> decoded) const {
  roundRun(ruleOf(*this), values.data(), values.size(), scales.data(),
           offsets.data(), scales.size() == 1, codes.data(), decoded.data());
}

float IntAttr::decodeCode(int32_t code, BlockScale by) const {
  return fmt::decodeCode(ruleOf(*this), code, by.scale, by.offset);
}
