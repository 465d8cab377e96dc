// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves convolutions, pools and what lies between them to [n, spatial…, c] in
// one walk.  A converted value keeps a transpose back to [n, c, spatial…] for
// users that stay, and its channels-last twin is remembered; users that follow
// read the twin, so transposes without users die.

#include "GraphRewriter.h"
#include "quantc/Dialect/QNN/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

namespace quantc::qnn {
#define GEN_PASS_DEF_CHANNELSLASTPASS
#include "quantc/Dialect/QNN/Passes.h.inc"
} // namespace quantc::qnn

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

/// [n, c, spatial…] to [n, spatial…, c].
SmallVector<int64_t> toLast(size_t rank) {
  SmallVector<int64_t> permutation = {0};
  for (size_t axis = 2; axis < rank; ++axis)
    permutation.push_back(axis);
  permutation.push_back(1);
  return permutation;
}

/// [n, spatial…, c] to [n, c, spatial…].
SmallVector<int64_t> toFirst(size_t rank) {
  SmallVector<int64_t> permutation = {0, int64_t(rank) - 1};
  for (size_t axis = 1; axis + 1 < rank; ++axis)
    permutation.push_back(axis);
  return permutation;
}

/// Where an axis of the channels-first form is in the channels-last form.
int64_t mapAxis(int64_t axis, size_t rank) {
  return axis == 0 ? 0 : axis == 1 ? int64_t(rank) - 1 : axis - 1;
}

SmallVector<int64_t> permute(ArrayRef<int64_t> values) {
  SmallVector<int64_t> result;
  for (int64_t axis : toLast(values.size()))
    result.push_back(values[axis]);
  return result;
}

SymbolicShape permute(ArrayRef<AffineExpr> shape) {
  SymbolicShape result;
  for (int64_t axis : toLast(shape.size()))
    result.push_back(shape[axis]);
  return result;
}

class LayoutConverter {
public:
  explicit LayoutConverter(GraphRewriter &rewriter) : rewriter(rewriter) {}

  /// Returns true if the operation was replaced.
  bool visit(Operation *op);

private:
  ArrayRef<AffineExpr> shapeOf(Value value) { return rewriter.shapeOf(value); }
  bool anyTwin(Operation *op);
  Value getTwin(Value value);
  Value getOperandTwin(Value value, size_t rank);
  Value getWeight(Value weight);
  bool finish(Operation *op, Value twin);

  bool visitConv(ConvOp op);
  bool visitPool(PoolOp op);
  bool visitTranspose(TransposeOp op);
  bool visitElementwise(Operation *op);
  bool visitConcat(ConcatOp op);
  bool visitPad(PadOp op);
  bool visitSlice(SliceOp op);
  bool visitBroadcast(BroadcastToOp op);
  bool visitReduce(ReduceOp op);
  bool visitSoftmax(SoftmaxOp op);
  bool visitGather(GatherOp op);
  bool visitReshape(ReshapeOp op);
  bool visitFlattened(LinearOp op);

  GraphRewriter &rewriter;
  DenseMap<Value, Value> twins;
};

} // namespace

//===----------------------------------------------------------------------===//
// Twins
//===----------------------------------------------------------------------===//

bool LayoutConverter::anyTwin(Operation *op) {
  return llvm::any_of(op->getOperands(),
                      [&](Value operand) { return twins.contains(operand); });
}

Value LayoutConverter::getTwin(Value value) {
  if (Value known = twins.lookup(value))
    return known;
  Value twin =
      rewriter.transpose(value.getLoc(), value, toLast(shapeOf(value).size()));
  twins[value] = twin;
  return twin;
}

/// The twin of an operand that broadcasts to `rank` dimensions.
Value LayoutConverter::getOperandTwin(Value value, size_t rank) {
  SymbolicShape shape(shapeOf(value));
  if (shape.size() == rank)
    return getTwin(value);
  if (llvm::all_of(shape,
                   [](AffineExpr dim) { return staticExtent(dim) == 1; }))
    return value;
  shape.insert(shape.begin(), rank - shape.size(), rewriter.constantExpr(1));
  return rewriter.transpose(value.getLoc(),
                            rewriter.reshape(value.getLoc(), value, shape),
                            toLast(rank));
}

