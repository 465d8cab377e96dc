// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One tile of C in registers: read, extended by every step of the reduction in
// ascending k, written back.
//
// For f32 each element is one chain of fused multiply-adds.  For bytes, B is
// the unsigned operand and A, four bytes broadcast as one dword, the signed
// one: `vpdpbusd` does not saturate, and neither does the pair form, in which
// even and odd bytes become 16-bit words (|255 * -128 * 2| < 2^31).

#include "MatmulEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace quantc::lowbit {

/// How many lines ahead of its use a line of B is asked for: 2 KiB.
static constexpr int64_t kPrefetchSteps = 32;

VectorType MatmulEmitter::getSumType() {
  return VectorType::get({plan.lanes}, op.getCType().getElementType());
}

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

Value MatmulEmitter::getMask(const Columns &columns, int64_t vector) {
  Value column = add(columns.first, vector * plan.lanes);
  auto type = VectorType::get({plan.lanes}, b.getI1Type());
  return vector::CreateMaskOp::create(b, type, ValueRange{sub(n, column)});
}

Value MatmulEmitter::loadSum(Value row, Value column, Value mask) {
  VectorType type = getSumType();
  if (!mask)
    return vector::LoadOp::create(b, type, c.memref, at(c, {row, column}));
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, type, c.memref, at(c, {row, column}),
                                      mask, zero);
}

void MatmulEmitter::storeSum(Value sum, Value row, Value column, Value mask) {
  if (!mask)
    vector::StoreOp::create(b, sum, c.memref, at(c, {row, column}));
  else
    vector::MaskedStoreOp::create(b, c.memref, at(c, {row, column}), mask, sum);
}

/// The vectors of B for one step.  Missing columns read a repeated line, zeros,
/// or whatever packing left; the sums of these lanes are dropped.
SmallVector<Value> MatmulEmitter::loadLines(const Columns &columns,
                                            Value step) {
  bool isBytes = op.isInteger();
  int64_t bytes = isBytes ? kLineDepth : 1;
  auto type =
      VectorType::get({plan.lanes * bytes}, op.getBType().getElementType());
  int64_t perLine = kLineColumns / plan.lanes;
  Values lines;
  for (int64_t v = 0; v < columns.vectors; ++v) {
    if (scratch) {
      Value line = mul(sub(step, scratchBegin), columns.vectors * plan.lanes);
      lines.push_back(vector::LoadOp::create(
          b, type, scratch, ValueRange{add(line, v * plan.lanes)}));
    } else if (op.getBLayout() == BLayout::Packed) {
      Value line = add(div(columns.first, kLineColumns), v / perLine);
      if (columns.partial && !getConstantIntValue(n))
        line = min(line, div(sub(n, constant(1)), kLineColumns));
      Value lane = constant(v % perLine * plan.lanes * bytes);
      lines.push_back(vector::LoadOp::create(b, type, right.memref,
                                             at(right, {line, step, lane})));
    } else {
      Value column = add(columns.first, v * plan.lanes);
      Values indices = at(right, {step, column});
      Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
      lines.push_back(
          columns.partial
              ? vector::MaskedLoadOp::create(b, type, right.memref, indices,
                                             getMask(columns, v), zero)
                    .getResult()
              : vector::LoadOp::create(b, type, right.memref, indices)
                    .getResult());
    }
  }
  return lines;
}

/// Asks for lines of B that later steps read.  The first tile of a group of
/// columns reads them from far away, and is the one that waits (measured: 4 to
/// 8 % of large contractions; nothing is gained with a single row).
void MatmulEmitter::prefetchLines(const Columns &columns, Value step) {
  if (op.getBLayout() != BLayout::Packed)
    return;
  int64_t perLine = kLineColumns / plan.lanes;
  for (int64_t v = 0; v < columns.vectors; v += perLine) {
    Value line = add(div(columns.first, kLineColumns), v / perLine);
    Values indices = at(right, {line, add(step, kPrefetchSteps), constant(0)});
    memref::PrefetchOp::create(b, right.memref, indices, /*isWrite=*/false,
                               /*localityHint=*/3, /*isDataCache=*/true);
  }
}

/// A's element, or its four bytes as an i32, for one step.
Value MatmulEmitter::loadElement(Value row, Value step) {
  if (!op.isInteger())
    return memref::LoadOp::create(b, a.memref, at(a, {row, step}));
  auto bytes = VectorType::get({kLineDepth}, b.getI8Type());
  Value loaded = vector::LoadOp::create(b, bytes, a.memref,
                                        at(a, {row, mul(step, kLineDepth)}));
  Value word = vector::BitCastOp::create(
      b, VectorType::get({1}, b.getI32Type()), loaded);
  return vector::ExtractOp::create(b, word, 0);
}

