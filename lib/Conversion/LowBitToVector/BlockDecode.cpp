// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One unit of packed lines: read, masked into planes, multiplied with A.

#include "BlockEmitter.h"
#include "Dot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace quantc::lowbit {

/// How many lines ahead of its use a line is asked for: 1 KiB.
static constexpr int64_t kPrefetchLines = 16;

//===----------------------------------------------------------------------===//
// Planes
//===----------------------------------------------------------------------===//

Value BlockEmitter::andMask(Value bytes, int64_t mask) {
  return arith::AndIOp::create(b, bytes,
                               splat(cast<VectorType>(bytes.getType()), mask));
}

/// The dwords of `bytes` shifted right.
Value BlockEmitter::shiftWords(Value bytes, int64_t right) {
  VectorType words = lanesOf(b.getI32Type());
  Value shifted = vector::BitCastOp::create(b, words, bytes);
  shifted = arith::ShRUIOp::create(b, shifted, splat(words, right));
  return vector::BitCastOp::create(b, bytes.getType(), shifted);
}

/// The planes of a unit's lines (Dialect/Fmt/PackLines.h), scaled as
/// LineUnit::shifts says or shifted down.
SmallVector<Value> BlockEmitter::decode(const Values &from, bool shiftsPlanes) {
  int64_t codes = (int64_t(1) << op.getBits()) - 1;
  Values planes;
  for (auto [i, shift] : llvm::enumerate(unit.shifts)) {
    bool isSplit = unit.lines == 3 && i >= 6;
    Value bytes = from[unit.lines == 3 && !isSplit ? i / 2
                       : isSplit                   ? i - 6
                                                   : 0];
    if (isSplit) {
      // Two bits of its line above one of the last line.
      Value low = andMask(shiftWords(from[2], i - 5), 0x20);
      bytes = arith::OrIOp::create(b, andMask(bytes, 0xc0), low);
      if (shiftsPlanes)
        bytes = shiftWords(bytes, shift);
      planes.push_back(shiftsPlanes ? andMask(bytes, codes) : bytes);
    } else if (shiftsPlanes && shift) {
      planes.push_back(andMask(shiftWords(bytes, shift), codes));
    } else {
      bool isWhole = unit.shifts.size() == 1;
      planes.push_back(isWhole ? bytes : andMask(bytes, codes << shift));
    }
  }
  return planes;
}

