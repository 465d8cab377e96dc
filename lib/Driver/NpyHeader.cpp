// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The grammar of .npy headers:
//
//   dict  := '{' (pair (',' pair)* ','?)? '}'
//   pair  := string ':' (string | bool | tuple)
//   tuple := '(' (number (',' number)* ','?)? ')'
//
// Strings have no escapes, numbers no sign: NumPy writes neither.

#include "NpyHeader.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace quantc {

namespace {

class HeaderParser {
public:
  HeaderParser(StringRef text, NpyHeader &header)
      : rest(text), header(header) {}

  std::optional<std::string> run();

private:
  using Message = std::optional<std::string>;

  void skipSpace() { rest = rest.ltrim(" \t\n\r\f\v"); }
  bool consume(char c) {
    skipSpace();
    return rest.consume_front(StringRef(&c, 1));
  }
  Message expect(char c) {
    if (consume(c))
      return std::nullopt;
    return "its header is not a dict: expected '" + std::string(1, c) +
           "' before '" + rest.take_front(16).str() + "'";
  }
  Message parseString(StringRef &text);
  Message parseShape();
  Message parsePair();
  Message setType(StringRef descr);
  bool markSeen(StringRef key);

  StringRef rest;
  NpyHeader &header;
  bool hasDescr = false, hasOrder = false, hasShape = false;
};

HeaderParser::Message HeaderParser::parseString(StringRef &text) {
  skipSpace();
  char quote = rest.empty() ? 0 : rest.front();
  if (quote != '\'' && quote != '"')
    return "its header has no string before '" + rest.take_front(16).str() +
           "'";
  size_t end = rest.find(quote, 1);
  text = rest.slice(1, end);
  if (end == StringRef::npos || text.contains('\\') || text.contains('\n'))
    return std::string("its header has a string that does not end");
  rest = rest.drop_front(end + 1);
  return std::nullopt;
}

HeaderParser::Message HeaderParser::parseShape() {
  if (Message message = expect('('))
    return message;
  while (!consume(')')) {
    uint64_t dim = 0;
    skipSpace();
    if (rest.empty() || !isDigit(rest.front()))
      return "its shape has no number before '" + rest.take_front(16).str() +
             "'";
    if (rest.consumeInteger(10, dim) || dim > uint64_t(INT64_MAX))
      return std::string("its shape has a dimension over 2^63 - 1");
    header.shape.push_back(int64_t(dim));
    if (header.shape.size() > 64)
      return std::string("its shape has more than 64 dimensions");
    if (consume(','))
      continue;
    if (Message message = expect(')'))
      return message;
    break;
  }
  return std::nullopt;
}

// `<f4`: byte order, kind, bytes.
HeaderParser::Message HeaderParser::setType(StringRef descr) {
  StringRef kind = descr;
  char order = '|';
  if (!kind.empty() && StringRef("<>|=").contains(kind.front())) {
    order = kind.front();
    kind = kind.drop_front();
  }
  if (kind.starts_with("O"))
    return std::string(
        "it holds Python objects, which are never loaded; save numbers");
  std::optional<quantc_dtype> dtype =
      StringSwitch<std::optional<quantc_dtype>>(kind)
          .Case("b1", quantc_dtype{QUANTC_BOOL, 8, 1})
          .Case("i1", quantc_dtype{QUANTC_INT, 8, 1})
          .Case("i2", quantc_dtype{QUANTC_INT, 16, 1})
          .Case("i4", quantc_dtype{QUANTC_INT, 32, 1})
          .Case("i8", quantc_dtype{QUANTC_INT, 64, 1})
          .Case("u1", quantc_dtype{QUANTC_UINT, 8, 1})
          .Case("u2", quantc_dtype{QUANTC_UINT, 16, 1})
          .Case("u4", quantc_dtype{QUANTC_UINT, 32, 1})
          .Case("u8", quantc_dtype{QUANTC_UINT, 64, 1})
          .Case("f2", quantc_dtype{QUANTC_FLOAT, 16, 1})
          .Case("f4", quantc_dtype{QUANTC_FLOAT, 32, 1})
          .Case("f8", quantc_dtype{QUANTC_FLOAT, 64, 1})
          .Case("V2", quantc_dtype{QUANTC_BFLOAT, 16, 1})
          .Default(std::nullopt);
  if (!dtype)
    return "its element type '" + descr.str() +
           "' is not supported; save bool, int, uint or float of 8 to 64 bits";
  if (order == '|' && dtype->bits > 8 && dtype->code != QUANTC_BFLOAT)
    return "its element type '" + descr.str() + "' has no byte order";
  header.dtype = *dtype;
  header.bigEndian = order == '>' && dtype->bits > 8;
  return std::nullopt;
}

bool HeaderParser::markSeen(StringRef key) {
  bool *seen = StringSwitch<bool *>(key)
                   .Case("descr", &hasDescr)
                   .Case("fortran_order", &hasOrder)
                   .Case("shape", &hasShape)
                   .Default(nullptr);
  if (!seen || *seen)
    return false;
  return *seen = true;
}

HeaderParser::Message HeaderParser::parsePair() {
  StringRef key;
  if (Message message = parseString(key))
    return message;
  if (!markSeen(key))
    return "its header has an unknown or repeated key '" + key.str() + "'";
  if (Message message = expect(':'))
    return message;
  if (key == "shape")
    return parseShape();
  skipSpace();
  if (key == "fortran_order") {
    header.fortranOrder = rest.consume_front("True");
    if (header.fortranOrder || rest.consume_front("False"))
      return std::nullopt;
    return std::string("its fortran_order is neither True nor False");
  }
  if (rest.starts_with("["))
    return std::string("it has a structured element type; save one array per "
                       "field");
  StringRef descr;
  if (Message message = parseString(descr))
    return message;
  return setType(descr);
}

std::optional<std::string> HeaderParser::run() {
  if (Message message = expect('{'))
    return message;
  while (!consume('}')) {
    if (Message message = parsePair())
      return message;
    if (consume(','))
      continue;
    if (Message message = expect('}'))
      return message;
    break;
  }
  skipSpace();
  if (!rest.empty())
    return "its header goes on after the dict with '" +
           rest.take_front(16).str() + "'";
  if (!hasDescr || !hasOrder || !hasShape)
    return std::string(
        "its header lacks one of descr, fortran_order and shape");
  return std::nullopt;
}

} // namespace

std::optional<std::string> parseNpyPrologue(StringRef bytes,
                                            NpyPrologue &prologue) {
  if (!bytes.starts_with("\x93NUMPY"))
    return bytes.starts_with("PK") ? "it is a zip file; name it .npz"
                                   : "it does not start as an .npy file does";
  auto byte = [&](size_t i) { return size_t(uint8_t(bytes[i])); };
  if (bytes.size() < kNpyPrologueBytes + 2)
    return "it is truncated at byte " + std::to_string(bytes.size());
  if (byte(6) == 1) {
    prologue = {10, byte(8) | byte(9) << 8};
  } else if (byte(6) == 2) {
    prologue = {12, byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24};
  } else {
    return "expected .npy version 1 or 2, got " + std::to_string(byte(6));
  }
  if (prologue.headerBytes > kMaxNpyHeaderBytes)
    return "its header has " + std::to_string(prologue.headerBytes) +
           " bytes, more than 10 kB";
  return std::nullopt;
}

std::optional<std::string> parseNpyHeader(StringRef text, NpyHeader &header) {
  return HeaderParser(text, header).run();
}

} // namespace quantc
