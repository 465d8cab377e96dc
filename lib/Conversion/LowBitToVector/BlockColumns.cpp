// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Columns whose codes are decoded once and read by all rows.
//
// A buffer holds a few groups of one tile's columns: planes of bytes, shifted
// down, codes as f32, or pairs of them as bf16.  Integer offsets are subtracted
// here; bytes stay
// unsigned since 2^bits is added (a sum starts at 2^bits times -sum(A)).
// Products of one byte are at most 31 * 128, far from what an int32 takes.

#include "BlockEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace quantc::lowbit {

/// Bytes of decoded columns: they stay in the first cache with the rows.
static constexpr int64_t kDecodedBytes = 16384;
/// Longer groups are decoded in each tile.
static constexpr int64_t kMostDecodedBytes = 32768;

/// Whole groups that are decoded at once, 0 if they are too long.
int64_t BlockEmitter::getDecodedGroups() {
  int64_t unitBytes = plan.main.vectors * plan.lanes * 4 * getEntries();
  if (unitsPerGroup > kMostDecodedBytes / unitBytes)
    return 0;
  return std::max<int64_t>(1, kDecodedBytes / (unitsPerGroup * unitBytes));
}

void BlockEmitter::createDecoded() {
  std::optional<int64_t> rows = getConstantIntValue(m);
  int64_t groups =
      std::min<int64_t>(getDecodedGroups(), llvm::divideCeil(depth, group));
  if (groups == 0 || (rows && *rows <= plan.few.rows))
    return;
  VectorType type = op.isInteger() ? lanesOf(b.getI8Type(), kLineDepth)
                    : op.isBf16()  ? lanesOf(b.getI16Type(), 2)
                                   : lanesOf(b.getF32Type());
  SmallVector<int64_t> shape = {groups * unitsPerGroup * getEntries(),
                                plan.main.vectors, type.getNumElements()};
  decoded = allocateScratch(op, MemRefType::get(shape, type.getElementType()));
}

/// Decodes groups [begin, end), and the rest of k, for all rows.
void BlockEmitter::emitDecoded(const Columns &columns, Value begin, Value end) {
  decodedBegin = begin;
  Tile tile{{}, columns, /*turns=*/op.isInteger() || op.isBf16()};
  forRange(begin, end, 1,
           [&](Value index) { decodeGroup(tile, index, group); });
  if (rest)
    decodeGroup(tile, constant(depth / group), rest);
  emitRows(columns, Height::Many, {begin, end});
}

/// Stores a group of `length` k.
void BlockEmitter::decodeGroup(const Tile &tile, Value index, int64_t length) {
  Values zeros;
  if (op.hasIntegerOffsets())
    zeros = prepareOffsets(loadOffsets(tile, index));
  int64_t units = llvm::divideCeil(length, unit.getDepth());
  forRange(constant(0), constant(units), 1, [&](Value step) {
    Value at = add(mul(index, unitsPerGroup), step);
    Value first = mul(sub(at, mul(decodedBegin, unitsPerGroup)), getEntries());
    SmallVector<Values> planes = loadPlanes(tile, mul(at, unit.lines));
    for (int64_t v = 0; v < tile.columns.vectors; ++v) {
      Value zero = zeros.empty() ? Value() : zeros[v];
      for (int64_t i = 0; i < getEntries(); ++i) {
        Value entry = decodeEntry(planes[v], i, zero);
        if (zero && op.isInteger())
          entry = arith::AddIOp::create(b, entry, zero);
        Values place = {add(first, i), constant(v), constant(0)};
        vector::StoreOp::create(b, entry, decoded, place);
      }
    }
  });
}

Value BlockEmitter::loadDecoded(const Position &position, int64_t vector,
                                int64_t entry) {
  auto type = cast<MemRefType>(decoded.getType());
  auto entryType =
      VectorType::get({type.getShape().back()}, type.getElementType());
  Value first =
      mul(sub(position.unit, mul(decodedBegin, unitsPerGroup)), getEntries());
  Values place = {add(first, entry), constant(vector), constant(0)};
  return vector::LoadOp::create(b, entryType, decoded, place);
}

} // namespace quantc::lowbit
