// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows as rows of a matrix: for each line of the output and each tap of the
// outer axes, runs of (last axis, channel) are copied to the rows.  In the
// interior a run is one piece of memory.

#include "WindowEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace quantc::lowbit {

/// Bytes of the widest piece of a run, how many such pieces are unrolled, and
/// how many taps of the inner axis or of the outer ones.
static constexpr int64_t kPieceBytes = 64;
static constexpr int64_t kUnrolledPieces = 8;
static constexpr int64_t kUnrolledTaps = 16;

PatchesEmitter::PatchesEmitter(ImplicitLocOpBuilder &b, PatchesOp op)
    : WindowEmitter(b, op) {
  if (zeroPoint) {
    Value zero = memref::LoadOp::create(b, zeroPoint, ValueRange());
    pad = arith::TruncIOp::create(b, b.getI8Type(), zero);
  }
  auto type = cast<MemRefType>(input.getType());
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i + 2 < type.getRank(); ++i)
    groups.push_back({i});
  groups.push_back({type.getRank() - 2, type.getRank() - 1});
  // One channel of several lies apart from the next column's.
  if (dilations.back() == 1 &&
      memref::CollapseShapeOp::isGuaranteedCollapsible(type, groups) &&
      memref::CollapseShapeOp::computeCollapsedType(type, groups)
          .isLastDimUnitStride())
    merged = memref::CollapseShapeOp::create(b, input, groups);
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

/// Covers `length` elements by vectors, the widest first.
void PatchesEmitter::forPieces(int64_t length,
                               function_ref<void(Value, VectorType)> body) {
  Type element = getElementType();
  int64_t width = kPieceBytes / (element.getIntOrFloatBitWidth() / 8);
  int64_t whole = length / width, done = 0;
  auto typeOf = [&](int64_t lanes) {
    return VectorType::get({lanes}, element);
  };
  if (whole > kUnrolledPieces) {
    done = whole * width;
    forRange(constant(0), constant(done), width,
             [&](Value offset) { body(offset, typeOf(width)); });
  }
  for (; width > 0; width /= 2)
    for (; length - done >= width; done += width)
      body(constant(done), typeOf(width));
}

void PatchesEmitter::copyRun(Value from, ArrayRef<Value> indices, Value row,
                             Value column, int64_t length) {
  forPieces(length, [&](Value offset, VectorType type) {
    Values source(indices);
    source.back() = add(source.back(), offset);
    Value piece = vector::LoadOp::create(b, type, from, source);
    vector::StoreOp::create(b, piece, output,
                            ValueRange{row, add(offset, column)});
  });
}

void PatchesEmitter::fillRun(Value row, Value column, int64_t length) {
  forPieces(length, [&](Value offset, VectorType type) {
    Value piece =
        pad ? vector::BroadcastOp::create(b, type, pad).getResult()
            : arith::ConstantOp::create(b, b.getZeroAttr(type)).getResult();
    vector::StoreOp::create(b, piece, output,
                            ValueRange{row, add(offset, column)});
  });
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void PatchesEmitter::forRows(const Line &line, Value begin, Value end,
                             function_ref<void(Value, Value)> body) {
  forRange(begin, end, 1,
           [&](Value pixel) { body(pixel, add(line.firstRow, pixel)); });
}

void PatchesEmitter::forTaps(int64_t taps, function_ref<void(Value)> body) {
  if (taps > kUnrolledTaps)
    return forRange(constant(0), constant(taps), 1, body);
  for (int64_t tap = 0; tap < taps; ++tap)
    body(constant(tap));
}

void PatchesEmitter::copyInterior(const Line &line, const OuterTap &tap,
                                  Value column) {
  int64_t channels = getChannels(), taps = getInnerTaps();
  forRows(line, line.inner, line.outer, [&](Value pixel, Value row) {
    Values indices(tap.indices);
    if (merged) {
      indices.push_back(mul(getColumn(pixel, constant(0)), channels));
      return copyRun(merged, indices, row, column, taps * channels);
    }
    indices.append({Value(), constant(0)});
    forTaps(taps, [&](Value k) {
      indices[indices.size() - 2] = getColumn(pixel, k);
      copyRun(input, indices, row, add(column, mul(k, channels)), channels);
    });
  });
}

void PatchesEmitter::copyChecked(const Line &line, const OuterTap &tap,
                                 Value column, Value begin, Value end) {
  int64_t channels = getChannels();
  forRows(line, begin, end, [&](Value pixel, Value row) {
    forTaps(getInnerTaps(), [&](Value k) {
      Value position = getColumn(pixel, k);
      Value to = add(column, mul(k, channels));
      ifElse(
          isColumnInside(position),
          [&] {
            Values indices(tap.indices);
            indices.append({position, constant(0)});
            copyRun(input, indices, row, to, channels);
          },
          [&] { fillRun(row, to, channels); });
    });
  });
}

void PatchesEmitter::emitTap(const Line &line, Value tap) {
  OuterTap outer = getOuterTap(line, tap);
  int64_t run = getInnerTaps() * getChannels();
  Value column = mul(tap, run);
  ifElse(
      outer.inside,
      [&] {
        copyChecked(line, outer, column, line.begin, line.inner);
        copyInterior(line, outer, column);
        copyChecked(line, outer, column, line.outer, line.end);
      },
      [&] {
        forRows(line, line.begin, line.end,
                [&](Value, Value row) { fillRun(row, column, run); });
      });
}

void PatchesEmitter::emit() {
  int64_t taps = getOuterTaps();
  int64_t depth = taps * getInnerTaps() * getChannels();
  int64_t rest = cast<MemRefType>(output.getType()).getDimSize(1) - depth;
  forEachLine([&](const Line &line) {
    forTaps(taps, [&](Value tap) { emitTap(line, tap); });
    if (rest > 0)
      forRows(line, line.begin, line.end,
              [&](Value, Value row) { fillRun(row, constant(depth), rest); });
  });
}

} // namespace quantc::lowbit
