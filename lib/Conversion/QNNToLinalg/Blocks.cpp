// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears and look-ups on codes in blocks, in packed lines: lowbit.block_matmul
// between the sums that the codes' offsets need and a generic for scales and
// bias (docs/numerics.md §5.3, §5.6); and rows decoded element by element.

#include "Rows.h"
#include "quantc/Dialect/Fmt/PackLines.h"
#include "quantc/Dialect/LowBit/LowBit.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace quantc::qnn;
using quantc::fmt::BlockFormat, quantc::fmt::OffsetKind;

namespace quantc::qnntolinalg {

//===----------------------------------------------------------------------===//
// Sums of groups
//===----------------------------------------------------------------------===//

/// The code at a position of a row, 0 beyond the row's end.
static Value codeAt(OpBuilder &b, Location at, const Tensor &codes,
                    int64_t group) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, at, value);
  };
  unsigned rank = codes.rank();
  SmallVector<Value> loops;
  for (unsigned i = 0; i <= rank; ++i)
    loops.push_back(linalg::IndexOp::create(b, at, i));
  int64_t length = staticExtent(codes.shape.back());
  Value position = arith::AddIOp::create(
      b, at, arith::MulIOp::create(b, at, loops[rank - 1], constant(group)),
      loops[rank]);
  Value exists = arith::CmpIOp::create(b, at, arith::CmpIPredicate::ult,
                                       position, constant(length));
  loops.pop_back();
  loops.back() = arith::MinUIOp::create(b, at, position, constant(length - 1));
  Value code = tensor::ExtractOp::create(b, at, codes.value, loops);
  Value zero = arith::ConstantOp::create(b, at, b.getI8IntegerAttr(0));
  return arith::SelectOp::create(b, at, exists, code, zero);
}

Tensor sumGroups(Lowering &lowering, Location loc, const Tensor &codes,
                 int64_t group) {
  OpBuilder &builder = lowering.builder;
  Type i32 = builder.getI32Type();
  unsigned rank = codes.rank(); // loops: rows, then groups, then their codes
  int64_t length = staticExtent(codes.shape.back());
  SymbolicShape shape(ArrayRef(codes.shape).drop_back());
  shape.push_back(lowering.constantExpr(llvm::divideCeil(length, group)));
  Tensor start = lowering.fill(loc, shape, i32, builder.getZeroAttr(i32));
  // Only its extent is used.
  Tensor run =
      lowering.empty(loc, lowering.constantExpr(group), builder.getI8Type());
  AffineMap loops = builder.getMultiDimIdentityMap(rank + 1);
  SmallVector<Tensor> inputs = {run};
  SmallVector<AffineMap> maps = {loops.getMinorSubMap(1)};
  bool isWhole = length % group == 0;
  if (isWhole) {
    SmallVector<AffineExpr> read(loops.getResults().take_front(rank - 1));
    read.push_back(loops.getResult(rank - 1) * group + loops.getResult(rank));
    inputs.push_back(codes);
    maps.push_back(AffineMap::get(rank + 1, 0, read, builder.getContext()));
  }
  maps.push_back(loops.getMajorSubMap(rank));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  return lowering.generic(
      loc, inputs, start, maps, iterators,
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        Value code = isWhole ? args[1] : codeAt(b, at, codes, group);
        Value wide = arith::ExtSIOp::create(b, at, i32, code);
        return arith::AddIOp::create(b, at, args.back(), wide);
      });
}

//===----------------------------------------------------------------------===//
// Linear
//===----------------------------------------------------------------------===//

/// What lowbit.block_matmul takes for the sums of the groups of A.
static Tensor offsetSums(Lowering &lowering, Location loc, const Tensor &sums,
                         const BlockFormat &blocks) {
  OpBuilder &builder = lowering.builder;
  bool isFloat = blocks.offset == OffsetKind::Float;
  int32_t factor =
      blocks.offset == OffsetKind::None ? -(1 << (blocks.bits - 1)) : -1;
  Type element = isFloat ? Type(builder.getF32Type()) : builder.getI32Type();
  return lowering.map(
      loc, sums.shape, element, sums,
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        if (isFloat)
          return arith::SIToFPOp::create(b, at, element, args[0]);
        Value scale =
            arith::ConstantOp::create(b, at, b.getI32IntegerAttr(factor));
        return arith::MulIOp::create(b, at, args[0], scale);
      });
}

