// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Samples of model inputs from files.
//
// DATA is an .npz file with arrays by input name, an .npy file for a model with
// one input, a folder of such files, taken in the order of their names (numbers
// in them by value), or a folder of ONNX `test_data_set_*` folders.  The
// leading axis of .npz and .npy arrays counts samples: an array of one
// dimension more than the input gives `array[i]`, one of as many dimensions
// `array[i:i+1]`.  An array whose first dimension is the one that the input
// fixes is one sample; so is a `test_data_set_*` folder, whose file input_I.pb
// holds input I.

#ifndef QUANTC_DRIVER_DATA_H
#define QUANTC_DRIVER_DATA_H

#include "quantc/Driver/Artifact.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <limits>

namespace quantc {

using SampleFn =
    llvm::function_ref<std::optional<Error>(std::vector<NamedArray> &sample)>;

/// Calls `use` for each of the first `limit` samples, reading one sample
/// at a time.  No sample at all is an error.
std::optional<Error>
forEachSample(llvm::StringRef data, const EntrySpec &entry, SampleFn use,
              int64_t limit = std::numeric_limits<int64_t>::max());

/// Refuses floats that are NaN, infinite or larger than `limit`, naming the
/// input and the element.
std::optional<Error> checkNumbers(llvm::ArrayRef<NamedArray> sample,
                                  double limit);

/// Reads a serialized ONNX TensorProto (.pb).  `name` is the name that it
/// holds, which may be empty.
std::optional<Error> readTensorProto(llvm::StringRef path, std::string &name,
                                     Array &array);

} // namespace quantc

#endif // QUANTC_DRIVER_DATA_H
