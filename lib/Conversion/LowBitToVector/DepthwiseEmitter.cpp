// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Depthwise windows: one vector of channels at a time, four pixels of a line
// together in its interior, so that they share what they read.  Every output is
// one chain of fused multiply-adds over the taps in row-major order; a tap
// outside the input multiplies +0 (docs/numerics.md §5.2).  Codes become floats
// when they are read: their sums are small integers, so nothing is rounded.

#include "WindowEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace quantc::lowbit {

/// Pixels of the interior that are computed together.
static constexpr int64_t kPixels = 4;
/// A window of at most this many taps is unrolled; of at most kHeldTaps, its
/// weights stay in registers along a line.
static constexpr int64_t kUnrolledTaps = 32;
static constexpr int64_t kHeldTaps = 16;

DepthwiseEmitter::DepthwiseEmitter(ImplicitLocOpBuilder &b, DepthwiseOp op,
                                   int64_t lanes)
    : WindowEmitter(b, op), weight(op.getWeight()), lanes(lanes) {
  if (zeroPoint)
    zero = memref::LoadOp::create(b, zeroPoint, ValueRange());
}

//===----------------------------------------------------------------------===//
// Loads
//===----------------------------------------------------------------------===//

/// f32 lanes: what is stored, or float(code - zero).
Value DepthwiseEmitter::load(Value memref, ValueRange indices,
                             const Channels &channels, Value zero) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  int64_t count = channels.type.getNumElements();
  Value value = vector::LoadOp::create(b, VectorType::get({count}, element),
                                       memref, indices);
  if (element.isF32())
    return value;
  auto words = VectorType::get({count}, b.getI32Type());
  value = arith::ExtSIOp::create(b, words, value);
  if (zero)
    value = arith::SubIOp::create(b, value,
                                  vector::BroadcastOp::create(b, words, zero));
  return arith::SIToFPOp::create(b, channels.type, value);
}

Value DepthwiseEmitter::orZero(Value condition, VectorType type,
                               function_ref<Value()> value) {
  auto branch = scf::IfOp::create(
      b, b.getLoc(), condition,
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, value()); },
      [&](OpBuilder &, Location) {
        Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
        scf::YieldOp::create(b, zero);
      });
  return branch.getResult(0);
}

/// The weights of one tap; `tap` counts over the outer axes.
Value DepthwiseEmitter::loadWeight(const Channels &channels, Value tap,
                                   int64_t column) {
  Values indices;
  for (size_t axis = window.size() - 1; axis-- > 0;) {
    Value extent = constant(window[axis]);
    indices.push_back(rem(tap, extent));
    tap = div(tap, extent);
  }
  std::reverse(indices.begin(), indices.end());
  indices.append({constant(column), channels.first});
  return load(weight, indices, channels, /*zero=*/Value());
}

/// The input at `columns` positions after that of the pixel's first tap.
SmallVector<Value> DepthwiseEmitter::loadInputs(const OuterTap &tap,
                                                const Channels &channels,
                                                Value pixel,
                                                ArrayRef<int64_t> columns,
                                                bool checkColumns) {
  Values inputs;
  for (int64_t offset : columns) {
    Value column = add(getColumn(pixel, 0), offset);
    auto read = [&] {
      Values indices(tap.indices);
      indices.append({column, channels.first});
      return load(input, indices, channels, zero);
    };
    inputs.push_back(checkColumns
                         ? orZero(isColumnInside(column), channels.type, read)
                         : read());
  }
  return inputs;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// Extends the sums of neighbouring pixels by the taps at one position of the
/// outer axes.
SmallVector<Value> DepthwiseEmitter::addTap(const Line &line,
                                            const Channels &channels,
                                            const Values &weights, Value pixel,
                                            Checks checks, Value tap,
                                            Values sums) {
  int64_t taps = getInnerTaps(), count = sums.size();
  auto columnOf = [&](int64_t i, int64_t k) {
    return i * strides.back() + k * dilations.back();
  };
  SmallVector<int64_t> columns;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t k = 0; k < taps; ++k)
      columns.push_back(columnOf(i, k));
  llvm::sort(columns);
  columns.erase(llvm::unique(columns), columns.end());

  OuterTap outer = getOuterTap(line, tap);
  Values inputs;
  if (checks.outer) {
    auto branch = scf::IfOp::create(
        b, b.getLoc(), outer.inside,
        [&](OpBuilder &, Location) {
          scf::YieldOp::create(
              b, loadInputs(outer, channels, pixel, columns, checks.columns));
        },
        [&](OpBuilder &, Location) {
          Value zero =
              arith::ConstantOp::create(b, b.getZeroAttr(channels.type));
          scf::YieldOp::create(b, Values(columns.size(), zero));
        });
    inputs = branch.getResults();
  } else {
    inputs = loadInputs(outer, channels, pixel, columns, checks.columns);
  }
  for (int64_t k = 0; k < taps; ++k) {
    std::optional<int64_t> known = getConstantIntValue(tap);
    Value w = weights.empty() ? loadWeight(channels, tap, k)
                              : weights[*known * taps + k];
    for (int64_t i = 0; i < count; ++i) {
      size_t at = llvm::lower_bound(columns, columnOf(i, k)) - columns.begin();
      sums[i] = math::FmaOp::create(b, inputs[at], w, sums[i]);
    }
  }
  return sums;
}