/// (y * scales[row]) + bias[column], whichever there are.
static Tensor finish(Lowering &lowering, BlockLinearOp op, Tensor product) {
  AffineMap both = lowering.builder.getMultiDimIdentityMap(2);
  SmallVector<Tensor> inputs = {product};
  SmallVector<AffineMap> maps = {both};
  if (op.getScales()) {
    inputs.push_back(lowering.get(op.getScales()));
    maps.push_back(both.getMajorSubMap(1));
  }
  if (op.getBias()) {
    inputs.push_back(lowering.get(op.getBias()));
    maps.push_back(both.getMinorSubMap(1));
  }
  if (inputs.size() == 1)
    return product;
  return lowering.mapWith(
      op.getLoc(), product.shape, product.element, inputs, maps,
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        Value y = args[0];
        if (op.getScales())
          y = arith::MulFOp::create(b, at, y, args[1]);
        if (op.getBias())
          y = arith::AddFOp::create(b, at, y, args.back());
        return y;
      });
}

static LogicalResult lower(Lowering &lowering, BlockLinearOp op) {
  Location loc = op.getLoc();
  Tensor input = lowering.get(op.getInput());
  if (!op.getPackedFrom() || input.rank() != 2)
    return op.emitOpError("expected a packed weight and an input of rank 2 "
                          "(flatten-rows and pack-weights run first)");
  BlockFormat blocks = op.getBlocks();
  auto valueOf = [&](Value value) {
    return value ? lowering.get(value).value : Value();
  };
  Value sums;
  if (op.getSums())
    sums = offsetSums(lowering, loc, lowering.get(op.getSums()), blocks).value;
  Type f32 = lowering.builder.getF32Type();
  SymbolicShape shape = lowering.get(op.getResult()).shape;
  Tensor start = lowering.fill(loc, shape, f32, scalarAttr(f32, 0));
  auto matmul = lowbit::BlockMatmulOp::create(
      lowering.builder, loc, start.value.getType(), input.value,
      valueOf(op.getWeight()), valueOf(op.getWeightScales()),
      valueOf(op.getWeightOffsets()), sums, start.value, blocks.bits,
      blocks.group, blocks.isTernary,
      blocks.exponentBits
          ? lowering.builder.getI64IntegerAttr(blocks.exponentBits)
          : nullptr,
      blocks.values.empty()
          ? nullptr
          : lowering.builder.getDenseF32ArrayAttr(blocks.values));
  Tensor product{matmul.getResult(0), shape, f32};
  lowering.set(op.getResult(), finish(lowering, op, product));
  return success();
}

//===----------------------------------------------------------------------===//
// Look-up
//===----------------------------------------------------------------------===//

