// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the weights: in the image, or in a side file beside the library that
// the program table lies in.  The size and the hash in the file's header must
// be those that the program was compiled with; the bytes are not hashed again,
// because that would read gigabytes before the first run.

#include "Model.h"

#include <cstring>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace quantc::runtime {
namespace {

using program::WeightsFileHeader;

constexpr size_t kHugePage = size_t(2) << 20;

const char *errorText(int number) {
  const char *text = strerrordesc_np(number);
  return text ? text : "unknown error";
}

/// Closes the file when it goes.
struct File {
  explicit File(int fd) : fd(fd) {}
  ~File() {
    if (fd >= 0)
      close(fd);
  }
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  int fd;
};

bool readAll(int fd, char *to, uint64_t bytes, uint64_t offset) {
  while (bytes) {
    ssize_t got = pread(fd, to, bytes, off_t(offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    to += got;
    bytes -= uint64_t(got);
    offset += uint64_t(got);
  }
  return true;
}

/// The path of `name` in the folder of the library that holds `address`.
bool besideLibrary(const void *address, const char *name, char *path,
                   size_t size) {
  Dl_info info;
  if (!dladdr(address, &info) || !info.dli_fname)
    return false;
  const char *slash = strrchr(info.dli_fname, '/');
  size_t folder = slash ? size_t(slash + 1 - info.dli_fname) : 0;
  size_t length = strlen(name);
  if (folder + length + 1 > size)
    return false;
  memcpy(path, info.dli_fname, folder);
  memcpy(path + folder, name, length + 1);
  return true;
}

/// Writable memory of this process, aligned to huge pages.
bool mapPrivate(uint64_t bytes, Weights &weights, char *&data) {
  size_t total = size_t(bytes) + 2 * kHugePage;
  void *memory = mmap(nullptr, total, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return false;
  auto address = reinterpret_cast<uintptr_t>(memory);
  data = static_cast<char *>(memory) + -address % kHugePage;
  madvise(data, (size_t(bytes) + kHugePage - 1) / kHugePage * kHugePage,
          MADV_HUGEPAGE);
  weights.data = data;
  weights.mapping = memory;
  weights.mappedBytes = total;
  return true;
}

quantc_status checkFile(int fd, const char *path, const program::WeightInfo &w,
                        Error &error) {
  struct stat status;
  if (fstat(fd, &status) || !S_ISREG(status.st_mode))
    return error.set(QUANTC_WEIGHTS_MISMATCH, "weights '", path,
                     "' are not a regular file");
  uint64_t size = uint64_t(status.st_size);
  uint64_t expected = program::kWeightsDataOffset + w.bytes;
  if (size != expected)
    return error.set(QUANTC_WEIGHTS_MISMATCH, "expected weights file '", path,
                     "' to have ", expected, " bytes, got ", size,
                     "; compile the model again");
  WeightsFileHeader header;
  if (!readAll(fd, reinterpret_cast<char *>(&header), sizeof(header), 0))
    return error.set(QUANTC_WEIGHTS_MISMATCH, "cannot read weights file '",
                     path, "': ", errorText(errno));
  if (memcmp(header.magic, program::kWeightsMagic, sizeof(header.magic)) ||
      header.version != program::kWeightsVersion ||
      header.dataOffset != program::kWeightsDataOffset ||
      header.bytes != w.bytes)
    return error.set(QUANTC_WEIGHTS_MISMATCH, "'", path,
                     "' is not a weights file of this version");
  if (memcmp(header.hash, w.hash, sizeof(w.hash)))
    return error.set(QUANTC_WEIGHTS_MISMATCH, "weights file '", path,
                     "' has another content hash than the library; keep the "
                     "files of one compilation together");
  return QUANTC_OK;
}

quantc_status loadFile(const char *path, const program::WeightInfo &w,
                       bool copy, Weights &weights, Error &error) {
  File file(open(path, O_RDONLY | O_CLOEXEC));
  if (file.fd < 0)
    return error.set(QUANTC_WEIGHTS_NOT_FOUND, "cannot open weights file '",
                     path, "': ", errorText(errno),
                     "; keep it beside the library or set weights_path");
  quantc_status status = checkFile(file.fd, path, w, error);
  if (status)
    return status;
  if (copy) {
    char *data = nullptr;
    if (!mapPrivate(w.bytes, weights, data))
      return error.set(QUANTC_OUT_OF_MEMORY, "no memory for ", w.bytes,
                       " bytes of weights");
    if (!readAll(file.fd, data, w.bytes, program::kWeightsDataOffset)) {
      int number = errno;
      unloadWeights(weights);
      return error.set(QUANTC_WEIGHTS_MISMATCH, "cannot read weights file '",
                       path, "': ", errorText(number));
    }
    mprotect(weights.mapping, weights.mappedBytes, PROT_READ);
    return QUANTC_OK;
  }
  size_t total = size_t(program::kWeightsDataOffset + w.bytes);
  void *memory = mmap(nullptr, total, PROT_READ, MAP_SHARED, file.fd, 0);
  if (memory == MAP_FAILED)
    return error.set(QUANTC_OUT_OF_MEMORY, "cannot map ", total,
                     " bytes of weights file '", path, "': ", errorText(errno));
  weights.mapping = memory;
  weights.mappedBytes = total;
  weights.data = static_cast<char *>(memory) + program::kWeightsDataOffset;
  return QUANTC_OK;
}

quantc_status loadEmbedded(const quantc_image &image,
                           const program::WeightInfo &w, bool copy,
                           Weights &weights, Error &error) {
  if (image.weights_bytes && image.weights_bytes != w.bytes)
    return error.set(QUANTC_WEIGHTS_MISMATCH, "expected ", w.bytes,
                     " bytes of weights in the image, got ",
                     image.weights_bytes);
  auto address = reinterpret_cast<uintptr_t>(image.weights);
  if (address % program::kAlignment)
    return error.set(QUANTC_INVALID_PROGRAM,
                     "embedded weights are not aligned to ",
                     program::kAlignment, " bytes");
  if (!copy) {
    weights.data = static_cast<const char *>(image.weights);
    return QUANTC_OK;
  }
  char *data = nullptr;
  if (!mapPrivate(w.bytes, weights, data))
    return error.set(QUANTC_OUT_OF_MEMORY, "no memory for ", w.bytes,
                     " bytes of weights");
  memcpy(data, image.weights, w.bytes);
  mprotect(weights.mapping, weights.mappedBytes, PROT_READ);
  return QUANTC_OK;
}

} // namespace

quantc_status loadWeights(const ProgramView &program, const quantc_image &image,
                          const quantc_model_options &options, Weights &weights,
                          Error &error) {
  const program::WeightInfo &w = program.header->weights;
  if (options.weights_mode != QUANTC_WEIGHTS_SHARED &&
      options.weights_mode != QUANTC_WEIGHTS_PRIVATE)
    return error.set(QUANTC_INVALID_ARGUMENT, "unknown weights_mode ",
                     options.weights_mode);
  bool copy = options.weights_mode == QUANTC_WEIGHTS_PRIVATE;
  if (!w.bytes)
    return QUANTC_OK;
  if (w.source == program::WeightSource::Embedded ||
      (image.weights && !options.weights_path))
    return image.weights
               ? loadEmbedded(image, w, copy, weights, error)
               : error.set(QUANTC_INVALID_PROGRAM, "expected ", w.bytes,
                           " bytes of embedded weights, got none");
  if (options.weights_path)
    return loadFile(options.weights_path, w, copy, weights, error);
  char path[PATH_MAX];
  const char *name = program.string(w.fileName);
  if (!besideLibrary(program.header, name, path, sizeof(path)))
    return error.set(QUANTC_WEIGHTS_NOT_FOUND, "cannot tell where '", name,
                     "' is; set weights_path");
  return loadFile(path, w, copy, weights, error);
}

void unloadWeights(Weights &weights) {
  if (weights.mapping)
    munmap(weights.mapping, weights.mappedBytes);
  weights = Weights();
}

} // namespace quantc::runtime
