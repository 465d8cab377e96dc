// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates qnn.compute: walks the scalar program once per element.  Integers
// wrap, divisions by zero give 0 and reads outside of a tensor are clamped, so
// no program traps (docs/numerics.md §2.5).

#include "Reference.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "quantc/Dialect/QNN/Compute.h"
#include "quantc/Dialect/QNN/EvaluationLimit.h"
#include "quantc/Support/ReferenceMath.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace quantc::qnn {
namespace {

/// Integers are sign-extended from their type; f32 values are exact in f64.
struct Scalar {
  int64_t i = 0;
  double f = 0;
};

/// Its code is the scalar.
bool isSmallFloat(Type type) {
  return isa<FloatType>(type) && type.getIntOrFloatBitWidth() <= 8;
}

unsigned widthOf(Type type) {
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

Scalar integer(uint64_t value, Type type) {
  unsigned width = widthOf(type);
  return {width >= 64
              ? int64_t(value)
              : llvm::SignExtend64(
                    value & llvm::maskTrailingOnes<uint64_t>(width), width),
          0};
}

uint64_t zeroExtended(Scalar value, Type type) {
  unsigned width = widthOf(type);
  return uint64_t(value.i) & llvm::maskTrailingOnes<uint64_t>(width);
}

Scalar floating(double value, Type type) {
  APFloat number(value);
  bool lost = false;
  number.convert(cast<FloatType>(type).getFloatSemantics(),
                 APFloat::rmNearestTiesToEven, &lost);
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return {0, number.convertToDouble()};
}

class Program {
public:
  Program(ComputeOp op, const Evaluation &evaluation)
      : op(op), evaluation(evaluation) {}

  LogicalResult run();

private:
  LogicalResult runBlock(Block &block, SmallVectorImpl<Scalar> &results);
  LogicalResult runLoop(scf::ForOp loop);
  LogicalResult runBranch(scf::IfOp branch);
  LogicalResult step(Operation &inner);
  bool stepInteger(Operation &inner, ArrayRef<Scalar> x, Scalar &result);
  bool stepFloat(Operation &inner, ArrayRef<Scalar> x, Scalar &result);
  bool stepConversion(Operation &inner, ArrayRef<Scalar> x, Scalar &result);
  Scalar read(ElementOp element);
  void write(WriteOp write);
  void store(int64_t offset, Scalar value);

  ComputeOp op;
  const Evaluation &evaluation;
  DenseMap<Value, Scalar> values;
  DenseMap<Value, const HostTensor *> tensors;
};

template <typename T> T call(Operation &inner, T x) {
  return llvm::TypeSwitch<Operation *, T>(&inner)
      .Case([&](math::ExpOp) { return reference::exp(x); })
      .Case([&](math::LogOp) { return reference::log(x); })
      .Case([&](math::ErfOp) { return reference::erf(x); })
      .Case([&](math::TanhOp) { return reference::tanh(x); })
      .Case([&](math::SinOp) { return reference::sin(x); })
      .Case([&](math::CosOp) { return reference::cos(x); })
      .Case([&](math::SqrtOp) { return std::sqrt(x); })
      .Case([&](math::FloorOp) { return std::floor(x); })
      .Case([&](math::CeilOp) { return std::ceil(x); })
      .Case([&](math::RoundEvenOp) { return std::nearbyint(x); })
      .Case([&](math::TruncOp) { return std::trunc(x); })
      .Case([&](math::AbsFOp) { return std::fabs(x); })
      .Default(T(0));
}

/// Functions that exist on f64 only.
std::optional<double> callRare(Operation &inner, double x) {
  return llvm::TypeSwitch<Operation *, std::optional<double>>(&inner)
      .Case([&](math::TanOp) { return reference::tan(x); })
      .Case([&](math::AsinOp) { return reference::asin(x); })
      .Case([&](math::AcosOp) { return reference::acos(x); })
      .Case([&](math::AtanOp) { return reference::atan(x); })
      .Case([&](math::SinhOp) { return reference::sinh(x); })
      .Case([&](math::CoshOp) { return reference::cosh(x); })
      .Case([&](math::AsinhOp) { return reference::asinh(x); })
      .Case([&](math::AcoshOp) { return reference::acosh(x); })
      .Case([&](math::AtanhOp) { return reference::atanh(x); })
      .Default(std::nullopt);
}

template <typename T>
bool floatOperation(Operation &inner, ArrayRef<Scalar> x, Scalar &result) {
  T a = x.empty() ? T(0) : T(x[0].f), b = x.size() > 1 ? T(x[1].f) : T(0);
  T value = 0;
  if (isa<arith::AddFOp>(inner))
    value = a + b;
  else if (isa<arith::SubFOp>(inner))
    value = a - b;
  else if (isa<arith::MulFOp>(inner))
    value = a * b;
  else if (isa<arith::DivFOp>(inner))
    value = a / b;
  else if (isa<arith::RemFOp>(inner))
    value = T(reference::fmod(double(a), double(b)));
  else if (isa<arith::NegFOp>(inner))
    value = -a;
  else if (isa<arith::MaximumFOp>(inner))
    value = reference::maximum(a, b);
  else if (isa<arith::MinimumFOp>(inner))
    value = reference::minimum(a, b);
  else if (isa<math::FmaOp>(inner))
    value = std::fma(a, b, T(x[2].f));
  else if (isa<math::PowFOp>(inner))
    value = reference::pow(a, b);
  else if (isa<math::ExpOp, math::LogOp, math::ErfOp, math::TanhOp, math::SinOp,
               math::CosOp, math::SqrtOp, math::FloorOp, math::CeilOp,
               math::RoundEvenOp, math::TruncOp, math::AbsFOp>(inner))
    value = call<T>(inner, a);
  else if (auto rare = callRare(inner, double(a)))
    value = T(*rare);
  else
    return false;
  result.f = double(value);
  return true;
}

bool compareFloats(arith::CmpFPredicate predicate, double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case arith::CmpFPredicate::OEQ:
    return a == b;
  case arith::CmpFPredicate::OLT:
    return a < b;
  case arith::CmpFPredicate::OLE:
    return a <= b;
  case arith::CmpFPredicate::OGT:
    return a > b;
  case arith::CmpFPredicate::OGE:
    return a >= b;
  case arith::CmpFPredicate::UNE:
    return a != b;
  case arith::CmpFPredicate::ONE:
    return !unordered && a != b;
  case arith::CmpFPredicate::UNO:
    return unordered;
  case arith::CmpFPredicate::ORD:
    return !unordered;
  case arith::CmpFPredicate::UEQ:
    return unordered || a == b;
  case arith::CmpFPredicate::ULT:
    return unordered || a < b;
  case arith::CmpFPredicate::ULE:
    return unordered || a <= b;
  case arith::CmpFPredicate::UGT:
    return unordered || a > b;
  case arith::CmpFPredicate::UGE:
    return unordered || a >= b;
  case arith::CmpFPredicate::AlwaysTrue:
    return true;
  case arith::CmpFPredicate::AlwaysFalse:
    return false;
  }
  return false;
}

} // namespace

