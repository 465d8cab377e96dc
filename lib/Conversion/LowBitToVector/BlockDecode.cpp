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

/// How many lines ahead of its use a line is asked for, and about as many k
/// ahead the scales; into the second cache, whose queue of reads from memory is
/// longer than that of the first.
static constexpr int64_t kPrefetchLines = 64;

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

/// Each byte's `bits`, the least significant of the result first.
Value BlockEmitter::takeBits(Value bytes, ArrayRef<unsigned> bits) {
  // A matrix over GF(2): byte 7 - i of each qword says what bit i of the
  // result is the parity of.
  uint64_t matrix = 0;
  for (auto [i, bit] : llvm::enumerate(bits))
    matrix |= uint64_t(1) << (8 * (7 - i) + bit);
  auto type = cast<VectorType>(bytes.getType());
  auto words = VectorType::get({type.getNumElements() / 8}, b.getI64Type());
  Value all = vector::BitCastOp::create(b, type, splat(words, int64_t(matrix)));
  StringRef name = plan.lanes == 16 ? "llvm.x86.vgf2p8affineqb.512"
                                    : "llvm.x86.vgf2p8affineqb.256";
  Value none = arith::ConstantIntOp::create(b, b.getI8Type(), 0);
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(name),
                                       ValueRange{bytes, all, none})
      .getResult(0);
}

/// Plane 6 or 7 of three lines: two bits of line 0 or 1 above one of line 2.
Value BlockEmitter::takeSplit(const Values &from, size_t plane,
                              bool shiftsPlanes) {
  Value high = from[plane - 6];
  if (shiftsPlanes && plan.takesBits)
    return arith::OrIOp::create(b, takeBits(from[2], {unsigned(plane)}),
                                andMask(shiftWords(high, 5), 0x06));
  Value low = andMask(shiftWords(from[2], plane - 5), 0x20);
  Value bytes = arith::OrIOp::create(b, andMask(high, 0xc0), low);
  if (!shiftsPlanes)
    return bytes;
  return andMask(shiftWords(bytes, unit.shifts[plane]), 0x07);
}

/// The planes of a unit's lines (Dialect/Fmt/PackLines.h), scaled as
/// LineUnit::shifts says or shifted down.
SmallVector<Value> BlockEmitter::decode(const Values &from, bool shiftsPlanes) {
  if (op.getTernary())
    return decodeTernary(from[0], shiftsPlanes);
  int64_t codes = (int64_t(1) << op.getBits()) - 1;
  Values planes;
  for (auto [i, shift] : llvm::enumerate(unit.shifts)) {
    if (unit.lines == 3 && i >= 6) {
      planes.push_back(takeSplit(from, i, shiftsPlanes));
      continue;
    }
    Value bytes = from[unit.lines == 3 ? i / 2 : 0];
    if (!shiftsPlanes || !shift) {
      bool isWhole = unit.shifts.size() == 1;
      planes.push_back(isWhole ? bytes : andMask(bytes, codes << shift));
    } else if (plan.takesBits) {
      SmallVector<unsigned> bits;
      for (unsigned bit = 0; bit < op.getBits(); ++bit)
        bits.push_back(shift + bit);
      planes.push_back(takeBits(bytes, bits));
    } else {
      planes.push_back(andMask(shiftWords(bytes, shift), codes));
    }
  }
  return planes;
}

/// Asks for a line of a panel, or for what belongs to a group.
void BlockEmitter::prefetch(Value memref, Value panel, Value line) {
  memref::PrefetchOp::create(b, memref, ValueRange{panel, line, constant(0)},
                             /*isWrite=*/false, /*localityHint=*/2,
                             /*isDataCache=*/true);
}

/// Asks for the scales and offsets that go with the lines asked for.
void BlockEmitter::prefetchScales(const Tile &tile, Value index) {
  int64_t perLine = kLineColumns / plan.lanes;
  int64_t ahead = llvm::divideCeil(kPrefetchLines, unitsPerGroup * unit.lines);
  for (int64_t v = 0; v < tile.columns.vectors; v += perLine)
    for (Value memref : {scales, offsets})
      if (memref)
        prefetch(memref, getPanel(tile.columns, v), add(index, ahead));
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
        prefetch(lines, panel, add(at, kPrefetchLines));
    }
    planes.push_back(decode(unitLines, tile.turns > 0));
  }
  return planes;
}

