// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The commands of quantc, one file each, and what they share.

#ifndef QUANTC_TOOLS_QUANTC_COMMANDS_H
#define QUANTC_TOOLS_QUANTC_COMMANDS_H

#include "Options.h"
#include "quantc/Driver/Artifact.h"

namespace quantc {

extern const Command kBenchCommand;
extern const Command kCalibrateCommand;
extern const Command kCompareCommand;
extern const Command kCompileCommand;
extern const Command kInspectCommand;
extern const Command kRunCommand;

/// Reads `--input` options: `NAME=FILE.npy`, `FILE.npz` with arrays by name, or
/// `FILE.npy` for a model with one input.
std::optional<Error> readInputs(llvm::ArrayRef<std::string> options,
                                const EntrySpec &entry,
                                std::vector<NamedArray> &inputs);

/// A size as people read it: `22.9 MB`.
std::string sizeText(uint64_t bytes);

/// Flushes standard output; an error if it could not be written.
std::optional<Error> finishOutput();

} // namespace quantc

#endif // QUANTC_TOOLS_QUANTC_COMMANDS_H
