// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NumPy's .npy and .npz files.
//
// In: files that anyone may have made.  Out: arrays, or one line that says what
// is wrong.  Read are versions 1 and 2 with headers of at most 10 kB; Fortran
// order and big-endian numbers are converted.  Every size is checked before
// memory is asked for.  Never here: objects (pickle), structured types.

#ifndef QUANTC_DRIVER_NPY_H
#define QUANTC_DRIVER_NPY_H

#include "quantc/Driver/Array.h"
#include "quantc/Support/Error.h"
#include "llvm/ADT/StringRef.h"
#include <vector>

namespace quantc {

/// What the arrays of one .npz file may take in memory together.
inline constexpr uint64_t kMaxNpzBytes = uint64_t(8) << 30;

std::optional<Error> readNpy(llvm::StringRef path, Array &array);

/// The same for the bytes of a file; messages call it `name`.
std::optional<Error> readNpy(llvm::ArrayRef<char> bytes, llvm::StringRef name,
                             Array &array);

/// Reads all arrays of an .npz file, in its order and without `.npy` in their
/// names.  Names that occur twice and wrong checksums are refused.
std::optional<Error> readNpz(llvm::StringRef path,
                             std::vector<NamedArray> &arrays,
                             uint64_t maxBytes = kMaxNpzBytes);

/// The start of a version 1 file for such an array, or std::nullopt for a type
/// that NumPy has no name for.  bfloat16 is written as `<V2`, which is what
/// ml_dtypes makes of it.
std::optional<std::string> npyHeader(quantc_dtype dtype,
                                     llvm::ArrayRef<int64_t> shape);

/// Writes a file that appears under its name only when it is complete.
std::optional<Error> writeNpy(llvm::StringRef path, const Array &array);

} // namespace quantc

#endif // QUANTC_DRIVER_NPY_H
