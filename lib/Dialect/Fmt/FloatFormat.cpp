// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #fmt.float: floats of 4 to 8 bits, times a scale.

#include "GridSyntax.h"
#include "IntCodes.h"
#include "StoredScales.h"
#include "ValueCodes.h"

using namespace mlir;
using namespace quantc;
using namespace quantc::fmt;

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

LogicalResult SmallFloatAttr::verify(EmitError emitError, unsigned exponentBits,
                                     unsigned mantissaBits,
                                     Granularity granularity, int64_t axis,
                                     ArrayRef<int64_t> block, Type scaleType) {
  if (exponentBits < 2 || mantissaBits < 1 || exponentBits + mantissaBits > 7)
    return emitError() << "expected 2 or more bits of exponent, 1 or more of "
                          "mantissa and at most 7 of both, got E"
                       << exponentBits << "M" << mantissaBits;
  return verifyGrid(emitError,
                    {granularity, axis, llvm::to_vector(block), scaleType});
}

Attribute SmallFloatAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  auto emitError = [&] { return parser.emitError(loc); };
  StringRef name;
  Grid grid;
  if (parser.parseLess() || parser.parseKeyword(&name))
    return {};
  unsigned exponentBits, mantissaBits;
  StringRef rest = name;
  if (!rest.consume_front("E") || rest.consumeInteger(10, exponentBits) ||
      !rest.consume_front("M") || rest.getAsInteger(10, mantissaBits)) {
    emitError() << "expected a float such as E4M3, got '" << name << "'";
    return {};
  }
  if (parser.parseComma() || parseGrid(parser, grid))
    return {};
  return SmallFloatAttr::getChecked(
      emitError, parser.getContext(), exponentBits, mantissaBits,
      grid.granularity, grid.axis, ArrayRef<int64_t>(grid.block),
      grid.scaleType);
}

void SmallFloatAttr::print(AsmPrinter &printer) const {
  printer << "<E" << getExponentBits() << "M" << getMantissaBits() << ", ";
  printGrid(printer, getGrid());
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Scheme
//===----------------------------------------------------------------------===//

static SmallFloat ruleOf(SmallFloatAttr format) {
  return {int(format.getExponentBits()), int(format.getMantissaBits())};
}

Grid SmallFloatAttr::getGrid() const {
  return {getGranularity(), getAxis(), llvm::to_vector(getBlock()),
          getScaleType()};
}

FormatInterface SmallFloatAttr::withGrid(const Grid &grid) const {
  return SmallFloatAttr::get(getContext(), getExponentBits(), getMantissaBits(),
                             grid.granularity, grid.axis, grid.block,
                             grid.scaleType);
}

/// The only floats of four bits, in the order of their codes.
static constexpr float kE2M1[16] = {0,   0.5,  1,  1.5,  2,  3,  4,  6,
                                    -0., -0.5, -1, -1.5, -2, -3, -4, -6};

// Kernels look four bits up, and compute the others.
CodeScheme SmallFloatAttr::getCodes() const {
  int width = ruleOf(*this).getWidth();
  CodeScheme codes{IntegerType::get(getContext(), 8, IntegerType::Unsigned), 0,
                   (1 << width) - 1, unsigned(width)};
  if (width == 4)
    codes.values = kE2M1;
  else
    codes.exponentBits = getExponentBits();
  return codes;
}

//===----------------------------------------------------------------------===//
// Reference conversion
//===----------------------------------------------------------------------===//

BlockScale SmallFloatAttr::fitRange(float low, float high) const {
  SmallFloat rule = ruleOf(*this);
  float largest = rule.decode(rule.getLargestCode());
  return {roundScale(getScaleType(), symmetricScale({low, high}, largest))};
}

void SmallFloatAttr::roundValues(ArrayRef<float> values, ArrayRef<float> scales,
                                 ArrayRef<float>,
                                 MutableArrayRef<uint8_t> codes,
                                 MutableArrayRef<float> decoded) const {
  ruleOf(*this).round({values.data(), int64_t(values.size()), scales.data(),
                       scales.size() == 1, codes.data(), decoded.data()});
}

float SmallFloatAttr::decodeCode(int32_t code, BlockScale by) const {
  return ruleOf(*this).decode(uint8_t(code)) * by.scale;
}
