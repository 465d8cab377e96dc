// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// math.exp, log, erf, tanh, sin and cos on f32 scalars and vectors become the
// fma polynomials of docs/numerics.md §3, and vector.reduction a fixed tree of
// halves: the same bits on every ISA, and no call into a math library.

#include "ExpandMath.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Utils/VectorUtils.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "quantc/Codegen/Passes.h"

namespace quantc {
#define GEN_PASS_DEF_EXPANDMATHPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc::expandmath;

namespace {

// §3.1
Value emitExp(Emitter &e, Value x) {
  constexpr double kMagic = 12583038.0;
  x = e.atMost(e.atLeast(x, -87.25), 89.0);
  Value k = e.fma(x, e.constant(0x1.715476p+0), e.constant(kMagic));
  Value n = e.sub(k, e.constant(kMagic));
  Value y = e.fma(n, e.constant(-0x1.62e43p-1), x);
  y = e.fma(n, e.constant(0x1.05c61p-29), y);
  Value p = e.polynomial(y, {0x1.6a4da2p-9, 0x1.123994p-6, 0x1.5558bp-4,
                             0x1.555492p-2, 0x1.fffffcp-1, 2.0, 2.0});
  return e.mul(p, e.pattern(e.shl(e.bits(k), 23)));
}

// §3.2
Value emitLog(Emitter &e, Value x) {
  Value subnormal = e.less(x, e.constant(0x1p-126));
  Value v = e.select(subnormal, e.mul(x, e.constant(0x1p+23)), x);
  Value i = e.isub(e.bits(v), e.integer(0x3f3504f3));
  Value exponent = e.shr(i, 23);
  Value mantissa =
      e.iadd(e.iand(i, e.integer(0x7fffff)), e.integer(0x3f3504f3));
  Value f = e.sub(e.pattern(mantissa), e.constant(1.0));
  Value k =
      e.toFloat(e.select(subnormal, e.isub(exponent, e.integer(23)), exponent));
  Value z = e.mul(f, f);
  Value p = e.polynomial(f, {0x1.13c868p-4, -0x1.dd9ecp-4, 0x1.e6dbe6p-4,
                             -0x1.fc3d62p-4, 0x1.233afap-3, -0x1.555b9p-3,
                             0x1.99a478p-3, -0x1.000008p-2, 0x1.555548p-2});
  Value y = e.mul(e.mul(f, z), p);
  y = e.fma(k, e.constant(-0x1.bd0106p-13), y);
  y = e.fma(e.constant(-0.5), z, y);
  Value r = e.fma(k, e.constant(0x1.63p-1), e.add(f, y));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Value zero = e.constant(0.0), infinity = e.constant(kInfinity);
  r = e.select(e.equal(x, infinity), infinity, r);
  r = e.select(e.equal(x, zero), e.constant(-kInfinity), r);
  Value nan = e.constant(std::numeric_limits<double>::quiet_NaN());
  r = e.select(e.less(x, zero), nan, r);
  return e.select(e.isNan(x), x, r);
}

// §3.4
Value emitErf(Emitter &e, Value x) {
  Value z = e.atMost(e.mul(x, x), 14.875);
  Value p = e.polynomial(z, {0x1.19dd92p-19, 0x1.2b6558p-12, 0x1.e32f98p-9,
                             0x1.ae35p-5, 0x1.8184eap-3, 0x1.20dd74p+0});
  Value q = e.polynomial(z, {0x1.441e0ap-15, 0x1.2ce03ep-10, 0x1.e54982p-7,
                             0x1.cfec66p-4, 0x1.0014a6p-1, 1.0});
  return e.saturate(e.div(e.mul(p, x), q));
}

// §3.5
Value emitTanh(Emitter &e, Value x) {
  Value z = e.atMost(e.mul(x, x), 81.0);
  Value p = e.polynomial(z, {-0x1.ab797ap-37, 0x1.06002p-25, 0x1.d549c8p-16,
                             0x1.facc6ap-9, 0x1.1822c6p-3, 1.0});
  Value q = e.polynomial(
      z, {0x1.58e80cp-20, 0x1.9cab52p-12, 0x1.be4a44p-6, 0x1.e166b8p-2, 1.0});
  return e.saturate(e.div(e.mul(p, x), q));
}

template <typename OpTy, Value (*emit)(Emitter &, Value)>
struct ExpandUnary : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not f32");
    Emitter emitter(rewriter, op.getLoc(), op.getType());
    rewriter.replaceOp(op, emit(emitter, op.getOperand()));
    return success();
  }
};

