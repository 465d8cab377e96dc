// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One walk from the end of a function to its start: an operation is needed when
// one of its users is, the operand of a choice also only when it is chosen.  A
// need is an alternative of cases, a case the conditions that must all hold.

#include "quantc/Dialect/QNN/Demand.h"
#include "quantc/Dialect/QNN/Loops.h"
#include "quantc/Support/SymbolicShape.h"

using namespace mlir;

namespace quantc::qnn {

namespace {
using Case = SmallVector<AffineExpr, 2>;

/// More cases than this are taken for always.
constexpr size_t kMaxCases = 8;

AffineExpr negationOf(AffineExpr condition) {
  return canonicalize(1 - condition);
}

bool holdsAll(const Case &all, const Case &some) {
  return llvm::all_of(
      some, [&](AffineExpr part) { return llvm::is_contained(all, part); });
}

/// Two cases that differ in whether one condition holds are one without it.
std::optional<Case> merge(const Case &a, const Case &b) {
  if (a.size() != b.size())
    return std::nullopt;
  for (AffineExpr part : a) {
    Case rest = a;
    llvm::erase(rest, part);
    AffineExpr other = negationOf(part);
    if (llvm::is_contained(b, other) && holdsAll(b, rest))
      return rest;
  }
  return std::nullopt;
}

/// When something is needed; without cases never.
struct Need {
  SmallVector<Case, 1> cases;

  void join(Case added) {
    for (size_t i = 0; i < cases.size(); ++i) {
      if (holdsAll(added, cases[i]))
        return;
      std::optional<Case> merged = merge(cases[i], added);
      if (!merged && !holdsAll(cases[i], added))
        continue;
      if (merged)
        added = *merged;
      cases.erase(cases.begin() + i);
      return join(added);
    }
    if (cases.size() == kMaxCases) {
      cases.clear();
      added.clear();
    }
    cases.push_back(added);
  }
  bool isAlways() const { return cases.size() == 1 && cases[0].empty(); }

  AffineExpr guard() const {
    if (cases.empty() || isAlways())
      return nullptr;
    AffineExpr sum;
    for (const Case &parts : cases) {
      AffineExpr product;
      for (AffineExpr part : parts)
        product = product ? product * part : part;
      sum = sum ? sum + product : product;
    }
    return canonicalize(sum);
  }
};
} // namespace

Demand::Demand(func::FuncOp func) {
  Block &block = func.getBody().front();
  auto mayChoose = [](Operation &op) {
    return isa<ChooseOp>(op) || (isa<LoopBeginOp>(op) && op.hasAttr("guard"));
  };
  if (llvm::none_of(block, mayChoose))
    return;
  DenseMap<Operation *, Need> needs;
  auto need = [&](Value value, const Need &by, AffineExpr condition = {}) {
    Operation *producer = value.getDefiningOp();
    if (!producer)
      return;
    for (Case parts : by.cases) {
      if (condition && !llvm::is_contained(parts, condition))
        parts.push_back(condition);
      needs[producer].join(parts);
    }
  };
  for (Operation &op : llvm::reverse(block)) {
    Need own;
    bool isLoop = isa<LoopBeginOp, LoopEndOp>(op);
    if (op.getNumResults() > 0 && !isLoop)
      own = needs.lookup(&op);
    else
      own.cases.emplace_back();
    if (isLoop || isa<BindSymbolOp>(op))
      if (auto guard = op.getAttrOfType<AffineMapAttr>("guard"))
        for (AffineExpr part : guard.getValue().getResults())
          own.cases.front().push_back(canonicalize(part));
    if (AffineExpr guard = own.guard())
      guards[&op] = guard;
    if (auto choose = dyn_cast<ChooseOp>(op)) {
      AffineExpr condition = canonicalize(choose.getCondition().getResult(0));
      need(choose.getLhs(), own, condition);
      need(choose.getRhs(), own, negationOf(condition));
      continue;
    }
    Need always;
    always.cases.emplace_back();
    for (OpOperand &operand : op.getOpOperands()) {
      // Whether there is an iteration is read in any case.
      bool isFlag = isa<LoopBeginOp>(op) && operand.getOperandNumber() == 0;
      need(operand.get(), isFlag ? always : own);
    }
  }
}

} // namespace quantc::qnn
