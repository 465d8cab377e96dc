// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See IndexBuilder.h.

#include "IndexBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace quantc::lowbit {

Value IndexBuilder::constant(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}
Value IndexBuilder::add(Value x, Value y) {
  return b.createOrFold<arith::AddIOp>(x, y);
}
Value IndexBuilder::sub(Value x, Value y) {
  return b.createOrFold<arith::SubIOp>(x, y);
}
Value IndexBuilder::mul(Value x, int64_t y) { return mul(x, constant(y)); }
Value IndexBuilder::mul(Value x, Value y) {
  return b.createOrFold<arith::MulIOp>(x, y);
}
Value IndexBuilder::div(Value x, Value y) {
  return b.createOrFold<arith::DivUIOp>(x, y);
}
Value IndexBuilder::rem(Value x, Value y) {
  return b.createOrFold<arith::RemUIOp>(x, y);
}
Value IndexBuilder::min(Value x, Value y) {
  return b.createOrFold<arith::MinSIOp>(x, y);
}
Value IndexBuilder::max(Value x, Value y) {
  return b.createOrFold<arith::MaxSIOp>(x, y);
}
Value IndexBuilder::isLess(Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, x, y);
}

void IndexBuilder::forRange(Value begin, Value end, int64_t step,
                            function_ref<void(Value)> body) {
  std::optional<int64_t> from = getConstantIntValue(begin);
  std::optional<int64_t> to = getConstantIntValue(end);
  if (from && to && *to - *from <= step) {
    if (*to > *from)
      body(begin);
    return;
  }
  scf::ForOp::create(b, b.getLoc(), begin, end, constant(step), ValueRange(),
                     [&](OpBuilder &, Location, Value index, ValueRange) {
                       body(index);
                       scf::YieldOp::create(b);
                     });
}

void IndexBuilder::ifElse(Value condition, function_ref<void()> then,
                          function_ref<void()> otherwise) {
  if (std::optional<int64_t> known = getConstantIntValue(condition))
    return *known ? then() : otherwise();
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
  b.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

} // namespace quantc::lowbit
