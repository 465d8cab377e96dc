// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reference conversion on a grid (docs/numerics.md §6.4, §6.6): a range per
// cell, its scale and offset as stored, then codes.

#include "GridWalk.h"
#include "IntCodes.h"
#include "StoredScales.h"
#include <cmath>

using namespace mlir;

namespace quantc::fmt::grid {

BlockScale storeScale(FormatInterface format, BlockScale wanted) {
  return {roundScale(format.getGrid().scaleType, std::max(wanted.scale, 0.0f))};
}

FailureOr<EncodedTensor> encode(FormatInterface format, EmitError emitError,
                                const HostTensor &values, StringRef name) {
  ArrayRef<int64_t> shape = values.getShape();
  if (failed(format.verifyShape(emitError, shape)))
    return failure();
  if (!values.getElementType().isF32())
    return emitError() << "expected '" << name << "' to have elements of type "
                       << "f32 to encode, got " << values.getElementType();
  EncodedTensor encoded{llvm::to_vector(shape), {}};
  for (const PayloadArray &array : format.payload(shape)) {
    auto tensor = HostTensor::allocate(array.elementType, array.shape);
    if (!tensor)
      return emitError() << "expected the " << array.name << " of '" << name
                         << "' to be addressable, got a size beyond the limit";
    encoded.arrays.push_back(*tensor);
  }
  SmallVector<int64_t> block = format.getBlockExtents(shape.size());
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
        cells.emplace_back(format.fitRange(range.low, range.high));
    encoded.arrays[1].setFloat(i, cell.scale);
    if (format.getOffsetKind() == OffsetKind::Integer)
      encoded.arrays[2].setInt(i, int64_t(cell.offset));
    if (format.getOffsetKind() == OffsetKind::Float)
      encoded.arrays[2].setFloat(i, cell.offset);
  }
  auto codes = encoded.arrays[0].asMutable<uint8_t>();
  std::vector<float> decoded(shape.empty() ? 1 : shape.back());
  forEachRun(shape, block, [&](int64_t begin, int64_t length, int64_t cell) {
    format.roundValues(floats.slice(begin, length), cells[cell].scale,
                       cells[cell].offset, codes.slice(begin, length),
                       MutableArrayRef(decoded).take_front(length));
  });
  return encoded;
}

/// Checks that the arrays are those of the payload.
static LogicalResult verifyArrays(FormatInterface format, EmitError emitError,
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
readCells(FormatInterface format, EmitError emitError,
          const EncodedTensor &encoded) {
  int32_t most = format.getCodes().max;
  std::vector<BlockScale> cells(encoded.arrays[1].getNumElements());
  for (auto [i, cell] : llvm::enumerate(cells)) {
    cell.scale = float(encoded.arrays[1].getFloat(i));
    if (!std::isfinite(cell.scale) || cell.scale <= 0)
      return emitError() << "expected scales to be finite and positive, got "
                         << cell.scale << " at element " << i;
    if (format.getOffsetKind() == OffsetKind::Integer) {
      cell.offset = float(encoded.arrays[2].getInt(i));
      if (cell.offset > float(most))
        return emitError() << "expected offsets of at most " << most << " for "
                           << format << ", got " << int32_t(cell.offset)
                           << " at element " << i;
    } else if (format.getOffsetKind() == OffsetKind::Float) {
      cell.offset = float(encoded.arrays[2].getFloat(i));
      if (!std::isfinite(cell.offset))
        return emitError() << "expected offsets to be finite, got "
                           << cell.offset << " at element " << i;
    }
  }
  return cells;
}

FailureOr<HostTensor> decode(FormatInterface format, EmitError emitError,
                             const EncodedTensor &encoded) {
  if (failed(format.verifyShape(emitError, encoded.shape)) ||
      failed(verifyArrays(format, emitError, encoded)))
    return failure();
  FailureOr<std::vector<BlockScale>> cells =
      readCells(format, emitError, encoded);
  if (failed(cells))
    return failure();
  const HostTensor &codes = encoded.arrays[0];
  CodeScheme scheme = format.getCodes();
  int32_t low = scheme.min, high = scheme.max;
  for (int64_t i = 0; i < codes.getNumElements(); ++i)
    if (int64_t code = codes.getInt(i); code < low || code > high)
      return emitError() << "expected codes from " << low << " to " << high
                         << " for " << format << ", got " << code
                         << " at element " << i;
  auto values = HostTensor::allocate(Float32Type::get(format.getContext()),
                                     encoded.shape);
  if (!values)
    return emitError() << "expected decoded values to be addressable, got a "
                          "size beyond the limit";
  auto floats = values->asMutable<float>();
  int64_t bad = -1;
  forEachRun(encoded.shape, format.getBlockExtents(encoded.shape.size()),
             [&](int64_t begin, int64_t length, int64_t cell) {
               const BlockScale &by = (*cells)[cell];
               for (int64_t i = begin; i < begin + length; ++i) {
                 floats[i] = format.decodeCode(int32_t(codes.getInt(i)), by);
                 if (std::isnan(floats[i]) && bad < 0)
                   bad = i;
               }
             });
  if (bad >= 0)
    return emitError() << "expected codes that stand for values of " << format
                       << ", got " << codes.getInt(bad) << " at element "
                       << bad;
  return *values;
}

LogicalResult project(FormatInterface format, MutableArrayRef<float> block) {
  FloatRange range;
  if (extendRange(block.data(), block.size(), range) >= 0)
    return failure();
  BlockScale cell = format.fitRange(range.low, range.high);
  SmallVector<uint8_t> codes(block.size());
  SmallVector<float> values(block);
  format.roundValues(values, cell.scale, cell.offset, codes, block);
  return success();
}

} // namespace quantc::fmt::grid
