// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams of elements from .npy files and members of .npz files.

#include "quantc/Driver/NpyStream.h"
#include "NpySource.h"
#include "quantc/Driver/Npy.h"
#include "llvm/ADT/Twine.h"
#include <cstring>

using namespace llvm;

namespace quantc {

NpyStream::NpyStream() = default;
NpyStream::NpyStream(NpyStream &&) = default;
NpyStream &NpyStream::operator=(NpyStream &&) = default;
NpyStream::~NpyStream() = default;

NpyStream::NpyStream(std::string name, Array array)
    : name(std::move(name)), dtype(array.getType()), shape(array.getShape()),
      whole(std::move(array)) {}

std::optional<Error> NpyStream::start(std::unique_ptr<ByteSource> from,
                                      const std::string &path) {
  label = path;
  NpyHeader header;
  if (auto error = readNpyHeader(*from, header))
    return about(label, error);
  dtype = header.dtype;
  shape = header.shape;
  bigEndian = header.bigEndian;
  if (header.fortranOrder && shape.size() > 1)
    return about(label, readNpyData(*from, header, whole));
  source = std::move(from);
  return std::nullopt;
}

std::optional<Error> NpyStream::openNpy(StringRef path, NpyStream &stream) {
  std::unique_ptr<ByteSource> source;
  if (auto error = openFile(path, source))
    return error;
  return stream.start(std::move(source), path.str());
}

std::optional<Error> NpyStream::openNpz(StringRef path,
                                        std::vector<NpyStream> &streams) {
  std::vector<NpzMember> members;
  if (auto error = quantc::openNpz(path, kMaxNpzBytes, members))
    return error;
  for (NpzMember &member : members) {
    NpyStream stream;
    stream.name = member.name;
    if (auto error = stream.start(std::move(member.source),
                                  (path + ":" + member.name).str()))
      return error;
    streams.push_back(std::move(stream));
  }
  return std::nullopt;
}

std::optional<Error> NpyStream::next(Array &part) {
  int64_t bytes = part.getByteSize();
  if (source) {
    if (auto error = source->read(part.getData(), size_t(bytes)))
      return about(label, error);
    if (bigEndian)
      swapBytes(part);
    position += bytes;
    return std::nullopt;
  }
  if (bytes > whole.getByteSize() - position)
    return about(label, Error{Status::Refused, "it is truncated"});
  std::memcpy(part.getData(), whole.getData() + position, size_t(bytes));
  position += bytes;
  return std::nullopt;
}

std::optional<Error> NpyStream::finish() {
  bool read = source && position == byteSizeOf(dtype, shape);
  return read ? about(label, source->finish()) : std::nullopt;
}

} // namespace quantc
