// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #fmt.int: integer codes with scales and, optionally, integer or float
// offsets.  Scales and offsets form a grid: one cell per block, whatever the
// granularity.  A tensor is walked in runs, the elements of the last axis that
// lie in one cell.

#include "IntCodes.h"
#include "quantc/Dialect/Fmt/Fmt.h"
#include "quantc/Dialect/Fmt/PackLines.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/CheckedArithmetic.h"
#include <cmath>
#include <limits>

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

SmallVector<int64_t> IntAttr::getBlockExtents(int64_t rank) const {
  if (getGranularity() == Granularity::Block)
    return llvm::to_vector(getBlock());
  SmallVector<int64_t> extents(rank, kWholeAxis);
  if (getGranularity() == Granularity::Axis)
    extents[getAxis()] = 1;
  if (getGranularity() == Granularity::Row)
    std::fill(extents.begin(), extents.end() - 1, 1);
  return extents;
}

OffsetKind IntAttr::getOffsetKind() const { return getOffset(); }

LogicalResult IntAttr::verifyShape(EmitError emitError,
                                   ArrayRef<int64_t> shape) const {
  int64_t rank = shape.size();
  switch (getGranularity()) {
  case Granularity::Tensor:
    return success();
  case Granularity::Axis:
    if (getAxis() < rank)
      return success();
    return emitError() << "expected 'axis' of " << *this
                       << " to be below the tensor's rank of " << rank
                       << ", got " << getAxis();
  case Granularity::Row:
    if (rank > 0)
      return success();
    return emitError() << "expected a tensor of rank 1 or more for " << *this
                       << ", got rank 0";
  case Granularity::Block:
    if (int64_t(getBlock().size()) == rank)
      return success();
    return emitError() << "expected 'block' of " << *this
                       << " to have one extent for each of " << rank
                       << " dimensions, got " << getBlock().size();
  }
  llvm_unreachable("unknown granularity");
}

/// Blocks along each axis.
static SmallVector<int64_t> gridOf(ArrayRef<int64_t> shape,
                                   ArrayRef<int64_t> block) {
  SmallVector<int64_t> grid;
  for (auto [extent, unit] : llvm::zip_equal(shape, block))
    grid.push_back(unit == kWholeAxis ? 1
                   : ShapedType::isDynamic(extent) && unit > 1
                       ? ShapedType::kDynamic
                   : unit == 1 ? extent
                               : int64_t(llvm::divideCeil(extent, unit)));
  return grid;
}

/// The grid without the axes that have one block by definition.
static SmallVector<int64_t> scaleShape(IntAttr format,
                                       ArrayRef<int64_t> shape) {
  SmallVector<int64_t> block = format.getBlockExtents(shape.size()), result;
  for (auto [count, unit] : llvm::zip_equal(gridOf(shape, block), block))
    if (unit != kWholeAxis)
      result.push_back(count);
  return result;
}

