// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Anything that can be run on arrays: a compiled library, or a model or module
// by the reference interpreter, which is slow and exact.

#ifndef QUANTC_DRIVER_EXECUTABLE_H
#define QUANTC_DRIVER_EXECUTABLE_H

#include "quantc/Driver/Artifact.h"

namespace quantc {

class Executable {
public:
  /// `entry` empty: the first entry point.  `threads` 0: all CPUs.
  static std::optional<Error> open(llvm::StringRef path, llvm::StringRef entry,
                                   unsigned threads,
                                   std::unique_ptr<Executable> &executable);
  virtual ~Executable() = default;

  const EntrySpec &getEntry() const { return entry; }
  virtual std::optional<Error> run(llvm::MutableArrayRef<NamedArray> inputs,
                                   std::vector<NamedArray> &outputs) = 0;

protected:
  EntrySpec entry;
};

} // namespace quantc

#endif // QUANTC_DRIVER_EXECUTABLE_H