/// Gives users of the old result the new one, transposed back.
bool LayoutConverter::finish(Operation *op, Value twin) {
  if (!twin)
    return false;
  Value old = op->getResult(0);
  Value back =
      rewriter.transpose(op->getLoc(), twin, toFirst(shapeOf(twin).size()));
  if (!back)
    return false;
  rewriter.replaceAllUses(old, back);
  twins[back] = twin;
  return true;
}

//===----------------------------------------------------------------------===//
// Sliding windows
//===----------------------------------------------------------------------===//

Value LayoutConverter::getWeight(Value weight) {
  return rewriter.transpose(weight.getLoc(), weight,
                            toLast(shapeOf(weight).size()));
}

bool LayoutConverter::visitConv(ConvOp op) {
  if (op.getChannelsLast() || op.getPackedFrom() ||
      !isa<TensorType>(op.getInput().getType()) ||
      !isa<TensorType>(op.getWeight().getType()))
    return false;
  Value input = getTwin(op.getInput());
  Value weight = getWeight(op.getWeight());
  if (!input || !weight)
    return false;
  return finish(
      op, rewriter.create<ConvOp>(
              op.getLoc(), rewriter.elementTypeOf(op.getResult()), input,
              weight, op.getBias(), op.getStridesAttr(), op.getDilationsAttr(),
              op.getPadLowAttr(), op.getPadHighAttr(), op.getGroupsAttr(),
              rewriter.builder.getBoolAttr(true), DenseI64ArrayAttr()));
}

bool LayoutConverter::visitPool(PoolOp op) {
  if (op.getChannelsLast())
    return false;
  Value input = getTwin(op.getInput());
  if (!input)
    return false;
  return finish(
      op, rewriter.create<PoolOp>(
              op.getLoc(), rewriter.elementTypeOf(op.getResult()),
              op.getKindAttr(), input, op.getWindowAttr(), op.getStridesAttr(),
              op.getDilationsAttr(), op.getPadLowAttr(), op.getPadHighAttr(),
              op.getCountIncludePadAttr(), rewriter.builder.getBoolAttr(true)));
}

//===----------------------------------------------------------------------===//
// What follows its operands
//===----------------------------------------------------------------------===//

bool LayoutConverter::visitTranspose(TransposeOp op) {
  ArrayRef<int64_t> permutation = op.getPermutation();
  size_t rank = permutation.size();
  if (rank < 3)
    return false;
  if (Value twin = twins.lookup(op.getInput())) {
    // As a transpose of the twin; none where it only undoes the conversion.
    Value direct = rewriter.transpose(op.getLoc(), twin,
                                      compose(toFirst(rank), permutation));
    if (!direct)
      return false;
    rewriter.replaceAllUses(op.getResult(), direct);
    return true;
  }
  // A value that another part of the model already has channels-last.
  if (permutation == ArrayRef<int64_t>(toFirst(rank)) && rank > 3)
    twins[op.getResult()] = op.getInput();
  return false;
}

bool LayoutConverter::visitElementwise(Operation *op) {
  size_t rank = shapeOf(op->getResult(0)).size();
  if (op->getNumResults() != 1 || rank < 3)
    return false;
  // Some operand in the layout must have all dimensions.
  if (llvm::none_of(op->getOperands(), [&](Value operand) {
        return shapeOf(operand).size() == rank && twins.contains(operand);
      }))
    return false;
  IRMapping mapping;
  for (Value operand : op->getOperands()) {
    Value twin = getOperandTwin(operand, rank);
    if (!twin)
      return false;
    mapping.map(operand, twin);
  }
  return finish(op, rewriter.cloneOp(op, mapping,
                                     rewriter.elementTypeOf(op->getResult(0))));
}

