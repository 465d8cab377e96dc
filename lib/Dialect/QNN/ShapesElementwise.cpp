// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes of the elementwise operations: the numpy broadcast of all operands.

#include "Shapes.h"

using namespace mlir;

namespace quantc::qnn {

static LogicalResult inferElementwise(Operation *op, Shapes operands,
                                      ShapeResults &results) {
  SymbolicShape shape = operands.front();
  for (const SymbolicShape &operand : operands.drop_front()) {
    FailureOr<SymbolicShape> both = broadcast(op, shape, operand);
    if (failed(both))
      return failure();
    shape = *both;
  }
  results.push_back(shape);
  return success();
}

#define QUANTC_ELEMENTWISE_SHAPE(OP)                                           \
  LogicalResult OP::inferSymbolicShapes(Shapes operands,                       \
                                        ShapeResults &results) {               \
    return inferElementwise(*this, operands, results);                         \
  }
QUANTC_ELEMENTWISE_SHAPE(AbsOp)
QUANTC_ELEMENTWISE_SHAPE(NegOp)
QUANTC_ELEMENTWISE_SHAPE(ExpOp)
QUANTC_ELEMENTWISE_SHAPE(LogOp)
QUANTC_ELEMENTWISE_SHAPE(SqrtOp)
QUANTC_ELEMENTWISE_SHAPE(ReciprocalOp)
QUANTC_ELEMENTWISE_SHAPE(ErfOp)
QUANTC_ELEMENTWISE_SHAPE(SinOp)
QUANTC_ELEMENTWISE_SHAPE(CosOp)
QUANTC_ELEMENTWISE_SHAPE(TanhOp)
QUANTC_ELEMENTWISE_SHAPE(SigmoidOp)
QUANTC_ELEMENTWISE_SHAPE(SiluOp)
QUANTC_ELEMENTWISE_SHAPE(ReluOp)
QUANTC_ELEMENTWISE_SHAPE(FloorOp)
QUANTC_ELEMENTWISE_SHAPE(CeilOp)
QUANTC_ELEMENTWISE_SHAPE(RoundOp)
QUANTC_ELEMENTWISE_SHAPE(SignOp)
QUANTC_ELEMENTWISE_SHAPE(NotOp)
QUANTC_ELEMENTWISE_SHAPE(IsNanOp)
QUANTC_ELEMENTWISE_SHAPE(SoftplusOp)
QUANTC_ELEMENTWISE_SHAPE(HardSwishOp)
QUANTC_ELEMENTWISE_SHAPE(AddOp)
QUANTC_ELEMENTWISE_SHAPE(SubOp)
QUANTC_ELEMENTWISE_SHAPE(MulOp)
QUANTC_ELEMENTWISE_SHAPE(DivOp)
QUANTC_ELEMENTWISE_SHAPE(PowOp)
QUANTC_ELEMENTWISE_SHAPE(MinOp)
QUANTC_ELEMENTWISE_SHAPE(MaxOp)
QUANTC_ELEMENTWISE_SHAPE(AndOp)
QUANTC_ELEMENTWISE_SHAPE(OrOp)
QUANTC_ELEMENTWISE_SHAPE(XorOp)
QUANTC_ELEMENTWISE_SHAPE(EqualOp)
QUANTC_ELEMENTWISE_SHAPE(LessOp)
QUANTC_ELEMENTWISE_SHAPE(LessEqualOp)
QUANTC_ELEMENTWISE_SHAPE(GreaterOp)
QUANTC_ELEMENTWISE_SHAPE(GreaterEqualOp)
QUANTC_ELEMENTWISE_SHAPE(GeluOp)
QUANTC_ELEMENTWISE_SHAPE(LeakyReluOp)
QUANTC_ELEMENTWISE_SHAPE(HardSigmoidOp)
QUANTC_ELEMENTWISE_SHAPE(ClipOp)
QUANTC_ELEMENTWISE_SHAPE(WhereOp)
QUANTC_ELEMENTWISE_SHAPE(CastOp)
QUANTC_ELEMENTWISE_SHAPE(ToCodesOp)
QUANTC_ELEMENTWISE_SHAPE(FromCodesOp)
#undef QUANTC_ELEMENTWISE_SHAPE

} // namespace quantc::qnn
