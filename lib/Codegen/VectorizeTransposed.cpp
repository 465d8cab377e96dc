// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise generics that read some operand across its rows (transposes, and
// what fused into them): 16 x 16 tiles, loaded by rows of the source,
// transposed in registers, stored by rows of the result.  What is left at the
// edges is scalar.

#include "Vectorize.h"

using namespace mlir;

namespace quantc::vectorize {
namespace {
constexpr int64_t kTile = 16;

/// Transposes a square tile of registers: blocks of 8, then 4, 2 and 1 lanes
/// change places between two lines, one shuffle for each line and step.
void transposeLines(OpBuilder &builder, Location loc,
                    MutableArrayRef<Value> lines) {
  int64_t count = lines.size();
  for (int64_t block = count / 2; block >= 1; block /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < count; ++lane) {
      bool second = lane & block;
      low.push_back(second ? count + lane - block : lane);
      high.push_back(second ? count + lane : lane + block);
    }
    for (int64_t i = 0; i < count; ++i) {
      if (i & block)
        continue;
      Value a = lines[i], b = lines[i + block];
      lines[i] = vector::ShuffleOp::create(builder, loc, a, b, low);
      lines[i + block] = vector::ShuffleOp::create(builder, loc, a, b, high);
    }
  }
}

struct TransposedTile {
  mutable linalg::GenericOp op;
  const VectorBody &body;
  unsigned row;    ///< unit stride in the transposed operands
  unsigned column; ///< unit stride in the result

  /// kTile vectors along `column`, one per step along `row`.
  SmallVector<Value> load(OpBuilder &builder, LoopNest nest, unsigned operand,
                          Value columnStart) const {
    Type element = op.getBody()->getArgument(operand).getType();
    auto type = VectorType::get({kTile}, element);
    SmallVector<Value> lines;
    for (int64_t i = 0; i < kTile; ++i) {
      nest.ivs[column] = arith::AddIOp::create(builder, nest.loc, columnStart,
                                               nest.constant(builder, i));
      lines.push_back(vector::LoadOp::create(builder, nest.loc, type,
                                             op->getOperand(operand),
                                             nest.indices(builder, operand)));
    }
    transposeLines(builder, nest.loc, lines);
    return lines;
  }

  void emit(OpBuilder &builder, LoopNest nest, Value rowStart,
            Value columnStart) const {
    unsigned operands = op->getNumOperands();
    SmallVector<SmallVector<Value>> lines(operands);
    nest.ivs[row] = rowStart;
    for (unsigned i = 0; i < operands; ++i)
      if (body.access(i) == Access::Transposed)
        lines[i] = load(builder, nest, i, columnStart);
    for (int64_t step = 0; step < kTile; ++step) {
      nest.ivs[row] = arith::AddIOp::create(builder, nest.loc, rowStart,
                                            nest.constant(builder, step));
      SmallVector<Value> arguments(operands);
      for (unsigned i = 0; i < operands; ++i)
        if (!lines[i].empty())
          arguments[i] = lines[i][step];
      IRMapping uniform = body.emitUniform(builder, nest);
      Value result =
          body.emit(builder, nest, uniform, arguments, columnStart, kTile);
      body.store(builder, nest, result, columnStart);
    }
  }
};

/// for i in [begin, end) step `step`; moves the builder into the loop.
Value openLoop(OpBuilder &builder, const LoopNest &nest, Value begin, Value end,
               int64_t step) {
  auto loop = scf::ForOp::create(builder, nest.loc, begin, end,
                                 nest.constant(builder, step));
  builder.setInsertionPointToStart(loop.getBody());
  return loop.getInductionVar();
}

/// The scalar loops over rows [rowBegin, rowEnd) x columns [columnBegin, end).
void emitEdge(OpBuilder builder, LoopNest nest, const TransposedTile &tile,
              Value rowBegin, Value rowEnd, Value columnBegin) {
  nest.ivs[tile.row] = openLoop(builder, nest, rowBegin, rowEnd, 1);
  nest.ivs[tile.column] =
      openLoop(builder, nest, columnBegin, nest.bounds[tile.column], 1);
  emitScalar(builder, nest);
}

/// The loop along which the first operand that is not a row of the result has
/// stride 1.
std::optional<unsigned> transposedLoop(linalg::GenericOp op, unsigned column) {
  for (AffineMap map : op.getIndexingMapsArray()) {
    if (!map.isFunctionOfDim(column))
      continue;
    auto last = dyn_cast<AffineDimExpr>(map.getResults().back());
    if (last && last.getPosition() != column)
      return last.getPosition();
  }
  return std::nullopt;
}
} // namespace

LogicalResult vectorizeTransposed(linalg::GenericOp op) {
  AffineMap outputMap = op.getIndexingMapsArray()[op.getNumDpsInputs()];
  if (op.getNumLoops() != op.getNumParallelLoops() ||
      outputMap.getNumResults() < 2 || !outputMap.isPermutation())
    return failure();
  unsigned column = outputMap.getDimPosition(outputMap.getNumResults() - 1);
  std::optional<unsigned> row = transposedLoop(op, column);
  if (!row)
    return failure();
  FailureOr<VectorBody> body = VectorBody::match(op, column, *row);
  if (failed(body) || body->access(op.getNumDpsInputs()) != Access::UnitStride)
    return failure();

  TransposedTile tile{op, *body, *row, column};
  OpBuilder builder(op);
  LoopNest nest(builder, op);
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (loop != *row && loop != column)
      nest.enter(builder, loop);
  Value zero = nest.constant(builder, 0);
  Value rowEnd = nest.floorBound(builder, *row, kTile);
  Value columnEnd = nest.floorBound(builder, column, kTile);
  {
    OpBuilder inner = builder;
    Value rowStart = openLoop(inner, nest, zero, rowEnd, kTile);
    Value columnStart = openLoop(inner, nest, zero, columnEnd, kTile);
    tile.emit(inner, nest, rowStart, columnStart);
  }
  auto hasRest = [&](unsigned loop) {
    return ShapedType::isDynamic(nest.extents[loop]) ||
           nest.extents[loop] % kTile != 0;
  };
  // The loops above moved only their own builder: continue after them.
  if (hasRest(column))
    emitEdge(builder, nest, tile, zero, rowEnd, columnEnd);
  if (hasRest(*row))
    emitEdge(builder, nest, tile, rowEnd, nest.bounds[*row], zero);
  op.erase();
  return success();
}

} // namespace quantc::vectorize