struct ExpandPow : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::PowFOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || !type.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "not a vector of f32");
    Emitter emitter(rewriter, op.getLoc(), type);
    rewriter.replaceOp(op, emitPow(emitter, op.getLhs(), op.getRhs()));
    return success();
  }
};

/// Functions without a vector form, lane by lane.
template <typename OpTy> struct Scalarize : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    bool expands =
        isa<math::ExpOp, math::LogOp, math::ErfOp, math::TanhOp, math::SinOp,
            math::CosOp, math::PowFOp>(op.getOperation()) &&
        getElementTypeOrSelf(op.getType()).isF32();
    if (!type || type.getRank() != 1 || type.isScalable() || expands)
      return rewriter.notifyMatchFailure(op, "not a vector to take apart");
    Location loc = op.getLoc();
    Value result =
        arith::ConstantOp::create(rewriter, loc, rewriter.getZeroAttr(type));
    for (int64_t lane = 0; lane < type.getDimSize(0); ++lane) {
      SmallVector<Value> operands;
      for (Value operand : op->getOperands())
        operands.push_back(
            vector::ExtractOp::create(rewriter, loc, operand, lane));
      Value scalar = OpTy::create(rewriter, loc, type.getElementType(),
                                  operands, op->getAttrs());
      result = vector::InsertOp::create(rewriter, loc, scalar, result, lane);
    }
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// The fixed tree of halves of §4.2.
struct ExpandReduction : OpRewritePattern<vector::ReductionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(vector::ReductionOp op,
                                PatternRewriter &rewriter) const override {
    VectorType type = op.getSourceVectorType();
    int64_t count = type.getRank() == 1 ? type.getDimSize(0) : 0;
    if (type.isScalable() || !llvm::isPowerOf2_64(count) ||
        isa<vector::MaskOp>(op->getParentOp()))
      return rewriter.notifyMatchFailure(op, "not a power of two lanes");
    Value value = op.getVector();
    auto half = [&](int64_t offset, int64_t lanes) -> Value {
      return vector::ExtractStridedSliceOp::create(
          rewriter, op.getLoc(), value, ArrayRef<int64_t>{offset},
          ArrayRef<int64_t>{lanes}, ArrayRef<int64_t>{1});
    };
    for (int64_t lanes = count / 2; lanes >= 1; lanes /= 2)
      value = vector::makeArithReduction(rewriter, op.getLoc(), op.getKind(),
                                         half(0, lanes), half(lanes, lanes));
    Value result =
        vector::ExtractOp::create(rewriter, op.getLoc(), value, int64_t(0));
    if (op.getAcc())
      result = vector::makeArithReduction(rewriter, op.getLoc(), op.getKind(),
                                          op.getAcc(), result);
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct ExpandMathPass : quantc::impl::ExpandMathPassBase<ExpandMathPass> {
  using Base::Base;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<
        ExpandUnary<math::ExpOp, emitExp>, ExpandUnary<math::LogOp, emitLog>,
        ExpandUnary<math::ErfOp, emitErf>, ExpandUnary<math::TanhOp, emitTanh>,
        ExpandUnary<math::SinOp, emitSin>, ExpandUnary<math::CosOp, emitCos>,
        ExpandPow, ExpandReduction>(&getContext());
    patterns.add<Scalarize<math::ExpOp>, Scalarize<math::LogOp>,
                 Scalarize<math::ErfOp>, Scalarize<math::TanhOp>,
                 Scalarize<math::SinOp>, Scalarize<math::CosOp>,
                 Scalarize<math::PowFOp>, Scalarize<math::TanOp>,
                 Scalarize<math::AsinOp>, Scalarize<math::AcosOp>,
                 Scalarize<math::AtanOp>, Scalarize<math::SinhOp>,
                 Scalarize<math::CoshOp>, Scalarize<math::AsinhOp>,
                 Scalarize<math::AcoshOp>, Scalarize<math::AtanhOp>,
                 Scalarize<arith::RemFOp>>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    WalkResult result = getOperation()->walk([](Operation *op) {
      if (!isa<math::ExpOp, math::LogOp, math::ErfOp, math::TanhOp, math::SinOp,
               math::CosOp, math::PowFOp>(op) ||
          op->getResult(0).getType().isF64() ||
          (isa<math::PowFOp>(op) && op->getResult(0).getType().isF32()))
        return WalkResult::advance();
      op->emitOpError("has no expansion for ") << op->getOperand(0).getType();
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
