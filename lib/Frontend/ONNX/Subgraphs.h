// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What handlers of control flow and of sequences may ask of the importer: the
// graphs in a node's attributes, imported in place, and values that are no
// output of a node.

#ifndef QUANTC_LIB_FRONTEND_ONNX_SUBGRAPHS_H
#define QUANTC_LIB_FRONTEND_ONNX_SUBGRAPHS_H

#include "Importer.h"

namespace quantc::onnx_frontend {

class Subgraphs {
public:
  explicit Subgraphs(NodeImport &n) : n(n) {}

  /// Imports the graph of an attribute; null inputs are not allowed.
  mlir::FailureOr<llvm::SmallVector<Entry *>>
  import(llvm::StringRef name, llvm::ArrayRef<Entry *> inputs = {});
  /// Imports the graph "body", which must have as many outputs as the node.
  mlir::FailureOr<llvm::SmallVector<Entry *>>
  importBody(llvm::ArrayRef<Entry *> inputs);
  /// Imports a graph under one more guard.
  mlir::FailureOr<llvm::SmallVector<Entry *>> importIf(llvm::StringRef name,
                                                       mlir::AffineExpr guard);
  /// Whether a graph has nothing to compute.
  bool isTrivial(llvm::StringRef name);
  /// Whether an output of a graph is one of its inputs.
  bool isPassed(llvm::StringRef name, int output, int input);
  /// Whether the body may be imported so often.
  bool mayRepeat(int64_t iterations);
  /// Refuses to unroll the body too often.
  mlir::LogicalResult needCount(int64_t iterations);
  /// The element type that the graph declares for an output, or null.
  mlir::Type outputType(llvm::StringRef name, size_t index);

  Entry *integer(int64_t value);
  Entry *boolean(bool value);
  Entry *entryOf(mlir::Value value);
  Entry *poisoned();
  mlir::Value value(Entry *entry) { return n.importer.materialize(*entry); }

  /// The parts stacked along a new axis.
  mlir::FailureOr<Entry *> stack(llvm::ArrayRef<Entry *> parts, int64_t axis);
  /// The parts one behind the other along `axis`.
  mlir::FailureOr<Entry *> concatenate(llvm::ArrayRef<Entry *> parts,
                                       int64_t axis);

private:
  NodeImport &n;
};

/// A loop whose number of iterations only the run knows.
struct RunTimeLoop {
  NodeImport &n;
  /// The most iterations (i64) and whether there is a first one (i1), both of
  /// rank 0; null where nothing limits the loop.
  mlir::Value limit, condition;
  llvm::SmallVector<Entry *> carried;
  /// Of what is carried, for messages.
  llvm::SmallVector<std::string> names;
  /// Imports the body for the number of an iteration and what is carried.
  /// Results: whether another one follows (null: yes), the next values, parts.
  using Body = llvm::function_ref<mlir::FailureOr<llvm::SmallVector<Entry *>>(
      Entry *, llvm::ArrayRef<Entry *>)>;
  /// Gives the last values and the stacked parts.
  mlir::FailureOr<llvm::SmallVector<Entry *>> import(Body body);
};

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_SUBGRAPHS_H
