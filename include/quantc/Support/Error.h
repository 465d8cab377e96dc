// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Why a command cannot go on: one line for the user and the exit status that
// goes with it (docs: architecture §8).  Diagnostics of passes stay MLIR
// diagnostics; this is for what happens outside the IR (files, models, limits).

#ifndef QUANTC_SUPPORT_ERROR_H
#define QUANTC_SUPPORT_ERROR_H

#include <string>

namespace quantc {

enum class Status : int {
  Refused = 1,  ///< The input is not acceptable.
  Usage = 2,    ///< The command line is not acceptable.
  Limit = 3,    ///< A resource limit was reached.
  IO = 4,       ///< A file or the environment failed.
  Internal = 70 ///< A bug of quantc.
};

struct Error {
  Status status = Status::Refused;
  /// One line, lower-case start, no final period; names from files escaped.
  std::string message;

  int exitStatus() const { return static_cast<int>(status); }
};

} // namespace quantc

#endif // QUANTC_SUPPORT_ERROR_H
