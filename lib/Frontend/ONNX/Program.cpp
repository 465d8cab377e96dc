// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The writer of scalar programs.  See Program.h.

#include "Program.h"
#include <cmath>
#include <functional>

using namespace mlir;

namespace quantc::onnx_frontend {

Type scalarType(Type element) {
  if (element.isF16() || element.isBF16())
    return Float32Type::get(element.getContext());
  if (isSmallFloat(element))
    return IntegerType::get(element.getContext(), 8);
  if (auto integer = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(), integer.getWidth());
  return element;
}

static bool isFloating(Value value) { return isa<FloatType>(value.getType()); }

Program::Program(qnn::ComputeOp op, MLIRContext *context)
    : builder(context), loc(op.getLoc()), op(op) {
  Block &body = op.getBody().emplaceBlock();
  for (size_t i = 0; i < op.getSpace().getNumResults(); ++i)
    indices.push_back(body.addArgument(builder.getIndexType(), loc));
  for (Value input : op.getInputs())
    body.addArgument(input.getType(), loc);
  if (op.getSequential() > 0 || op.getDomain())
    body.addArgument(op.getResult().getType(), loc);
  builder.setInsertionPointToStart(&body);
}

void Program::finish(Value value) {
  qnn::YieldOp::create(builder, loc, value);
  op.setSizes(AffineMap::get(0, op.getShape().getNumSymbols(), sizes,
                             builder.getContext()));
}

//===----------------------------------------------------------------------===//
// Elements and sizes
//===----------------------------------------------------------------------===//

Type Program::elementType(size_t input) const {
  return cast<ShapedType>(op->getOperand(input).getType()).getElementType();
}

Value Program::read(size_t input, ValueRange position) {
  Value tensor =
      op.getBody().front().getArgument(indices.size() + sizes.size() + input);
  return qnn::ElementOp::create(builder, loc, scalarType(elementType(input)),
                                tensor, position);
}

Value Program::readSelf(ValueRange position) {
  Value tensor = op.getBody().front().getArguments().back();
  Type element = cast<ShapedType>(tensor.getType()).getElementType();
  return qnn::ElementOp::create(builder, loc, scalarType(element), tensor,
                                position);
}

void Program::write(Value value, ValueRange position) {
  Value tensor = op.getBody().front().getArguments().back();
  qnn::WriteOp::create(builder, loc, value, tensor, position);
}

Values Program::broadcastPosition(ArrayRef<AffineExpr> dims) {
  Values position;
  size_t skipped = indices.size() - dims.size();
  for (auto [i, dim] : llvm::enumerate(dims))
    position.push_back(staticExtent(dim) == 1 ? index(0)
                                              : indices[skipped + i]);
  return position;
}

Value Program::readBroadcast(size_t input, ArrayRef<AffineExpr> dims) {
  return read(input, broadcastPosition(dims));
}

Values Program::matrixPosition(ArrayRef<AffineExpr> dims, Value row,
                               Value column) {
  Values position = broadcastPosition(dims);
  position[dims.size() - 2] = row;
  position[dims.size() - 1] = column;
  return position;
}

Value Program::index(int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

Value Program::extent(AffineExpr expr) {
  expr = canonicalize(expr);
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return index(constant.getValue());
  for (auto [size, value] : llvm::zip(sizes, sizeValues))
    if (size == expr)
      return value;
  Value value = op.getBody().front().insertArgument(
      unsigned(indices.size() + sizes.size()), builder.getIndexType(), loc);
  sizes.push_back(expr);
  sizeValues.push_back(value);
  return value;
}

Value Program::constant(Type type, double value) {
  auto floating = dyn_cast<FloatType>(type);
  if (!floating)
    return integer(type, int64_t(value));
  llvm::APFloat number(value);
  bool lost = false;
  number.convert(floating.getFloatSemantics(),
                 llvm::APFloat::rmNearestTiesToEven, &lost);
  return arith::ConstantOp::create(builder, loc, FloatAttr::get(type, number));
}

Value Program::integer(Type type, int64_t value) {
  if (type.isIndex())
    return index(value);
  unsigned width = type.getIntOrFloatBitWidth();
  return arith::ConstantOp::create(
      builder, loc,
      IntegerAttr::get(
          type, llvm::APInt(64, uint64_t(value), true).sextOrTrunc(width)));
}

Value Program::boolean(bool value) {
  return integer(builder.getI1Type(), value ? -1 : 0);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value Program::add(Value a, Value b) {
  return isFloating(a) ? binary<arith::AddFOp>(a, b)
                       : binary<arith::AddIOp>(a, b);
}

Value Program::sub(Value a, Value b) {
  return isFloating(a) ? binary<arith::SubFOp>(a, b)
                       : binary<arith::SubIOp>(a, b);
}

Value Program::mul(Value a, Value b) {
  return isFloating(a) ? binary<arith::MulFOp>(a, b)
                       : binary<arith::MulIOp>(a, b);
}

/// A divisor that the division cannot trap on; `special` says where it is
/// another one.
static Value safeDivisor(Program &p, Value b, bool isUnsigned, Value &byZero,
                         Value &byMinusOne) {
  if (auto constant = b.getDefiningOp<arith::ConstantOp>())
    if (auto number = dyn_cast<IntegerAttr>(constant.getValue()))
      if (!number.getValue().isZero() && !number.getValue().isAllOnes())
        return b;
  Type type = b.getType();
  byZero = p.equal(b, p.integer(type, 0));
  Value special = byZero;
  if (!isUnsigned) {
    byMinusOne = p.equal(b, p.integer(type, -1));
    special = p.either(byZero, byMinusOne);
  }
  return p.select(special, p.integer(type, 1), b);
}

Value Program::div(Value a, Value b, bool isUnsigned) {
  if (isFloating(a))
    return binary<arith::DivFOp>(a, b);
  Value byZero, byMinusOne;
  Value divisor = safeDivisor(*this, b, isUnsigned, byZero, byMinusOne);
  Value result = isUnsigned ? binary<arith::DivUIOp>(a, divisor)
                            : binary<arith::DivSIOp>(a, divisor);
  if (byMinusOne)
    result = select(byMinusOne, neg(a), result);
  return byZero ? select(byZero, integer(a.getType(), 0), result) : result;
}

Value Program::rem(Value a, Value b, bool isUnsigned) {
  if (isFloating(a))
    return binary<arith::RemFOp>(a, b);
  Value byZero, byMinusOne;
  // x mod 1 = 0 is what both special divisors give.
  Value divisor = safeDivisor(*this, b, isUnsigned, byZero, byMinusOne);
  return isUnsigned ? binary<arith::RemUIOp>(a, divisor)
                    : binary<arith::RemSIOp>(a, divisor);
}

Value Program::neg(Value a) {
  return isFloating(a) ? unary<arith::NegFOp>(a)
                       : sub(integer(a.getType(), 0), a);
}

Value Program::abs(Value a) {
  if (isFloating(a))
    return unary<math::AbsFOp>(a);
  return select(less(a, integer(a.getType(), 0)), neg(a), a);
}

Value Program::fma(Value a, Value b, Value c) {
  return math::FmaOp::create(builder, loc, a, b, c);
}

Value Program::min(Value a, Value b, bool isUnsigned) {
  if (isFloating(a))
    return binary<arith::MinimumFOp>(a, b);
  return isUnsigned ? binary<arith::MinUIOp>(a, b)
                    : binary<arith::MinSIOp>(a, b);
}

Value Program::max(Value a, Value b, bool isUnsigned) {
  if (isFloating(a))
    return binary<arith::MaximumFOp>(a, b);
  return isUnsigned ? binary<arith::MaxUIOp>(a, b)
                    : binary<arith::MaxSIOp>(a, b);
}

//===----------------------------------------------------------------------===//
// Conditions
//===----------------------------------------------------------------------===//

Value Program::less(Value a, Value b, bool isUnsigned) {
  if (isFloating(a))
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
  return arith::CmpIOp::create(
      builder, loc,
      isUnsigned ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt, a, b);
}

Value Program::lessEqual(Value a, Value b, bool isUnsigned) {
  if (isFloating(a))
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLE, a, b);
  return arith::CmpIOp::create(
      builder, loc,
      isUnsigned ? arith::CmpIPredicate::ule : arith::CmpIPredicate::sle, a, b);
}

Value Program::equal(Value a, Value b) {
  if (isFloating(a))
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, a, b);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, a, b);
}

