// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The name and the key of every value of a function.
//
// A name says to people where a value is: the ONNX node that computed it, or
// the input.  A key is a hash of everything that the value follows from: the
// operations upstream of it with their attributes, the weights by content, and
// the inputs' types.  Two values with one key are equal on equal inputs, and a
// statistic is valid wherever its key is found.  qnn.observe is not part of
// either.

#ifndef QUANTC_CALIBRATION_OBSERVATIONPOINTS_H
#define QUANTC_CALIBRATION_OBSERVATIONPOINTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include <string>

namespace quantc {

struct ObservationPoint {
  /// Empty for a constant.
  std::string name;
  /// 32 hexadecimal digits.
  std::string key;
};

class ObservationPoints {
public:
  /// One walk over the function, which has one block; every constant is read
  /// once.
  static ObservationPoints compute(mlir::func::FuncOp func);

  /// The point of an argument or of a result of an operation in the block.
  const ObservationPoint &get(mlir::Value value) const {
    return points.at(value);
  }

private:
  llvm::DenseMap<mlir::Value, ObservationPoint> points;
};

} // namespace quantc

#endif // QUANTC_CALIBRATION_OBSERVATIONPOINTS_H
