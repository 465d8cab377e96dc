// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates the expression table of an entry point: one loop, each node after
// its operands, all arithmetic checked.

#include "ProgramView.h"

namespace quantc::runtime {
namespace {

using program::Expr;
using program::Op;

constexpr int kDescribeDepth = 5;

/// Returns false on overflow and on a divisor below 1.
bool apply(Op op, int64_t a, int64_t b, int64_t &result) {
  switch (op) {
  case Op::Add:
    return !__builtin_add_overflow(a, b, &result);
  case Op::Mul:
    return !__builtin_mul_overflow(a, b, &result);
  case Op::Min:
    result = a < b ? a : b;
    return true;
  case Op::Max:
    result = a > b ? a : b;
    return true;
  case Op::Eq:
    result = a == b;
    return true;
  case Op::Lt:
    result = a < b;
    return true;
  default:
    break;
  }
  if (b < 1)
    return false;
  int64_t remainder = a % b;
  if (op == Op::FloorDiv)
    result = a / b - (remainder < 0);
  else if (op == Op::CeilDiv)
    result = a / b + (remainder > 0);
  else
    result = remainder < 0 ? remainder + b : remainder;
  return true;
}

const char *symbolOf(Op op) {
  switch (op) {
  case Op::Add:
    return " + ";
  case Op::Mul:
    return " * ";
  case Op::FloorDiv:
    return " floordiv ";
  case Op::CeilDiv:
    return " ceildiv ";
  case Op::Mod:
    return " mod ";
  case Op::Min:
    return " min ";
  case Op::Max:
    return " max ";
  case Op::Eq:
    return " == ";
  case Op::Lt:
    return " < ";
  default:
    return " ? ";
  }
}

/// Damaged or hostile tables can nest so deep, or share so much, that a full
/// text would never end; what lies below `depth` is written as `...`.
void describeTo(const EntryView &entry, uint32_t id, int depth, Error &text) {
  const Expr &expr = entry.exprs[id];
  if (expr.op == Op::Const)
    return text.append(expr.value);
  if (expr.op == Op::Symbol)
    return text.append(entry.string(entry.symbols[expr.a].name));
  if (depth == 0)
    return text.append("...");
  if (depth != kDescribeDepth)
    text.append("(");
  describeTo(entry, expr.a, depth - 1, text);
  text.append(symbolOf(expr.op));
  describeTo(entry, expr.b, depth - 1, text);
  if (expr.op == Op::Select) {
    text.append(" : ");
    describeTo(entry, expr.c, depth - 1, text);
  }
  if (depth != kDescribeDepth)
    text.append(")");
}

} // namespace

quantc_status evaluate(const EntryView &entry, uint32_t phase,
                       const int64_t *symbols, int64_t *values,
                       uint32_t &evaluated, Error &error) {
  for (uint32_t i = 0; i < entry.entry->exprs.count; ++i) {
    evaluated = i;
    const Expr &expr = entry.exprs[i];
    if (expr.phase != phase)
      continue;
    if (expr.op == Op::Const) {
      values[i] = expr.value;
    } else if (expr.op == Op::Symbol) {
      values[i] = symbols[expr.a];
    } else if (expr.op == Op::Select) {
      values[i] = values[expr.a] ? values[expr.b] : values[expr.c];
    } else if (!apply(expr.op, values[expr.a], values[expr.b], values[i])) {
      error.set(QUANTC_SIZE_OVERFLOW, "size '");
      describe(entry, i, error);
      error.append("' overflows or divides by zero: its operands are ");
      error.append(values[expr.a]);
      error.append(" and ");
      error.append(values[expr.b]);
      error.append("; use smaller dimensions");
      return QUANTC_SIZE_OVERFLOW;
    }
  }
  evaluated = entry.entry->exprs.count;
  return QUANTC_OK;
}

void describe(const EntryView &entry, uint32_t expr, Error &text) {
  describeTo(entry, expr, kDescribeDepth, text);
}

bool elementBytes(program::DType dtype, int64_t count, int64_t &bytes) {
  int64_t bits = 0;
  if (__builtin_mul_overflow(count, int64_t(dtype.bits) * dtype.lanes, &bits))
    return false;
  bytes = bits / 8 + (bits % 8 != 0);
  return true;
}

} // namespace quantc::runtime
