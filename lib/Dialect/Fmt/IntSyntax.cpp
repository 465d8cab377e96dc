// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Syntax and verification of #fmt.int.  Parameters that have their default are
// not printed; the default of `narrow` depends on width and offset.

#include "quantc/Dialect/Fmt/Fmt.h"

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
  if (failed(verifyBits(emitError, bits)))
    return failure();
  if (axis < 0 || (granularity != Granularity::Axis && axis != 0))
    return emitError() << "expected 'axis' to be "
                       << (axis < 0 ? "at least 0" : "0 without axis scales")
                       << ", got " << axis;
  if (block.empty() != (granularity != Granularity::Block))
    return emitError() << "expected 'block' to have "
                       << (block.empty() ? "at least one extent"
                                         : "no extents without block scales")
                       << ", got " << block.size();
  for (int64_t extent : block)
    if (extent < 1)
      return emitError() << "expected extents of 'block' to be at least 1, got "
                         << extent;
  if (!scaleType || (!scaleType.isF32() && !scaleType.isF16()))
    return emitError() << "expected 'scale' to be f32 or f16, got "
                       << scaleType;
  if (offset != OffsetKind::None && narrow)
    return emitError() << "expected 'narrow' to be false with an offset, whose "
                          "codes are unsigned, got true";
  if (offset == OffsetKind::None && bits == 1)
    return emitError() << "expected codes of 1 bit to have an offset, got "
                          "'offset' none, which leaves no code but 0 and -1";
  return success();
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

namespace {
/// The parameters as far as they were read.
struct Fields {
  int64_t bits = 0;
  Granularity granularity = Granularity::Tensor;
  int64_t axis = 0;
  SmallVector<int64_t> block;
  Type scaleType;
  std::optional<OffsetKind> offset;
  std::optional<bool> narrow;
};
} // namespace

static ParseResult parseGranularity(AsmParser &parser, Fields &fields) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<Granularity> value = symbolizeGranularity(keyword);
  if (!value)
    return parser.emitError(loc, "expected 'tensor', 'axis', 'per_row' or "
                                 "'block', got '")
           << keyword << "'";
  fields.granularity = *value;
  if (*value == Granularity::Axis)
    return failure(parser.parseEqual() || parser.parseInteger(fields.axis));
  if (*value != Granularity::Block)
    return success();
  return failure(parser.parseEqual() ||
                 parser.parseCommaSeparatedList(
                     AsmParser::Delimiter::Square, [&]() -> ParseResult {
                       return parser.parseInteger(fields.block.emplace_back());
                     }));
}

static ParseResult parseOffset(AsmParser &parser, Fields &fields) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  fields.offset = symbolizeOffsetKind(keyword);
  if (!fields.offset)
    return parser.emitError(
               loc, "expected 'offset' to be none, integer or float, got '")
           << keyword << "'";
  return success();
}

static ParseResult parseNarrow(AsmParser &parser, Fields &fields) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  if (keyword != "true" && keyword != "false")
    return parser.emitError(loc, "expected 'narrow' to be true or false, got '")
           << keyword << "'";
  fields.narrow = keyword == "true";
  return success();
}

/// name `=` value, each name at most once.
static ParseResult parseOption(AsmParser &parser, Fields &fields) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef name;
  if (parser.parseKeyword(&name) || parser.parseEqual())
    return failure();
  bool isSeen = name == "scale"    ? bool(fields.scaleType)
                : name == "offset" ? fields.offset.has_value()
                                   : fields.narrow.has_value();
  if (name != "scale" && name != "offset" && name != "narrow")
    return parser.emitError(loc,
                            "expected 'scale', 'offset' or 'narrow', got '")
           << name << "'";
  if (isSeen)
    return parser.emitError(loc, "expected '")
           << name << "' once, got it twice";
  if (name == "scale")
    return parser.parseType(fields.scaleType);
  return name == "offset" ? parseOffset(parser, fields)
                          : parseNarrow(parser, fields);
}

Attribute IntAttr::parse(AsmParser &parser, Type) {
  Fields fields;
  SMLoc loc = parser.getCurrentLocation();
  auto emitError = [&] { return parser.emitError(loc); };
  if (parser.parseLess() || parser.parseInteger(fields.bits) ||
      failed(verifyBits(emitError, fields.bits)) || parser.parseComma() ||
      parseGranularity(parser, fields))
    return {};
  while (succeeded(parser.parseOptionalComma()))
    if (parseOption(parser, fields))
      return {};
  if (parser.parseGreater())
    return {};
  OffsetKind offset = fields.offset.value_or(OffsetKind::None);
  if (!fields.scaleType)
    fields.scaleType = Float32Type::get(parser.getContext());
  return IntAttr::getChecked(
      emitError, parser.getContext(), unsigned(fields.bits), fields.granularity,
      fields.axis, ArrayRef<int64_t>(fields.block), fields.scaleType, offset,
      fields.narrow.value_or(isNarrowByDefault(fields.bits, offset)));
}

void IntAttr::print(AsmPrinter &printer) const {
  printer << "<" << getBits() << ", " << stringifyGranularity(getGranularity());
  if (getGranularity() == Granularity::Axis)
    printer << " = " << getAxis();
  if (getGranularity() == Granularity::Block) {
    printer << " = [";
    llvm::interleaveComma(getBlock(), printer);
    printer << "]";
  }
  if (!getScaleType().isF32())
    printer << ", scale = " << getScaleType();
  if (getOffset() != OffsetKind::None)
    printer << ", offset = " << stringifyOffsetKind(getOffset());
  if (getNarrow() != isNarrowByDefault(getBits(), getOffset()))
    printer << ", narrow = " << (getNarrow() ? "true" : "false");
  printer << ">";
}
