// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a module after code generation to a library with its header.

#ifndef QUANTC_TARGET_ARTIFACT_H
#define QUANTC_TARGET_ARTIFACT_H

#include "mlir/IR/BuiltinOps.h"
#include "quantc/Support/Error.h"
#include "quantc/Target/TargetDescription.h"
#include <optional>

namespace quantc {

struct ArtifactOptions {
  std::string output; // STEM.so; STEM.h and STEM.<hash>.weights lie beside it
  unsigned threads = 1;
  /// Weights above this many bytes go to a file of their own.
  uint64_t embedLimit = uint64_t(256) << 20;
  /// Key and value pairs that the library reports.
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Writes the weights file (if any), the header and the library, in this order;
/// the library appears last.  `module` holds entry functions of launches, and
/// modules of step functions in the LLVM dialect.
std::optional<Error> writeArtifact(mlir::ModuleOp module,
                                   const TargetDescription &target,
                                   const ArtifactOptions &options);

/// The text of `model.h`.
std::string modelHeader(mlir::ModuleOp module, llvm::StringRef stem,
                        const ArtifactOptions &options);

} // namespace quantc

#endif // QUANTC_TARGET_ARTIFACT_H
