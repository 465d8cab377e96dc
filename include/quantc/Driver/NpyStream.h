// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arrays that are read piece by piece, in row-major order, so that data of any
// size takes the memory of one sample.

#ifndef QUANTC_DRIVER_NPYSTREAM_H
#define QUANTC_DRIVER_NPYSTREAM_H

#include "quantc/Driver/Array.h"
#include "quantc/Support/Error.h"
#include "llvm/ADT/StringRef.h"
#include <vector>

namespace quantc {

class ByteSource;

class NpyStream {
public:
  NpyStream();
  /// Serves an array that is in memory.
  NpyStream(std::string name, Array array);
  NpyStream(NpyStream &&);
  NpyStream &operator=(NpyStream &&);
  ~NpyStream();

  static std::optional<Error> openNpy(llvm::StringRef path, NpyStream &stream);
  /// All arrays of an .npz file, in its order.
  static std::optional<Error> openNpz(llvm::StringRef path,
                                      std::vector<NpyStream> &streams);

  const std::string &getName() const { return name; }
  void setName(std::string newName) { name = std::move(newName); }
  quantc_dtype getType() const { return dtype; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }

  /// Fills `part`, of the same type, with the elements that come next.
  std::optional<Error> next(Array &part);
  /// Whether the file was undamaged, if all elements were read.
  std::optional<Error> finish();

private:
  std::optional<Error> start(std::unique_ptr<ByteSource> from,
                             const std::string &path);

  std::string name, label;
  quantc_dtype dtype = {};
  llvm::SmallVector<int64_t, 4> shape;
  bool bigEndian = false;
  std::unique_ptr<ByteSource> source;
  // What cannot be streamed: Fortran order.
  Array whole;
  int64_t position = 0;
};

} // namespace quantc

#endif // QUANTC_DRIVER_NPYSTREAM_H
