// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves the arithmetic of f16 and bf16 graphs to f32.  Every operation that
// computes gets its operands widened and its result rounded, so each tensor of
// the graph still holds f16 or bf16 values; operations that only move or choose
// elements stay.  A widened value is shared by its users.

#include "GraphRewriter.h"
#include "quantc/Dialect/QNN/Passes.h"

namespace quantc::qnn {
#define GEN_PASS_DEF_LEGALIZEFLOATSPASS
#include "quantc/Dialect/QNN/Passes.h.inc"
} // namespace quantc::qnn

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

bool isNarrow(Type type) { return type.isF16() || type.isBF16(); }

bool computes(Operation *op) {
  if (isa<CastOp, WhereOp>(op))
    return false;
  return isa<ElementwiseOpInterface, MatmulOp, LinearOp, ConvOp, PoolOp,
             ReduceOp, SoftmaxOp, LayerNormOp, RmsNormOp, BatchNormOp, RotaryOp,
             AttentionOp>(op);
}

class FloatWidener {
public:
  explicit FloatWidener(GraphRewriter &rewriter)
      : rewriter(rewriter), f32(Float32Type::get(rewriter.func.getContext())) {}

  void visit(Operation *op);

private:
  Value widen(Value value);

  GraphRewriter &rewriter;
  Type f32;
  DenseMap<Value, Value> wide;
};

} // namespace

Value FloatWidener::widen(Value value) {
  Value &known = wide[value];
  if (known)
    return known;
  auto constant = value.getDefiningOp<ConstantOp>();
  std::optional<double> scalar =
      constant && constant.getValue().getNumElements() == 1 ? splatValue(value)
                                                            : std::nullopt;
  Location loc = value.getLoc();
  if (scalar)
    known = rewriter.splat(loc, f32, *scalar,
                           cast<ShapedType>(value.getType()).getShape());
  else
    known = rewriter.create<CastOp>(loc, f32, value);
  return known;
}

void FloatWidener::visit(Operation *op) {
  auto isNarrowTensor = [](Type type) {
    auto tensor = dyn_cast<TensorType>(type);
    return tensor && isNarrow(tensor.getElementType());
  };
  if (!computes(op) || op->getNumResults() != 1 ||
      llvm::none_of(op->getOperandTypes(), isNarrowTensor))
    return;
  rewriter.builder.setInsertionPoint(op);
  IRMapping mapping;
  for (Value operand : op->getOperands()) {
    if (!isNarrowTensor(operand.getType()))
      continue;
    Value widened = widen(operand);
    if (!widened)
      return;
    mapping.map(operand, widened);
  }
  Value old = op->getResult(0);
  Type type = rewriter.elementTypeOf(old);
  Value result = rewriter.cloneOp(op, mapping, isNarrow(type) ? f32 : type);
  if (result && isNarrow(type))
    result = rewriter.create<CastOp>(op->getLoc(), type, result);
  if (!result)
    return;
  rewriter.replaceAllUses(old, result);
  rewriter.eraseDead(op);
}

namespace {
struct LegalizeFloatsPass
    : public quantc::qnn::impl::LegalizeFloatsPassBase<LegalizeFloatsPass> {
  void runOnOperation() override {
    LogicalResult result =
        rewriteGraph(getOperation(), [&](GraphRewriter &rewriter) {
          FloatWidener widener(rewriter);
          return rewriter.forEach([&](Operation *op) { widener.visit(op); });
        });
    if (failed(result))
      signalPassFailure();
  }
};
} // namespace
