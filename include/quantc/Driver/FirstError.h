// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns the diagnostics of a context into the one line that a user sees: the
// first error, with the node or the line of text that it is about.

#ifndef QUANTC_DRIVER_FIRSTERROR_H
#define QUANTC_DRIVER_FIRSTERROR_H

#include "mlir/IR/Diagnostics.h"
#include "quantc/Support/Error.h"

namespace quantc {

class FirstError {
public:
  explicit FirstError(mlir::MLIRContext &context);

  /// `'input': node 'n': message`.
  Error get(llvm::StringRef input, Status status) const;
  /// The same with the error's status; the error itself where no diagnostic
  /// says more.
  Error explain(llvm::StringRef input, const Error &error) const;

private:
  std::string message;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace quantc

#endif // QUANTC_DRIVER_FIRSTERROR_H
