// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Marks operations whose operands are constant, without recursion.  A scalar
// program is none of them unless it was small enough to be folded: evaluating
// one by reference may take far longer than the kernel that is made from it.

#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/Compute.h"

using namespace mlir;

namespace quantc::qnn {

static bool hasStaticResults(Operation *op) {
  return llvm::all_of(op->getResultTypes(), [](Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    return shaped && shaped.hasStaticShape();
  });
}

// Symbols vary from run to run, so operations that read them are not constant.
static bool readsSymbols(Operation *op) {
  return llvm::any_of(op->getAttrs(), [](NamedAttribute attribute) {
    auto map = dyn_cast<AffineMapAttr>(attribute.getValue());
    return map &&
           llvm::any_of(map.getValue().getResults(), [](AffineExpr expr) {
             return !isa<AffineConstantExpr>(expr);
           });
  });
}

bool ConstantExpressions::contains(Value value) {
  SmallVector<Operation *> stack;
  Operation *root = value.getDefiningOp();
  if (!root)
    return false;
  stack.push_back(root);
  while (!stack.empty()) {
    Operation *op = stack.back();
    if (known.contains(op)) {
      stack.pop_back();
      continue;
    }
    bool local = isa<QNNDialect>(op->getDialect()) && isPure(op) &&
                 !isa<LaunchOp, ComputeOp>(op) && hasStaticResults(op) &&
                 !readsSymbols(op);
    if (!local) {
      known[op] = false;
      stack.pop_back();
      continue;
    }
    bool pending = false, constant = true;
    for (Value operand : op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (!producer) {
        constant = false;
      } else if (auto it = known.find(producer); it != known.end()) {
        constant &= it->second;
      } else {
        stack.push_back(producer);
        pending = true;
      }
    }
    if (pending) {
      if (!constant)
        known[op] = false;
      continue;
    }
    known[op] = constant;
    stack.pop_back();
  }
  return known[root];
}

} // namespace quantc::qnn