bool Program::stepFloat(Operation &inner, ArrayRef<Scalar> x, Scalar &result) {
  if (auto compare = dyn_cast<arith::CmpFOp>(inner)) {
    result.i = -int64_t(compareFloats(compare.getPredicate(), x[0].f, x[1].f));
    return true;
  }
  Type type = inner.getResult(0).getType();
  if (type.isF32())
    return floatOperation<float>(inner, x, result);
  return type.isF64() && floatOperation<double>(inner, x, result);
}

bool Program::stepInteger(Operation &inner, ArrayRef<Scalar> x,
                          Scalar &result) {
  Type type = inner.getResult(0).getType();
  if (!type.isIntOrIndex() || x.empty() || x.size() > 2)
    return false;
  Type operand = inner.getOperand(0).getType();
  if (!operand.isIntOrIndex())
    return false;
  int64_t a = x[0].i, b = x.size() > 1 ? x[1].i : 0;
  uint64_t ua = zeroExtended(x[0], operand);
  uint64_t ub = x.size() > 1 ? zeroExtended(x[1], operand) : 0;
  unsigned width = widthOf(operand);
  auto wrap = [&](uint64_t value) {
    result = integer(value, type);
    return true;
  };
  if (auto compare = dyn_cast<arith::CmpIOp>(inner))
    return wrap(arith::applyCmpPredicate(compare.getPredicate(),
                                         APInt(64, uint64_t(a)),
                                         APInt(64, uint64_t(b))));
  return llvm::TypeSwitch<Operation *, bool>(&inner)
      .Case([&](arith::AddIOp) { return wrap(ua + ub); })
      .Case([&](arith::SubIOp) { return wrap(ua - ub); })
      .Case([&](arith::MulIOp) { return wrap(ua * ub); })
      .Case([&](arith::DivSIOp) {
        return wrap(b == 0 ? 0 : b == -1 ? 0 - ua : uint64_t(a / b));
      })
      .Case([&](arith::RemSIOp) {
        return wrap(b == 0 || b == -1 ? 0 : uint64_t(a % b));
      })
      .Case([&](arith::DivUIOp) { return wrap(ub == 0 ? 0 : ua / ub); })
      .Case([&](arith::RemUIOp) { return wrap(ub == 0 ? 0 : ua % ub); })
      .Case([&](arith::AndIOp) { return wrap(ua & ub); })
      .Case([&](arith::OrIOp) { return wrap(ua | ub); })
      .Case([&](arith::XOrIOp) { return wrap(ua ^ ub); })
      .Case([&](arith::ShLIOp) { return wrap(ub >= width ? 0 : ua << ub); })
      .Case([&](arith::ShRUIOp) { return wrap(ub >= width ? 0 : ua >> ub); })
      .Case([&](arith::ShRSIOp) {
        return wrap(uint64_t(a >> std::min<uint64_t>(ub, 63)));
      })
      .Case([&](arith::MaxSIOp) { return wrap(uint64_t(std::max(a, b))); })
      .Case([&](arith::MinSIOp) { return wrap(uint64_t(std::min(a, b))); })
      .Case([&](arith::MaxUIOp) { return wrap(std::max(ua, ub)); })
      .Case([&](arith::MinUIOp) { return wrap(std::min(ua, ub)); })
      .Case<arith::ExtUIOp, arith::IndexCastUIOp>(
          [&](auto) { return wrap(ua); })
      .Case<arith::ExtSIOp, arith::IndexCastOp, arith::TruncIOp>(
          [&](auto) { return wrap(uint64_t(a)); })
      .Default(false);
}

