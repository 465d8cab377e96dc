// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Links objects and the runtime into a shared library, in this process.

#ifndef QUANTC_TARGET_LINK_H
#define QUANTC_TARGET_LINK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace quantc {

/// Links the object files with the runtime archive into `output`.  `soname` is
/// the library's own name for the dynamic loader.
llvm::Error linkSharedLibrary(llvm::ArrayRef<std::string> objects,
                              llvm::StringRef output, llvm::StringRef soname);

/// The runtime archive of this installation.
llvm::Expected<std::string> findRuntimeArchive();

} // namespace quantc

#endif // QUANTC_TARGET_LINK_H
