// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function that computes two models, the reference and the candidate, with
// the results of their layers among its own.
//
// In: entry functions with the same inputs, over qnn.  Out: a module to be
// compiled, and which result is what.  A layer is known in both by its ONNX
// node.  It is computed a second time on the reference's input, brought to
// where the candidate's rewrites expect it, to tell what it loses itself from
// what it inherits.

#ifndef QUANTC_LIB_DRIVER_LAYERPROGRAM_H
#define QUANTC_LIB_DRIVER_LAYERPROGRAM_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "quantc/Support/Error.h"

namespace quantc {

struct ComparedLayer {
  std::string name;
  qnn::WeightedOpInterface reference, candidate;
  /// Results of the program.
  size_t referenceResult = 0, candidateResult = 0;
  /// Nothing if the reference's input is not what the candidate reads.
  std::optional<size_t> ownResult;
};

struct LayerProgram {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<ComparedLayer> layers;
  std::vector<std::string> unmatched;
  /// The outputs of both models follow the layers: first the reference's.
  size_t firstOutput = 0;
};

/// The operand of a layer that is no weight: its input, or a table's indices.
mlir::OpOperand &dataOperand(qnn::WeightedOpInterface layer);

/// The value before it was quantized, or the value itself.
mlir::Value beforeQuantization(mlir::Value value);

std::optional<Error> buildLayerProgram(mlir::func::FuncOp reference,
                                       mlir::func::FuncOp candidate,
                                       LayerProgram &program);

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_LAYERPROGRAM_H
