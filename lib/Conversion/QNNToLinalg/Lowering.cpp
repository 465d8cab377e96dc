// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shared builders of the lowerings.  See Lowering.h.

#include "Lowering.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

using namespace mlir;

namespace quantc::qnntolinalg {

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

/// Floats of at most a byte are only moved and converted: their code is what
/// they are.
static Type codeType(Type element) {
  bool isSmallFloat =
      isa<FloatType>(element) && element.getIntOrFloatBitWidth() <= 8;
  return isSmallFloat ? IntegerType::get(element.getContext(), 8) : element;
}

/// Integers of 2 and 4 bits, of which a byte holds one.
static bool isSmallInteger(Type element) {
  return isa<IntegerType>(element) && element.getIntOrFloatBitWidth() > 1 &&
         element.getIntOrFloatBitWidth() < 8;
}

Type storageType(Type element) {
  element = codeType(element);
  if (auto integer = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(),
                            std::max(integer.getWidth(), 8u));
  return element;
}

Type computeType(Type element) {
  element = codeType(element);
  if (element.isF16() || element.isBF16())
    return Float32Type::get(element.getContext());
  if (auto integer = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(), integer.getWidth());
  return element;
}

Value toCompute(OpBuilder &builder, Location loc, Value stored, Type element) {
  if (element.isInteger(1)) {
    Value zero = arith::ConstantOp::create(
        builder, loc, builder.getIntegerAttr(stored.getType(), 0));
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, stored,
                                 zero);
  }
  Type type = computeType(element);
  if (type == stored.getType())
    return stored;
  if (isSmallInteger(element))
    return arith::TruncIOp::create(builder, loc, type, stored);
  return arith::ExtFOp::create(builder, loc, type, stored);
}

Value toStorage(OpBuilder &builder, Location loc, Value computed,
                Type element) {
  Type type = storageType(element);
  if (type == computed.getType())
    return computed;
  if (element.isInteger(1) ||
      (isSmallInteger(element) && element.isUnsignedInteger()))
    return arith::ExtUIOp::create(builder, loc, type, computed);
  if (isSmallInteger(element))
    return arith::ExtSIOp::create(builder, loc, type, computed);
  return arith::TruncFOp::create(builder, loc, type, computed);
}

TypedAttr scalarAttr(Type element, double value) {
  Type type = computeType(element);
  if (auto floatType = dyn_cast<FloatType>(type)) {
    APFloat number(value);
    bool inexact;
    number.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                   &inexact);
    return FloatAttr::get(type, number);
  }
  auto integer = cast<IntegerType>(codeType(element));
  llvm::APSInt number(integer.getWidth(),
                      integer.isUnsigned() || integer.getWidth() == 1);
  bool exact;
  APFloat(value).convertToInteger(number, APFloat::rmTowardZero, &exact);
  return IntegerAttr::get(type, number);
}

//===----------------------------------------------------------------------===//
// Values and sizes
//===----------------------------------------------------------------------===//

Lowering::Lowering(func::FuncOp func, qnn::ShapeAnalysis &shapes)
    : builder(func.getContext()), func(func), shapes(shapes) {}

Tensor Lowering::get(Value value) const {
  auto it = tensors.find(value);
  if (it != tensors.end())
    return it->second;
  Type element = cast<ShapedType>(value.getType()).getElementType();
  return Tensor{value, SymbolicShape(shapes.getShape(value)), element};
}

void Lowering::set(Value value, const Tensor &tensor) {
  tensors[value] = tensor;
}

AffineExpr Lowering::constantExpr(int64_t value) const {
  return getAffineConstantExpr(value, builder.getContext());
}

Value Lowering::symbolValue(unsigned position) {
  Value &value = symbols[position];
  if (!value) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&func.front());
    value = qnn::SymbolValueOp::create(builder, func.getLoc(),
                                       builder.getIndexType(), position);
  }
  return value;
}

OpFoldResult Lowering::size(Location loc, AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return builder.getIndexAttr(constant.getValue());
  unsigned count = 0;
  expr.walk([&](AffineExpr inner) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(inner))
      count = std::max(count, symbol.getPosition() + 1);
  });
  SmallVector<OpFoldResult> operands;
  for (unsigned i = 0; i < count; ++i)
    operands.push_back(expr.isFunctionOfSymbol(i)
                           ? OpFoldResult(symbolValue(i))
                           : OpFoldResult(builder.getIndexAttr(0)));
  return affine::makeComposedFoldedAffineApply(
      builder, loc, AffineMap::get(0, count, expr), operands);
}

