// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The head of an .npy file: signature, version, and a Python dict literal with
// the keys descr, fortran_order and shape.

#ifndef QUANTC_LIB_DRIVER_NPYHEADER_H
#define QUANTC_LIB_DRIVER_NPYHEADER_H

#include "quantc/Runtime/quantc.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace quantc {

/// Signature, version and the shortest length field.
inline constexpr size_t kNpyPrologueBytes = 10;
inline constexpr size_t kMaxNpyHeaderBytes = 10 * 1024;

struct NpyHeader {
  quantc_dtype dtype = {};
  bool bigEndian = false;
  bool fortranOrder = false;
  llvm::SmallVector<int64_t, 4> shape;
};

/// Where the dict is, from the first kNpyPrologueBytes bytes and, for version
/// 2, two more.
struct NpyPrologue {
  size_t headerOffset = 0;
  size_t headerBytes = 0;
};

/// The message when `bytes` (12, or fewer if the file is shorter) do not start
/// an .npy file that can be read.
std::optional<std::string> parseNpyPrologue(llvm::StringRef bytes,
                                            NpyPrologue &prologue);

/// The message when `text` is not a dict that describes a numeric array.
std::optional<std::string> parseNpyHeader(llvm::StringRef text,
                                          NpyHeader &header);

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_NPYHEADER_H
