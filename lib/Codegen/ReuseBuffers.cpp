// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets an elementwise operation write over an operand that nobody reads later.
// Tiling gives every operation of a row group a temporary of its own; after
// this the scores of attention, their exponentials and the probabilities share
// one, which then fits the first-level cache.

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "quantc/Codegen/Passes.h"

namespace quantc {
#define GEN_PASS_DEF_REUSEBUFFERSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;

namespace {

/// The operations of `block` that use `buffer` or a view of it; nothing when a
/// use is outside the block or passes the buffer on.
std::optional<SmallVector<Operation *>> usersIn(Block *block, Value buffer) {
  SmallVector<Operation *> users;
  SmallVector<Value> values = {buffer};
  while (!values.empty()) {
    Value value = values.pop_back_val();
    for (Operation *user : value.getUsers()) {
      Operation *ancestor = block->findAncestorOpInBlock(*user);
      if (!ancestor || user->hasTrait<OpTrait::IsTerminator>() ||
          isa<CallOpInterface>(user))
        return std::nullopt;
      users.push_back(ancestor);
      if (isa<ViewLikeOpInterface>(user))
        llvm::append_range(values, user->getResults());
    }
  }
  return users;
}

bool isElementwise(linalg::GenericOp op) {
  return op.hasPureBufferSemantics() && op.getNumDpsInits() == 1 &&
         op.getNumLoops() == op.getNumParallelLoops() &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity();
}

/// Whether `op` may write into `input` in place of its own output.
bool canOverwrite(linalg::GenericOp op, OpOperand *input,
                  memref::AllocOp output) {
  auto alloc = input->get().getDefiningOp<memref::AllocOp>();
  if (!alloc || alloc == output || alloc.getType() != output.getType() ||
      alloc->getBlock() != op->getBlock() ||
      !op.getMatchingIndexingMap(input).isIdentity())
    return false;
  for (OpOperand *other : op.getDpsInputOperands())
    if (other->get() == alloc.getResult() &&
        !op.getMatchingIndexingMap(other).isIdentity())
      return false;
  auto readers = usersIn(op->getBlock(), alloc);
  auto writers = usersIn(op->getBlock(), output);
  if (!readers || !writers)
    return false;
  bool readInBody = llvm::any_of(alloc->getUsers(), [&](Operation *user) {
    return op->isProperAncestor(user);
  });
  return !readInBody && llvm::all_of(*readers, [&](Operation *user) {
    return user == op || user->isBeforeInBlock(op);
  }) && llvm::all_of(*writers, [&](Operation *user) {
    return user == op || op->isBeforeInBlock(user);
  });
}

struct ReuseBuffersPass : quantc::impl::ReuseBuffersPassBase<ReuseBuffersPass> {
  using Base::Base;

  void runOnOperation() override {
    getOperation()->walk([&](linalg::GenericOp op) {
      if (!isElementwise(op))
        return;
      auto output = op.getDpsInits()[0].getDefiningOp<memref::AllocOp>();
      if (!output || output->getBlock() != op->getBlock())
        return;
      for (OpOperand *input : op.getDpsInputOperands()) {
        if (!canOverwrite(op, input, output))
          continue;
        output.getResult().replaceAllUsesWith(input->get());
        output.erase();
        ++numReused;
        return;
      }
    });
  }
};

} // namespace