Value Lowering::sizeValue(Location loc, AffineExpr expr) {
  return getValueOrCreateConstantIndexOp(builder, loc, size(loc, expr));
}

SmallVector<OpFoldResult> Lowering::sizes(Location loc,
                                          ArrayRef<AffineExpr> shape) {
  SmallVector<OpFoldResult> result;
  for (AffineExpr dim : shape)
    result.push_back(size(loc, dim));
  return result;
}

//===----------------------------------------------------------------------===//
// Generics
//===----------------------------------------------------------------------===//

Tensor Lowering::empty(Location loc, ArrayRef<AffineExpr> shape, Type element) {
  Value value = tensor::EmptyOp::create(builder, loc, sizes(loc, shape),
                                        storageType(element));
  return {value, SymbolicShape(shape), element};
}

Tensor Lowering::fill(Location loc, ArrayRef<AffineExpr> shape, Type element,
                      TypedAttr value) {
  Tensor result = empty(loc, shape, element);
  Value scalar = toStorage(
      builder, loc, arith::ConstantOp::create(builder, loc, value), element);
  result.value =
      linalg::FillOp::create(builder, loc, scalar, result.value).getResult(0);
  return result;
}

AffineMap Lowering::broadcastMap(ArrayRef<AffineExpr> operand,
                                 ArrayRef<AffineExpr> shape) const {
  MLIRContext *context = builder.getContext();
  SmallVector<AffineExpr> results;
  size_t skipped = shape.size() - operand.size();
  for (auto [i, dim] : llvm::enumerate(operand)) {
    bool stretched =
        staticExtent(dim) == 1 && staticExtent(shape[skipped + i]) != 1;
    results.push_back(stretched ? constantExpr(0)
                                : getAffineDimExpr(skipped + i, context));
  }
  return AffineMap::get(shape.size(), 0, results, context);
}

AffineMap Lowering::leadingDims(int64_t rank, int64_t count) const {
  MLIRContext *context = builder.getContext();
  SmallVector<AffineExpr> dims;
  for (int64_t i = 0; i < count; ++i)
    dims.push_back(getAffineDimExpr(i, context));
  return AffineMap::get(rank, 0, dims, context);
}

Tensor Lowering::generic(Location loc, ArrayRef<Tensor> inputs,
                         const Tensor &init, ArrayRef<AffineMap> maps,
                         ArrayRef<utils::IteratorType> iterators, Body body) {
  SmallVector<Value> values;
  for (const Tensor &input : inputs)
    values.push_back(input.value);
  auto op = linalg::GenericOp::create(
      builder, loc, init.value.getType(), values, init.value, maps, iterators,
      [&](OpBuilder &inner, Location at, ValueRange arguments) {
        SmallVector<Value> scalars;
        for (auto [input, argument] : llvm::zip(inputs, arguments))
          scalars.push_back(toCompute(inner, at, argument, input.element));
        if (llvm::is_contained(iterators, utils::IteratorType::reduction))
          scalars.push_back(
              toCompute(inner, at, arguments.back(), init.element));
        Value result = body(inner, at, scalars);
        linalg::YieldOp::create(inner, at,
                                toStorage(inner, at, result, init.element));
      });
  return {op.getResult(0), init.shape, init.element};
}

Tensor Lowering::mapWith(Location loc, ArrayRef<AffineExpr> shape, Type element,
                         ArrayRef<Tensor> inputs, ArrayRef<AffineMap> maps,
                         Body body) {
  // Splats are constants of the body.
  SmallVector<Tensor> operands;
  SmallVector<AffineMap> all;
  for (auto [input, map] : llvm::zip_equal(inputs, maps))
    if (!input.splat) {
      operands.push_back(input);
      all.push_back(map);
    }
  all.push_back(builder.getMultiDimIdentityMap(shape.size()));
  SmallVector<utils::IteratorType> iterators(shape.size(),
                                             utils::IteratorType::parallel);
  return generic(loc, operands, empty(loc, shape, element), all, iterators,
                 [&](OpBuilder &b, Location at, ValueRange args) {
                   SmallVector<Value> scalars;
                   for (const Tensor &input : inputs) {
                     if (input.splat) {
                       scalars.push_back(
                           arith::ConstantOp::create(b, at, input.splat));
                       continue;
                     }
                     scalars.push_back(args.front());
                     args = args.drop_front();
                   }
                   return body(b, at, scalars);
                 });
}

