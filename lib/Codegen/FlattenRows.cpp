// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites linear and row operations on [a, b, …, c] into the same operations
// on [a * b * …, c] between reshapes, in one forward walk.  Every value that is
// a reshape of a flat one is remembered with its flat twin, so a chain of such
// operations needs one reshape at its start and one at its end; the reshapes in
// between die.

#include "quantc/Codegen/Passes.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

namespace quantc {
#define GEN_PASS_DEF_FLATTENROWSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

class RowFlattener {
public:
  RowFlattener(func::FuncOp func, ShapeAnalysis &shapes)
      : shapes(shapes), builder(func.getContext()) {}

  LogicalResult visit(Operation *op) {
    if (auto linear = dyn_cast<LinearOp>(op))
      return flattenIf(op, linear.getInput());
    if (auto norm = dyn_cast<LayerNormOp>(op))
      return flattenIfLast(op, norm.getInput(), norm.getAxis());
    if (auto norm = dyn_cast<RmsNormOp>(op))
      return flattenIfLast(op, norm.getInput(), norm.getAxis());
    if (auto quantize = dyn_cast<QuantizeRowsOp>(op))
      return int64_t(quantize.getAxis()) == -1
                 ? flattenIf(op, quantize.getInput())
                 : flattenSamples(quantize);
    if (auto quantize = dyn_cast<QuantizeStaticOp>(op))
      return flattenIf(op, quantize.getInput());
    if (auto hadamard = dyn_cast<HadamardOp>(op))
      return flattenIf(op, hadamard.getInput());
    if (auto linear = dyn_cast<QuantizedLinearOp>(op))
      return flattenQuantized(linear);
    if (auto conv = dyn_cast<ConvOp>(op))
      return conv.getChannelsLast() ? flattenResult(conv) : success();
    if (auto conv = dyn_cast<QuantizedConvOp>(op))
      return flattenResult(conv);
    if (auto linear = dyn_cast<BlockLinearOp>(op))
      return flattenBlocks(linear);
    if (auto gather = dyn_cast<GatherOp>(op))
      return gather.getAxis() == 0 && shapeOf(gather.getInput()).size() == 2
                 ? flattenIndices(op, gather.getIndices())
                 : success();
    if (auto gather = dyn_cast<QuantizedGatherOp>(op))
      return flattenIndices(op, gather.getIndices());
    if (auto gather = dyn_cast<BlockGatherOp>(op))
      return flattenIndices(op, gather.getIndices());
    if (isa<ElementwiseOpInterface>(op))
      return flattenElementwise(op);
    return success();
  }

private:
  ArrayRef<AffineExpr> shapeOf(Value value) { return shapes.getShape(value); }

  AffineMapAttr mapOf(ArrayRef<AffineExpr> exprs) {
    unsigned symbols = 0;
    for (AffineExpr expr : exprs)
      expr.walk([&](AffineExpr e) {
        if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
          symbols = std::max(symbols, symbol.getPosition() + 1);
      });
    return AffineMapAttr::get(
        AffineMap::get(0, symbols, exprs, builder.getContext()));
  }

  Value reshape(Value value, ArrayRef<AffineExpr> shape) {
    if (shapeOf(value) == shape)
      return value;
    auto op = createInferred<ReshapeOp>(
        builder, shapes, value.getLoc(),
        cast<ShapedType>(value.getType()).getElementType(), value,
        mapOf(shape));
    return op ? op.getResult() : Value();
  }

  /// [a, b, …, c] as [a * b * …, c].
  Value getFlat(Value value) {
    if (Value known = flat.lookup(value))
      return known;
    ArrayRef<AffineExpr> shape = shapeOf(value);
    SymbolicShape rows = {elementCount(shape.drop_back(), builder.getContext()),
                          shape.back()};
    Value result = reshape(value, rows);
    flat[value] = result;
    return result;
  }

  /// [a, b, …] as [a * b * …].
  Value getFlatVector(Value value) {
    if (Value known = flat.lookup(value))
      return known;
    SymbolicShape count = {elementCount(shapeOf(value), builder.getContext())};
    return reshape(value, count);
  }

  LogicalResult flattenIf(Operation *op, Value input) {
    if (shapeOf(input).size() <= 2 || !isa<TensorType>(input.getType()))
      return success();
    builder.setInsertionPoint(op);
    IRMapping mapping;
    mapping.map(input, getFlat(input));
    return rebuild(op, mapping);
  }

  LogicalResult flattenIfLast(Operation *op, Value input, int64_t axis) {
    if (axis + 1 != int64_t(shapeOf(input).size()))
      return success();
    return flattenIf(op, input);
  }

  // Embedding look-up: rows of a matrix at any shape of indices.
  LogicalResult flattenIndices(Operation *op, Value indices) {
    if (shapeOf(indices).size() < 2)
      return success();
    builder.setInsertionPoint(op);
    IRMapping mapping;
    mapping.map(indices, getFlatVector(indices));
    return rebuild(op, mapping);
  }