namespace {

/// Reads single codes, scales and offsets of a packed matrix.
struct PackedReader {
  OpBuilder &b;
  Location at;
  BlockFormat blocks;

  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, at, value);
  }
  Value div(Value x, int64_t y) {
    return arith::DivUIOp::create(b, at, x, constant(y));
  }
  Value rem(Value x, int64_t y) {
    return arith::RemUIOp::create(b, at, x, constant(y));
  }
  Value mul(Value x, int64_t y) {
    return arith::MulIOp::create(b, at, x, constant(y));
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, at, x, y); }

  /// Element [row, group] of an array in panels.
  Value panel(const Tensor &array, Value row, Value group) {
    constexpr int64_t columns = lowbit::kLineColumns;
    Value stored = tensor::ExtractOp::create(
        b, at, array.value,
        ValueRange{div(row, columns), group, rem(row, columns)});
    return toCompute(b, at, stored, array.element);
  }

  /// Bits of a byte of a line: byte >> shift & mask.
  Value bits(const Tensor &lines, Value row, Value line, Value byte,
             Value shift, int64_t mask) {
    constexpr int64_t columns = lowbit::kLineColumns;
    Type i32 = b.getI32Type();
    Value stored = tensor::ExtractOp::create(
        b, at, lines.value,
        ValueRange{div(row, columns), line, rem(row, columns), byte});
    Value wide = arith::ExtUIOp::create(b, at, i32, stored);
    Value amount = arith::IndexCastOp::create(b, at, i32, shift);
    Value shifted = arith::ShRUIOp::create(b, at, wide, amount);
    return arith::AndIOp::create(b, at, shifted, integer(mask));
  }

  Value integer(int64_t value) {
    return arith::ConstantOp::create(b, at, b.getI32IntegerAttr(value));
  }
  Value number(float value) {
    return arith::ConstantOp::create(b, at, b.getF32FloatAttr(value));
  }
  /// Bit `i` of an integer.
  Value bit(Value x, int64_t i) {
    Value shifted = arith::ShRUIOp::create(b, at, x, integer(i));
    return arith::TruncIOp::create(b, at, b.getI1Type(), shifted);
  }

  /// What a code that stands for a float stands for.
  Value decode(Value code) {
    if (blocks.exponentBits)
      return decodeSmallFloat(code);
    // A tree of selections, by ascending bits of the code.
    SmallVector<Value> entries;
    for (int64_t i = 0; i < int64_t(1) << blocks.bits; ++i)
      entries.push_back(
          number(blocks.values[std::min<size_t>(i, blocks.values.size() - 1)]));
    for (unsigned i = 0; i < blocks.bits; ++i) {
      Value isOdd = bit(code, i);
      for (size_t j = 0; j < entries.size() / 2; ++j)
        entries[j] = arith::SelectOp::create(b, at, isOdd, entries[2 * j + 1],
                                             entries[2 * j]);
      entries.resize(entries.size() / 2);
    }
    return entries.front();
  }

  /// The exponent and mantissa of an f32 are those of the code up to the bias.
  Value decodeSmallFloat(Value code) {
    fmt::SmallFloatBits bits(blocks.bits, blocks.exponentBits);
    Value x = arith::ShLIOp::create(b, at, code, integer(bits.left));
    x = arith::ShRSIOp::create(b, at, x, integer(bits.right));
    x = arith::AndIOp::create(b, at, x, integer(bits.mask));
    x = arith::BitcastOp::create(b, at, b.getF32Type(), x);
    return arith::MulFOp::create(b, at, x, number(bits.factor));
  }

  /// Digit `i` of a byte of five, plus 1.
  Value ternaryCode(Value byte, Value i) {
    Value y = byte;
    for (int64_t step = 0; step < 4; ++step) {
      Value passes = arith::CmpIOp::create(b, at, arith::CmpIPredicate::ugt, i,
                                           constant(step));
      Value tripled = arith::MulIOp::create(b, at, y, integer(3));
      tripled = arith::AndIOp::create(b, at, tripled, integer(255));
      y = arith::SelectOp::create(b, at, passes, tripled, y);
    }
    Value digit = arith::ShRUIOp::create(
        b, at, arith::MulIOp::create(b, at, y, integer(3)), integer(8));
    return arith::AddIOp::create(b, at, digit, integer(1));
  }

  /// The stored code of [row, k] (Dialect/Fmt/PackLines.h).
  Value code(const Tensor &lines, Value row, Value k) {
    fmt::LineUnit unit = fmt::getLineUnit(blocks.bits, blocks.isTernary);
    int64_t depth = unit.getDepth();
    int64_t perGroup = llvm::divideCeil(blocks.group, depth) * unit.lines;
    Value inGroup = rem(k, blocks.group), inUnit = rem(inGroup, depth);
    Value line = add(mul(div(k, blocks.group), perGroup),
                     mul(div(inGroup, depth), unit.lines));
    Value field = div(inUnit, lowbit::kLineDepth);
    Value byte = rem(inUnit, lowbit::kLineDepth);
    int64_t mask = (1 << blocks.bits) - 1;
    if (blocks.isTernary)
      return ternaryCode(bits(lines, row, line, byte, constant(0), 255), field);
    if (unit.lines == 1) {
      int64_t width = 8 / int64_t(unit.shifts.size());
      return bits(lines, row, line, byte, mul(field, width), mask);
    }
    // Three bits: fields 6 and 7 lie in two lines each.
    Value six = constant(6);
    Value isSplit =
        arith::CmpIOp::create(b, at, arith::CmpIPredicate::uge, field, six);
    Value rest = arith::SubIOp::create(b, at, field, six);
    auto select = [&](Value x, Value y) -> Value {
      return arith::SelectOp::create(b, at, isSplit, x, y);
    };
    Value ownLine = add(line, select(rest, div(field, 2)));
    Value shift = select(six, mul(rem(field, 2), 3));
    Value own = bits(lines, row, ownLine, byte, shift, mask);
    Value last = bits(lines, row, add(line, constant(2)), byte,
                      select(field, constant(0)), 1);
    Value joined = arith::OrIOp::create(
        b, at, arith::ShLIOp::create(b, at, own, integer(1)), last);
    return select(joined, own);
  }
};

} // namespace