Value Program::isNan(Value a) {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNO, a, a);
}

Value Program::both(Value a, Value b) { return binary<arith::AndIOp>(a, b); }
Value Program::either(Value a, Value b) { return binary<arith::OrIOp>(a, b); }
Value Program::negate(Value a) {
  return binary<arith::XOrIOp>(a, boolean(true));
}

Value Program::inside(Value a, Value b) {
  return both(lessEqual(index(0), a), less(a, b));
}

Value Program::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(builder, loc, condition, a, b);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Value Program::toIndex(Value value, Type logical) {
  if (logical.isUnsignedInteger() || logical.isInteger(1))
    return arith::IndexCastUIOp::create(builder, loc, builder.getIndexType(),
                                        value);
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                    value);
}

Value Program::wrapIndex(Value position, Value extent) {
  return select(less(position, index(0)), add(position, extent), position);
}

Value Program::fromIndex(Value value, Type type) {
  return arith::IndexCastOp::create(builder, loc, type, value);
}

Value Program::toFloat(Value value, Type type) {
  if (value.getType().isIndex())
    value = fromIndex(value, builder.getI64Type());
  return arith::SIToFPOp::create(builder, loc, type, value);
}

Value Program::truncateToIndex(Value value) {
  Type type = value.getType();
  // NaN and what is far outside of every tensor must not reach fptosi.
  Value limit = constant(type, 0x1p+40);
  Value known = select(less(value, limit), value, limit);
  known = select(less(neg(limit), known), known, neg(limit));
  return arith::IndexCastOp::create(
      builder, loc, builder.getIndexType(),
      arith::FPToSIOp::create(builder, loc, builder.getI64Type(), known));
}