bool Program::stepConversion(Operation &inner, ArrayRef<Scalar> x,
                             Scalar &result) {
  Type type = inner.getResult(0).getType();
  if (auto constant = dyn_cast<arith::ConstantOp>(inner)) {
    if (auto number = dyn_cast<FloatAttr>(constant.getValue())) {
      APFloat value = number.getValue();
      bool lost = false;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
      result.f = value.convertToDouble();
      return true;
    }
    auto number = dyn_cast<IntegerAttr>(constant.getValue());
    if (number)
      result = integer(number.getValue().getZExtValue(), type);
    return bool(number);
  }
  if (x.empty())
    return false;
  if (isa<arith::SelectOp>(inner)) {
    result = x[0].i ? x[1] : x[2];
    return true;
  }
  Type from = inner.getOperand(0).getType();
  if (isa<arith::SIToFPOp>(inner))
    result.f = type.isF32() ? double(float(x[0].i)) : double(x[0].i);
  else if (isa<arith::UIToFPOp>(inner))
    result.f = type.isF32() ? double(float(zeroExtended(x[0], from)))
                            : double(zeroExtended(x[0], from));
  else if (isa<arith::ExtFOp, arith::TruncFOp>(inner))
    result = floating(x[0].f, type);
  else if (isa<arith::FPToSIOp>(inner))
    result = integer(std::fabs(x[0].f) < 0x1p63 ? uint64_t(int64_t(x[0].f)) : 0,
                     type);
  else if (isa<arith::FPToUIOp>(inner))
    result =
        integer(x[0].f >= 0 && x[0].f < 0x1p64 ? uint64_t(x[0].f) : 0, type);
  else if (isa<arith::BitcastOp>(inner)) {
    uint64_t bits = from.isF32()   ? llvm::bit_cast<uint32_t>(float(x[0].f))
                    : from.isF64() ? llvm::bit_cast<uint64_t>(x[0].f)
                                   : uint64_t(x[0].i);
    if (type.isF32())
      result.f = double(llvm::bit_cast<float>(uint32_t(bits)));
    else if (type.isF64())
      result.f = llvm::bit_cast<double>(bits);
    else
      result = integer(bits, type);
  } else
    return false;
  return true;
}

Scalar Program::read(ElementOp element) {
  const HostTensor &tensor = *tensors.lookup(element.getTensor());
  Scalar result;
  if (tensor.getNumElements() == 0)
    return result;
  int64_t offset = 0;
  for (auto [index, extent] :
       llvm::zip(element.getIndices(), tensor.getShape())) {
    int64_t i = values.lookup(index).i;
    offset = offset * extent + std::clamp<int64_t>(i, 0, extent - 1);
  }
  if (isSmallFloat(tensor.getElementType()))
    result = integer(tensor.as<uint8_t>()[offset], element.getType());
  else if (tensor.getElementType().isInteger())
    result = integer(uint64_t(tensor.getInt(offset)), element.getType());
  else
    result.f = tensor.getFloat(offset);
  return result;
}

void Program::store(int64_t offset, Scalar value) {
  HostTensor &result = evaluation.result();
  Type type = result.getElementType();
  if (isSmallFloat(type))
    result.asMutable<uint8_t>()[offset] = uint8_t(value.i);
  else if (isa<FloatType>(type))
    result.setFloat(offset, value.f);
  else
    result.setInt(offset, type.isInteger(1) ? int64_t(value.i != 0) : value.i);
}

void Program::write(WriteOp write) {
  int64_t offset = 0;
  for (auto [index, extent] :
       llvm::zip(write.getIndices(), evaluation.result().getShape())) {
    int64_t i = values.lookup(index).i;
    if (i < 0 || i >= extent)
      return;
    offset = offset * extent + i;
  }
  store(offset, values.lookup(write.getValue()));
}

