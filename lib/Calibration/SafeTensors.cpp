// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and writing safetensors files.  Before the header goes to the JSON
// parser its nesting and its keys are counted by a scanner of a few lines: the
// parser recurses as deep as the text says, and keeps the last of equal keys.

#include "quantc/Calibration/SafeTensors.h"
#include "quantc/Support/AtomicFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace llvm;

namespace quantc {

namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr uint64_t kPrologueBytes = 8;
constexpr unsigned kMaxDepth = 3;
constexpr StringLiteral kMetadataKey = "__metadata__";

template <typename T> constexpr const char *kTypeName = nullptr;
template <> constexpr const char *kTypeName<int8_t> = "I8";
template <> constexpr const char *kTypeName<uint16_t> = "U16";
template <> constexpr const char *kTypeName<int64_t> = "I64";
template <> constexpr const char *kTypeName<float> = "F32";

unsigned elementBytes(StringRef type) {
  return StringSwitch<unsigned>(type)
      .Cases({"BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"}, 1)
      .Cases({"U16", "I16", "F16", "BF16"}, 2)
      .Cases({"U32", "I32", "F32"}, 4)
      .Cases({"U64", "I64", "F64"}, 8)
      .Default(0);
}

/// The number of keys of all objects of a JSON text, or nothing if it is nested
/// too deep.
std::optional<size_t> countKeys(StringRef text) {
  size_t keys = 0;
  unsigned depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      while (++i < text.size() && text[i] != '"')
        i += text[i] == '\\';
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth)
        return std::nullopt;
    } else if (c == '}' || c == ']') {
      depth -= depth > 0;
    } else {
      keys += c == ':';
    }
  }
  return keys;
}

std::optional<Error> refuse(const Twine &message) {
  return Error{Status::Refused, message.str()};
}

std::string quote(StringRef text) {
  std::string result;
  raw_string_ostream os(result);
  os << '\'';
  printEscapedString(text, os);
  os << '\'';
  return result;
}

std::optional<Error> readShape(const json::Object &object, SafeTensor &tensor,
                               uint64_t &bytes) {
  const json::Array *shape = object.getArray("shape");
  std::optional<StringRef> type = object.getString("dtype");
  if (!shape || !type)
    return refuse(quote(tensor.name) + " has no shape or no dtype");
  tensor.type = type->str();
  bytes = elementBytes(*type);
  if (bytes == 0)
    return refuse(quote(tensor.name) + " has the unknown dtype " +
                  quote(*type));
  for (const json::Value &value : *shape) {
    std::optional<int64_t> extent = value.getAsInteger();
    if (!extent || *extent < 0)
      return refuse(quote(tensor.name) + " has a bad shape");
    tensor.shape.push_back(*extent);
    bool overflow = false;
    bytes = SaturatingMultiply(bytes, uint64_t(*extent), &overflow);
    if (overflow)
      return refuse(quote(tensor.name) + " is too large");
  }
  return std::nullopt;
}

struct Span {
  uint64_t begin, end;
};

std::optional<Error> readTensor(const json::Object &object, SafeTensor &tensor,
                                Span &span) {
  uint64_t bytes = 0;
  if (auto error = readShape(object, tensor, bytes))
    return error;
  const json::Array *offsets = object.getArray("data_offsets");
  if (!offsets || offsets->size() != 2 || object.size() != 3)
    return refuse(quote(tensor.name) +
                  " needs exactly dtype, shape and data_offsets");
  std::optional<int64_t> begin = (*offsets)[0].getAsInteger();
  std::optional<int64_t> end = (*offsets)[1].getAsInteger();
  if (!begin || !end || *begin < 0 || *end < *begin)
    return refuse(quote(tensor.name) + " has bad data_offsets");
  if (uint64_t(*end - *begin) != bytes)
    return refuse("expected " + quote(tensor.name) + " to have " +
                  Twine(bytes) + " bytes, got " + Twine(*end - *begin));
  span = {uint64_t(*begin), uint64_t(*end)};
  return std::nullopt;
}

} // namespace

std::optional<Error>
SafeTensorsFile::parse(std::unique_ptr<MemoryBuffer> buffer,
                       SafeTensorsFile &file) {
  SafeTensorsFile read;
  read.path = buffer->getBufferIdentifier().str();
  auto about = [&](const Twine &message) {
    return Error{Status::Refused, "'" + read.path + "': " + message.str()};
  };
  StringRef all = buffer->getBuffer();
  if (all.size() < kPrologueBytes)
    return about("it is not a safetensors file");
  uint64_t headerBytes = support::endian::read64le(all.data());
  if (headerBytes > kMaxHeaderBytes ||
      headerBytes > all.size() - kPrologueBytes)
    return about("it is not a safetensors file, or it is truncated");
  StringRef text = all.substr(kPrologueBytes, headerBytes);
  StringRef data = all.drop_front(kPrologueBytes + headerBytes);
  std::optional<size_t> keys = countKeys(text);
  if (!keys)
    return about("its header is nested too deep");
  Expected<json::Value> value = json::parse(text.rtrim(' '));
  if (!value) {
    consumeError(value.takeError());
    return about("its header is not JSON");
  }
  const json::Object *object = value->getAsObject();
  if (!object)
    return about("its header is not a JSON object");

  size_t seen = object->size();
  std::vector<Span> spans;
  for (const auto &[key, entry] : *object) {
    const json::Object *fields = entry.getAsObject();
    if (!fields)
      return about("its header has something other than objects");
    seen += fields->size();
    if (StringRef(key) == kMetadataKey) {
      for (const auto &[name, text] : *fields) {
        std::optional<StringRef> string = text.getAsString();
        if (!string)
          return about("its metadata has something other than text");
        read.metadata[StringRef(name)] = string->str();
      }
      continue;
    }
    SafeTensor tensor{StringRef(key).str(), "", {}, {}};
    Span span;
    if (auto error = readTensor(*fields, tensor, span))
      return about(error->message);
    read.tensors.push_back(std::move(tensor));
    spans.push_back(span);
  }
  if (seen != *keys)
    return about("a name in its header occurs twice");

  std::vector<size_t> order(spans.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::pair(spans[a].begin, spans[a].end) <
           std::pair(spans[b].begin, spans[b].end);
  });
  std::vector<SafeTensor> sorted;
  uint64_t end = 0;
  for (size_t i : order) {
    SafeTensor &tensor = read.tensors[i];
    if (spans[i].begin != end || spans[i].end > data.size())
      return about(quote(tensor.name) +
                   " does not begin where the one before ends, or the file is "
                   "truncated");
    end = spans[i].end;
    tensor.bytes = ArrayRef(data.data() + spans[i].begin, end - spans[i].begin);
    read.byName[tensor.name] = sorted.size();
    sorted.push_back(std::move(tensor));
  }
  if (end != data.size())
    return about("expected " + Twine(end) + " bytes of data, got " +
                 Twine(data.size()));
  read.tensors = std::move(sorted);
  read.buffer = std::move(buffer);
  file = std::move(read);
  return std::nullopt;
}