Value Lowering::copyInto(Location loc, Value input, Value init, AffineMap map) {
  unsigned rank = map.getNumDims();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  auto op = linalg::GenericOp::create(
      builder, loc, init.getType(), input, init,
      ArrayRef<AffineMap>{map, builder.getMultiDimIdentityMap(rank)}, iterators,
      [](OpBuilder &b, Location at, ValueRange args) {
        linalg::YieldOp::create(b, at, args[0]);
      });
  return op.getResult(0);
}

Tensor Lowering::copyWith(Location loc, ArrayRef<AffineExpr> shape,
                          const Tensor &input, AffineMap map) {
  // A constant of the kernel has no memory to be copied from.
  if (input.splat)
    return mapWith(loc, shape, input.element, input, map,
                   [](OpBuilder &, Location, ValueRange args) -> Value {
                     return args[0];
                   });
  Tensor result = empty(loc, shape, input.element);
  result.value = copyInto(loc, input.value, result.value, map);
  return result;
}

Tensor Lowering::map(Location loc, ArrayRef<AffineExpr> shape, Type element,
                     ArrayRef<Tensor> inputs, Body body) {
  SmallVector<AffineMap> maps;
  for (const Tensor &input : inputs)
    maps.push_back(broadcastMap(input.shape, shape));
  return mapWith(loc, shape, element, inputs, maps, body);
}

Tensor Lowering::reduceRows(Location loc, ArrayRef<Tensor> inputs, Type element,
                            TypedAttr neutral, Body body) {
  unsigned rank = inputs.front().rank();
  SmallVector<AffineMap> maps;
  for (const Tensor &input : inputs)
    maps.push_back(leadingDims(rank, input.rank()));
  maps.push_back(leadingDims(rank, rank - 1));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators.back() = utils::IteratorType::reduction;
  Tensor init =
      fill(loc, ArrayRef(inputs.front().shape).drop_back(), element, neutral);
  return generic(loc, inputs, init, maps, iterators, body);
}

Tensor Lowering::rowSum(Location loc, const Tensor &input) {
  Type element = computeType(input.element);
  return reduceRows(loc, input, element, builder.getZeroAttr(element),
                    [](OpBuilder &b, Location at, ValueRange args) -> Value {
                      if (isa<FloatType>(args[1].getType()))
                        return arith::AddFOp::create(b, at, args[1], args[0]);
                      return arith::AddIOp::create(b, at, args[1], args[0]);
                    });
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

Tensor Lowering::transpose(Location loc, const Tensor &input,
                           ArrayRef<int64_t> permutation) {
  SymbolicShape shape;
  for (int64_t source : permutation)
    shape.push_back(input.shape[source]);
  AffineMap map = inversePermutation(
      AffineMap::getPermutationMap(permutation, func.getContext()));
  return copyWith(loc, shape, input, map);
}

/// Splits both shapes into the finest groups with equal numbers of elements.
static void groupDims(ArrayRef<AffineExpr> from, ArrayRef<AffineExpr> to,
                      SmallVector<ReassociationIndices> &fromGroups,
                      SmallVector<ReassociationIndices> &toGroups,
                      MLIRContext *context) {
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    size_t i0 = i, j0 = j;
    auto equal = [&] {
      return i > i0 && j > j0 &&
             elementCount(from.slice(i0, i - i0), context) ==
                 elementCount(to.slice(j0, j - j0), context);
    };
    // Shortest pair of prefixes with equal counts, else everything.
    bool found = false;
    for (size_t total = 2; !found && total <= from.size() - i0 + to.size() - j0;
         ++total)
      for (size_t m = 1; m < total && !found; ++m) {
        if (i0 + m > from.size() || j0 + total - m > to.size())
          continue;
        i = i0 + m;
        j = j0 + total - m;
        found = equal();
      }
    auto isUnit = [](AffineExpr dim) { return staticExtent(dim) == 1; };
    if (!found ||
        (llvm::all_of(from.drop_front(i), isUnit) && j == to.size()) ||
        (llvm::all_of(to.drop_front(j), isUnit) && i == from.size())) {
      i = from.size();
      j = to.size();
    }
    fromGroups.push_back(llvm::to_vector<2>(llvm::seq<int64_t>(i0, i)));
    toGroups.push_back(llvm::to_vector<2>(llvm::seq<int64_t>(j0, j)));
  }
}