int64_t BlockEmitter::getEntries() {
  int64_t planes = unit.shifts.size();
  return op.isInteger() ? planes : op.isBf16() ? 2 * planes : unit.getDepth();
}

/// Offsets as decoded codes take them: f32, or 2^bits - offset in each byte.
SmallVector<Value> BlockEmitter::prepareOffsets(const Values &zeros) {
  Values prepared;
  for (Value zero : zeros) {
    if (!op.isInteger() && !op.isBf16()) {
      prepared.push_back(
          arith::SIToFPOp::create(b, lanesOf(b.getF32Type()), zero));
      continue;
    }
    VectorType words = lanesOf(b.getI32Type());
    zero = arith::SubIOp::create(b, splat(words, int64_t(1) << op.getBits()),
                                 zero);
    zero = arith::MulIOp::create(b, zero, splat(words, 0x01010101));
    prepared.push_back(
        vector::BitCastOp::create(b, lanesOf(b.getI8Type(), kLineDepth), zero));
  }
  return prepared;
}

/// A plane, or the codes of one k as f32 or of two as bf16, less `zero`.
Value BlockEmitter::decodeEntry(const Values &planes, int64_t entry,
                                Value zero) {
  if (op.isInteger())
    return planes[entry];
  if (op.isBf16())
    return decodePair(planes[entry / 2], entry % 2, zero);
  int64_t plane = entry / kLineDepth;
  int64_t shift = entry % kLineDepth * 8 + unit.shifts[plane];
  return decodeCode(planes[plane], shift, zero);
}

