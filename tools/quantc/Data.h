// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Samples of model inputs from files.
//
// DATA is an .npz file with arrays by input name, an .npy file for a model with
// one input, or a folder of such files, taken in the order of their names.  The
// leading axis counts samples: an array of one dimension more than the input
// gives `array[i]`, one of as many dimensions `array[i:i+1]`.  An array whose
// first dimension is the one that the input fixes is one sample.

#ifndef QUANTC_TOOLS_QUANTC_DATA_H
#define QUANTC_TOOLS_QUANTC_DATA_H

#include "quantc/Driver/Artifact.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace quantc {

using SampleFn =
    llvm::function_ref<std::optional<Error>(std::vector<NamedArray> &sample)>;

/// Calls `use` for each sample, reading one file at a time.  No sample at all
/// is an error.
std::optional<Error> forEachSample(llvm::StringRef data, const EntrySpec &entry,
                                   SampleFn use);

} // namespace quantc

#endif // QUANTC_TOOLS_QUANTC_DATA_H
