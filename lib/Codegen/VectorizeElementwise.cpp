// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise generics: the last output dimension in steps of 64, then of 16,
// then one masked step of 16.  Rows of bytes end in a scalar loop instead:
// masked byte loads and stores have no AVX2 form.  Sums over small windows
// (depthwise convolution, pooling) keep 16 outputs in a register over the whole
// window.

#include "Vectorize.h"

using namespace mlir;

namespace quantc::vectorize {

/// The loop of the output's last dimension, if the output is a projected
/// permutation of parallel loops.
static std::optional<unsigned> lastOutputLoop(linalg::GenericOp op) {
  AffineMap map = op.getIndexingMapsArray()[op.getNumDpsInputs()];
  if (map.getNumResults() == 0 ||
      !map.isProjectedPermutation(/*allowZeroInResults=*/true))
    return std::nullopt;
  auto last = dyn_cast<AffineDimExpr>(map.getResults().back());
  if (!last)
    return std::nullopt;
  return last.getPosition();
}

namespace {
/// Emits `step(builder, position, width, mask)` over a whole dimension.
struct RowLoops {
  LoopNest &nest;
  unsigned dim;
  bool scalarTail;
  llvm::function_ref<void(OpBuilder &, LoopNest &, Value, int64_t, Value)> step;

  void emit(OpBuilder &builder, ArrayRef<int64_t> widths) {
    Value done = nest.constant(builder, 0);
    int64_t extent = nest.extents[dim], covered = 0;
    bool dynamic = ShapedType::isDynamic(extent);
    for (int64_t width : widths) {
      if (!dynamic && extent - covered < width)
        continue;
      Value end = nest.floorBound(builder, dim, width);
      auto loop = scf::ForOp::create(builder, nest.loc, done, end,
                                     nest.constant(builder, width));
      OpBuilder inner = OpBuilder::atBlockTerminator(loop.getBody());
      step(inner, nest, loop.getInductionVar(), width, {});
      done = end;
      covered = dynamic ? 0 : extent / width * width;
    }
    if (!dynamic && covered == extent)
      return;
    if (scalarTail)
      emitScalarTail(builder, done);
    else
      emitMaskedTail(builder, done, dynamic);
  }

  void emitScalarTail(OpBuilder &builder, Value begin) {
    auto loop = scf::ForOp::create(builder, nest.loc, begin, nest.bounds[dim],
                                   nest.constant(builder, 1));
    OpBuilder inner = OpBuilder::atBlockTerminator(loop.getBody());
    LoopNest at = nest;
    at.ivs[dim] = loop.getInductionVar();
    emitScalar(inner, at);
  }

