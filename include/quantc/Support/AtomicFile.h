// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file that appears under its name only when it is complete.
//
// Written under a temporary name in the same folder (`.NAME.PID.quantc-tmp`,
// never following a link), then synced and renamed.  A failure, a signal or a
// full disk leaves an earlier file untouched and nothing behind.

#ifndef QUANTC_SUPPORT_ATOMICFILE_H
#define QUANTC_SUPPORT_ATOMICFILE_H

#include "quantc/Support/Error.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <memory>
#include <optional>

namespace quantc {

class AtomicFile {
public:
  /// Opens the temporary file.  On failure returns null and fills `error`
  /// (status IO), before any work was done.
  static std::unique_ptr<AtomicFile> create(llvm::StringRef path, Error &error);
  ~AtomicFile();

  llvm::raw_pwrite_stream &os() { return *stream; }
  const std::string &getTemporaryPath() const { return temporary; }
  const std::string &getPath() const { return path; }

  /// Changes the name under which the file will appear (same folder).
  std::optional<Error> retarget(llvm::StringRef path);
  /// Flushes and closes; reports write errors of the whole stream.
  std::optional<Error> sync();
  /// Syncs what another writer put at the temporary path, then renames.
  std::optional<Error> commit();

private:
  AtomicFile() = default;
  std::string path, temporary;
  std::unique_ptr<llvm::raw_fd_ostream> stream;
  bool committed = false;
};

} // namespace quantc

#endif // QUANTC_SUPPORT_ATOMICFILE_H