/// The bytes after the last whole step, with zeros for the missing ones and
/// without a read beyond the row.
Value MatmulEmitter::loadLastBytes(Value row) {
  Value begin = mul(steps, kLineDepth);
  Value last = sub(k, constant(1));
  Value zero = arith::ConstantIntOp::create(b, b.getI32Type(), 0);
  Value word = zero;
  for (int64_t i = 0; i + 1 < kLineDepth; ++i) {
    Value index = add(begin, i);
    Value byte =
        memref::LoadOp::create(b, a.memref, at(a, {row, min(index, last)}));
    Value wide = arith::ExtUIOp::create(b, b.getI32Type(), byte);
    Value shift = arith::ConstantIntOp::create(b, b.getI32Type(), 8 * i);
    Value placed = arith::ShLIOp::create(b, wide, shift);
    Value kept =
        b.createOrFold<arith::SelectOp>(isLess(index, k), placed, zero);
    word = arith::OrIOp::create(b, word, kept);
  }
  return word;
}

//===----------------------------------------------------------------------===//
// Multiply and add
//===----------------------------------------------------------------------===//

namespace {

/// One row times the lines of one step, for one form of multiply-add.
struct RowDot {
  ImplicitLocOpBuilder &b;
  const KernelPlan &plan;

  VectorType lanesOf(int64_t perLane, Type element) {
    return VectorType::get({plan.lanes * perLane}, element);
  }
  Value call(StringRef name, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(b, lanesOf(1, b.getI32Type()),
                                         b.getStringAttr(name), operands)
        .getResult(0);
  }
  Value shift(Value words, int64_t bits, bool left, bool isSigned) {
    Value amount = arith::ConstantOp::create(
        b, DenseElementsAttr::get(cast<VectorType>(words.getType()),
                                  b.getI16IntegerAttr(bits)));
    if (left)
      return arith::ShLIOp::create(b, words, amount);
    return isSigned ? arith::ShRSIOp::create(b, words, amount).getResult()
                    : arith::ShRUIOp::create(b, words, amount).getResult();
  }

  /// The even and the odd bytes of each dword as words, so that a pair of words
  /// belongs to one column.
  std::pair<Value, Value> splitUnsigned(Value bytes) {
    VectorType type = lanesOf(2, b.getI16Type());
    Value words = vector::BitCastOp::create(b, type, bytes);
    Value mask = arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, b.getI16IntegerAttr(255)));
    return {arith::AndIOp::create(b, words, mask),
            shift(words, 8, /*left=*/false, /*isSigned=*/false)};
  }
  std::pair<Value, Value> splitSigned(Value dwords) {
    Value words =
        vector::BitCastOp::create(b, lanesOf(2, b.getI16Type()), dwords);
    Value raised = shift(words, 8, /*left=*/true, /*isSigned=*/true);
    return {shift(raised, 8, /*left=*/false, /*isSigned=*/true),
            shift(words, 8, /*left=*/false, /*isSigned=*/true)};
  }

  void addFma(MutableArrayRef<Value> sums, Value element,
              ArrayRef<Value> lines) {
    Value all =
        vector::BroadcastOp::create(b, lanesOf(1, b.getF32Type()), element);
    for (auto [sum, line] : llvm::zip(sums, lines))
      sum = math::FmaOp::create(b, all, line, sum);
  }
  void addBytes(MutableArrayRef<Value> sums, Value element,
                ArrayRef<Value> lines) {
    Value all =
        vector::BroadcastOp::create(b, lanesOf(1, b.getI32Type()), element);
    Value bytes = vector::BitCastOp::create(b, lanesOf(4, b.getI8Type()), all);
    StringRef name = plan.lanes == 16 ? "llvm.x86.avx512.vpdpbusd.512"
                                      : "llvm.x86.avx512.vpdpbusd.256";
    for (auto [sum, line] : llvm::zip(sums, lines))
      sum = call(name, {sum, line, bytes});
  }
  void addWords(MutableArrayRef<Value> sums, Value element,
                ArrayRef<std::pair<Value, Value>> lines) {
    Value all =
        vector::BroadcastOp::create(b, lanesOf(1, b.getI32Type()), element);
    auto [evenA, oddA] = splitSigned(all);
    StringRef name = plan.lanes == 16 ? "llvm.x86.avx512.pmaddw.d.512"
                                      : "llvm.x86.avx2.pmadd.wd";
    for (auto [sum, line] : llvm::zip(sums, lines)) {
      Value pairs = arith::AddIOp::create(b, call(name, {line.first, evenA}),
                                          call(name, {line.second, oddA}));
      sum = arith::AddIOp::create(b, sum, pairs);
    }
  }
};

} // namespace

