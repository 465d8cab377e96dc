// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #fmt.codebook: indices into an ascending table, times a scale.

#include "GridSyntax.h"
#include "IntCodes.h"
#include "StoredScales.h"
#include "ValueCodes.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace quantc;
using namespace quantc::fmt;

/// Quantiles of the normal distribution on each side of 0, in units of the
/// largest: with q the quantile function and p = (1 - 1/32 + 1 - 1/30) / 2,
/// q(p + (1/2 - p) i / 8), i = 0 ... 8, above, -q(p + (1/2 - p) i / 7) below
/// (QLoRA's NF4), as published in f32.
static constexpr float kNormalFloat[16] = {
    -0x1p+0,        -0x1.647362p-1, -0x1.0cd66p-1,  -0x1.94654p-2,
    -0x1.23449ap-2, -0x1.7a6a7ep-3, -0x1.74f0e2p-4, 0x0p+0,
    0x1.45f5fep-4,  0x1.4995c6p-3,  0x1.f809bap-3,  0x1.5a0674p-2,
    0x1.c3497p-2,   0x1.200f56p-1,  0x1.722766p-1,  0x1p+0};

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

LogicalResult CodebookAttr::verify(EmitError emitError, DenseF32ArrayAttr table,
                                   Granularity granularity, int64_t axis,
                                   ArrayRef<int64_t> block, Type scaleType) {
  ArrayRef<float> values = table.asArrayRef();
  if (values.size() < 2 || values.size() > 16)
    return emitError() << "expected a table of 2 to 16 values, got "
                       << values.size();
  for (auto [i, value] : llvm::enumerate(values)) {
    if (!std::isfinite(value))
      return emitError() << "expected finite values in a table, got one that "
                            "is not at index "
                         << i;
    if (i && !(values[i - 1] < value))
      return emitError() << "expected the values of a table in ascending "
                            "order, got "
                         << double(value) << " after " << double(values[i - 1]);
  }
  return verifyGrid(emitError,
                    {granularity, axis, llvm::to_vector(block), scaleType});
}

static ParseResult parseTable(AsmParser &parser, SmallVector<float> &values) {
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::Square, [&]() -> ParseResult {
        llvm::APFloat value(0.0f);
        if (parser.parseFloat(llvm::APFloat::IEEEsingle(), value))
          return failure();
        values.push_back(value.convertToFloat());
        return success();
      });
}

Attribute CodebookAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  SMLoc loc = parser.getCurrentLocation();
  auto emitError = [&] { return parser.emitError(loc); };
  StringRef name;
  SmallVector<float> values(std::begin(kNormalFloat), std::end(kNormalFloat));
  if (failed(parser.parseOptionalKeyword(&name))) {
    values.clear();
    if (parseTable(parser, values))
      return {};
  } else if (name != "nf4") {
    emitError() << "expected 'nf4' or a table such as [-1.0, 0.0, 1.0], got '"
                << name << "'";
    return {};
  }
  Grid grid;
  if (parser.parseComma() || parseGrid(parser, grid))
    return {};
  MLIRContext *context = parser.getContext();
  return CodebookAttr::getChecked(
      emitError, context, DenseF32ArrayAttr::get(context, values),
      grid.granularity, grid.axis, ArrayRef<int64_t>(grid.block),
      grid.scaleType);
}

void CodebookAttr::print(AsmPrinter &printer) const {
  printer << "<";
  ArrayRef<float> values = getValues().asArrayRef();
  if (values == ArrayRef(kNormalFloat)) {
    printer << "nf4";
  } else {
    printer << "[";
    llvm::interleaveComma(values, printer, [&](float value) {
      printer.printFloat(llvm::APFloat(value));
    });
    printer << "]";
  }
  printer << ", ";
  printGrid(printer, getGrid());
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Scheme
//===----------------------------------------------------------------------===//

Grid CodebookAttr::getGrid() const {
  return {getGranularity(), getAxis(), llvm::to_vector(getBlock()),
          getScaleType()};
}

FormatInterface CodebookAttr::withGrid(const Grid &grid) const {
  return CodebookAttr::get(getContext(), getValues(), grid.granularity,
                           grid.axis, grid.block, grid.scaleType);
}

CodeScheme CodebookAttr::getCodes() const {
  int64_t size = getValues().size();
  CodeScheme codes{IntegerType::get(getContext(), 8, IntegerType::Unsigned), 0,
                   int32_t(size - 1), llvm::Log2_64_Ceil(size)};
  codes.values = getValues().asArrayRef();
  return codes;
}

//===----------------------------------------------------------------------===//
// Reference conversion
//===----------------------------------------------------------------------===//

BlockScale CodebookAttr::fitRange(float low, float high) const {
  ArrayRef<float> values = getValues().asArrayRef();
  float largest = std::max(std::fabs(values.front()), std::fabs(values.back()));
  return {roundScale(getScaleType(), symmetricScale({low, high}, largest))};
}

void CodebookAttr::roundValues(ArrayRef<float> values, ArrayRef<float> scales,
                               ArrayRef<float>, MutableArrayRef<uint8_t> codes,
                               MutableArrayRef<float> decoded) const {
  ValueTable table{getValues().asArrayRef().data(), getValues().size()};
  table.round({values.data(), int64_t(values.size()), scales.data(),
               scales.size() == 1, codes.data(), decoded.data()});
}

float CodebookAttr::decodeCode(int32_t code, BlockScale by) const {
  return getValues()[code] * by.scale;
}
