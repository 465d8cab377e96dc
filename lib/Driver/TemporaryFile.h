// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file that is removed with the object.

#ifndef QUANTC_LIB_DRIVER_TEMPORARYFILE_H
#define QUANTC_LIB_DRIVER_TEMPORARYFILE_H

#include "quantc/Support/Error.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include <optional>

namespace quantc {

class TemporaryFile {
public:
  TemporaryFile() = default;
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  ~TemporaryFile() {
    if (!path.empty())
      llvm::sys::fs::remove(path);
  }

  std::optional<Error> create() {
    if (std::error_code code =
            llvm::sys::fs::createTemporaryFile("quantc", "safetensors", path))
      return Error{Status::IO,
                   "cannot make a temporary file: " + code.message()};
    return std::nullopt;
  }
  std::string getPath() const { return std::string(path); }

private:
  llvm::SmallString<128> path;
};

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_TEMPORARYFILE_H
