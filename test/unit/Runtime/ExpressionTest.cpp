// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Expressions: random ones against 128-bit arithmetic, the builder's folding
// against the runtime, and the text that users see.

#include "ProgramView.h"
#include "TestModel.h"

#include <random>

namespace quantc::runtime::test {
namespace {

using program::Expr;
using program::Op;

/// nullopt on overflow and on a divisor below 1.
std::optional<int64_t> oracle(Op op, __int128 a, __int128 b, __int128 c) {
  __int128 r = 0;
  switch (op) {
  case Op::Add:
    r = a + b;
    break;
  case Op::Mul:
    r = a * b;
    break;
  case Op::FloorDiv:
  case Op::CeilDiv:
  case Op::Mod: {
    if (b < 1)
      return std::nullopt;
    __int128 quotient = a / b;
    while (quotient * b > a)
      --quotient;
    while ((quotient + 1) * b <= a)
      ++quotient;
    r = op == Op::Mod        ? a - quotient * b
        : op == Op::FloorDiv ? quotient
                             : quotient + (quotient * b != a);
    break;
  }
  case Op::Min:
    r = a < b ? a : b;
    break;
  case Op::Max:
    r = a > b ? a : b;
    break;
  case Op::Eq:
    r = a == b;
    break;
  case Op::Lt:
    r = a < b;
    break;
  default:
    r = a ? b : c;
    break;
  }
  if (r < INT64_MIN || r > INT64_MAX)
    return std::nullopt;
  return int64_t(r);
}

ExprId build(EntryBuilder &entry, Op op, ExprId a, ExprId b, ExprId c) {
  switch (op) {
  case Op::Add:
    return entry.add(a, b);
  case Op::Mul:
    return entry.mul(a, b);
  case Op::FloorDiv:
    return entry.floorDiv(a, b);
  case Op::CeilDiv:
    return entry.ceilDiv(a, b);
  case Op::Mod:
    return entry.mod(a, b);
  case Op::Min:
    return entry.min(a, b);
  case Op::Max:
    return entry.max(a, b);
  case Op::Eq:
    return entry.eq(a, b);
  case Op::Lt:
    return entry.lt(a, b);
  default:
    return entry.select(a, b, c);
  }
}

constexpr int64_t kValues[] = {
    0,         1,         -1, 2,       -2,           3, 7, 64, -64, 1000003,
    INT64_MAX, INT64_MIN, 10, 1 << 30, INT64_MAX / 3};

/// Evaluates `op` on symbols (not folded) or constants (folded if possible).
std::optional<int64_t> evaluateOnce(Op op, const int64_t (&args)[3],
                                    bool folded) {
  ProgramBuilder builder;
  EntryBuilder &entry = builder.addEntry("e");
  ExprId ids[3];
  TensorSpec spec = {kF32, {}};
  for (int i = 0; i < 3; ++i) {
    ids[i] = entry.symbol(std::string(1, char('a' + i)));
    spec.dims.push_back(ids[i]);
    if (folded)
      ids[i] = entry.constant(args[i]);
  }
  entry.addInput("x", spec);
  ExprId result = build(entry, op, ids[0], ids[1], ids[2]);
  AlignedBytes bytes(builder.finish());
  char text[256];
  Error error(text, sizeof(text));
  EXPECT_TRUE(validate(bytes.data.get(), bytes.size, error)) << text;
  ProgramView view{reinterpret_cast<const program::Header *>(bytes.data.get())};
  EntryView entryView(view, 0);
  std::vector<int64_t> values(entryView.entry->exprs.count);
  uint32_t evaluated = 0;
  if (evaluate(entryView, 0, args, values.data(), evaluated, error)) {
    EXPECT_NE(std::string(text).find("overflows or divides by zero"),
              std::string::npos);
    return std::nullopt;
  }
  EXPECT_EQ(evaluated, values.size());
  return values[uint32_t(result)];
}

TEST(Expression, AgreesWithWideArithmetic) {
  std::mt19937 random(3);
  for (uint32_t op = uint32_t(Op::Add); op <= uint32_t(Op::Select); ++op)
    for (int64_t a : kValues)
      for (int64_t b : kValues) {
        int64_t c = kValues[random() % std::size(kValues)];
        auto expected = oracle(Op(op), a, b, c);
        for (bool folded : {false, true})
          ASSERT_EQ(evaluateOnce(Op(op), {a, b, c}, folded), expected)
              << op << ": " << a << ", " << b << ", " << c << " " << folded;
      }
}

TEST(Expression, EqualOnesAreOne) {
  ProgramBuilder builder;
  EntryBuilder &entry = builder.addEntry("e");
  ExprId a = entry.symbol("a"), b = entry.symbol("b");
  EXPECT_EQ(a, entry.symbol("a"));
  EXPECT_EQ(entry.add(a, b), entry.add(b, a));
  EXPECT_EQ(entry.mul(a, entry.constant(1)), a);
  EXPECT_EQ(entry.add(entry.constant(0), b), b);
  EXPECT_EQ(entry.sub(a, a), entry.constant(0));
  EXPECT_EQ(entry.alignTo(entry.constant(65), 64), entry.constant(128));
  EXPECT_NE(entry.lt(a, b), entry.lt(b, a));
  EXPECT_EQ(entry.select(entry.constant(0), a, b), b);
  TensorSpec packed = {kU4, {entry.constant(5)}};
  EXPECT_EQ(entry.constantValue(entry.tensorBytes(packed)), 3);
}

TEST(Expression, Text) {
  TestModel test;
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId n = entry.symbol("n"), m = entry.symbol("m");
  ExprId deep = n;
  for (int i = 0; i < 100; ++i)
    deep = entry.mod(deep, entry.add(m, entry.constant(i)));
  entry.addInput("x", {kF32, {n, m, entry.constant(7)}});
  entry.addOutput("y",
                  {kF32,
                   {entry.mul(entry.add(n, m), m),
                    entry.select(entry.eq(n, entry.constant(1)), m, n), deep}});
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  auto text = [&](int32_t side, size_t axis) {
    char buffer[256];
    int64_t extent = quantc_dimension(loaded.model, 0, side, 0, 0, axis, buffer,
                                      sizeof(buffer));
    return std::to_string(extent) + ": " + buffer;
  };
  EXPECT_EQ(text(QUANTC_INPUT, 0), "-1: n");
  EXPECT_EQ(text(QUANTC_INPUT, 2), "7: 7");
  EXPECT_EQ(text(QUANTC_INPUT, 3), "-1: ");
  EXPECT_EQ(text(QUANTC_OUTPUT, 0), "-1: m * (n + m)");
  EXPECT_EQ(text(QUANTC_OUTPUT, 1), "-1: (n == 1) ? m : n");
  EXPECT_NE(text(QUANTC_OUTPUT, 2).find("..."), std::string::npos);
}

TEST(Expression, NegativeOutputIsRefused) {
  TestModel test;
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId n = entry.symbol("n");
  entry.addInput("x", {kF32, {n}});
  entry.addOutput("y", {kF32, {entry.sub(n, entry.constant(3))}});
  Loaded loaded(test);
  Context context(loaded.model, 1);
  FloatTensor x({2}, {0, 0});
  EXPECT_EQ(context.run({x.value()}), QUANTC_SHAPE_MISMATCH);
  EXPECT_EQ(context.error(), "output 'y' dimension 0 would be -1 (n + -3)");
}

} // namespace
} // namespace quantc::runtime::test
