// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the bytes of an .npy file come from: a file, memory, a member of a zip.

#ifndef QUANTC_LIB_DRIVER_NPYSOURCE_H
#define QUANTC_LIB_DRIVER_NPYSOURCE_H

#include "NpyHeader.h"
#include "quantc/Driver/Array.h"
#include "quantc/Support/Error.h"
#include "llvm/ADT/StringRef.h"
#include <memory>
#include <vector>

namespace quantc {

class ByteSource {
public:
  explicit ByteSource(uint64_t size) : bytes(size) {}
  virtual ~ByteSource() = default;
  /// Of the whole file, as its container says.
  uint64_t size() const { return bytes; }
  /// The next `count` bytes; fewer are an error.
  virtual std::optional<Error> read(char *out, size_t count) = 0;
  /// After the last byte: whether the whole was undamaged.
  virtual std::optional<Error> finish() { return std::nullopt; }

private:
  uint64_t bytes;
};

std::optional<Error> openFile(llvm::StringRef path,
                              std::unique_ptr<ByteSource> &source);

struct NpzMember {
  std::string name; ///< Without .npy.
  std::unique_ptr<ByteSource> source;
};
/// Checks names and sizes of all members before one is opened.
std::optional<Error> openNpz(llvm::StringRef path, uint64_t maxBytes,
                             std::vector<NpzMember> &members);

/// Reads up to the first element; the data has the size that the header needs.
std::optional<Error> readNpyHeader(ByteSource &source, NpyHeader &header);
/// Reads the elements of an array with that header.
std::optional<Error> readNpyData(ByteSource &source, const NpyHeader &header,
                                 Array &array);
std::optional<Error> readNpy(ByteSource &source, Array &array);
/// From big-endian to little-endian.
void swapBytes(Array &array);

/// Puts the file's name before a message.
std::optional<Error> about(llvm::StringRef path, std::optional<Error> error);

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_NPYSOURCE_H