void MatmulEmitter::multiplyAdd(Values &sums, const Values &elements,
                                const Values &lines) {
  RowDot dot{b, plan};
  SmallVector<std::pair<Value, Value>> words;
  if (plan.dot == Dot::Words)
    for (Value line : lines)
      words.push_back(dot.splitUnsigned(line));
  for (auto [row, element] : llvm::enumerate(elements)) {
    auto rowSums =
        MutableArrayRef<Value>(sums).slice(row * lines.size(), lines.size());
    switch (plan.dot) {
    case Dot::Fma:
      dot.addFma(rowSums, element, lines);
      break;
    case Dot::Bytes:
      dot.addBytes(rowSums, element, lines);
      break;
    case Dot::Words:
      dot.addWords(rowSums, element, words);
      break;
    }
  }
}

//===----------------------------------------------------------------------===//
// The tile
//===----------------------------------------------------------------------===//

SmallVector<Value>
MatmulEmitter::emitLoop(Value begin, Value end, int64_t unroll, Values sums,
                        function_ref<void(Value, Values &)> step) {
  std::optional<int64_t> from = getConstantIntValue(begin);
  std::optional<int64_t> to = getConstantIntValue(end);
  if (from && to && *from >= *to)
    return sums;
  auto loop = scf::ForOp::create(
      b, b.getLoc(), begin, end, constant(unroll), sums,
      [&](OpBuilder &, Location, Value index, ValueRange carried) {
        Values inner(carried);
        for (int64_t i = 0; i < unroll; ++i)
          step(add(index, i), inner);
        scf::YieldOp::create(b, inner);
      });
  return Values(loop.getResults());
}

SmallVector<Value> MatmulEmitter::emitSteps(Values sums, const Values &rows,
                                            const Columns &columns,
                                            const Depth &depth) {
  auto step = [&](Value index, Values &carried) {
    Values lines = loadLines(columns, index), elements;
    if (rows.size() > 1)
      prefetchLines(columns, index);
    for (Value row : rows)
      elements.push_back(loadElement(row, index));
    multiplyAdd(carried, elements, lines);
  };
  Value whole =
      add(depth.begin, roundDown(sub(depth.end, depth.begin), plan.unroll));
  sums = emitLoop(depth.begin, whole, plan.unroll, sums, step);
  if (plan.unroll > 1)
    sums = emitLoop(whole, depth.end, 1, sums, step);
  return op.isInteger() ? emitLastBytes(sums, rows, columns) : sums;
}

SmallVector<Value> MatmulEmitter::emitLastBytes(Values sums, const Values &rows,
                                                const Columns &columns) {
  Value whole = mul(steps, kLineDepth);
  std::optional<int64_t> depth = getConstantIntValue(k);
  if (depth && *depth % kLineDepth == 0)
    return sums;
  auto add = [&] {
    Values lines = loadLines(columns, steps), elements;
    for (Value row : rows)
      elements.push_back(loadLastBytes(row));
    Values result(sums);
    multiplyAdd(result, elements, lines);
    return result;
  };
  if (depth)
    return add();
  auto branch = scf::IfOp::create(
      b, b.getLoc(), isLess(whole, k),
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, add()); },
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, sums); });
  return Values(branch.getResults());
}

void MatmulEmitter::emitTile(int64_t rowCount, const Rows &rows,
                             const Columns &columns, const Depth &depth) {
  Values rowIndices, columnIndices, masks, sums;
  for (int64_t i = 0; i < rowCount; ++i) {
    Value row = add(rows.first, i);
    rowIndices.push_back(rows.last ? min(row, rows.last) : row);
  }
  for (int64_t v = 0; v < columns.vectors; ++v) {
    columnIndices.push_back(add(columns.first, v * plan.lanes));
    masks.push_back(columns.partial ? getMask(columns, v) : Value());
  }
  for (Value row : rowIndices)
    for (auto [column, mask] : llvm::zip(columnIndices, masks))
      sums.push_back(loadSum(row, column, mask));
  sums = emitSteps(sums, rowIndices, columns, depth);
  // Repeated rows store the same sums again.
  int64_t index = 0;
  for (Value row : rowIndices)
    for (auto [column, mask] : llvm::zip(columnIndices, masks))
      storeSum(sums[index++], row, column, mask);
}

} // namespace quantc::lowbit
