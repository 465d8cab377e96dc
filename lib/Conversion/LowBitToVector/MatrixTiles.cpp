// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contractions of bytes on AMX tiles: 16 rows of A by 64 bytes, 16 packed lines
// of B, 16 x 16 sums of C.  A packed panel is made of such tiles of B already.
// Blocks of 32 x 32 sums, then of 16 rows; rows and bytes that fill no tile
// are left to vectors.  The tiles' shape is set once per function
// (configure-tiles).

#include "MatmulEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace quantc::lowbit {

/// Rows of a tile; the steps (of four bytes) of a tile are as many.
static constexpr int64_t kTileRows = 16;
/// Tile registers: sums by row and column, then rows of A, then lines of B.
static constexpr int64_t kTilesOfA = 4, kTilesOfB = 6;

namespace {
/// Calls of tile intrinsics, whose registers are immediate operands.
struct Tiles {
  ImplicitLocOpBuilder &b;

  Value reg(int64_t number) {
    return LLVM::ConstantOp::create(b, b.getI8IntegerAttr(number));
  }
  void call(StringRef name, ValueRange operands) {
    LLVM::CallIntrinsicOp::create(b, b.getStringAttr(name), operands);
  }
  void load(int64_t tile, Value pointer, Value stride) {
    call("llvm.x86.tileloadd64", {reg(tile), pointer, stride});
  }
  void store(int64_t tile, Value pointer, Value stride) {
    call("llvm.x86.tilestored64", {reg(tile), pointer, stride});
  }
};
} // namespace

bool MatmulEmitter::fitsTiles(const Columns &columns, Height height) {
  std::optional<int64_t> depth = getConstantIntValue(k);
  return plan.matrixTiles && op.isInteger() && height == Height::Many &&
         op.getBLayout() == BLayout::Packed && !columns.partial &&
         (!depth || *depth >= kTileRows * kLineDepth);
}

/// Where an element is in memory.
Value MatmulEmitter::getAddress(Value memref, const Values &indices) {
  auto data = memref::ExtractStridedMetadataOp::create(b, memref);
  Value place = data.getOffset();
  for (auto [index, stride] : llvm::zip(indices, data.getStrides()))
    place = add(place, mul(index, stride));
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  place = mul(place, element.getIntOrFloatBitWidth() / 8);
  Value begin = memref::ExtractAlignedPointerAsIndexOp::create(b, memref);
  Value address =
      arith::IndexCastOp::create(b, b.getI64Type(), add(begin, place));
  return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()),
                                  address);
}

/// Bytes between rows.
Value MatmulEmitter::getPitch(Value memref) {
  auto data = memref::ExtractStridedMetadataOp::create(b, memref);
  auto type = cast<MemRefType>(memref.getType());
  Value pitch = mul(data.getStrides()[type.getRank() - 2],
                    type.getElementType().getIntOrFloatBitWidth() / 8);
  return arith::IndexCastOp::create(b, b.getI64Type(), pitch);
}

/// Adds whole tiles of the depth to `height` x columns.vectors tiles of C.
void MatmulEmitter::emitTiles(Value row, int64_t height, const Columns &columns,
                              Value end) {
  Tiles tiles{b};
  auto forSums = [&](function_ref<void(int64_t, Value, Value)> body) {
    for (int64_t i = 0; i < height; ++i)
      for (int64_t v = 0; v < columns.vectors; ++v)
        body(i * columns.vectors + v, add(row, i * kTileRows),
             add(columns.first, v * kLineColumns));
  };
  Value pitchOfC = getPitch(c.memref), pitchOfA = getPitch(a.memref);
  Value pitchOfB = LLVM::ConstantOp::create(
      b, b.getI64IntegerAttr(kLineColumns * kLineDepth));
  forSums([&](int64_t tile, Value i, Value j) {
    if (startsAtZero)
      tiles.call("llvm.x86.tilezero", {tiles.reg(tile)});
    else
      tiles.load(tile, getAddress(c.memref, at(c, {i, j})), pitchOfC);
  });
  forRange(constant(0), end, kTileRows, [&](Value step) {
    for (int64_t v = 0; v < columns.vectors; ++v)
      tiles.load(kTilesOfB + v,
                 getAddress(right.memref, at(right, {getPanel(columns, v), step,
                                                     constant(0)})),
                 pitchOfB);
    for (int64_t i = 0; i < height; ++i) {
      Values place = at(a, {add(row, i * kTileRows), mul(step, kLineDepth)});
      tiles.load(kTilesOfA + i, getAddress(a.memref, place), pitchOfA);
      for (int64_t v = 0; v < columns.vectors; ++v)
        tiles.call("llvm.x86.tdpbsud",
                   {tiles.reg(i * columns.vectors + v),
                    tiles.reg(kTilesOfA + i), tiles.reg(kTilesOfB + v)});
    }
  });
  forSums([&](int64_t tile, Value i, Value j) {
    tiles.store(tile, getAddress(c.memref, at(c, {i, j})), pitchOfC);
  });
}

void MatmulEmitter::emitRowsByTiles(const Columns &columns,
                                    const Depth &depth) {
  Value end = roundDown(depth.end, kTileRows);
  Value pairs = roundDown(m, 2 * kTileRows), whole = roundDown(m, kTileRows);
  forRange(constant(0), pairs, 2 * kTileRows,
           [&](Value row) { emitTiles(row, 2, columns, end); });
  ifElse(
      isLess(pairs, whole), [&] { emitTiles(pairs, 1, columns, end); }, [] {});
  std::optional<int64_t> bytes = getConstantIntValue(k);
  if (!bytes || *bytes % (kTileRows * kLineDepth))
    forRange(constant(0), whole, plan.tail.rows, [&](Value row) {
      emitTile(plan.tail.rows, {row, Value()}, columns, {end, depth.end});
    });
  Value last = sub(m, constant(1));
  forRange(whole, m, plan.tail.rows, [&](Value row) {
    emitTile(plan.tail.rows, {row, last}, columns, depth);
  });
}

} // namespace quantc::lowbit
