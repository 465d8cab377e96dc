// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// convert-lowbit-to-vector: replaces every bufferized contraction and window by
// the loops and register tiles that suit the target's feature bits.

#include "BlockEmitter.h"
#include "HadamardEmitter.h"
#include "KernelPlan.h"
#include "MatmulEmitter.h"
#include "WindowEmitter.h"
#include "quantc/Conversion/Passes.h"
#include "quantc/Dialect/LowBit/LowBit.h"

#define DEBUG_TYPE "convert-lowbit-to-vector"

namespace quantc {
#define GEN_PASS_DEF_CONVERTLOWBITTOVECTORPASS
#include "quantc/Conversion/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::lowbit;

namespace {

/// Vectors are loaded along the innermost dimension of every operand, and a
/// packed line of bytes is one piece of memory.
LogicalResult checkMemory(DestinationStyleOpInterface op) {
  if (!op.hasPureBufferSemantics())
    return op->emitError("expected memrefs; bufferize first");
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type || type.getRank() == 0)
      continue;
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(type.getStridesAndOffset(strides, offset)) ||
        strides.back() != 1)
      return op->emitError("expected operand ")
             << operand.getOperandNumber()
             << " to have unit stride in its last dimension, got " << type;
    bool isBytes = type.getElementType().isInteger(8) &&
                   operand.getOperandNumber() == 1 &&
                   isa<MatmulOp, BlockMatmulOp>(*op);
    if (isBytes && strides[strides.size() - 2] != kLineDepth)
      return op->emitError("expected contiguous lines of B, got ") << type;
  }
  return success();
}

/// Rows are contiguous.
LogicalResult checkRows(HadamardOp op) {
  if (!op.hasPureBufferSemantics())
    return op.emitError("expected memrefs; bufferize first");
  for (Value operand : op->getOperands()) {
    SmallVector<int64_t> strides;
    int64_t offset;
    auto type = cast<MemRefType>(operand.getType());
    if (failed(type.getStridesAndOffset(strides, offset)) ||
        strides.back() != 1)
      return op.emitError("expected rows of unit stride, got ") << type;
  }
  return success();
}

struct ConvertLowBitToVectorPass
    : quantc::impl::ConvertLowBitToVectorPassBase<ConvertLowBitToVectorPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<HadamardOp> transforms;
    getOperation()->walk([&](HadamardOp op) { transforms.push_back(op); });
    for (HadamardOp op : transforms) {
      if (failed(checkRows(op)))
        return signalPassFailure();
      ImplicitLocOpBuilder b(op.getLoc(), op);
      emitHadamard(b, op);
      op->erase();
    }
    emitWindows();
    SmallVector<DestinationStyleOpInterface> ops;
    getOperation()->walk([&](DestinationStyleOpInterface op) {
      if (isa<MatmulOp, BlockMatmulOp, PatchesOp, DepthwiseOp>(*op))
        ops.push_back(op);
    });
    for (DestinationStyleOpInterface op : ops) {
      if (failed(checkMemory(op)))
        return signalPassFailure();
      ImplicitLocOpBuilder b(op.getLoc(), op);
      if (failed(emit(b, op)))
        return signalPassFailure();
      op->erase();
    }
  }

  /// Contractions that read the windows of an input where they lie.
  void emitWindows() {
    SmallVector<PatchesOp> windows;
    getOperation()->walk([&](PatchesOp op) { windows.push_back(op); });
    for (PatchesOp op : windows) {
      MatmulOp matmul = WindowRows::findReader(op);
      if (!matmul || failed(checkMemory(op)) || failed(checkMemory(matmul)))
        continue;
      ImplicitLocOpBuilder b(matmul.getLoc(), matmul);
      KernelPlan plan = chooseWindowKernel(features);
      MatmulEmitter(b, matmul, plan, op).emit();
      ++numContractions;
      Operation *buffer = op.getOutput().getDefiningOp();
      matmul->erase();
      op->erase();
      if (buffer->use_empty())
        buffer->erase();
    }
  }

  LogicalResult emit(ImplicitLocOpBuilder &b, Operation *op) {
    if (auto patches = dyn_cast<PatchesOp>(op)) {
      PatchesEmitter(b, patches).emit();
      ++numWindows;
    } else if (auto depthwise = dyn_cast<DepthwiseOp>(op)) {
      int64_t lanes = chooseKernel(features, /*isInteger=*/false).lanes;
      DepthwiseEmitter(b, depthwise, lanes).emit();
      ++numWindows;
    } else if (auto blocks = dyn_cast<BlockMatmulOp>(op)) {
      std::optional<KernelPlan> plan =
          blocks.isBf16() ? chooseBf16Kernel(features)
                          : chooseBlockKernel(features, blocks.isInteger());
      if (!plan)
        return op->emitError("has A of bf16, which needs a target with "
                             "avx512bf16, as --mcpu=sapphirerapids");
      BlockEmitter(b, blocks, *plan).emit();
      ++numContractions;
    } else {
      auto matmul = cast<MatmulOp>(op);
      KernelPlan plan = chooseKernel(features, matmul.isInteger());
      MatmulEmitter(b, matmul, plan).emit();
      ++numContractions;
    }
    return success();
  }
};

} // namespace
