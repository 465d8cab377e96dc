// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packs columns of a 'transposed' B, which are rows in memory, into a buffer:
// [step][vectors * lanes].  Square blocks of lanes x lanes elements are read as
// rows, transposed in registers and written as columns.

#include "MatmulEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace quantc::lowbit {

void MatmulEmitter::createScratch() {
  int64_t depth = kPackedDepth;
  if (std::optional<int64_t> known = getConstantIntValue(k))
    depth = std::min<int64_t>(depth, llvm::alignTo(*known, plan.lanes));
  int64_t size = depth * plan.main.vectors * plan.lanes;
  scratch = allocateScratch(op, MemRefType::get({size}, b.getF32Type()));
}

/// Transposes a square block: stage s exchanges lane bit s with row bit s.
void MatmulEmitter::transpose(Values &block) {
  int64_t lanes = plan.lanes;
  for (int64_t bit = 1; bit < lanes; bit *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      bool isSet = lane & bit;
      low.push_back(isSet ? lanes + lane - bit : lane);
      high.push_back(isSet ? lanes + lane : lane + bit);
    }
    for (int64_t row = 0; row < lanes; ++row) {
      if (row & bit)
        continue;
      Value first = block[row], second = block[row | bit];
      block[row] = vector::ShuffleOp::create(b, first, second, low);
      block[row | bit] = vector::ShuffleOp::create(b, first, second, high);
    }
  }
}

/// Packs `lanes` steps from `step` of all columns; with a mask only those steps
/// are read that exist.
void MatmulEmitter::packBlock(const Columns &columns, const Depth &depth,
                              Value step, Value depthMask) {
  int64_t lanes = plan.lanes, width = columns.vectors * lanes;
  auto type = VectorType::get({lanes}, b.getF32Type());
  Value last = sub(n, constant(1));
  forRange(constant(0), constant(width), lanes, [&](Value offset) {
    Values block;
    for (int64_t i = 0; i < lanes; ++i) {
      Value column = add(columns.first, add(offset, i));
      if (columns.partial)
        column = min(column, last);
      Values indices = at(right, {column, step});
      if (!depthMask) {
        block.push_back(vector::LoadOp::create(b, type, right.memref, indices));
        continue;
      }
      Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
      block.push_back(vector::MaskedLoadOp::create(b, type, right.memref,
                                                   indices, depthMask, zero));
    }
    transpose(block);
    Value line = add(mul(sub(step, depth.begin), width), offset);
    for (auto [i, values] : llvm::enumerate(block))
      vector::StoreOp::create(b, values, scratch,
                              ValueRange{add(line, i * width)});
  });
}

void MatmulEmitter::packColumns(const Columns &columns, const Depth &depth) {
  scratchBegin = depth.begin;
  Value count = sub(depth.end, depth.begin);
  Value whole = add(depth.begin, roundDown(count, plan.lanes));
  forRange(depth.begin, whole, plan.lanes,
           [&](Value step) { packBlock(columns, depth, step, Value()); });
  ifElse(
      isLess(whole, depth.end),
      [&] {
        auto type = VectorType::get({plan.lanes}, b.getI1Type());
        Value mask = vector::CreateMaskOp::create(
            b, type, ValueRange{sub(depth.end, whole)});
        packBlock(columns, depth, whole, mask);
      },
      [] {});
}

} // namespace quantc::lowbit
