// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attaches ReferenceOpInterface to the operations, and what their evaluators
// share.  The result shapes come from the operations' shape functions, applied
// to the concrete operand shapes; each result must agree with its declared
// type.

#include "Reference.h"
#include "Shapes.h"
#include "quantc/Dialect/QNN/Compute.h"
#include "quantc/Dialect/QNN/EvaluationLimit.h"

using namespace mlir;

namespace quantc::qnn {

LogicalResult evaluateOp(ComputeOp op, const Evaluation &evaluation);

FailureOr<Extents> evaluateExprs(Operation *op, AffineMap map,
                                 ArrayRef<int64_t> symbols) {
  Extents values;
  for (AffineExpr expr : map.getResults()) {
    std::optional<int64_t> value = evaluate(expr, symbols);
    if (!value)
      return op->emitOpError("expected known symbols, cannot evaluate ")
             << quantc::toString(expr, {});
    values.push_back(*value);
  }
  return values;
}

//===----------------------------------------------------------------------===//
// Strides
//===----------------------------------------------------------------------===//

Extents rowMajorStrides(ArrayRef<int64_t> shape) {
  Extents strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

FailureOr<Extents> broadcastStrides(Operation *op, ArrayRef<int64_t> shape,
                                    ArrayRef<int64_t> target) {
  bool fits = shape.size() <= target.size();
  Extents strides(target.size(), 0), own = rowMajorStrides(shape);
  for (size_t i = 1; fits && i <= shape.size(); ++i) {
    int64_t have = shape[shape.size() - i], want = target[target.size() - i];
    fits = have == want || have == 1;
    if (have != 1)
      strides[target.size() - i] = own[shape.size() - i];
  }
  if (fits)
    return strides;
  return op->emitOpError("expected an operand that broadcasts to [")
         << target << "], got [" << shape << "]";
}

/// The innermost dimension, in one of the element widths.
template <typename Word>
static void copyRun(const char *from, int64_t fromStride, char *to,
                    int64_t toStride, int64_t count) {
  auto *source = reinterpret_cast<const Word *>(from);
  auto *target = reinterpret_cast<Word *>(to);
  for (int64_t i = 0; i < count; ++i)
    target[i * toStride] = source[i * fromStride];
}

void copyStrided(const char *from, ArrayRef<int64_t> fromStrides, char *to,
                 ArrayRef<int64_t> toStrides, ArrayRef<int64_t> shape,
                 int64_t width) {
  if (llvm::is_contained(shape, 0))
    return;
  if (shape.empty()) {
    memcpy(to, from, width);
    return;
  }
  auto run = width == 1   ? copyRun<uint8_t>
             : width == 2 ? copyRun<uint16_t>
             : width == 4 ? copyRun<uint32_t>
                          : copyRun<uint64_t>;
  size_t last = shape.size() - 1;
  Extents index(shape.size(), 0);
  int64_t fromOffset = 0, toOffset = 0;
  while (true) {
    if (fromStrides[last] == 1 && toStrides[last] == 1)
      memcpy(to + toOffset * width, from + fromOffset * width,
             shape[last] * width);
    else
      run(from + fromOffset * width, fromStrides[last], to + toOffset * width,
          toStrides[last], shape[last]);
    size_t dim = last;
    while (dim-- > 0) {
      fromOffset += fromStrides[dim];
      toOffset += toStrides[dim];
      if (++index[dim] < shape[dim])
        break;
      fromOffset -= fromStrides[dim] * shape[dim];
      toOffset -= toStrides[dim] * shape[dim];
      index[dim] = 0;
    }
    if (dim == size_t(-1))
      return;
  }
}

FailureOr<HostTensor> broadcastTensor(Operation *op, const HostTensor &tensor,
                                      ArrayRef<int64_t> shape) {
  if (tensor.getShape() == shape)
    return tensor;
  FailureOr<Extents> strides = broadcastStrides(op, tensor.getShape(), shape);
  if (failed(strides))
    return failure();
  auto result = HostTensor::allocate(tensor.getElementType(), shape,
                                     EvaluationLimit::tensorBytes());
  if (!result)
    return op->emitOpError("expected a broadcast that fits in memory, got [")
           << shape << "]";
  copyStrided(tensor.getBytes().data(), *strides,
              result->getMutableBytes().data(), rowMajorStrides(shape), shape,
              HostTensor::storageBytes(tensor.getElementType()));
  return *result;
}

int64_t extentProduct(ArrayRef<int64_t> shape, size_t first, size_t last) {
  return llvm::product_of(shape.slice(first, last - first));
}

//===----------------------------------------------------------------------===//
// The interface
//===----------------------------------------------------------------------===//

/// Infers the result shapes from the operands' and allocates the results.
static LogicalResult allocateResults(Operation *op,
                                     ArrayRef<HostTensor> operands,
                                     ArrayRef<int64_t> symbols,
                                     SmallVectorImpl<HostTensor> &results) {
  SmallVector<SymbolicShape> operandShapes, resultShapes;
  for (const HostTensor &operand : operands) {
    SymbolicShape &shape = operandShapes.emplace_back();
    for (int64_t extent : operand.getShape())
      shape.push_back(getAffineConstantExpr(extent, op->getContext()));
  }
  if (failed(cast<SymbolicShapeOpInterface>(op).inferSymbolicShapes(
          operandShapes, resultShapes)))
    return failure();
  for (auto [result, shape] : llvm::zip_equal(op->getResults(), resultShapes)) {
    auto type = cast<ShapedType>(result.getType());
    FailureOr<Extents> extents = evaluateExprs(
        op, AffineMap::get(0, symbols.size(), shape, op->getContext()),
        symbols);
    if (failed(extents))
      return failure();
    if (type.hasRank() &&
        failed(verifyCompatibleShape(type.getShape(), *extents)))
      return op->emitOpError("expected a result of type ")
             << type << ", got shape [" << *extents << "]";
    Type element = type.getElementType();
    if (!element.isIntOrFloat() ||
        !llvm::is_contained({1, 2, 4, 8}, HostTensor::storageBytes(element)))
      return op->emitOpError("has no reference on elements of type ")
             << element;
    int64_t limit = EvaluationLimit::tensorBytes();
    auto tensor = HostTensor::allocate(element, *extents, limit);
    if (!tensor && limit != EvaluationLimit::kUnlimited) {
      EvaluationLimit::exceed();
      return op->emitOpError("expected a result of at most ")
             << limit << " bytes, got shape [" << *extents << "] of "
             << element;
    }
    if (!tensor)
      return op->emitOpError("expected a result that fits in memory, got "
                             "shape [")
             << *extents << "]";
    results.push_back(*tensor);
  }
  return success();
}

/// About how many elements are read and written; of windows and products, how
/// many products there are.  Scalar programs count for themselves.
static int64_t countSteps(Operation *op, ArrayRef<HostTensor> operands,
                          ArrayRef<HostTensor> results) {
  double steps = 0, perElement = 1;
  for (const HostTensor &tensor :
       llvm::concat<const HostTensor>(operands, results))
    steps += double(tensor.getNumElements());
  if (auto pool = dyn_cast<PoolOp>(op)) {
    for (int64_t extent : pool.getWindow())
      perElement *= double(extent);
  } else if (isa<ConvOp, QuantizedConvOp>(op)) {
    const HostTensor &weight = operands[isa<ConvOp>(op) ? 1 : 2];
    perElement = double(weight.getNumElements()) /
                 double(std::max<int64_t>(1, weight.getShape()[0]));
  } else if (isa<MatmulOp, LinearOp, AttentionOp>(op)) {
    perElement =
        operands[0].getRank() ? double(operands[0].getShape().back()) : 1;
    if (isa<AttentionOp>(op))
      perElement = 2 * double(operands[1].getNumElements());
  }
  for (const HostTensor &result : results)
    steps += double(result.getNumElements()) * perElement;
  return steps < 0x1p62 ? int64_t(steps) : EvaluationLimit::kUnlimited;
}

/// Copies of bits work on any storage; everything else converts elements.
static LogicalResult checkElements(Operation *op,
                                   ArrayRef<HostTensor> operands) {
  if (isa<ReshapeOp, BroadcastToOp, TransposeOp, ConcatOp, AppendOp, SliceOp,
          WhereOp, ComputeOp, ChooseOp>(op))
    return success();
  unsigned first = isa<GatherOp>(op) ? 1 : 0;
  for (const HostTensor &operand :
       operands.drop_front(std::min<size_t>(first, operands.size())))
    if (!hasArithmetic(operand.getElementType()))
      return op->emitOpError("has no reference on elements of type ")
             << operand.getElementType();
  return success();
}

namespace {
template <typename OpTy>
struct ReferenceModel
    : ReferenceOpInterface::ExternalModel<ReferenceModel<OpTy>, OpTy> {
  LogicalResult evaluate(Operation *op, ArrayRef<HostTensor> operands,
                         ArrayRef<int64_t> symbols,
                         SmallVectorImpl<HostTensor> &results) const {
    if (failed(checkElements(op, operands)) ||
        failed(allocateResults(op, operands, symbols, results)))
      return failure();
    if (!EvaluationLimit::spend(countSteps(op, operands, results)))
      return op->emitOpError("takes more steps than are allowed here");
    return evaluateOp(cast<OpTy>(op), Evaluation{operands, symbols, results});
  }
};
} // namespace

template <typename... Ops> static void attach(MLIRContext *context) {
  (Ops::template attachInterface<ReferenceModel<Ops>>(*context), ...);
}

void registerReferenceModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, QNNDialect *) {
    attach<HadamardOp, ComputeOp>(context);
    attach<AbsOp, NegOp, ExpOp, LogOp, SqrtOp, ReciprocalOp, ErfOp, SinOp,
           CosOp, TanhOp, SigmoidOp, SiluOp, ReluOp, FloorOp, CeilOp, RoundOp,
           SignOp, NotOp, IsNanOp, SoftplusOp, HardSwishOp>(context);
    attach<AddOp, SubOp, MulOp, DivOp, PowOp, MinOp, MaxOp, AndOp, OrOp, XorOp,
           EqualOp, LessOp, LessEqualOp, GreaterOp, GreaterEqualOp, GeluOp,
           LeakyReluOp, HardSigmoidOp, ClipOp, WhereOp, CastOp>(context);
    attach<ConstantOp, ReshapeOp, BroadcastToOp, TransposeOp, ConcatOp,
           AppendOp, SliceOp, PadOp, GatherOp, ShapeValueOp, RangeOp, ChooseOp>(
        context);
    attach<MatmulOp, LinearOp, ConvOp, PoolOp, ReduceOp, SoftmaxOp, LayerNormOp,
           RmsNormOp, BatchNormOp, RotaryOp, AttentionOp>(context);
    attach<ToCodesOp, FromCodesOp, UnpackOp>(context);
    attach<EncodeOp, PayloadOp, DecodeOp, ObserveOp, QuantizeRowsOp,
           QuantizeStaticOp, QuantizedLinearOp, QuantizedConvOp, BlockLinearOp,
           BlockGatherOp, QuantizedGatherOp>(context);
  });
}

} // namespace quantc::qnn
