// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates constant expressions and streams their bytes, one tensor at a time.

#ifndef QUANTC_TARGET_WEIGHTS_H
#define QUANTC_TARGET_WEIGHTS_H

#include "mlir/IR/Value.h"
#include "quantc/Support/Error.h"
#include "quantc/Support/HostTensor.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

namespace quantc {

/// Appends tensors to a stream, each at a multiple of 64 bytes.
class WeightsWriter {
public:
  /// All tensors together, and each on the way to one, have at most `limit`
  /// bytes.
  WeightsWriter(llvm::raw_pwrite_stream &out, uint64_t limit)
      : out(out), limit(limit) {}

  struct Place {
    uint64_t offset, bytes;
  };
  /// Evaluates and writes `value`, or finds where it was written before.
  mlir::FailureOr<Place> place(mlir::Value value);

  uint64_t getSize() const { return size; }
  /// Refused when a value has no place, as its weights cannot be what they are
  /// to be; Limit when they have too many bytes.
  std::optional<Status> getProblem() const { return problem; }
  /// SHA-256 of everything written; ends the writer.
  std::array<uint8_t, 32> finish();

private:
  void append(llvm::ArrayRef<char> bytes);

  llvm::raw_pwrite_stream &out;
  llvm::SHA256 hash;
  uint64_t size = 0, limit;
  std::optional<Status> problem;
  llvm::DenseMap<mlir::Value, Place> places;
};

/// The bytes that stand before the weights in an ELF object that defines
/// `quantc_weights`: the whole object is `head`, the weights, `tail`.
struct WeightsObject {
  llvm::SmallVector<char, 0> head, tail;
};
WeightsObject makeWeightsObject(uint64_t weightsBytes);

} // namespace quantc

#endif // QUANTC_TARGET_WEIGHTS_H
