// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bufferization: contractions are in place on C, which is read and written; the
// others only write their output.

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "quantc/Dialect/LowBit/LowBit.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace quantc::lowbit {
namespace {

/// Recreates `op` on buffers; the destination is its operand `output`.
LogicalResult bufferizeInPlace(Operation *op, unsigned output,
                               RewriterBase &rewriter,
                               const BufferizationOptions &options,
                               BufferizationState &state) {
  SmallVector<Value> buffers;
  for (Value operand : op->getOperands()) {
    if (!isa<TensorType>(operand.getType())) {
      buffers.push_back(operand);
      continue;
    }
    FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
    if (failed(buffer))
      return failure();
    buffers.push_back(*buffer);
  }
  rewriter.setInsertionPoint(op);
  OperationState twin(op->getLoc(), op->getName(), buffers, TypeRange(),
                      op->getAttrs());
  rewriter.create(twin);
  replaceOpWithBufferizedValues(rewriter, op, buffers[output]);
  return success();
}

template <typename OpTy>
struct ContractionBufferization
    : DstBufferizableOpInterfaceExternalModel<ContractionBufferization<OpTy>,
                                              OpTy> {
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto contraction = cast<OpTy>(op);
    if (contraction.hasPureBufferSemantics())
      return success();
    return bufferizeInPlace(op, contraction.getCMutable().getOperandNumber(),
                            rewriter, options, state);
  }
};

template <typename OpTy>
struct OverwritingBufferization
    : DstBufferizableOpInterfaceExternalModel<OverwritingBufferization<OpTy>,
                                              OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<OpTy>(op).isDpsInit(&operand);
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto overwriting = cast<OpTy>(op);
    if (overwriting.hasPureBufferSemantics())
      return success();
    return bufferizeInPlace(op,
                            overwriting.getOutputMutable().getOperandNumber(),
                            rewriter, options, state);
  }
};

} // namespace

void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, LowBitDialect *) {
    MatmulOp::attachInterface<ContractionBufferization<MatmulOp>>(*context);
    BlockMatmulOp::attachInterface<ContractionBufferization<BlockMatmulOp>>(
        *context);
    PatchesOp::attachInterface<OverwritingBufferization<PatchesOp>>(*context);
    DepthwiseOp::attachInterface<OverwritingBufferization<DepthwiseOp>>(
        *context);
    HadamardOp::attachInterface<OverwritingBufferization<HadamardOp>>(*context);
  });
}

} // namespace quantc::lowbit