Tensor Lowering::reshape(Location loc, const Tensor &input,
                         ArrayRef<AffineExpr> shape) {
  if (ArrayRef(input.shape) == shape)
    return input;
  // Of no elements there are no groups of dimensions.
  if (llvm::is_contained(shape, constantExpr(0)))
    return empty(loc, shape, input.element);
  MLIRContext *context = builder.getContext();
  Type element = storageType(input.element);
  SmallVector<ReassociationIndices> fromGroups, toGroups;
  if (input.rank() && !shape.empty())
    groupDims(input.shape, shape, fromGroups, toGroups, context);
  SymbolicShape middle;
  for (auto [from, to] : llvm::zip_equal(fromGroups, toGroups)) {
    AffineExpr count = constantExpr(1);
    ArrayRef<AffineExpr> dims = to.size() == 1 ? shape : ArrayRef(input.shape);
    for (int64_t dim : to.size() == 1 ? to : from)
      count = canonicalize(count * dims[dim]);
    middle.push_back(count);
  }
  Value value = input.value;
  if (middle.size() != size_t(input.rank()))
    value = tensor::CollapseShapeOp::create(builder, loc, value, fromGroups);
  // What the symbols say may be sharper than what the types say.
  auto castTo = [&](ArrayRef<AffineExpr> dims) {
    Type type = tensorTypeFor(dims, element);
    if (value.getType() != type)
      value = tensor::CastOp::create(builder, loc, type, value);
  };
  castTo(middle);
  if (middle.size() != shape.size())
    value = tensor::ExpandShapeOp::create(builder, loc,
                                          tensorTypeFor(shape, element), value,
                                          toGroups, sizes(loc, shape));
  else
    castTo(shape);
  return {value, SymbolicShape(shape), input.element};
}

Tensor Lowering::slice(Location loc, const Tensor &input,
                       ArrayRef<AffineExpr> starts, ArrayRef<AffineExpr> shape,
                       ArrayRef<int64_t> steps) {
  SmallVector<OpFoldResult> strides;
  for (int64_t step : steps)
    strides.push_back(builder.getIndexAttr(step));
  // An empty slice may start at the end, where extract_slice may not.
  SymbolicShape origins(starts);
  if (llvm::any_of(shape,
                   [](AffineExpr dim) { return staticExtent(dim) == 0; }))
    origins.assign(starts.size(), constantExpr(0));
  Value value = tensor::ExtractSliceOp::create(builder, loc, input.value,
                                               sizes(loc, origins),
                                               sizes(loc, shape), strides);
  return {value, SymbolicShape(shape), input.element};
}

Tensor Lowering::insert(Location loc, const Tensor &source,
                        const Tensor &destination,
                        ArrayRef<AffineExpr> starts) {
  if (llvm::any_of(source.shape,
                   [](AffineExpr dim) { return staticExtent(dim) == 0; }))
    return destination;
  SmallVector<int64_t> ones(starts.size(), 1);
  Tensor part = slice(loc, destination, starts, source.shape, ones);
  Value copy = copyInto(loc, source.value, part.value,
                        builder.getMultiDimIdentityMap(starts.size()));
  SmallVector<OpFoldResult> strides(starts.size(), builder.getIndexAttr(1));
  Value value = tensor::InsertSliceOp::create(
      builder, loc, copy, destination.value, sizes(loc, starts),
      sizes(loc, source.shape), strides);
  return {value, destination.shape, destination.element};
}

Tensor Lowering::pad(Location loc, const Tensor &input, ArrayRef<int64_t> low,
                     ArrayRef<int64_t> high, TypedAttr value) {
  auto isZero = [](int64_t pad) { return pad == 0; };
  if (llvm::all_of(low, isZero) && llvm::all_of(high, isZero))
    return input;
  SymbolicShape shape, starts;
  for (auto [dim, before, after] : llvm::zip_equal(input.shape, low, high)) {
    shape.push_back(canonicalize(dim + (before + after)));
    starts.push_back(constantExpr(before));
  }
  return insert(loc, input, fill(loc, shape, input.element, value), starts);
}

} // namespace quantc::qnntolinalg