  LogicalResult flattenQuantized(QuantizedLinearOp op) {
    if (shapeOf(op.getCodes()).size() <= 2)
      return success();
    builder.setInsertionPoint(op);
    IRMapping mapping;
    mapping.map(op.getCodes(), getFlat(op.getCodes()));
    if (!shapeOf(op.getScales()).empty())
      mapping.map(op.getScales(), getFlatVector(op.getScales()));
    mapping.map(op.getSums(), getFlatVector(op.getSums()));
    return rebuild(op, mapping);
  }

  LogicalResult flattenBlocks(BlockLinearOp op) {
    if (shapeOf(op.getInput()).size() <= 2)
      return success();
    builder.setInsertionPoint(op);
    IRMapping mapping;
    mapping.map(op.getInput(), getFlat(op.getInput()));
    if (op.getScales()) {
      mapping.map(op.getScales(), getFlatVector(op.getScales()));
      mapping.map(op.getSums(), getFlat(op.getSums()));
    }
    return rebuild(op, mapping);
  }

  /// Rows of several axes become the last axis of a matrix.
  LogicalResult flattenSamples(QuantizeRowsOp op) {
    ArrayRef<AffineExpr> shape = shapeOf(op.getInput());
    MLIRContext *context = builder.getContext();
    SymbolicShape matrix = {
        elementCount(shape.take_front(op.getAxis()), context),
        elementCount(shape.drop_front(op.getAxis()), context)};
    builder.setInsertionPoint(op);
    IRMapping mapping;
    mapping.map(op.getInput(), reshape(op.getInput(), matrix));
    op.setAxis(-1);
    return rebuild(op, mapping, /*isFlat=*/false);
  }

  /// A convolution reads an image and gives one row per pixel.
  template <typename OpTy> LogicalResult flattenResult(OpTy op) {
    if (op.getFlatRows() || isa<EncodedType>(op->getOperand(0).getType()))
      return success();
    op.setFlatRows(true);
    builder.setInsertionPoint(op);
    IRMapping mapping;
    return rebuild(op, mapping);
  }

  LogicalResult flattenElementwise(Operation *op) {
    if (op->getNumResults() != 1)
      return success();
    SymbolicShape shape(shapeOf(op->getResult(0)));
    bool anyFlat = false;
    for (Value operand : op->getOperands())
      anyFlat |= flat.contains(operand) && shapeOf(operand) == ArrayRef(shape);
    if (shape.size() <= 2 || !anyFlat)
      return success();
    for (Value operand : op->getOperands())
      if (shapeOf(operand) != ArrayRef(shape) && !isLastAxisOnly(operand))
        return success();
    builder.setInsertionPoint(op);
    IRMapping mapping;
    for (Value operand : op->getOperands()) {
      ArrayRef<AffineExpr> own = shapeOf(operand);
      if (own == ArrayRef(shape))
        mapping.map(operand, getFlat(operand));
      else if (own.size() > 1)
        mapping.map(operand, reshape(operand, {own.back()}));
    }
    return rebuild(op, mapping);
  }

  bool isLastAxisOnly(Value operand) {
    ArrayRef<AffineExpr> own = shapeOf(operand);
    return own.empty() || llvm::all_of(own.drop_back(), [](AffineExpr dim) {
             return staticExtent(dim) == 1;
           });
  }

  /// Clones `op` on the mapped operands and reshapes its results back.  With
  /// `isFlat` the results are rows of the last axis.
  LogicalResult rebuild(Operation *op, IRMapping &mapping, bool isFlat = true) {
    for (Value operand : op->getOperands())
      if (mapping.contains(operand) && !mapping.lookup(operand))
        return failure();
    Operation *twin = builder.clone(*op, mapping);
    // The last axis of a matrix of rows.
    if (isa<LayerNormOp, RmsNormOp>(twin))
      twin->setAttr("axis", builder.getI64IntegerAttr(1));
    for (OpResult result : twin->getResults())
      result.setType(UnrankedTensorType::get(
          cast<ShapedType>(result.getType()).getElementType()));
    if (failed(shapes.update(twin)))
      return failure();
    for (auto [result, rows] :
         llvm::zip(op->getResults(), twin->getResults())) {
      SymbolicShape shape(shapeOf(result));
      Value back = reshape(rows, shape);
      if (!back)
        return failure();
      if (isFlat)
        flat[back] = rows;
      result.replaceAllUsesWith(back);
    }
    op->erase();
    return success();
  }

  ShapeAnalysis &shapes;
  OpBuilder builder;
  DenseMap<Value, Value> flat;
};

struct FlattenRowsPass
    : public quantc::impl::FlattenRowsPassBase<FlattenRowsPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(kEntryAttr))
      return;
    FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
    if (failed(shapes))
      return signalPassFailure();
    RowFlattener flattener(func, *shapes);
    for (Operation &op :
         llvm::make_early_inc_range(func.front().without_terminator()))
      if (failed(flattener.visit(&op)))
        return signalPassFailure();
  }
};

} // namespace