LogicalResult Program::runLoop(scf::ForOp loop) {
  int64_t end = values.lookup(loop.getUpperBound()).i;
  int64_t step = values.lookup(loop.getStep()).i;
  if (step <= 0)
    return loop.emitOpError("expected a positive step, got ") << step;
  SmallVector<Scalar> carried;
  for (Value init : loop.getInitArgs())
    carried.push_back(values.lookup(init));
  for (int64_t i = values.lookup(loop.getLowerBound()).i, next = i; i < end;
       i = next) {
    if (llvm::AddOverflow(i, step, next))
      next = end;
    values[loop.getInductionVar()] = {i, 0};
    for (auto [argument, value] : llvm::zip(loop.getRegionIterArgs(), carried))
      values[argument] = value;
    SmallVector<Scalar> yielded;
    if (failed(runBlock(*loop.getBody(), yielded)))
      return failure();
    carried = yielded;
  }
  for (auto [result, value] : llvm::zip(loop.getResults(), carried))
    values[result] = value;
  return success();
}

LogicalResult Program::runBranch(scf::IfOp branch) {
  bool taken = values.lookup(branch.getCondition()).i;
  Region &region = taken ? branch.getThenRegion() : branch.getElseRegion();
  SmallVector<Scalar> results;
  if (!region.empty() && failed(runBlock(region.front(), results)))
    return failure();
  for (auto [result, value] : llvm::zip(branch.getResults(), results))
    values[result] = value;
  return success();
}

LogicalResult Program::step(Operation &inner) {
  if (auto loop = dyn_cast<scf::ForOp>(inner))
    return runLoop(loop);
  if (auto branch = dyn_cast<scf::IfOp>(inner))
    return runBranch(branch);
  if (auto element = dyn_cast<ElementOp>(inner)) {
    values[element.getResult()] = read(element);
    return success();
  }
  if (auto update = dyn_cast<WriteOp>(inner)) {
    write(update);
    return success();
  }
  SmallVector<Scalar, 3> x;
  for (Value operand : inner.getOperands())
    x.push_back(values.lookup(operand));
  Scalar result;
  if (inner.getNumResults() == 1 &&
      (stepConversion(inner, x, result) || stepInteger(inner, x, result) ||
       stepFloat(inner, x, result))) {
    values[inner.getResult(0)] = result;
    return success();
  }
  return inner.emitOpError("has no reference evaluation");
}

LogicalResult Program::runBlock(Block &block,
                                SmallVectorImpl<Scalar> &results) {
  for (Operation &inner : block.without_terminator()) {
    if (!EvaluationLimit::spend(EvaluationLimit::kStepsPerScalar))
      return op.emitOpError("takes more steps than are allowed here");
    if (failed(step(inner)))
      return failure();
  }
  for (Value operand : block.getTerminator()->getOperands())
    results.push_back(values.lookup(operand));
  return success();
}

LogicalResult Program::run() {
  HostTensor &result = evaluation.result();
  FailureOr<Extents> sizes =
      evaluateExprs(op, op.getSizes(), evaluation.symbols);
  if (failed(sizes))
    return failure();
  for (auto [argument, size] : llvm::zip(op.getSizeArguments(), *sizes))
    values[argument] = {size, 0};
  for (auto [argument, tensor] :
       llvm::zip(op.getTensorArguments(), evaluation.operands))
    tensors[argument] = &tensor;
  if (Value self = op.getSelfArgument())
    tensors[self] = &result;
  if (std::optional<uint64_t> start = op.getStart()) {
    const HostTensor &from = evaluation.operands[*start];
    if (from.getShape() != result.getShape())
      return op.emitOpError("expected operand ")
             << *start << " of the result's shape [" << result.getShape()
             << "], got [" << from.getShape() << "]";
    llvm::copy(from.getBytes(), result.getMutableBytes().begin());
  }
  FailureOr<Extents> space =
      evaluateExprs(op, op.getSpace(), evaluation.symbols);
  if (failed(space))
    return failure();
  bool isEmpty = llvm::any_of(*space, [](int64_t dim) { return dim <= 0; });
  int64_t count = isEmpty ? 0 : extentProduct(*space, 0, space->size());
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i;
    for (size_t d = space->size(); d-- > 0; rest /= (*space)[d])
      values[op.getIndexArguments()[d]] = {rest % (*space)[d], 0};
    SmallVector<Scalar> value;
    if (failed(runBlock(op.getBody().front(), value)))
      return failure();
    if (!op.getDomain())
      store(i, value[0]);
  }
  return success();
}

LogicalResult evaluateOp(ComputeOp op, const Evaluation &evaluation) {
  return Program(op, evaluation).run();
}

} // namespace quantc::qnn
