// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// External tensor data.  A location is a relative path below the model's
// folder. Every component is opened relative to its parent with O_NOFOLLOW, so
// neither a symbolic link nor `..` can leave the folder; a file with a second
// hard link is refused because its content belongs to another place as well.
// Offsets and lengths are checked against the file before anything is read, and
// data is only ever mapped, never copied.

#include "Model.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mlir;

namespace quantc::onnx_frontend {

std::shared_ptr<MappedFile> MappedFile::map(int descriptor, size_t size) {
  void *data = nullptr;
  if (size > 0)
    data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  int saved = errno;
  close(descriptor);
  errno = saved;
  if (data == MAP_FAILED)
    return nullptr;
  return std::shared_ptr<MappedFile>(
      new MappedFile(static_cast<const char *>(data), size));
}

MappedFile::~MappedFile() {
  if (size > 0)
    munmap(const_cast<char *>(data), size);
}

namespace {

struct Entries {
  StringRef location, offset, length;
};

} // namespace

static FailureOr<Entries> readEntries(const onnx::TensorProto &tensor,
                                      Error &error) {
  Entries entries;
  llvm::StringMap<bool> seen;
  for (const auto &entry : tensor.external_data()) {
    StringRef key = entry.key();
    if (!seen.try_emplace(key, true).second)
      return refuse(error, "tensor " + quote(tensor.name()) +
                               " has external data key " + quote(key) +
                               " twice");
    if (key == "location")
      entries.location = entry.value();
    else if (key == "offset")
      entries.offset = entry.value();
    else if (key == "length")
      entries.length = entry.value();
    else if (key != "checksum" && key != "basepath")
      return refuse(error, "tensor " + quote(tensor.name()) +
                               " has the unknown external data key " +
                               quote(key));
  }
  if (entries.location.empty())
    return refuse(error, "tensor " + quote(tensor.name()) +
                             " is external but names no location");
  return entries;
}

static FailureOr<int64_t> readNumber(StringRef text, StringRef key,
                                     StringRef tensor, Error &error) {
  int64_t value = 0;
  if (text.empty() || !llvm::all_of(text, llvm::isDigit) ||
      text.getAsInteger(10, value))
    return refuse(error, "expected external data " + key + " of tensor " +
                             quote(tensor) + " to be a number from 0 to " +
                             "2^63 - 1, got " + quote(text));
  return value;
}

std::shared_ptr<MappedFile> ExternalData::open(StringRef location,
                                               StringRef tensor, Error &error) {
  auto fail = [&](const Twine &reason, Status status = Status::Refused) {
    (void)refuse(error,
                 "external data " + quote(location) + " of tensor " +
                     quote(tensor) + " " + reason,
                 status);
    return nullptr;
  };
  if (auto found = files.find(location); found != files.end())
    return found->second;
  if (directory.empty())
    return fail("needs a folder, and the model was given as bytes");
  if (location.contains('\0') || location.starts_with("/"))
    return fail("is not a path inside the model's folder");
  SmallVector<StringRef> parts;
  location.split(parts, '/');
  if (llvm::is_contained(parts, ".."))
    return fail("is not a path inside the model's folder");
  llvm::erase_if(parts,
                 [](StringRef part) { return part.empty() || part == "."; });
  if (parts.empty())
    return fail("names no file");

  int parent = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  llvm::scope_exit closeParent([&] {
    if (parent >= 0)
      close(parent);
  });
  auto reason = [] {
    return errno == ELOOP || errno == ENOTDIR
               ? std::string("is reached through a symbolic link or a file; "
                             "copy the data beside the model")
               : std::string("cannot be opened: ") + std::strerror(errno);
  };
  for (StringRef part : ArrayRef(parts).drop_back()) {
    if (parent < 0)
      return fail(reason());
    int next = openat(parent, part.str().c_str(),
                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int saved = errno;
    close(parent);
    errno = saved;
    parent = next;
  }
  if (parent < 0)
    return fail(reason());
  int file = openat(parent, parts.back().str().c_str(),
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0)
    return fail(reason());
  struct stat status;
  llvm::scope_exit closeFile([&] { close(file); });
  if (fstat(file, &status) != 0)
    return fail(reason(), Status::IO);
  if (!S_ISREG(status.st_mode))
    return fail("is not a regular file");
  if (status.st_nlink > 1)
    return fail("has " + Twine(status.st_nlink) +
                " hard links; copy the data beside the model");
  closeFile.release();
  auto mapped = MappedFile::map(file, status.st_size);
  if (!mapped)
    return fail(Twine("cannot be mapped: ") + std::strerror(errno), Status::IO);
  files[location] = mapped;
  return mapped;
}

FailureOr<ArrayRef<char>> ExternalData::get(const onnx::TensorProto &tensor,
                                            int64_t size, Error &error) {
  StringRef name = tensor.name();
  FailureOr<Entries> entries = readEntries(tensor, error);
  if (failed(entries))
    return failure();
  int64_t offset = 0;
  if (!entries->offset.empty()) {
    auto value = readNumber(entries->offset, "offset", name, error);
    if (failed(value))
      return failure();
    offset = *value;
  }
  if (!entries->length.empty()) {
    auto length = readNumber(entries->length, "length", name, error);
    if (failed(length))
      return failure();
    if (*length != size)
      return refuse(error, "expected " + Twine(size) +
                               " bytes of external data for tensor " +
                               quote(name) + ", got length " + Twine(*length));
  }
  auto file = open(entries->location, name, error);
  if (!file)
    return failure();
  std::optional<int64_t> end = llvm::checkedAdd(offset, size);
  int64_t available = file->bytes().size();
  if (!end || *end > available)
    return refuse(error, "external data " + quote(entries->location) +
                             " is too short for tensor " + quote(name) +
                             ": expected " + Twine(size) + " bytes at offset " +
                             Twine(offset) + ", file has " + Twine(available) +
                             " bytes");
  return file->bytes().slice(offset, size);
}

std::shared_ptr<MappedFile> ExternalData::owner(ArrayRef<char> bytes) const {
  for (const auto &file : files) {
    ArrayRef<char> all = file.second->bytes();
    if (bytes.begin() >= all.begin() && bytes.end() <= all.end())
      return file.second;
  }
  return nullptr;
}

} // namespace quantc::onnx_frontend
