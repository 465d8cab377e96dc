// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #fmt.ternary: -1, 0 and 1, times a scale; five codes to a byte
// (PackLines.h).

#include "GridSyntax.h"
#include "IntCodes.h"
#include "StoredScales.h"
#include "quantc/Dialect/Fmt/PackLines.h"

using namespace mlir;
using namespace quantc;
using namespace quantc::fmt;

static constexpr CodeRule kRule = {-1, 1, /*isFloatOffset=*/false};

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

LogicalResult TernaryAttr::verify(EmitError emitError, Granularity granularity,
                                  int64_t axis, ArrayRef<int64_t> block,
                                  Type scaleType) {
  return verifyGrid(emitError,
                    {granularity, axis, llvm::to_vector(block), scaleType});
}

Attribute TernaryAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  Grid grid;
  if (parser.parseLess() || parseGrid(parser, grid))
    return {};
  return TernaryAttr::getChecked([&] { return parser.emitError(loc); },
                                 parser.getContext(), grid.granularity,
                                 grid.axis, ArrayRef<int64_t>(grid.block),
                                 grid.scaleType);
}

void TernaryAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printGrid(printer, getGrid());
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Scheme
//===----------------------------------------------------------------------===//

Grid TernaryAttr::getGrid() const {
  return {getGranularity(), getAxis(), llvm::to_vector(getBlock()),
          getScaleType()};
}

FormatInterface TernaryAttr::withGrid(const Grid &grid) const {
  return TernaryAttr::get(getContext(), grid.granularity, grid.axis, grid.block,
                          grid.scaleType);
}

CodeScheme TernaryAttr::getCodes() const {
  CodeScheme codes{IntegerType::get(getContext(), 8), kRule.minCode,
                   kRule.maxCode, /*bits=*/2};
  codes.isTernary = true;
  return codes;
}

// What decoding a line gives is two bits wide and holds code + 2.
SmallVector<Plane> TernaryAttr::planes() const {
  SmallVector<Plane> planes;
  for (unsigned shift : getLineUnit(2, /*isTernary=*/true).shifts)
    planes.push_back({2, /*isSigned=*/false, shift, 2, 1 << shift, 3 << shift});
  return planes;
}

std::optional<UniformFormat>
TernaryAttr::asUniform(ArrayRef<int64_t> shape) const {
  return UniformFormat{
      kRule.minCode,       kRule.maxCode,
      getCodes().type,     getScaleType(),
      /*hasOffset=*/false, grid::getUniformBlock(*this, shape)};
}

//===----------------------------------------------------------------------===//
// Reference conversion
//===----------------------------------------------------------------------===//

BlockScale TernaryAttr::fitRange(float low, float high) const {
  return {roundScale(getScaleType(), symmetricScale({low, high}, 1))};
}

void TernaryAttr::roundValues(ArrayRef<float> values, ArrayRef<float> scales,
                              ArrayRef<float> offsets,
                              MutableArrayRef<uint8_t> codes,
                              MutableArrayRef<float> decoded) const {
  roundRun(kRule, values.data(), values.size(), scales.data(), offsets.data(),
           scales.size() == 1, codes.data(), decoded.data());
}

float TernaryAttr::decodeCode(int32_t code, BlockScale by) const {
  return fmt::decodeCode(kRule, code, by.scale, by.offset);
}
