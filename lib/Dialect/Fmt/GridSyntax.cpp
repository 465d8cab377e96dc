// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Syntax and verification of grids.

#include "GridSyntax.h"
#include "llvm/ADT/SmallSet.h"

using namespace mlir;

namespace quantc::fmt {

static ParseResult parseGranularity(AsmParser &parser, Grid &grid) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<Granularity> value = symbolizeGranularity(keyword);
  if (!value)
    return parser.emitError(loc, "expected 'tensor', 'axis', 'per_row' or "
                                 "'block', got '")
           << keyword << "'";
  grid.granularity = *value;
  if (*value == Granularity::Axis)
    return failure(parser.parseEqual() || parser.parseInteger(grid.axis));
  if (*value != Granularity::Block)
    return success();
  return failure(parser.parseEqual() ||
                 parser.parseCommaSeparatedList(
                     AsmParser::Delimiter::Square, [&]() -> ParseResult {
                       return parser.parseInteger(grid.block.emplace_back());
                     }));
}

/// 'scale', 'offset' or 'narrow'
static std::string listNames(ArrayRef<Option> options) {
  std::string text = "'scale'";
  for (auto [i, option] : llvm::enumerate(options))
    text +=
        (i + 1 == options.size() ? " or '" : ", '") + option.name.str() + "'";
  return text;
}

ParseResult parseGrid(AsmParser &parser, Grid &grid, ArrayRef<Option> options) {
  if (parseGranularity(parser, grid))
    return failure();
  llvm::SmallSet<StringRef, 4> seen;
  while (succeeded(parser.parseOptionalComma())) {
    SMLoc loc = parser.getCurrentLocation();
    StringRef name;
    if (parser.parseKeyword(&name) || parser.parseEqual())
      return failure();
    const auto *option = llvm::find_if(
        options, [&](const Option &option) { return option.name == name; });
    if (name != "scale" && option == options.end())
      return parser.emitError(loc, "expected " + listNames(options) + ", got '")
             << name << "'";
    if (!seen.insert(name).second)
      return parser.emitError(loc, "expected '")
             << name << "' once, got it twice";
    if (name == "scale" ? parser.parseType(grid.scaleType) : option->parse())
      return failure();
  }
  if (!grid.scaleType)
    grid.scaleType = Float32Type::get(parser.getContext());
  return parser.parseGreater();
}

void printGrid(AsmPrinter &printer, const Grid &grid) {
  printer << stringifyGranularity(grid.granularity);
  if (grid.granularity == Granularity::Axis)
    printer << " = " << grid.axis;
  if (grid.granularity == Granularity::Block) {
    printer << " = [";
    llvm::interleaveComma(grid.block, printer);
    printer << "]";
  }
  if (!grid.scaleType.isF32())
    printer << ", scale = " << grid.scaleType;
}

LogicalResult verifyGrid(EmitError emitError, const Grid &grid) {
  if (grid.axis < 0 || (grid.granularity != Granularity::Axis && grid.axis))
    return emitError() << "expected 'axis' to be "
                       << (grid.axis < 0 ? "at least 0"
                                         : "0 without axis scales")
                       << ", got " << grid.axis;
  if (grid.block.empty() != (grid.granularity != Granularity::Block))
    return emitError() << "expected 'block' to have "
                       << (grid.block.empty() ? "at least one extent"
                                              : "no extents without block "
                                                "scales")
                       << ", got " << grid.block.size();
  for (int64_t extent : grid.block)
    if (extent < 1)
      return emitError() << "expected extents of 'block' to be at least 1, got "
                         << extent;
  if (grid.scaleType && (grid.scaleType.isF32() || grid.scaleType.isF16()))
    return success();
  return emitError() << "expected 'scale' to be f32 or f16, got "
                     << grid.scaleType;
}

} // namespace quantc::fmt
