// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Temporary file, fsync, rename.

#include "quantc/Support/AtomicFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace llvm;

namespace quantc {

static Error ioError(const std::string &path, const std::string &what) {
  return {Status::IO, "cannot write '" + path + "': " + what};
}

std::unique_ptr<AtomicFile> AtomicFile::create(StringRef path, Error &error) {
  if (sys::fs::is_directory(path)) {
    error = ioError(path.str(), "it is a directory");
    return nullptr;
  }
  SmallString<256> temporary(sys::path::parent_path(path));
  if (temporary.empty())
    temporary = ".";
  sys::path::append(temporary, "." + sys::path::filename(path) + "." +
                                   Twine(sys::Process::getProcessId()) +
                                   ".quantc-tmp");
  ::unlink(temporary.c_str());
  int fd = ::open(temporary.c_str(),
                  O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0) {
    error = ioError(path.str(), std::strerror(errno));
    return nullptr;
  }
  std::unique_ptr<AtomicFile> file(new AtomicFile());
  file->path = path.str();
  file->temporary = std::string(temporary);
  file->stream = std::make_unique<raw_fd_ostream>(fd, /*shouldClose=*/true);
  sys::RemoveFileOnSignal(temporary);
  return file;
}

AtomicFile::~AtomicFile() {
  if (stream)
    stream->clear_error();
  stream.reset();
  if (!committed)
    ::unlink(temporary.c_str());
  sys::DontRemoveFileOnSignal(temporary);
}

std::optional<Error> AtomicFile::retarget(StringRef newPath) {
  if (sys::fs::is_directory(newPath))
    return ioError(newPath.str(), "it is a directory");
  path = newPath.str();
  return std::nullopt;
}

std::optional<Error> AtomicFile::sync() {
  if (!stream)
    return std::nullopt;
  stream->flush();
  if (std::error_code code = stream->error()) {
    stream->clear_error();
    stream.reset();
    return ioError(path, code.message());
  }
  stream->close();
  bool failed = stream->has_error();
  std::string what = failed ? stream->error().message() : "";
  stream->clear_error();
  stream.reset();
  if (failed)
    return ioError(path, what);
  return std::nullopt;
}

std::optional<Error> AtomicFile::commit() {
  if (auto error = sync())
    return error;
  int fd = ::open(temporary.c_str(), O_RDONLY | O_CLOEXEC);
  bool synced = fd >= 0 && ::fsync(fd) == 0;
  int code = errno;
  if (fd >= 0)
    ::close(fd);
  if (!synced)
    return ioError(path, std::strerror(code));
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return ioError(path, std::strerror(errno));
  committed = true;
  return std::nullopt;
}

} // namespace quantc