/// Adds `length` k from a position, at most a unit.
void BlockEmitter::addUnit(Sums &sums, const Tile &tile,
                           const Position &position, int64_t length,
                           const Values &zeros) {
  SmallVector<Values> planes;
  Values prepared;
  if (!readsDecoded)
    planes = loadPlanes(tile, mul(position.unit, unit.lines));
  if (!op.isInteger())
    prepared = prepareOffsets(zeros);
  auto entry = [&](int64_t v, int64_t index) {
    if (readsDecoded)
      return loadDecoded(position, v, index);
    return decodeEntry(planes[v], index,
                       prepared.empty() ? Value() : prepared[v]);
  };
  if (op.isInteger())
    addBytes(sums, tile, position.k, length, entry);
  else if (op.isBf16())
    addBf16(sums, tile, position.k, length, entry);
  else
    addFloats(sums, tile, position.k, length, entry);
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

// With Dot::Pairs the steps of a unit are added in 16 bits.  A code, which is
// at most 2^(bits + 1) - 1 in decoded columns, takes part in 256 * code for
// each of the unit's planes: 31 * 2, 15 * 8, 7 * 4 and 3 * 8 times 256 are
// below 2^15.
void BlockEmitter::addBytes(Sums &sums, const Tile &tile, Value k,
                            int64_t length, Entry entry) {
  SmallVector<Values> words, ofPlanes;
  for (size_t i = 0; i < unit.shifts.size(); ++i) {
    int64_t begin = int64_t(i) * kLineDepth;
    if (begin >= length)
      break;
    Values &ofRows = words.emplace_back(), &ofPlane = ofPlanes.emplace_back();
    for (Value row : tile.rows)
      ofRows.push_back(loadWord(row, add(k, begin), length - begin));
    for (int64_t v = 0; v < tile.columns.vectors; ++v)
      ofPlane.push_back(entry(v, i));
    if (plan.dot != Dot::Pairs)
      multiplyAdd(b, plan, sums.products[getSet(tile, i)], ofRows, ofPlane);
  }
  if (plan.dot == Dot::Pairs)
    multiplyAddPairs(b, plan, sums.products[0], words, ofPlanes);
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

/// What the code `shift` bits up in each dword of a plane, less its offset,
/// stands for.
Value BlockEmitter::decodeCode(Value plane, int64_t shift, Value zero) {
  VectorType words = lanesOf(b.getI32Type()), floats = lanesOf(b.getF32Type());
  int64_t count = int64_t(1) << op.getBits();
  int64_t bias = offsets ? 0 : count / 2;
  Value code = vector::BitCastOp::create(b, words, plane);
  if (op.getExponent())
    return decodeSmallFloat(code, shift);
  if (shift)
    code = arith::ShRUIOp::create(b, code, splat(words, shift));
  if (std::optional<ArrayRef<float>> values = op.getValues())
    return lookUp(code, *values);
  if (plan.lanes == 16) {
    SmallVector<float> table;
    for (int64_t i = 0; i < count; ++i)
      table.push_back(float(i - bias));
    code = lookUp(code, table);
  } else {
    code = arith::AndIOp::create(b, code, splat(words, count - 1));
    if (bias)
      code = arith::SubIOp::create(b, code, splat(words, bias));
    code = arith::SIToFPOp::create(b, floats, code);
  }
  return zero ? arith::SubFOp::create(b, code, zero).getResult() : code;
}

void BlockEmitter::addFloats(Sums &sums, const Tile &tile, Value k,
                             int64_t length, Entry entry) {
  Type f32 = b.getF32Type();
  int64_t vectors = tile.columns.vectors;
  for (int64_t i = 0; i < std::min(length, unit.getDepth()); ++i) {
    Values codes;
    for (int64_t v = 0; v < vectors; ++v)
      codes.push_back(entry(v, i));
    for (auto [r, row] : llvm::enumerate(tile.rows)) {
      Value element =
          memref::LoadOp::create(b, a.memref, at(a, {row, add(k, i)}));
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

//===----------------------------------------------------------------------===//
// Pairs of bf16
//===----------------------------------------------------------------------===//

// The words of a permutation's indices are the bytes of two k; a table of 32
// ignores the bits above the fifth, and gives integers of at most five bits,
// which are exact.
Value BlockEmitter::decodePair(Value plane, int64_t pair, Value zero) {
  int64_t count = int64_t(1) << op.getBits();
  int64_t bias = zero ? count : offsets ? 0 : count / 2;
  if (zero)
    plane = arith::AddIOp::create(b, plane, zero);
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < plan.lanes; ++lane)
    for (int64_t byte : {0, 0, 1, 1})
      order.push_back(lane * kLineDepth + pair * 2 + byte);
  Value codes = vector::ShuffleOp::create(b, plane, plane, order);
  VectorType words = lanesOf(b.getI16Type(), 2);
  codes = vector::BitCastOp::create(b, words, codes);
  SmallVector<APInt> table;
  for (int64_t i = 0; i < words.getNumElements(); ++i) {
    APFloat value(float((zero ? i : i % count) - bias));
    bool inexact;
    value.convert(APFloat::BFloat(), APFloat::rmNearestTiesToEven, &inexact);
    table.push_back(value.bitcastToAPInt());
  }
  Value entries =
      arith::ConstantOp::create(b, DenseElementsAttr::get(words, table));
  return LLVM::CallIntrinsicOp::create(
             b, words, b.getStringAttr("llvm.x86.avx512.permvar.hi.512"),
             ValueRange{entries, codes})
      .getResult(0);
}

/// Two bf16 of a row as an i32; with a count of 1 the second is zero, and
/// nothing beyond the first is read.
Value BlockEmitter::loadPair(Value row, Value k, int64_t count) {
  if (count >= 2) {
    auto pair = VectorType::get({2}, b.getBF16Type());
    Value loaded = vector::LoadOp::create(b, pair, a.memref, at(a, {row, k}));
    Value word = vector::BitCastOp::create(
        b, VectorType::get({1}, b.getI32Type()), loaded);
    return vector::ExtractOp::create(b, word, 0);
  }
  Value one = memref::LoadOp::create(b, a.memref, at(a, {row, k}));
  one = arith::BitcastOp::create(b, b.getI16Type(), one);
  return arith::ExtUIOp::create(b, b.getI32Type(), one);
}

void BlockEmitter::addBf16(Sums &sums, const Tile &tile, Value k,
                           int64_t length, Entry entry) {
  int64_t vectors = tile.columns.vectors;
  for (int64_t i = 0; i < std::min(length, unit.getDepth()); i += 2) {
    Values pairs, codes;
    for (Value row : tile.rows)
      pairs.push_back(loadPair(row, add(k, i), length - i));
    for (int64_t v = 0; v < vectors; ++v)
      codes.push_back(entry(v, i / 2));
    multiplyAdd(b, plan, sums.products[0], pairs, codes);
    // The sums over A that float offsets need: pairs times 1.
    constexpr int64_t one = 0x3f80;
    if (!sums.inputs.empty())
      multiplyAdd(b, plan, sums.inputs, pairs,
                  {splat(lanesOf(b.getI16Type(), 2), one)});
  }
}

} // namespace quantc::lowbit
