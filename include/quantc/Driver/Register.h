// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers what quantc's tools need: our dialects, the upstream dialects that
// the pipelines pass through, their interface models, and all passes.  Only
// these, not everything upstream has, so that start-up stays short.

#ifndef QUANTC_DRIVER_REGISTER_H
#define QUANTC_DRIVER_REGISTER_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace quantc {

void registerAllDialects(mlir::DialectRegistry &registry);
void registerAllPasses();

} // namespace quantc

#endif // QUANTC_DRIVER_REGISTER_H
