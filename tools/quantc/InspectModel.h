// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantc inspect for files that are not compiled yet.

#ifndef QUANTC_TOOLS_QUANTC_INSPECTMODEL_H
#define QUANTC_TOOLS_QUANTC_INSPECTMODEL_H

#include "quantc/Driver/Artifact.h"
#include "llvm/Support/JSON.h"

namespace quantc {

/// Loads a model or module and prints what it takes, gives and holds.
std::optional<Error> inspectModel(llvm::StringRef path, bool asJson);

/// Shared with the inspection of libraries.
void writeValues(llvm::json::OStream &os, llvm::StringRef key,
                 llvm::ArrayRef<ValueSpec> values);
void printValues(llvm::StringRef title, llvm::ArrayRef<ValueSpec> values);

} // namespace quantc

#endif // QUANTC_TOOLS_QUANTC_INSPECTMODEL_H
