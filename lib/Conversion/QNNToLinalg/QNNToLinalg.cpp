// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Drives the lowerings over a kernel function in program order, rewrites the
// signature to storage types, and fuses elementwise producers into their one
// consumer.  Fusion only joins equal iteration spaces: a row statistic is never
// computed again per element.

#include "Lowering.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "quantc/Conversion/Passes.h"

namespace quantc {
#define GEN_PASS_DEF_CONVERTQNNTOLINALGPASS
#include "quantc/Conversion/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnntolinalg;

namespace {

LogicalResult lowerOperation(Lowering &lowering, Operation *op) {
  using Family = FailureOr<bool> (*)(Lowering &, Operation *);
  for (Family family :
       {lowerElementwise, lowerLinear, lowerBlocks, lowerMovement, lowerRows,
        lowerContractions, lowerWindows, lowerCompute}) {
    FailureOr<bool> done = family(lowering, op);
    if (failed(done))
      return failure();
    if (*done)
      return success();
  }
  return op->emitOpError("has no lowering to linalg");
}

/// Bodies of fused generics are at most this long, so that all values stay in
/// registers.
constexpr size_t kMaxFusedOperations = 64;

/// Reads along rows of all its operands.  A reduction must keep its rows
/// contiguous, so a transpose is not fused into it.
bool readsRows(linalg::GenericOp op) {
  AffineMap out = op.getIndexingMapsArray().back();
  if (out.getNumResults() == 0 || !isa<AffineDimExpr>(out.getResults().back()))
    return true;
  AffineExpr last = out.getResults().back();
  unsigned loop = cast<AffineDimExpr>(last).getPosition();
  return llvm::all_of(op.getIndexingMapsArray(), [&](AffineMap map) {
    return !map.isFunctionOfDim(loop) || map.getResults().back() == last;
  });
}

bool shouldFuse(OpOperand &operand) {
  auto producer = operand.get().getDefiningOp<linalg::GenericOp>();
  auto consumer = cast<linalg::GenericOp>(operand.getOwner());
  if (!producer || !operand.get().hasOneUse() ||
      !linalg::areElementwiseOpsFusable(&operand))
    return false;
  AffineMap map = consumer.getMatchingIndexingMap(&operand);
  if (consumer.getNumReductionLoops() &&
      (!map.isIdentity() || !readsRows(producer)))
    return false;
  return map.isPermutation() &&
         llvm::hasSingleElement(producer.getDpsInits()) &&
         producer.getBody()->getOperations().size() +
                 consumer.getBody()->getOperations().size() <=
             kMaxFusedOperations;
}

void fuseElementwise(func::FuncOp func) {
  IRRewriter rewriter(func.getContext());
  SmallVector<linalg::GenericOp> work(func.getOps<linalg::GenericOp>());
  while (!work.empty()) {
    linalg::GenericOp consumer = work.pop_back_val();
    for (OpOperand *operand : consumer.getDpsInputOperands()) {
      if (!shouldFuse(*operand))
        continue;
      Operation *producer = operand->get().getDefiningOp();
      rewriter.setInsertionPoint(consumer);
      FailureOr<linalg::ElementwiseOpFusionResult> fused =
          linalg::fuseElementwiseOps(rewriter, operand);
      if (failed(fused))
        continue;
      rewriter.replaceOp(consumer, fused->fusedOp->getResults().take_back());
      llvm::erase(work, producer);
      rewriter.eraseOp(producer);
      work.push_back(cast<linalg::GenericOp>(fused->fusedOp));
      break;
    }
  }
}

Type storedTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? tensor.clone(storageType(tensor.getElementType())) : type;
}

struct ConvertQNNToLinalgPass
    : quantc::impl::ConvertQNNToLinalgPassBase<ConvertQNNToLinalgPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(qnn::kKernelAttr))
      return;
    FailureOr<qnn::ShapeAnalysis> shapes = qnn::ShapeAnalysis::compute(func);
    if (failed(shapes) || failed(convert(func, *shapes)))
      return signalPassFailure();
    fuseElementwise(func);
  }

  LogicalResult convert(func::FuncOp func, qnn::ShapeAnalysis &shapes) {
    Lowering lowering(func, shapes);
    for (BlockArgument argument : func.getArguments()) {
      if (!isa<RankedTensorType>(argument.getType()))
        return func.emitError("expected tensor arguments, got ")
               << argument.getType();
      Tensor tensor = lowering.get(argument);
      argument.setType(storedTensor(argument.getType()));
      lowering.set(argument, tensor);
    }
    SmallVector<Operation *> ops;
    for (Operation &op : func.front().without_terminator())
      if (isa<qnn::QNNDialect>(op.getDialect()) && !isa<qnn::SymbolValueOp>(op))
        ops.push_back(&op);
    for (Operation *op : ops) {
      lowering.builder.setInsertionPoint(op);
      if (!lowerEmpty(lowering, shapes, op) &&
          failed(lowerOperation(lowering, op)))
        return failure();
    }
    Operation *terminator = func.front().getTerminator();
    for (OpOperand &operand : terminator->getOpOperands())
      operand.set(resultValue(lowering, terminator, operand.get()));
    for (Operation *op : llvm::reverse(ops))
      op->erase();
    func.setFunctionType(FunctionType::get(&getContext(),
                                           func.front().getArgumentTypes(),
                                           terminator->getOperandTypes()));
    return success();
  }

  /// A result of no elements needs no loops, whose slices would lie outside.
  static bool lowerEmpty(Lowering &lowering, qnn::ShapeAnalysis &shapes,
                         Operation *op) {
    AffineExpr zero = lowering.constantExpr(0);
    auto isEmpty = [&](Value result) {
      return isa<RankedTensorType>(result.getType()) &&
             llvm::is_contained(shapes.getShape(result), zero);
    };
    if (op->getNumResults() == 0 || !llvm::all_of(op->getResults(), isEmpty))
      return false;
    for (Value result : op->getResults()) {
      Type element = cast<RankedTensorType>(result.getType()).getElementType();
      lowering.set(result, lowering.empty(op->getLoc(), shapes.getShape(result),
                                          element));
    }
    return true;
  }

  /// The symbols may give a static extent where the function's type has none.
  static Value resultValue(Lowering &lowering, Operation *terminator,
                           Value original) {
    Value value = lowering.get(original).value;
    Type type = storedTensor(original.getType());
    if (value.getType() == type)
      return value;
    lowering.builder.setInsertionPoint(terminator);
    return tensor::CastOp::create(lowering.builder, terminator->getLoc(), type,
                                  value);
  }
};

} // namespace
