// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX models to qnn.
//
// In: a model file (.onnx, or ONNX text .onnxtxt), or its bytes.  Out: a module
// with one entry function of qnn operations, verified, its weights borrowed
// from the model in memory or from mapped external data.  Never here:
// optimization (normalize does that) and silent repair of a model that is
// wrong.
//
// Nothing is thrown; every refusal is one line in `Error`.

#ifndef QUANTC_FRONTEND_ONNX_IMPORT_H
#define QUANTC_FRONTEND_ONNX_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "quantc/Support/Error.h"
#include "llvm/ADT/StringMap.h"

namespace quantc {

struct ImportOptions {
  /// Named dimensions that are fixed to a value.
  llvm::StringMap<int64_t> dims;
  /// What is decided about inputs before the run: the numbers of a tensor
  /// (`0,2`), which then is a constant and no input; the length of a sequence
  /// (`3`) or the shapes of its tensors (`[4,?],[]`); `none` for an optional
  /// that is absent.
  llvm::StringMap<std::string> bind;
  /// Folder of external data; by default the folder of the model file.  A model
  /// given as bytes has no external data without it.
  std::string externalDataDirectory;
  /// Nodes after local functions are expanded, and in the file.
  int64_t maxNodes = 1'000'000;
  /// Bytes of one tensor of known shape.
  int64_t maxTensorBytes = int64_t(1) << 38;
};

/// Imports a model file.  On failure `error` says why.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importOnnx(llvm::StringRef path, mlir::MLIRContext &context,
           const ImportOptions &options, Error &error);

/// Imports a serialized ModelProto.  `name` is what messages call the model.
/// The bytes are not needed afterwards.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importOnnxBytes(llvm::ArrayRef<char> bytes, llvm::StringRef name,
                mlir::MLIRContext &context, const ImportOptions &options,
                Error &error);

/// Imports ONNX text (the syntax of onnx.parser).
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importOnnxText(llvm::StringRef text, llvm::StringRef name,
               mlir::MLIRContext &context, const ImportOptions &options,
               Error &error);

/// An operator that the importer takes.
struct OnnxOperator {
  std::string domain, name;
  /// The first opset, from 7 on, in which it is taken.
  int64_t since = 1;
  /// By what ONNX defines it by, not by an import of its own.
  bool byDefinition = false;
};

/// Every supported operator, sorted (docs/operators.md).
std::vector<OnnxOperator> supportedOnnxOperators();

} // namespace quantc

#endif // QUANTC_FRONTEND_ONNX_IMPORT_H