/// Truncated, saturated, NaN to 0.
static Value floatToInteger(Program &p, Value value, Type to) {
  unsigned width = to.getIntOrFloatBitWidth();
  bool isUnsigned = to.isUnsignedInteger();
  unsigned bits = isUnsigned ? width : width - 1;
  double end = std::ldexp(1.0, bits), low = isUnsigned ? 0 : -end;
  Type type = scalarType(to), from = value.getType();
  Value tooHigh = p.lessEqual(p.constant(from, end), value);
  Value tooLow = p.lessEqual(value, p.constant(from, low));
  Value odd = p.either(p.either(tooHigh, tooLow), p.isNan(value));
  Value safe = p.select(odd, p.constant(from, 0), value);
  Value result;
  if (isUnsigned)
    result = arith::FPToUIOp::create(p.builder, p.loc, type, safe);
  else
    result = arith::FPToSIOp::create(p.builder, p.loc, type, safe);
  auto limit = [&](llvm::APInt bound) {
    return Value(arith::ConstantOp::create(p.builder, p.loc,
                                           IntegerAttr::get(type, bound)));
  };
  result = p.select(tooHigh,
                    limit(isUnsigned ? llvm::APInt::getMaxValue(width)
                                     : llvm::APInt::getSignedMaxValue(width)),
                    result);
  return p.select(tooLow,
                  limit(isUnsigned ? llvm::APInt::getMinValue(width)
                                   : llvm::APInt::getSignedMinValue(width)),
                  result);
}

Value Program::convert(Value value, Type from, Type to) {
  Type type = scalarType(to);
  if (isa<FloatType>(from)) {
    if (to.isInteger(1))
      return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNE,
                                   value, constant(value.getType(), 0));
    if (isa<IntegerType>(to))
      return floatToInteger(*this, value, to);
    unsigned have = value.getType().getIntOrFloatBitWidth();
    unsigned want = type.getIntOrFloatBitWidth();
    if (have < want)
      return arith::ExtFOp::create(builder, loc, type, value);
    return have > want
               ? Value(arith::TruncFOp::create(builder, loc, type, value))
               : value;
  }
  bool isUnsigned = from.isUnsignedInteger() || from.isInteger(1);
  if (isa<FloatType>(to)) {
    if (isUnsigned)
      return arith::UIToFPOp::create(builder, loc, type, value);
    return arith::SIToFPOp::create(builder, loc, type, value);
  }
  if (to.isInteger(1))
    return negate(equal(value, integer(value.getType(), 0)));
  unsigned have = from.getIntOrFloatBitWidth();
  unsigned want = to.getIntOrFloatBitWidth();
  if (have > want)
    return arith::TruncIOp::create(builder, loc, type, value);
  if (have == want)
    return value;
  if (isUnsigned)
    return arith::ExtUIOp::create(builder, loc, type, value);
  return arith::ExtSIOp::create(builder, loc, type, value);
}

Value Program::roundTo(Value value, Type type) {
  Value narrow = arith::TruncFOp::create(builder, loc, type, value);
  return arith::ExtFOp::create(builder, loc, value.getType(), narrow);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

Values Program::loop(Value from, Value end, ValueRange inits, LoopBody body) {
  auto loop = scf::ForOp::create(builder, loc, from, end, index(1), inits);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  Values next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!inits.empty())
    scf::YieldOp::create(builder, loc, next);
  return Values(loop.getResults());
}

Values
Program::nestValues(ValueRange bounds, ValueRange inits,
                    llvm::function_ref<Values(ValueRange, ValueRange)> body) {
  Values position;
  std::function<Values(size_t, ValueRange)> level = [&](size_t depth,
                                                        ValueRange carried) {
    if (depth == bounds.size())
      return body(position, carried);
    return loop(index(0), bounds[depth], carried,
                [&](Value i, ValueRange inner) {
                  position.push_back(i);
                  Values result = level(depth + 1, inner);
                  position.pop_back();
                  return result;
                });
  };
  return level(0, inits);
}