bool LayoutConverter::visitConcat(ConcatOp op) {
  size_t rank = shapeOf(op.getResult()).size();
  if (!anyTwin(op))
    return false;
  SmallVector<Value> inputs;
  for (Value input : op.getInputs())
    inputs.push_back(getTwin(input));
  if (rewriter.failed)
    return false;
  return finish(op, rewriter.create<ConcatOp>(
                        op.getLoc(), rewriter.elementTypeOf(op.getResult()),
                        ValueRange(inputs), mapAxis(op.getAxis(), rank)));
}

bool LayoutConverter::visitPad(PadOp op) {
  Value twin = twins.lookup(op.getInput());
  if (!twin)
    return false;
  return finish(
      op, rewriter.create<PadOp>(op.getLoc(), rewriter.elementTypeOf(twin),
                                 twin, permute(op.getLow()),
                                 permute(op.getHigh()), op.getValue()));
}

bool LayoutConverter::visitSlice(SliceOp op) {
  Value twin = twins.lookup(op.getInput());
  if (!twin)
    return false;
  return finish(
      op, rewriter.create<SliceOp>(
              op.getLoc(), rewriter.elementTypeOf(twin), twin,
              rewriter.mapOf(permute(op.getStarts().getResults())),
              rewriter.mapOf(permute(op.getSizes().getResults())),
              rewriter.builder.getDenseI64ArrayAttr(permute(op.getSteps()))));
}

bool LayoutConverter::visitBroadcast(BroadcastToOp op) {
  Value twin = twins.lookup(op.getInput());
  ArrayRef<AffineExpr> shape = op.getShape().getResults();
  if (!twin || shape.size() != shapeOf(twin).size())
    return false;
  return finish(op, rewriter.create<BroadcastToOp>(
                        op.getLoc(), rewriter.elementTypeOf(twin), twin,
                        rewriter.mapOf(permute(shape))));
}

bool LayoutConverter::visitSoftmax(SoftmaxOp op) {
  Value twin = twins.lookup(op.getInput());
  if (!twin)
    return false;
  int64_t axis = mapAxis(op.getAxis(), shapeOf(twin).size());
  return finish(op, rewriter.create<SoftmaxOp>(
                        op.getLoc(), rewriter.elementTypeOf(twin), twin, axis));
}

/// Rows or columns picked by a vector of indices (nearest-neighbour resize).
bool LayoutConverter::visitGather(GatherOp op) {
  Value twin = twins.lookup(op.getInput());
  if (!twin || shapeOf(op.getIndices()).size() != 1)
    return false;
  int64_t axis = mapAxis(op.getAxis(), shapeOf(twin).size());
  return finish(op, rewriter.create<GatherOp>(
                        op.getLoc(), rewriter.elementTypeOf(twin), twin,
                        op.getIndices(), axis, DenseI64ArrayAttr()));
}

bool LayoutConverter::visitReduce(ReduceOp op) {
  Value twin = twins.lookup(op.getInput());
  if (!twin)
    return false;
  size_t rank = shapeOf(twin).size();
  SmallVector<int64_t> axes;
  for (int64_t axis : op.getAxes())
    axes.push_back(mapAxis(axis, rank));
  llvm::sort(axes);
  Value result = rewriter.create<ReduceOp>(
      op.getLoc(), rewriter.elementTypeOf(twin), op.getKindAttr(), twin,
      rewriter.builder.getDenseI64ArrayAttr(axes), op.getKeepDimsAttr());
  if (!result || op.getKeepDims())
    return finish(op, result);
  // The kept dimensions in the order in which the old result has them.
  SmallVector<int64_t> kept, order;
  for (int64_t axis : toLast(rank))
    if (!llvm::is_contained(op.getAxes(), axis))
      kept.push_back(axis);
  SmallVector<int64_t> sorted(kept);
  llvm::sort(sorted);
  for (int64_t axis : sorted)
    order.push_back(llvm::find(kept, axis) - kept.begin());
  result = rewriter.transpose(op.getLoc(), result, order);
  if (!result)
    return false;
  rewriter.replaceAllUses(op.getResult(), result);
  return true;
}

