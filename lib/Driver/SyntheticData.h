// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Made-up samples, for when there is no data: they exercise a model, but no
// statistic of them says anything about real inputs.

#ifndef QUANTC_LIB_DRIVER_SYNTHETICDATA_H
#define QUANTC_LIB_DRIVER_SYNTHETICDATA_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "quantc/Driver/Data.h"

namespace quantc {

/// Calls `use` for `count` samples that follow from `seed` alone.  The leading
/// dimension of the first input is 1 if it has a name, other named ones are
/// 32.  Floats are normally distributed, integers are 0 to 99, and 1 in inputs
/// with "mask" in their name.
std::optional<Error> forEachSyntheticSample(mlir::func::FuncOp func,
                                            const EntrySpec &entry,
                                            uint64_t seed, int64_t count,
                                            SampleFn use);

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_SYNTHETICDATA_H
