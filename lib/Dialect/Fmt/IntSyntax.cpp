// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Syntax and verification of #fmt.int.  The default of `narrow` depends on
// width and offset.

#include "GridSyntax.h"

using namespace mlir;
using namespace quantc::fmt;

static bool isNarrowByDefault(unsigned bits, OffsetKind offset) {
  return bits == 8 && offset == OffsetKind::None;
}

static LogicalResult verifyBits(EmitError emitError, int64_t bits) {
  if (bits >= 1 && bits <= 8)
    return success();
  return emitError() << "expected a width of 1 to 8 bits, got " << bits;
}

LogicalResult IntAttr::verify(EmitError emitError, unsigned bits,
                              Granularity granularity, int64_t axis,
                              ArrayRef<int64_t> block, Type scaleType,
                              OffsetKind offset, bool narrow) {
  if (failed(verifyBits(emitError, bits)) ||
      failed(verifyGrid(
          emitError, {granularity, axis, llvm::to_vector(block), scaleType})))
    return failure();
  if (offset != OffsetKind::None && narrow)
    return emitError() << "expected 'narrow' to be false with an offset, whose "
                          "codes are unsigned, got true";
  if (offset == OffsetKind::None && bits == 1)
    return emitError() << "expected codes of 1 bit to have an offset, got "
                          "'offset' none, which leaves no code but 0 and -1";
  return success();
}

static ParseResult parseOffset(AsmParser &parser,
                               std::optional<OffsetKind> &offset) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  offset = symbolizeOffsetKind(keyword);
  if (offset)
    return success();
  return parser.emitError(
             loc, "expected 'offset' to be none, integer or float, got '")
         << keyword << "'";
}

static ParseResult parseNarrow(AsmParser &parser, std::optional<bool> &narrow) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  if (keyword != "true" && keyword != "false")
    return parser.emitError(loc, "expected 'narrow' to be true or false, got '")
           << keyword << "'";
  narrow = keyword == "true";
  return success();
}

Attribute IntAttr::parse(AsmParser &parser, Type) {
  int64_t bits = 0;
  Grid grid;
  std::optional<OffsetKind> kind;
  std::optional<bool> narrow;
  auto readOffset = [&] { return parseOffset(parser, kind); };
  auto readNarrow = [&] { return parseNarrow(parser, narrow); };
  SMLoc loc = parser.getCurrentLocation();
  auto emitError = [&] { return parser.emitError(loc); };
  if (parser.parseLess() || parser.parseInteger(bits) ||
      failed(verifyBits(emitError, bits)) || parser.parseComma() ||
      parseGrid(parser, grid, {{"offset", readOffset}, {"narrow", readNarrow}}))
    return {};
  OffsetKind offset = kind.value_or(OffsetKind::None);
  return IntAttr::getChecked(
      emitError, parser.getContext(), unsigned(bits), grid.granularity,
      grid.axis, ArrayRef<int64_t>(grid.block), grid.scaleType, offset,
      narrow.value_or(isNarrowByDefault(bits, offset)));
}

void IntAttr::print(AsmPrinter &printer) const {
  printer << "<" << getBits() << ", ";
  printGrid(printer, getGrid());
  if (getOffset() != OffsetKind::None)
    printer << ", offset = " << stringifyOffsetKind(getOffset());
  if (getNarrow() != isNarrowByDefault(getBits(), getOffset()))
    printer << ", narrow = " << (getNarrow() ? "true" : "false");
  printer << ">";
}