/// A reshape of the spatial dimensions only.
bool LayoutConverter::visitReshape(ReshapeOp op) {
  Value twin = twins.lookup(op.getInput());
  ArrayRef<AffineExpr> before = shapeOf(op.getInput());
  ArrayRef<AffineExpr> after = shapeOf(op.getResult());
  if (!twin || after.size() < 3 || before.take_front(2) != after.take_front(2))
    return false;
  return finish(op, rewriter.reshape(op.getLoc(), twin, permute(after)));
}

/// A linear of a flattened value: the columns of its constant weight change
/// places instead of the values.
bool LayoutConverter::visitFlattened(LinearOp op) {
  auto flatten = op.getInput().getDefiningOp<ReshapeOp>();
  if (!flatten || op.getPackedFrom() || !op.getInput().hasOneUse() ||
      !isa<TensorType>(op.getWeight().getType()))
    return false;
  // The reshape reads the transpose back from channels-last.
  Value value = flatten.getInput();
  Value twin = twins.lookup(value);
  if (!twin || shapeOf(flatten.getResult()).size() != 2)
    return false;
  SymbolicShape shape(shapeOf(value));
  SymbolicShape columns(shapeOf(op.getWeight()).take_front());
  columns.append(shape.begin() + 1, shape.end());
  bool isStatic = llvm::none_of(columns, [](AffineExpr dim) {
    return ShapedType::isDynamic(staticExtent(dim));
  });
  if (!isStatic || shapeOf(flatten.getResult())[0] != shape[0])
    return false;
  Location loc = op.getLoc();
  Value weight = rewriter.reshape(loc, op.getWeight(), columns);
  weight = rewriter.transpose(loc, weight, toLast(columns.size()));
  weight =
      rewriter.reshape(loc, weight, SymbolicShape(shapeOf(op.getWeight())));
  Value input =
      rewriter.reshape(loc, twin, SymbolicShape(shapeOf(flatten.getResult())));
  if (!weight || !input)
    return false;
  Value result = rewriter.create<LinearOp>(
      loc, rewriter.elementTypeOf(op.getResult()), input, weight, op.getBias(),
      DenseI64ArrayAttr());
  if (!result)
    return false;
  rewriter.replaceAllUses(op.getResult(), result);
  return true;
}

bool LayoutConverter::visit(Operation *op) {
  rewriter.builder.setInsertionPoint(op);
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](ConvOp conv) { return visitConv(conv); })
      .Case([&](PoolOp pool) { return visitPool(pool); })
      .Case([&](TransposeOp transpose) { return visitTranspose(transpose); })
      .Case([&](ConcatOp concat) { return visitConcat(concat); })
      .Case([&](PadOp pad) { return visitPad(pad); })
      .Case([&](SliceOp slice) { return visitSlice(slice); })
      .Case([&](BroadcastToOp broadcast) { return visitBroadcast(broadcast); })
      .Case([&](ReduceOp reduce) { return visitReduce(reduce); })
      .Case([&](SoftmaxOp softmax) { return visitSoftmax(softmax); })
      .Case([&](GatherOp gather) { return visitGather(gather); })
      .Case([&](ReshapeOp reshape) { return visitReshape(reshape); })
      .Case([&](LinearOp linear) { return visitFlattened(linear); })
      .Default([&](Operation *other) {
        return isa<ElementwiseOpInterface>(other) && visitElementwise(other);
      });
}

namespace {
struct ChannelsLastPass
    : public quantc::qnn::impl::ChannelsLastPassBase<ChannelsLastPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (func.isExternal())
      return;
    bool needed = llvm::any_of(func.getBody().front(), [](Operation &op) {
      return isa<ConvOp, PoolOp>(op);
    });
    if (!needed)
      return;
    LogicalResult result = rewriteGraph(func, [&](GraphRewriter &rewriter) {
      LayoutConverter converter(rewriter);
      return rewriter.forEach([&](Operation *op) {
        if (converter.visit(op))
          ++numConverted;
      });
    });
    if (failed(result))
      signalPassFailure();
  }
};
} // namespace
