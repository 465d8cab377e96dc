// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the bytes of an .npy file come from: a file, memory, a member of a zip.

#ifndef QUANTC_LIB_DRIVER_NPYSOURCE_H
#define QUANTC_LIB_DRIVER_NPYSOURCE_H

#include "quantc/Driver/Array.h"
#include "quantc/Support/Error.h"
#include "llvm/ADT/StringRef.h"

namespace quantc {

class ByteSource {
public:
  explicit ByteSource(uint64_t size) : bytes(size) {}
  virtual ~ByteSource() = default;
  /// Of the whole file, as its container says.
  uint64_t size() const { return bytes; }
  /// The next `count` bytes; fewer are an error.
  virtual std::optional<Error> read(char *out, size_t count) = 0;

private:
  uint64_t bytes;
};

std::optional<Error> readNpy(ByteSource &source, Array &array);

/// Puts the file's name before a message.
std::optional<Error> about(llvm::StringRef path, std::optional<Error> error);

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_NPYSOURCE_H
