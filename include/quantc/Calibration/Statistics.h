// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a calibration measured: observers by observation point, with the key of
// what was measured, in memory and in a safetensors file (docs/calibration.md).
//
// In: files that anyone may have made.  A statistic is only given out for the
// key that it was measured under; a stale one is an error that names its point.

#ifndef QUANTC_CALIBRATION_STATISTICS_H
#define QUANTC_CALIBRATION_STATISTICS_H

#include "mlir/Support/LLVM.h"
#include "quantc/Calibration/Observer.h"
#include "llvm/ADT/StringMap.h"

namespace mlir {
class Operation;
} // namespace mlir

namespace quantc {

struct PointStatistics {
  std::string name;
  /// The hash of everything upstream of the value (ObservationPoints).
  std::string key;
  /// By name, sorted.
  std::vector<std::unique_ptr<Observer>> observers;

  Observer *find(llvm::StringRef observer) const;
  /// The statistic of that class, or null.
  template <typename T> const T *get() const {
    return static_cast<const T *>(find(T::kName));
  }
};

class Statistics {
public:
  /// SHA-256 of the model file; a help for people, not a key.
  std::string modelHash;
  /// Samples that were observed.
  int64_t samples = 0;

  llvm::ArrayRef<std::unique_ptr<PointStatistics>> getPoints() const {
    return points;
  }
  /// The point of that name, or null.
  PointStatistics *find(llvm::StringRef name) const;
  /// The point of that name if it was measured under `key`.  `point` is null if
  /// there is none; a different key is an error.
  std::optional<Error> find(llvm::StringRef name, llvm::StringRef key,
                            const PointStatistics *&point) const;
  /// The point of that name and key, which is added if there is none.  `name`
  /// has no control characters.
  std::optional<Error> insert(llvm::StringRef name, llvm::StringRef key,
                              PointStatistics *&point);

  /// Adds the samples of `other`.  Points and observers must be the same.
  std::optional<Error> merge(const Statistics &other);

  static std::optional<Error> load(llvm::StringRef path,
                                   Statistics &statistics);
  std::optional<Error> save(llvm::StringRef path) const;

private:
  static std::optional<Error> read(const SafeTensorsFile &file,
                                   Statistics &statistics);

  std::vector<std::unique_ptr<PointStatistics>> points;
  llvm::StringMap<PointStatistics *> byName;
};

/// Statistics::load for a pass: an error is emitted at `op`.
mlir::LogicalResult loadStatistics(mlir::Operation *op, llvm::StringRef path,
                                   Statistics &statistics);

} // namespace quantc

#endif // QUANTC_CALIBRATION_STATISTICS_H
