// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration of the fmt dialect and its attributes.

#include "mlir/IR/DialectImplementation.h"
#include "quantc/Dialect/Fmt/Fmt.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace quantc::fmt;

#include "quantc/Dialect/Fmt/FmtDialect.cpp.inc"
#include "quantc/Dialect/Fmt/FmtEnums.cpp.inc"
#include "quantc/Dialect/Fmt/FmtInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "quantc/Dialect/Fmt/FmtAttributes.cpp.inc"

void FmtDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "quantc/Dialect/Fmt/FmtAttributes.cpp.inc"
      >();
}
