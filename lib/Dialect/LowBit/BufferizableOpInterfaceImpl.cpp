// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bufferization of lowbit.matmul: in place on C, which is read and written.

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "quantc/Dialect/LowBit/LowBit.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace quantc::lowbit {
namespace {

struct MatmulBufferization
    : DstBufferizableOpInterfaceExternalModel<MatmulBufferization, MatmulOp> {
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto matmul = cast<MatmulOp>(op);
    if (matmul.hasPureBufferSemantics())
      return success();
    SmallVector<Value, 3> buffers;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    rewriter.setInsertionPoint(op);
    MatmulOp::create(rewriter, op->getLoc(), TypeRange(), matmul.getBLayout(),
                     buffers[0], buffers[1], buffers[2]);
    replaceOpWithBufferizedValues(rewriter, op, buffers.back());
    return success();
  }
};

} // namespace

void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, LowBitDialect *) {
    MatmulOp::attachInterface<MatmulBufferization>(*context);
  });
  registerHadamardBufferization(registry);
}

} // namespace quantc::lowbit
