// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of applied transforms, by which values can be compared with those
// of the model that was not rewritten.
//
// An operation whose result carries transforms has the attribute
// `qnn.transforms` (qnn::kTransformsAttr), a list in the order of application:
//
//     {axes = array<i64: 2>, scale = dense<…> : tensor<384xf32>}   x * scale
//     {axes = array<i64: 2>, hadamard = 384 : i64}                 x H
//
// Channels are those of the axes, row-major in their order (Equivariant.h).

#ifndef QUANTC_REWRITES_TRANSFORMS_H
#define QUANTC_REWRITES_TRANSFORMS_H

#include "quantc/Dialect/QNN/QNN.h"

namespace quantc {

/// The value that the operation's result would have without rewrites.
mlir::FailureOr<HostTensor> restoreOriginal(mlir::Operation *op,
                                            const HostTensor &value);

} // namespace quantc

#endif // QUANTC_REWRITES_TRANSFORMS_H