SmallVector<PayloadArray> IntAttr::payload(ArrayRef<int64_t> shape) const {
  SmallVector<int64_t> scales = scaleShape(*this, shape);
  SmallVector<PayloadArray> arrays = {
      {"codes", getCodeType(), llvm::to_vector(shape)},
      {"scales", getScaleType(), scales}};
  if (getOffset() == OffsetKind::Integer)
    arrays.push_back({"offsets", getCodeType(), scales});
  if (getOffset() == OffsetKind::Float)
    arrays.push_back({"offsets", getScaleType(), scales});
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
static std::optional<int64_t> groupLength(IntAttr format,
                                          ArrayRef<int64_t> shape) {
  if (format.getGranularity() != Granularity::Block)
    return product(shape.drop_front());
  int64_t length = 1;
  for (size_t i = shape.size() - 1; i > 0; --i) {
    int64_t extent = std::min(shape[i], format.getBlock()[i]);
    std::optional<int64_t> next = llvm::checkedMul(length, extent);
    if (!next || extent < shape[i])
      return next;
    length = *next;
  }
  return length;
}

/// Bytes of the codes: packed lines, or one byte per code of a vector.
static std::optional<int64_t> codeBytes(IntAttr format,
                                        ArrayRef<int64_t> shape) {
  if (shape.size() < 2)
    return product(shape);
  std::optional<int64_t> k = product(shape.drop_front());
  std::optional<int64_t> group = groupLength(format, shape);
  if (!k || !group)
    return std::nullopt;
  if (format.getBits() > 4)
    group = k;
  std::optional<SmallVector<int64_t>> lines = getLineShape(
      format.getBits(), shape[0], *k, std::max<int64_t>(*group, 1));
  return lines ? product(*lines) : std::nullopt;
}

std::optional<int64_t> IntAttr::storedBits(ArrayRef<int64_t> shape) const {
  std::optional<int64_t> bytes = codeBytes(*this, shape);
  for (const PayloadArray &array : ArrayRef(payload(shape)).drop_front()) {
    std::optional<int64_t> count = product(array.shape);
    if (!count || !bytes)
      return std::nullopt;
    bytes = llvm::checkedMulAdd(
        *count, HostTensor::storageBytes(array.elementType), *bytes);
  }
  return bytes ? llvm::checkedMul<int64_t>(*bytes, 8) : std::nullopt;
}

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

//===----------------------------------------------------------------------===//
// Reference conversion
//===----------------------------------------------------------------------===//

/// Rounds to a scale type; infinities become the largest finite value.
static float roundTo(Type type, float value) {
  const llvm::fltSemantics &semantics =
      cast<FloatType>(type).getFloatSemantics();
  llvm::APFloat rounded(value);
  bool losesInfo;
  rounded.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  if (rounded.isInfinity())
    rounded = llvm::APFloat::getLargest(semantics, rounded.isNegative());
  rounded.convert(llvm::APFloat::IEEEsingle(),
                  llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return rounded.convertToFloat();
}

static float roundScale(Type type, float scale) {
  float rounded = roundTo(type, scale);
  if (rounded != 0)
    return rounded;
  return std::ldexp(1.0f, type.isF16() ? -24 : -149);
}

static CodeRule ruleOf(IntAttr format) {
  return {format.getMinCode(), format.getMaxCode(),
          format.getOffset() == OffsetKind::Float};
}

BlockScale IntAttr::fitRange(float low, float high) const {
  FloatRange range{low, high};
  BlockScale fit;
  switch (getOffset()) {
  case OffsetKind::None:
    fit.scale = roundScale(getScaleType(), symmetricScale(range, getMaxCode()));
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

/// Calls `visit(begin, length, cell)` for every run of a tensor, in order.
static void
forEachRun(ArrayRef<int64_t> shape, ArrayRef<int64_t> block,
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

FailureOr<EncodedTensor> IntAttr::encode(EmitError emitError,
                                         const HostTensor &values,
                                         StringRef name) const {
  ArrayRef<int64_t> shape = values.getShape();
  if (failed(verifyShape(emitError, shape)))
    return failure();
  if (!values.getElementType().isF32())
    return emitError() << "expected '" << name << "' to have elements of type "
                       << "f32 to encode, got " << values.getElementType();
  EncodedTensor encoded{llvm::to_vector(shape), {}};
  for (const PayloadArray &array : payload(shape)) {
    auto tensor = HostTensor::allocate(array.elementType, array.shape);
    if (!tensor)
      return emitError() << "expected the " << array.name << " of '" << name
                         << "' to be addressable, got a size beyond the limit";
    encoded.arrays.push_back(*tensor);
  }
  SmallVector<int64_t> block = getBlockExtents(shape.size());
  ArrayRef<float> floats = values.as<float>();
  std::vector<FloatRange> ranges(encoded.arrays[1].getNumElements());
  int64_t bad = -1;
  forEachRun(shape, block, [&](int64_t begin, int64_t length, int64_t cell) {
    int64_t at = extendRange(&floats[begin], length, ranges[cell]);
    if (at >= 0 && bad < 0)
      bad = begin + at;
  });
  if (bad >= 0)
    return emitError() << "expected '" << name
                       << "' to have finite values to encode, got "
                       << (std::isnan(floats[bad]) ? "NaN" : "Inf")
                       << " at element " << bad;
  std::vector<BlockScale> cells;
  for (auto [i, range] : llvm::enumerate(ranges)) {
    const BlockScale &cell =
        cells.emplace_back(fitRange(range.low, range.high));
    encoded.arrays[1].setFloat(i, cell.scale);
    if (getOffset() == OffsetKind::Integer)
      encoded.arrays[2].setInt(i, int64_t(cell.offset));
    if (getOffset() == OffsetKind::Float)
      encoded.arrays[2].setFloat(i, cell.offset);
  }
  auto codes = encoded.arrays[0].asMutable<uint8_t>();
  CodeRule rule = ruleOf(*this);
  forEachRun(shape, block, [&](int64_t begin, int64_t length, int64_t cell) {
    roundRun(rule, &floats[begin], length, &cells[cell].scale,
             &cells[cell].offset, /*isShared=*/true, &codes[begin], nullptr);
  });
  return encoded;
}

/// Checks that the arrays are those of the payload.
static LogicalResult verifyArrays(IntAttr format, EmitError emitError,
                                  const EncodedTensor &encoded) {
  SmallVector<PayloadArray> expected = format.payload(encoded.shape);
  if (expected.size() != encoded.arrays.size())
    return emitError() << "expected " << expected.size() << " arrays for "
                       << format << ", got " << encoded.arrays.size();
  for (auto [want, got] : llvm::zip_equal(expected, encoded.arrays)) {
    if (got.getElementType() != want.elementType)
      return emitError() << "expected " << want.name << " of type "
                         << want.elementType << " for " << format << ", got "
                         << got.getElementType();
    if (got.getShape() != ArrayRef(want.shape))
      return emitError() << "expected " << want.name << " of shape ["
                         << ArrayRef(want.shape) << "] for " << format
                         << ", got [" << got.getShape() << "]";
  }
  return success();
}

/// Reads scales and offsets, and checks them.
static FailureOr<std::vector<BlockScale>>
readCells(IntAttr format, EmitError emitError, const EncodedTensor &encoded) {
  std::vector<BlockScale> cells(encoded.arrays[1].getNumElements());
  for (auto [i, cell] : llvm::enumerate(cells)) {
    cell.scale = float(encoded.arrays[1].getFloat(i));
    if (!std::isfinite(cell.scale) || cell.scale <= 0)
      return emitError() << "expected scales to be finite and positive, got "
                         << cell.scale << " at element " << i;
    if (format.getOffset() == OffsetKind::Integer) {
      cell.offset = float(encoded.arrays[2].getInt(i));
      if (cell.offset > float(format.getMaxCode()))
        return emitError() << "expected offsets of at most "
                           << format.getMaxCode() << " for " << format
                           << ", got " << int32_t(cell.offset) << " at element "
                           << i;
    } else if (format.getOffset() == OffsetKind::Float) {
      cell.offset = float(encoded.arrays[2].getFloat(i));
      if (!std::isfinite(cell.offset))
        return emitError() << "expected offsets to be finite, got "
                           << cell.offset << " at element " << i;
    }
  }
  return cells;
}

FailureOr<HostTensor> IntAttr::decode(EmitError emitError,
                                      const EncodedTensor &encoded) const {
  if (failed(verifyShape(emitError, encoded.shape)) ||
      failed(verifyArrays(*this, emitError, encoded)))
    return failure();
  FailureOr<std::vector<BlockScale>> cells =
      readCells(*this, emitError, encoded);
  if (failed(cells))
    return failure();
  const HostTensor &codes = encoded.arrays[0];
  int32_t low = getMinCode(), high = getMaxCode();
  for (int64_t i = 0; i < codes.getNumElements(); ++i)
    if (int64_t code = codes.getInt(i); code < low || code > high)
      return emitError() << "expected codes from " << low << " to " << high
                         << " for " << *this << ", got " << code
                         << " at element " << i;
  auto values =
      HostTensor::allocate(Float32Type::get(getContext()), encoded.shape);
  if (!values)
    return emitError() << "expected decoded values to be addressable, got a "
                          "size beyond the limit";
  auto floats = values->asMutable<float>();
  CodeRule rule = ruleOf(*this);
  forEachRun(encoded.shape, getBlockExtents(encoded.shape.size()),
             [&](int64_t begin, int64_t length, int64_t cell) {
               const BlockScale &by = (*cells)[cell];
               for (int64_t i = begin; i < begin + length; ++i)
                 floats[i] = decodeCode(rule, int32_t(codes.getInt(i)),
                                        by.scale, by.offset);
             });
  return *values;
}

LogicalResult IntAttr::project(MutableArrayRef<float> block) const {
  FloatRange range;
  if (extendRange(block.data(), block.size(), range) >= 0)
    return failure();
  BlockScale cell = fitRange(range.low, range.high);
  SmallVector<uint8_t> codes(block.size());
  SmallVector<float> values(block);
  roundValues(values, cell.scale, cell.offset, codes, block);
  return success();
}
