// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// .npy files, also as members of a zip: the header is parsed by a grammar of
// its own (NpyHeader.cpp), the data is read into memory only after its size was
// found to be the one that the header needs.

#include "quantc/Driver/Npy.h"
#include "NpySource.h"
#include "quantc/Support/AtomicFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include <cstring>

using namespace llvm;

namespace quantc {

namespace {

class MemorySource final : public ByteSource {
public:
  explicit MemorySource(ArrayRef<char> bytes)
      : ByteSource(bytes.size()), rest(bytes) {}
  std::optional<Error> read(char *out, size_t count) override {
    if (count > rest.size())
      return Error{Status::Refused, "it is truncated"};
    if (count)
      std::memcpy(out, rest.data(), count);
    rest = rest.drop_front(count);
    return std::nullopt;
  }

private:
  ArrayRef<char> rest;
};

class FileSource final : public ByteSource {
public:
  FileSource(sys::fs::file_t file, uint64_t size)
      : ByteSource(size), file(file) {}
  ~FileSource() override { sys::fs::closeFile(file); }
  std::optional<Error> read(char *out, size_t count) override {
    while (count) {
      Expected<size_t> got = sys::fs::readNativeFile(
          file, MutableArrayRef(out, std::min<size_t>(count, 1 << 30)));
      if (!got)
        return Error{Status::IO, toString(got.takeError())};
      if (*got == 0)
        return Error{Status::Refused, "it is truncated"};
      out += *got;
      count -= *got;
    }
    return std::nullopt;
  }

private:
  sys::fs::file_t file;
};

// `array` holds the elements in Fortran order, that is, row-major for the
// reversed shape.
std::optional<Array> toRowMajor(const Array &array, ArrayRef<int64_t> shape) {
  std::optional<Array> result = Array::allocate(array.getType(), shape);
  if (!result)
    return std::nullopt;
  size_t width = array.getType().bits / 8;
  SmallVector<int64_t> index(shape.size(), 0), strides(shape.size(), 1);
  for (size_t axis = 1; axis < shape.size(); ++axis)
    strides[axis] = strides[axis - 1] * shape[axis - 1];
  for (int64_t i = 0, from = 0; i < array.getNumElements(); ++i) {
    std::memcpy(result->getData() + i * width, array.getData() + from * width,
                width);
    for (size_t axis = shape.size(); axis-- > 0;) {
      from += strides[axis];
      if (++index[axis] < shape[axis])
        break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

std::optional<Error> refused(const std::string &message) {
  return Error{Status::Refused, message};
}

} // namespace

void swapBytes(Array &array) {
  size_t width = array.getType().bits / 8;
  for (int64_t i = 0; i < array.getNumElements(); ++i)
    std::reverse(array.getData() + i * width,
                 array.getData() + (i + 1) * width);
}

std::optional<Error> readNpyHeader(ByteSource &source, NpyHeader &header) {
  char start[kNpyPrologueBytes + 2];
  size_t first = std::min<uint64_t>(sizeof(start), source.size());
  if (auto error = source.read(start, first))
    return error;
  NpyPrologue prologue;
  if (auto message = parseNpyPrologue(StringRef(start, first), prologue))
    return refused(*message);
  uint64_t end = prologue.headerOffset + prologue.headerBytes;
  if (prologue.headerOffset + prologue.headerBytes > source.size())
    return refused("it is truncated at byte " + std::to_string(source.size()));
  // A version 1 prologue ends before the bytes that were read.
  std::string text(start + prologue.headerOffset,
                   first - prologue.headerOffset);
  size_t have = text.size();
  if (have > prologue.headerBytes)
    return refused("its header is empty");
  text.resize(prologue.headerBytes);
  if (auto error = source.read(text.data() + have, end - first))
    return error;
  if (auto message = parseNpyHeader(text, header))
    return refused(*message);
  uint64_t dataBytes = source.size() - end;
  std::optional<int64_t> needed = byteSizeOf(header.dtype, header.shape);
  if (!needed)
    return refused("its shape " + shapeText(header.shape) + " is too large");
  if (uint64_t(*needed) != dataBytes)
    return refused("expected " + std::to_string(*needed) +
                   " bytes of data for " + typeName(header.dtype) +
                   shapeText(header.shape) + ", got " +
                   std::to_string(dataBytes));
  return std::nullopt;
}

std::optional<Error> readNpyData(ByteSource &source, const NpyHeader &header,
                                 Array &array) {
  SmallVector<int64_t, 4> stored = header.shape;
  bool turn = header.fortranOrder && stored.size() > 1;
  if (turn)
    std::reverse(stored.begin(), stored.end());
  std::optional<Array> read = Array::allocate(header.dtype, stored);
  if (!read)
    return Error{Status::Limit, "no memory for " + typeName(header.dtype) +
                                    shapeText(header.shape)};
  if (auto error = source.read(read->getData(), read->getByteSize()))
    return error;
  if (header.bigEndian)
    swapBytes(*read);
  if (turn)
    read = toRowMajor(*read, header.shape);
  if (!read)
    return Error{Status::Limit, "no memory to put it into C order"};
  array = std::move(*read);
  return source.finish();
}

std::optional<Error> readNpy(ByteSource &source, Array &array) {
  NpyHeader header;
  if (auto error = readNpyHeader(source, header))
    return error;
  return readNpyData(source, header, array);
}

std::optional<Error> about(StringRef path, std::optional<Error> error) {
  if (error)
    error->message = "'" + path.str() + "': " + error->message;
  return error;
}

std::optional<Error> readNpy(ArrayRef<char> bytes, StringRef name,
                             Array &array) {
  MemorySource source(bytes);
  return about(name, readNpy(source, array));
}

std::optional<Error> openFile(StringRef path,
                              std::unique_ptr<ByteSource> &source) {
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(path, status))
    return about(path, Error{Status::IO, "cannot read it: " + code.message()});
  if (status.type() != sys::fs::file_type::regular_file)
    return about(path, Error{Status::IO, "cannot read it: not a file"});
  Expected<sys::fs::file_t> file = sys::fs::openNativeFileForRead(path);
  if (!file)
    return about(path, Error{Status::IO,
                             "cannot read it: " + toString(file.takeError())});
  source = std::make_unique<FileSource>(*file, status.getSize());
  return std::nullopt;
}

std::optional<Error> readNpy(StringRef path, Array &array) {
  std::unique_ptr<ByteSource> source;
  if (auto error = openFile(path, source))
    return error;
  return about(path, readNpy(*source, array));
}

std::optional<std::string> npyHeader(quantc_dtype dtype,
                                     ArrayRef<int64_t> shape) {
  if (!isNumeric(dtype))
    return std::nullopt;
  std::string type(1, dtype.bits > 8 ? '<' : '|');
  switch (dtype.code) {
  case QUANTC_BOOL:
    type += 'b';
    break;
  case QUANTC_INT:
    type += 'i';
    break;
  case QUANTC_UINT:
    type += 'u';
    break;
  case QUANTC_BFLOAT:
    type += 'V';
    break;
  default:
    type += 'f';
    break;
  }
  type += std::to_string(dtype.bits / 8);
  std::string text =
      "{'descr': '" + type + "', 'fortran_order': False, " + "'shape': (";
  for (int64_t dim : shape)
    text += std::to_string(dim) + ", ";
  // One dimension needs the comma to be a tuple, more do not have it.
  if (shape.size() > 1)
    text.resize(text.size() - 2);
  else if (shape.size() == 1)
    text.pop_back();
  text += "), }";
  // The data starts at a multiple of 64 bytes.
  size_t total = alignTo(kNpyPrologueBytes + text.size() + 1, 64);
  text.append(total - kNpyPrologueBytes - text.size() - 1, ' ');
  text += '\n';
  std::string head("\x93NUMPY\x01\x00", 8);
  head += char(text.size() & 0xff);
  head += char(text.size() >> 8);
  return head + text;
}

std::optional<Error> writeNpy(StringRef path, const Array &array) {
  std::optional<std::string> header =
      npyHeader(array.getType(), array.getShape());
  if (!header)
    return about(
        path, refused("an .npy file cannot hold " + typeName(array.getType())));
  Error error;
  std::unique_ptr<AtomicFile> file = AtomicFile::create(path, error);
  if (!file)
    return error;
  file->os() << *header;
  file->os().write(array.getData(), array.getByteSize());
  if (auto failed = file->sync())
    return failed;
  return file->commit();
}

} // namespace quantc
