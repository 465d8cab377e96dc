// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nodes of opsets before 7.  An operator that opset 7 did not change is read as
// it is; of the changed ones those that old exporters wrote are brought into
// today's form, and everything else is refused.

#include "Importer.h"
#include "onnx/defs/schema.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace quantc::onnx_frontend {

/// Input `index` under another shape.
static LogicalResult reshapeInput(NodeImport &n, size_t index,
                                  ArrayRef<AffineExpr> shape) {
  Value value = n.reshape(n.value(index), shape);
  if (!value)
    return failure();
  Entry *entry = n.importer.newEntry(n.inputs[index]->name);
  entry->value = value;
  entry->elementType = n.elementType(value);
  entry->shape = n.shape(value);
  n.inputs[index] = entry;
  return success();
}

/// The second operand was aligned at `axis`, or at the end without one.
static LogicalResult alignSecond(NodeImport &n, int64_t axis) {
  SymbolicShape shape = n.inputs[1]->shape;
  int64_t rank = n.inputs[0]->shape.size();
  if (axis < 0)
    axis += rank;
  if (axis < 0 || axis > rank - int64_t(shape.size()))
    return n.error("expected an axis where the second operand fits, got " +
                   Twine(axis));
  shape.append(rank - axis - shape.size(), n.expr(1));
  return reshapeInput(n, 1, shape);
}

static LogicalResult upgradeBinary(NodeImport &n) {
  if (!n.input(0) || !n.input(1))
    return failure();
  if (n.intAttr("broadcast", 0) != 0)
    return n.attribute("axis") ? alignSecond(n, n.intAttr("axis", 0))
                               : success();
  if (n.inputs[0]->shape.size() == n.inputs[1]->shape.size())
    return success();
  return n.error("expected operands of one rank without 'broadcast'");
}

/// One slope per channel was a vector.
static LogicalResult upgradePRelu(NodeImport &n) {
  if (!n.input(0) || !n.input(1))
    return failure();
  size_t rank = n.inputs[0]->shape.size();
  bool perChannel = n.inputs[1]->shape.size() == 1 && rank > 2 &&
                    staticExtent(n.inputs[1]->shape[0]) != 1;
  return perChannel ? alignSecond(n, 1) : success();
}

static LogicalResult upgradeInference(NodeImport &n) {
  if (n.intAttr("is_test", 0) == 0)
    return n.unsupported("in training mode");
  if (n.intAttr("spatial", 1) == 0)
    return n.unsupported("with statistics for each pixel");
  return success();
}

LogicalResult upgradeNode(NodeImport &n) {
  const std::string &op = n.node.op_type();
  const auto *then =
      onnx::OpSchemaRegistry::Schema(op, int(n.opset), std::string());
  const auto *now = onnx::OpSchemaRegistry::Schema(op, 7, std::string());
  if (then && now && then->since_version() == now->since_version())
    return success();
  auto upgrade = llvm::StringSwitch<LogicalResult (*)(NodeImport &)>(op)
                     .Cases({"Add", "Sub", "Mul", "Div", "Pow", "And", "Or",
                             "Xor", "Equal", "Less", "Greater"},
                            upgradeBinary)
                     .Case("PRelu", upgradePRelu)
                     .Cases({"BatchNormalization", "Dropout"}, upgradeInference)
                     .Cases({"AveragePool", "Gemm"},
                            [](NodeImport &) { return success(); })
                     .Default(nullptr);
  // Forms of opset 6; what came before is another one.
  if (!upgrade || n.opset < 6)
    return n.unsupported("in its form before opset 7");
  return upgrade(n);
}

} // namespace quantc::onnx_frontend