/// The planes of each vector of columns.
SmallVector<SmallVector<Value>> BlockEmitter::loadPlanes(const Tile &tile,
                                                         Value line) {
  int64_t perLine = kLineColumns / plan.lanes;
  VectorType type = lanesOf(b.getI8Type(), kLineDepth);
  SmallVector<Values> planes;
  for (int64_t v = 0; v < tile.columns.vectors; ++v) {
    Value panel = getPanel(tile.columns, v);
    Value lane = constant(v % perLine * plan.lanes * kLineDepth);
    Values unitLines;
    for (int64_t i = 0; i < unit.lines; ++i) {
      Value at = add(line, i);
      unitLines.push_back(
          vector::LoadOp::create(b, type, lines, ValueRange{panel, at, lane}));
      if (v % perLine == 0)
        memref::PrefetchOp::create(
            b, lines, ValueRange{panel, add(at, kPrefetchLines), constant(0)},
            /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
    }
    planes.push_back(decode(unitLines, tile.shiftsPlanes));
  }
  return planes;
}

/// Adds `length` k from a position, at most a unit.
void BlockEmitter::addUnit(Sums &sums, const Tile &tile,
                           const Position &position, int64_t length,
                           const Values &zeros) {
  SmallVector<Values> planes = loadPlanes(tile, position.line);
  if (op.isInteger())
    addBytes(sums, tile, position, length, planes);
  else
    addFloats(sums, tile, position, length, planes, zeros);
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

/// `count` bytes of a row as an i32, the others zero; nothing beyond them is
/// read.
Value BlockEmitter::loadWord(Value row, Value k, int64_t count) {
  if (count >= kLineDepth) {
    auto bytes = VectorType::get({kLineDepth}, b.getI8Type());
    Value loaded = vector::LoadOp::create(b, bytes, a.memref, at(a, {row, k}));
    Value word = vector::BitCastOp::create(
        b, VectorType::get({1}, b.getI32Type()), loaded);
    return vector::ExtractOp::create(b, word, 0);
  }
  Value word;
  for (int64_t i = 0; i < count; ++i) {
    Value byte = memref::LoadOp::create(b, a.memref, at(a, {row, add(k, i)}));
    Value wide = arith::ExtUIOp::create(b, b.getI32Type(), byte);
    Value shift = arith::ConstantIntOp::create(b, b.getI32Type(), 8 * i);
    Value placed = arith::ShLIOp::create(b, wide, shift);
    word = word ? arith::OrIOp::create(b, word, placed).getResult() : placed;
  }
  return word;
}

void BlockEmitter::addBytes(Sums &sums, const Tile &tile,
                            const Position &position, int64_t length,
                            ArrayRef<Values> planes) {
  for (auto [i, shift] : llvm::enumerate(unit.shifts)) {
    int64_t begin = int64_t(i) * kLineDepth;
    if (begin >= length)
      break;
    Values words, ofPlane;
    for (Value row : tile.rows)
      words.push_back(loadWord(row, add(position.k, begin), length - begin));
    for (const Values &vector : planes)
      ofPlane.push_back(vector[i]);
    multiplyAdd(b, plan, sums.products[tile.shiftsPlanes ? 0 : shift], words,
                ofPlane);
  }
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

/// The code `shift` bits up in each dword of a plane, less its offset, as f32.
Value BlockEmitter::decodeCode(Value plane, int64_t shift, Value zero) {
  VectorType words = lanesOf(b.getI32Type()), floats = lanesOf(b.getF32Type());
  int64_t count = int64_t(1) << op.getBits();
  int64_t bias = offsets ? 0 : count / 2;
  Value code = vector::BitCastOp::create(b, words, plane);
  if (shift)
    code = arith::ShRUIOp::create(b, code, splat(words, shift));
  if (plan.lanes == 16) {
    // One permutation of a table that does not depend on the bits above.
    SmallVector<float> table;
    for (int64_t i = 0; i < 16; ++i)
      table.push_back(float(i % count - bias));
    Value entries = arith::ConstantOp::create(b, b.getF32VectorAttr(table));
    code = LLVM::CallIntrinsicOp::create(
               b, floats, b.getStringAttr("llvm.x86.avx512.permvar.sf.512"),
               ValueRange{entries, code})
               .getResult(0);
  } else {
    code = arith::AndIOp::create(b, code, splat(words, count - 1));
    if (bias)
      code = arith::SubIOp::create(b, code, splat(words, bias));
    code = arith::SIToFPOp::create(b, floats, code);
  }
  return zero ? arith::SubFOp::create(b, code, zero).getResult() : code;
}

void BlockEmitter::addFloats(Sums &sums, const Tile &tile,
                             const Position &position, int64_t length,
                             ArrayRef<Values> planes, const Values &zeros) {
  Type f32 = b.getF32Type();
  Values floatZeros;
  for (Value zero : zeros)
    floatZeros.push_back(arith::SIToFPOp::create(b, lanesOf(f32), zero));
  int64_t vectors = tile.columns.vectors;
  for (int64_t k = 0; k < std::min(length, unit.getDepth()); ++k) {
    int64_t i = k / kLineDepth;
    int64_t shift = k % kLineDepth * 8 + unit.shifts[i];
    Values codes;
    for (int64_t v = 0; v < vectors; ++v)
      codes.push_back(decodeCode(planes[v][i], shift,
                                 zeros.empty() ? Value() : floatZeros[v]));
    for (auto [r, row] : llvm::enumerate(tile.rows)) {
      Value element =
          memref::LoadOp::create(b, a.memref, at(a, {row, add(position.k, k)}));
      Value all = broadcast(f32, element);
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = sums.products[0][r * vectors + v];
        sum = math::FmaOp::create(b, all, codes[v], sum);
      }
      if (!sums.inputs.empty())
        sums.inputs[r] = arith::AddFOp::create(b, sums.inputs[r], all);
    }
  }
}

} // namespace quantc::lowbit
