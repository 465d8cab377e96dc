// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a compiled library says about itself, read from the file without
// loading it: nothing of it runs, and it may be for another CPU.
//
// The program table (Runtime/Program.h) is found by its signature, since the
// symbol that names it may have been stripped, and is validated completely.

#ifndef QUANTC_DRIVER_PROGRAMFILE_H
#define QUANTC_DRIVER_PROGRAMFILE_H

#include "quantc/Driver/Artifact.h"
#include "quantc/Runtime/Program.h"
#include "llvm/Support/MemoryBuffer.h"

namespace quantc {

class ProgramFile {
public:
  static std::optional<Error> open(llvm::StringRef path,
                                   std::unique_ptr<ProgramFile> &file);

  std::vector<EntrySpec> getEntries() const;
  /// The named dimensions of an entry point.
  std::vector<std::string> getSymbols(size_t entry) const;
  std::vector<std::pair<std::string, std::string>> getMetadata() const;
  /// LLVM's names of the CPU features that the code needs.
  std::vector<std::string> getFeatures() const;
  size_t getKernelCount() const { return header->kernels.count; }
  size_t getStepCount() const { return header->steps.count; }
  const runtime::program::WeightInfo &getWeights() const {
    return header->weights;
  }
  std::string getWeightsFile() const {
    return string(header->weights.fileName);
  }
  uint64_t getFileSize() const { return buffer->getBufferSize(); }

  /// The shapes of all input tensors of an entry point, in order, for given
  /// values of its symbols.  An error if one is negative or does not fit.
  std::optional<Error>
  inputShapes(size_t entry, llvm::ArrayRef<int64_t> symbols,
              std::vector<std::vector<int64_t>> &shapes) const;

private:
  template <typename T>
  const T *at(const runtime::program::Section &section) const {
    return reinterpret_cast<const T *>(reinterpret_cast<const char *>(header) +
                                       section.offset);
  }
  std::string string(runtime::program::StringRef ref) const {
    return at<char>(header->strings) + ref;
  }
  std::vector<ValueSpec> getValues(size_t entry, bool inputs) const;
  std::vector<CacheSpec> getCaches(size_t entry) const;

  std::string path;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  const runtime::program::Header *header = nullptr;
};

} // namespace quantc

#endif // QUANTC_DRIVER_PROGRAMFILE_H
