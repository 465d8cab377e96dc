// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fmt dialect: number formats and what can be asked of them.
//
// In: an attribute that names a scheme, and values.  Out: payload arrays, the
// values they stand for, and the planes that kernels compute on.  Never here:
// operations, targets, other dialects.

#ifndef QUANTC_DIALECT_FMT_FMT_H
#define QUANTC_DIALECT_FMT_FMT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "quantc/Dialect/Fmt/Grid.h"
#include "quantc/Dialect/Fmt/Planes.h"

#include "quantc/Dialect/Fmt/FmtDialect.h.inc"
#include "quantc/Dialect/Fmt/FmtInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "quantc/Dialect/Fmt/FmtAttributes.h.inc"

#endif // QUANTC_DIALECT_FMT_FMT_H