/// `count` pixels from `pixel`.
void DepthwiseEmitter::emitPixels(const Line &line, const Channels &channels,
                                  const Values &weights, Value pixel,
                                  int64_t count, Checks checks) {
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(channels.type));
  Values sums(count, zero);
  int64_t taps = getOuterTaps();
  if (taps * getInnerTaps() <= kUnrolledTaps) {
    for (int64_t tap = 0; tap < taps; ++tap)
      sums =
          addTap(line, channels, weights, pixel, checks, constant(tap), sums);
  } else {
    auto loop = scf::ForOp::create(
        b, b.getLoc(), constant(0), constant(taps), constant(1), sums,
        [&](OpBuilder &, Location, Value tap, ValueRange carried) {
          scf::YieldOp::create(b, addTap(line, channels, weights, pixel, checks,
                                         tap, Values(carried)));
        });
    sums = loop.getResults();
  }
  for (auto [i, sum] : llvm::enumerate(sums))
    vector::StoreOp::create(
        b, sum, output,
        ValueRange{add(add(line.firstRow, pixel), i), channels.first});
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void DepthwiseEmitter::emitChannels(const Line &line, const Channels &channels,
                                    bool checkOuter) {
  Values weights;
  if (getOuterTaps() * getInnerTaps() <= kHeldTaps)
    for (int64_t tap = 0; tap < getOuterTaps(); ++tap)
      for (int64_t k = 0; k < getInnerTaps(); ++k)
        weights.push_back(loadWeight(channels, constant(tap), k));
  auto each = [&](Value begin, Value end, int64_t count, bool checkColumns) {
    forRange(begin, end, count, [&](Value pixel) {
      emitPixels(line, channels, weights, pixel, count,
                 {checkOuter, checkColumns});
    });
  };
  Value blocks =
      add(line.inner, roundDown(sub(line.outer, line.inner), kPixels));
  each(line.begin, line.inner, 1, true);
  each(line.inner, blocks, kPixels, false);
  each(blocks, line.outer, 1, false);
  each(line.outer, line.end, 1, true);
}

void DepthwiseEmitter::emitLine(const Line &line, bool checkOuter) {
  int64_t channels = getChannels(), whole = channels / lanes * lanes;
  auto typeOf = [&](int64_t count) {
    return VectorType::get({count}, b.getF32Type());
  };
  forRange(constant(0), constant(whole), lanes, [&](Value channel) {
    emitChannels(line, {channel, typeOf(lanes)}, checkOuter);
  });
  for (int64_t width = lanes / 2; width > 0; width /= 2)
    if ((channels - whole) & width) {
      int64_t done = whole + ((channels - whole) & ~(2 * width - 1));
      emitChannels(line, {constant(done), typeOf(width)}, checkOuter);
    }
}

void DepthwiseEmitter::emit() {
  forEachLine([&](const Line &line) {
    Value inside = arith::ConstantIntOp::create(b, 1, 1);
    for (int64_t tap = 0; tap < getOuterTaps(); ++tap)
      inside = b.createOrFold<arith::AndIOp>(
          inside, getOuterTap(line, constant(tap)).inside);
    ifElse(
        inside, [&] { emitLine(line, /*checkOuter=*/false); },
        [&] { emitLine(line, /*checkOuter=*/true); });
  });
}

} // namespace quantc::lowbit
