// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module that is compiled to be run at once, for this CPU: what calibration
// and the comparison of layers look at is what every compiled model runs.
//
// In: a module with encoded values or none, as passes over qnn leave it.  Out:
// its results, sample by sample.

#ifndef QUANTC_DRIVER_INPROCESS_H
#define QUANTC_DRIVER_INPROCESS_H

#include "quantc/Driver/Artifact.h"
#include "quantc/Driver/Workspace.h"

namespace quantc {

class InProcessProgram {
public:
  /// `module` is consumed; `name` stands in messages.  Its library lies in a
  /// temporary folder, which is removed as soon as the library is mapped.
  static std::optional<Error>
  compile(mlir::ModuleOp module, llvm::StringRef name, unsigned threads,
          std::unique_ptr<InProcessProgram> &program);
  static std::optional<Error>
  compile(Workspace &workspace, mlir::ModuleOp module,
          std::unique_ptr<InProcessProgram> &program) {
    return compile(module, workspace.getName(), workspace.getThreads(),
                   program);
  }

  /// Runs the first entry function on `inputs` and `more`, on all threads.  The
  /// tensors, one for each result, live until the next run.
  std::optional<Error> run(llvm::MutableArrayRef<NamedArray> inputs,
                           std::vector<quantc_tensor> &results,
                           llvm::ArrayRef<quantc_value> more = {});

  /// What it takes and gives.
  const EntrySpec &getEntry() const {
    return session->getArtifact().getEntries()[0];
  }

private:
  std::unique_ptr<Session> session;
};

/// The bytes of a result.
inline const char *dataOf(const quantc_tensor &tensor) {
  return static_cast<const char *>(tensor.data) + tensor.byte_offset;
}

} // namespace quantc

#endif // QUANTC_DRIVER_INPROCESS_H