static LogicalResult lower(Lowering &lowering, BlockGatherOp op) {
  if (!op.getPackedFrom())
    return op.emitOpError("expected packed codes (pack-weights runs first)");
  Tensor codes = lowering.get(op.getCodes());
  Tensor scales = lowering.get(op.getScales());
  Tensor offsets;
  if (op.getOffsets())
    offsets = lowering.get(op.getOffsets());
  Tensor indices = lowering.get(op.getIndices());
  SymbolicShape shape = lowering.get(op.getResult()).shape;
  OpBuilder &builder = lowering.builder;
  BlockFormat blocks = op.getBlocks();
  Value count = arith::ConstantIndexOp::create(builder, op.getLoc(),
                                               op.getMatrixShape()[0]);
  Type f32 = builder.getF32Type();
  AffineMap rows = lowering.leadingDims(shape.size(), indices.rank());
  Tensor result = lowering.mapWith(
      op.getLoc(), shape, f32, indices, rows,
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        ScalarBuilder s(b, at, indices.element);
        PackedReader reader{b, at, blocks};
        Value row = clampIndex(s, args[0], count);
        Value k = linalg::IndexOp::create(b, at, int64_t(shape.size()) - 1);
        Value group = reader.div(k, blocks.group);
        Value code = reader.code(codes, row, k);
        Value scale = reader.panel(scales, row, group);
        if (!blocks.areIntegers())
          return arith::MulFOp::create(b, at, reader.decode(code), scale);
        if (blocks.offset != OffsetKind::Float) {
          Value zero = arith::ConstantOp::create(
              b, at, b.getI32IntegerAttr(1 << (blocks.bits - 1)));
          if (blocks.offset == OffsetKind::Integer)
            zero = arith::ExtUIOp::create(b, at, b.getI32Type(),
                                          reader.panel(offsets, row, group));
          code = arith::SubIOp::create(b, at, code, zero);
        }
        Value value = arith::SIToFPOp::create(b, at, f32, code);
        if (blocks.offset != OffsetKind::Float)
          return arith::MulFOp::create(b, at, value, scale);
        return math::FmaOp::create(b, at, value, scale,
                                   reader.panel(offsets, row, group));
      });
  lowering.set(op.getResult(), result);
  return success();
}

FailureOr<bool> lowerBlocks(Lowering &lowering, Operation *op) {
  LogicalResult result = success();
  if (auto linear = dyn_cast<BlockLinearOp>(op))
    result = lower(lowering, linear);
  else if (auto gather = dyn_cast<BlockGatherOp>(op))
    result = lower(lowering, gather);
  else
    return false;
  if (failed(result))
    return failure();
  return true;
}

} // namespace quantc::qnntolinalg
