// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The safetensors container: named arrays and text metadata in one file.
//
// In: files that anyone may have made.  Out: arrays that borrow from the mapped
// file, or one line that says what is wrong.  The header is at most 100 MB;
// names occur once; arrays follow each other without gaps and fill the file.
// Never here: what the arrays mean.

#ifndef QUANTC_CALIBRATION_SAFETENSORS_H
#define QUANTC_CALIBRATION_SAFETENSORS_H

#include "quantc/Support/Error.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace quantc {

struct SafeTensor {
  std::string name;
  std::string type; ///< As the format spells it: F32, I64, U16, …
  llvm::SmallVector<int64_t, 4> shape;
  llvm::ArrayRef<char> bytes;
};

class SafeTensorsFile {
public:
  static std::optional<Error> open(llvm::StringRef path, SafeTensorsFile &file);
  /// The same for a buffer, which messages call by its identifier.
  static std::optional<Error> parse(std::unique_ptr<llvm::MemoryBuffer> buffer,
                                    SafeTensorsFile &file);

  llvm::StringRef getPath() const { return path; }
  llvm::ArrayRef<SafeTensor> getTensors() const { return tensors; }
  /// The text under a metadata key, or nothing.
  std::optional<llvm::StringRef> getMetadata(llvm::StringRef key) const;
  const SafeTensor *find(llvm::StringRef name) const;

  /// Copies the elements of a tensor of rank 1.  An error if it is missing or
  /// of another type or rank; T is int8_t, uint16_t, int64_t or float.
  template <typename T>
  std::optional<Error> read(llvm::StringRef name, std::vector<T> &values) const;

private:
  std::optional<Error> readBytes(llvm::StringRef name, llvm::StringRef type,
                                 llvm::ArrayRef<char> &bytes) const;

  std::string path;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  std::vector<SafeTensor> tensors;
  llvm::StringMap<size_t> byName;
  llvm::StringMap<std::string> metadata;
};

class SafeTensorsWriter {
public:
  void addMetadata(llvm::StringRef key, llvm::StringRef text) {
    metadata.emplace_back(key.str(), text.str());
  }
  /// Adds an array of rank 1, which must live until `write`.
  template <typename T>
  void add(const llvm::Twine &name, llvm::ArrayRef<T> values);

  /// Writes a file that appears under its name only when it is complete.
  std::optional<Error> write(llvm::StringRef path) const;
  /// The bytes of that file.
  std::string toBytes() const;

private:
  std::string header() const;
  void write(llvm::raw_ostream &os) const;

  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<SafeTensor> tensors;
};

} // namespace quantc

#endif // QUANTC_CALIBRATION_SAFETENSORS_H