Value Program::nest(ValueRange bounds, Value init,
                    llvm::function_ref<Value(ValueRange, Value)> body) {
  return nestValues(bounds, init, [&](ValueRange position, ValueRange carried) {
    return Values{body(position, carried[0])};
  })[0];
}

Value Program::branch(Value condition, llvm::function_ref<Value()> whenTrue,
                      llvm::function_ref<Value()> whenFalse) {
  OpBuilder::InsertionGuard guard(builder);
  // The result type is known once a side is written.
  auto probe = scf::IfOp::create(builder, loc, TypeRange(), condition,
                                 /*withElseRegion=*/true);
  probe.getThenRegion().front().clear();
  probe.getElseRegion().front().clear();
  builder.setInsertionPointToStart(&probe.getThenRegion().front());
  Value first = whenTrue();
  scf::YieldOp::create(builder, loc, first);
  builder.setInsertionPointToStart(&probe.getElseRegion().front());
  scf::YieldOp::create(builder, loc, whenFalse());
  builder.setInsertionPoint(probe);
  auto result = scf::IfOp::create(builder, loc, first.getType(), condition,
                                  /*withElseRegion=*/true);
  result.getThenRegion().takeBody(probe.getThenRegion());
  result.getElseRegion().takeBody(probe.getElseRegion());
  probe.erase();
  return result.getResult(0);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

/// A qnn.compute with an empty region.
static Value createCompute(NodeImport &n, Type elementType,
                           ArrayRef<AffineExpr> shape, ArrayRef<Value> inputs,
                           int64_t sequential, AffineMapAttr domain,
                           IntegerAttr start) {
  if (llvm::any_of(inputs, [](Value input) { return !input; }))
    return {};
  SymbolicShape canonical;
  for (AffineExpr dim : shape)
    canonical.push_back(canonicalize(dim));
  Builder &builder = n.builder();
  return n.create<qnn::ComputeOp>(elementType, ValueRange(inputs),
                                  AffineMapAttr::get(n.importer.map(canonical)),
                                  AffineMapAttr::get(n.importer.map({})),
                                  builder.getI64IntegerAttr(sequential), domain,
                                  start);
}

Value compute(NodeImport &n, Type elementType, ArrayRef<AffineExpr> shape,
              ArrayRef<Value> inputs, llvm::function_ref<Value(Program &)> body,
              int64_t sequential) {
  Value result =
      createCompute(n, elementType, shape, inputs, sequential, {}, {});
  if (!result)
    return {};
  Program program(result.getDefiningOp<qnn::ComputeOp>(), &n.importer.context);
  Value element = body(program);
  if (!element)
    return {};
  program.finish(element);
  return result;
}

Value computeWrites(NodeImport &n, Type elementType, ArrayRef<AffineExpr> shape,
                    ArrayRef<AffineExpr> domain, ArrayRef<Value> inputs,
                    std::optional<int64_t> start,
                    llvm::function_ref<void(Program &)> body) {
  SymbolicShape canonical;
  for (AffineExpr dim : domain)
    canonical.push_back(canonicalize(dim));
  Value result = createCompute(n, elementType, shape, inputs, 0,
                               AffineMapAttr::get(n.importer.map(canonical)),
                               start ? n.builder().getI64IntegerAttr(*start)
                                     : IntegerAttr());
  if (!result)
    return {};
  Program program(result.getDefiningOp<qnn::ComputeOp>(), &n.importer.context);
  body(program);
  program.finish({});
  return result;
}

FailureOr<SymbolicShape> broadcastShape(NodeImport &n,
                                        ArrayRef<Value> operands) {
  SymbolicShape shape;
  for (Value operand : operands) {
    if (!operand)
      return failure();
    SymbolicShape dims = n.shape(operand);
    if (failed(n.tieBroadcast(shape, dims)))
      return failure();
    while (shape.size() < dims.size())
      shape.insert(shape.begin(), n.expr(1));
    for (size_t i = 1; i <= dims.size(); ++i)
      if (AffineExpr &dim = shape[shape.size() - i]; staticExtent(dim) == 1)
        dim = dims[dims.size() - i];
  }
  return shape;
}

Value computeElements(NodeImport &n, Type elementType, ArrayRef<Value> operands,
                      llvm::function_ref<Value(Program &, ValueRange)> body) {
  FailureOr<SymbolicShape> shape = broadcastShape(n, operands);
  if (failed(shape))
    return {};
  SmallVector<SymbolicShape> dims;
  for (Value operand : operands)
    dims.push_back(n.shape(operand));
  return compute(n, elementType, *shape, operands, [&](Program &p) {
    Values elements;
    for (auto [i, shape] : llvm::enumerate(dims))
      elements.push_back(p.readBroadcast(i, shape));
    return body(p, elements);
  });
}

} // namespace quantc::onnx_frontend