std::optional<Error> SafeTensorsFile::open(StringRef path,
                                           SafeTensorsFile &file) {
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return Error{Status::IO, "cannot read '" + path.str() +
                                 "': " + buffer.getError().message()};
  return parse(std::move(*buffer), file);
}

std::optional<StringRef> SafeTensorsFile::getMetadata(StringRef key) const {
  auto it = metadata.find(key);
  if (it == metadata.end())
    return std::nullopt;
  return StringRef(it->second);
}

const SafeTensor *SafeTensorsFile::find(StringRef name) const {
  auto it = byName.find(name);
  return it == byName.end() ? nullptr : &tensors[it->second];
}

std::optional<Error> SafeTensorsFile::readBytes(StringRef name, StringRef type,
                                                ArrayRef<char> &bytes) const {
  const SafeTensor *tensor = find(name);
  if (!tensor)
    return refuse("'" + path + "': " + quote(name) + " is missing");
  if (tensor->type != type || tensor->shape.size() != 1)
    return refuse("'" + path + "': expected " + quote(name) +
                  " to be a vector of " + type + ", got rank " +
                  Twine(tensor->shape.size()) + " of " + tensor->type);
  bytes = tensor->bytes;
  return std::nullopt;
}

template <typename T>
std::optional<Error> SafeTensorsFile::read(StringRef name,
                                           std::vector<T> &values) const {
  ArrayRef<char> bytes;
  if (auto error = readBytes(name, kTypeName<T>, bytes))
    return error;
  values.resize(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return std::nullopt;
}

template <typename T>
void SafeTensorsWriter::add(const Twine &name, ArrayRef<T> values) {
  tensors.push_back({name.str(),
                     kTypeName<T>,
                     {int64_t(values.size())},
                     ArrayRef(reinterpret_cast<const char *>(values.data()),
                              values.size() * sizeof(T))});
}

#define QUANTC_ARRAYS_OF(T)                                                    \
  template std::optional<Error> SafeTensorsFile::read(StringRef,               \
                                                      std::vector<T> &) const; \
  template void SafeTensorsWriter::add(const Twine &, ArrayRef<T>);
QUANTC_ARRAYS_OF(int8_t)
QUANTC_ARRAYS_OF(uint16_t)
QUANTC_ARRAYS_OF(int64_t)
QUANTC_ARRAYS_OF(float)
#undef QUANTC_ARRAYS_OF

std::string SafeTensorsWriter::header() const {
  std::string text;
  raw_string_ostream stream(text);
  json::OStream os(stream);
  uint64_t offset = 0;
  os.object([&] {
    os.attributeObject(kMetadataKey, [&] {
      for (const auto &[key, value] : metadata)
        os.attribute(json::fixUTF8(key), json::fixUTF8(value));
    });
    for (const SafeTensor &tensor : tensors)
      os.attributeObject(json::fixUTF8(tensor.name), [&] {
        os.attribute("dtype", tensor.type);
        os.attributeArray("shape", [&] {
          for (int64_t extent : tensor.shape)
            os.value(extent);
        });
        os.attributeArray("data_offsets", [&] {
          os.value(int64_t(offset));
          os.value(int64_t(offset + tensor.bytes.size()));
        });
        offset += tensor.bytes.size();
      });
  });
  text.append(alignTo(text.size(), 8) - text.size(), ' ');
  return text;
}

void SafeTensorsWriter::write(raw_ostream &os) const {
  std::string text = header();
  char prologue[kPrologueBytes];
  support::endian::write64le(prologue, text.size());
  os.write(prologue, sizeof(prologue));
  os << text;
  for (const SafeTensor &tensor : tensors)
    os.write(tensor.bytes.data(), tensor.bytes.size());
}

std::string SafeTensorsWriter::toBytes() const {
  std::string bytes;
  raw_string_ostream os(bytes);
  write(os);
  return bytes;
}

std::optional<Error> SafeTensorsWriter::write(StringRef path) const {
  Error error;
  std::unique_ptr<AtomicFile> file = AtomicFile::create(path, error);
  if (!file)
    return error;
  write(file->os());
  if (auto failed = file->sync())
    return failed;
  return file->commit();
}

} // namespace quantc
