// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Single ONNX tensors as files, as test_data_set_* folders hold them.

#ifndef QUANTC_FRONTEND_ONNX_TENSORFILE_H
#define QUANTC_FRONTEND_ONNX_TENSORFILE_H

#include "quantc/Support/Error.h"
#include "quantc/Support/HostTensor.h"

namespace quantc {

/// Reads a serialized TensorProto with its data inline.  On failure `error`
/// says why.
mlir::FailureOr<HostTensor> readOnnxTensor(llvm::StringRef path,
                                           mlir::MLIRContext &context,
                                           std::string &name, Error &error);

} // namespace quantc

#endif // QUANTC_FRONTEND_ONNX_TENSORFILE_H