  void emitMaskedTail(OpBuilder &builder, Value begin, bool dynamic) {
    Value rest =
        arith::SubIOp::create(builder, nest.loc, nest.bounds[dim], begin);
    OpBuilder inner = builder;
    if (dynamic) {
      Value some =
          arith::CmpIOp::create(builder, nest.loc, arith::CmpIPredicate::ne,
                                rest, nest.constant(builder, 0));
      auto branch = scf::IfOp::create(builder, nest.loc, some,
                                      /*withElseRegion=*/false);
      inner = branch.getThenBodyBuilder();
    }
    Value mask = tailMask(inner, nest.loc, rest);
    step(inner, nest, begin, kTailWidth, mask);
  }
};
} // namespace

LogicalResult vectorizeElementwise(linalg::GenericOp op) {
  std::optional<unsigned> dim = lastOutputLoop(op);
  if (!dim || op.getNumLoops() != op.getNumParallelLoops())
    return failure();
  unrollShortLoops(op);
  FailureOr<VectorBody> body = VectorBody::match(op, *dim);
  unsigned output = op.getNumDpsInputs();
  if (failed(body) || body->access(output) != Access::UnitStride)
    return failure();

  OpBuilder builder(op);
  LoopNest nest(builder, op);
  body->emitTables(builder, nest);
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (loop != *dim)
      nest.enter(builder, loop);
  IRMapping uniform = body->emitUniform(builder, nest);
  SmallVector<Value> arguments(op->getNumOperands());
  auto step = [&](OpBuilder &b, LoopNest &at, Value position, int64_t width,
                  Value mask) {
    Value result = body->emit(b, at, uniform, arguments, position, width, mask);
    body->store(b, at, result, position, mask);
  };
  SmallVector<int64_t> widths = {kTailWidth};
  if (!body->prefersNarrowSteps())
    widths.insert(widths.begin(), kMainWidth);
  RowLoops{nest, *dim, body->hasNarrowOperand(), step}.emit(builder, widths);
  op.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

namespace {
constexpr int64_t kMaxUnrolledWindow = 32;

/// One chunk of outputs of a window generic.
struct WindowChunk {
  mutable linalg::GenericOp op;
  const VectorBody &body;
  unsigned dim;
  SmallVector<unsigned> parallel, reduced;  ///< loops other than `dim`
  SmallVector<SmallVector<int64_t>> points; ///< of an unrolled window

  unsigned output() const { return op.getNumDpsInputs(); }

  /// Not a function of the parallel loops inside the chunk, so loaded once.
  bool isStationary(unsigned operand) const {
    AffineMap map = op.getIndexingMapsArray()[operand];
    return operand != output() && !points.empty() &&
           body.access(operand) == Access::UnitStride &&
           llvm::none_of(parallel, [&](unsigned loop) {
             return map.isFunctionOfDim(loop);
           });
  }

  void setPoint(OpBuilder &builder, LoopNest &nest,
                ArrayRef<int64_t> point) const {
    for (auto [loop, value] : llvm::zip_equal(reduced, point))
      nest.ivs[loop] = nest.constant(builder, value);
  }

  Value accumulate(OpBuilder &builder, LoopNest &nest, Value position,
                   int64_t width, Value mask, SmallVector<Value> arguments,
                   Value accumulator) const {
    arguments[output()] = accumulator;
    IRMapping uniform = body.emitUniform(builder, nest);
    return body.emit(builder, nest, uniform, arguments, position, width, mask);
  }

  /// Loops over the window with the accumulator carried, outermost first.
  Value loopOverWindow(OpBuilder &builder, LoopNest nest, unsigned depth,
                       Value position, int64_t width, Value mask,
                       Value accumulator) const {
    if (depth == reduced.size())
      return accumulate(builder, nest, position, width, mask,
                        SmallVector<Value>(op->getNumOperands()), accumulator);
    auto loop =
        scf::ForOp::create(builder, nest.loc, nest.constant(builder, 0),
                           nest.bounds[reduced[depth]],
                           nest.constant(builder, 1), ValueRange{accumulator});
    OpBuilder inner = OpBuilder::atBlockEnd(loop.getBody());
    nest.ivs[reduced[depth]] = loop.getInductionVar();
    Value next = loopOverWindow(inner, nest, depth + 1, position, width, mask,
                                loop.getRegionIterArgs()[0]);
    scf::YieldOp::create(inner, nest.loc, next);
    return loop.getResult(0);
  }

  void emit(OpBuilder &builder, LoopNest nest, Value position, int64_t width,
            Value mask) const {
    unsigned operands = op->getNumOperands();
    SmallVector<SmallVector<Value>> arguments(points.size(),
                                              SmallVector<Value>(operands));
    for (auto [point, values] : llvm::zip_equal(points, arguments)) {
      setPoint(builder, nest, point);
      for (unsigned i = 0; i < operands; ++i)
        if (isStationary(i))
          values[i] = body.load(builder, nest, i, position, width, mask);
    }
    OpBuilder inner = builder;
    for (unsigned loop : parallel)
      nest.enter(inner, loop);
    Value result = body.load(inner, nest, output(), position, width, mask);
    if (points.empty())
      result = loopOverWindow(inner, nest, 0, position, width, mask, result);
    for (auto [point, values] : llvm::zip_equal(points, arguments)) {
      setPoint(inner, nest, point);
      result = accumulate(inner, nest, position, width, mask, values, result);
    }
    body.store(inner, nest, result, position, mask);
  }
};
} // namespace

/// All points of a static window in ascending order; none if it is large.
static SmallVector<SmallVector<int64_t>>
windowPoints(const LoopNest &nest, ArrayRef<unsigned> reduced) {
  int64_t count = 1;
  for (unsigned loop : reduced) {
    int64_t extent = nest.extents[loop];
    if (ShapedType::isDynamic(extent) || extent > kMaxUnrolledWindow)
      return {};
    count *= extent;
  }
  if (count > kMaxUnrolledWindow)
    return {};
  SmallVector<SmallVector<int64_t>> points(1);
  for (unsigned loop : reduced) {
    SmallVector<SmallVector<int64_t>> next;
    for (ArrayRef<int64_t> point : points)
      for (int64_t i = 0; i < nest.extents[loop]; ++i) {
        next.emplace_back(point);
        next.back().push_back(i);
      }
    points = std::move(next);
  }
  return points;
}

LogicalResult vectorizeWindow(linalg::GenericOp op) {
  std::optional<unsigned> dim = lastOutputLoop(op);
  if (!dim || op.getNumReductionLoops() == 0)
    return failure();
  FailureOr<VectorBody> body = VectorBody::match(op, *dim);
  if (failed(body) || body->access(op.getNumDpsInputs()) != Access::UnitStride)
    return failure();

  WindowChunk chunk{op, *body, *dim, {}, {}, {}};
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray())) {
    if (kind == utils::IteratorType::reduction)
      chunk.reduced.push_back(loop);
    else if (loop != *dim)
      chunk.parallel.push_back(loop);
  }
  OpBuilder builder(op);
  LoopNest nest(builder, op);
  chunk.points = windowPoints(nest, chunk.reduced);
  auto step = [&](OpBuilder &b, LoopNest &at, Value position, int64_t width,
                  Value mask) { chunk.emit(b, at, position, width, mask); };
  RowLoops{nest, *dim, /*scalarTail=*/false, step}.emit(builder, {kTailWidth});
  op.erase();
  return success();
}

} // namespace quantc::vectorize
