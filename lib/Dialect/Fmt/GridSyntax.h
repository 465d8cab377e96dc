// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of a format's text that says which elements share a scale, and its
// options.  Parameters that have their default are not printed.

#ifndef QUANTC_LIB_DIALECT_FMT_GRIDSYNTAX_H
#define QUANTC_LIB_DIALECT_FMT_GRIDSYNTAX_H

#include "quantc/Dialect/Fmt/Fmt.h"

namespace quantc::fmt {

/// An option `name = value`; `parse` reads the value.
struct Option {
  llvm::StringRef name;
  llvm::function_ref<mlir::ParseResult()> parse;
};

/// `tensor`, `axis = k`, `per_row` or `block = [...]`, then `scale` and the
/// format's own options in any order, each at most once, up to `>`.
mlir::ParseResult parseGrid(mlir::AsmParser &parser, Grid &grid,
                            llvm::ArrayRef<Option> options = {});

/// Without the closing `>`.
void printGrid(mlir::AsmPrinter &printer, const Grid &grid);

llvm::LogicalResult verifyGrid(EmitError emitError, const Grid &grid);

} // namespace quantc::fmt

#endif // QUANTC_LIB_DIALECT_FMT_GRIDSYNTAX_H
