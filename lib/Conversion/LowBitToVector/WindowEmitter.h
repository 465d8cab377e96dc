// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits the loops of sliding windows on memrefs.
//
// Rows of the output are pixels in row-major order over [n, spatial…].  They
// are walked line by line (a line is one run along the last spatial axis), and
// a line is cut into its interior, where all taps along the line are inside
// the input, and the pixels before and after it.  Taps of the other axes are
// inside or outside for a whole line.

#ifndef QUANTC_CONVERSION_LOWBITTOVECTOR_WINDOWEMITTER_H
#define QUANTC_CONVERSION_LOWBITTOVECTOR_WINDOWEMITTER_H

#include "IndexBuilder.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "quantc/Dialect/LowBit/LowBit.h"

namespace quantc::lowbit {

class WindowEmitter : protected IndexBuilder {
protected:
  /// One line of the output.
  struct Line {
    Value sample;
    Values starts;      ///< input position of tap 0 on the outer axes
    Value firstRow;     ///< row of its first pixel; negative before the tile
    Value begin, end;   ///< its pixels in this tile
    Value inner, outer; ///< the interior is [inner, outer)
  };
  /// A tap of the outer axes on one line.
  struct OuterTap {
    Value inside;   ///< i1
    Values indices; ///< sample and outer positions in the input
  };
  using Extents = mlir::SmallVector<int64_t>;

  template <typename OpTy>
  WindowEmitter(mlir::ImplicitLocOpBuilder &b, OpTy op)
      : IndexBuilder(b), input(op.getInput()), output(op.getOutput()),
        first(op.getFirst()), zeroPoint(op.getZeroPoint()),
        window(op.getWindow()), strides(op.getStrides()),
        dilations(op.getDilations()), low(op.getPadLow()),
        high(op.getPadHigh()) {}

  void forEachLine(llvm::function_ref<void(const Line &)> body);

  /// Taps of all axes but the last, and of the last.
  int64_t getOuterTaps() const;
  int64_t getInnerTaps() const { return window.back(); }
  /// `tap` counts row-major over the outer axes.
  OuterTap getOuterTap(const Line &line, Value tap);
  /// Where tap `k` of the last axis reads for pixel `w` of a line.
  Value getColumn(Value w, Value k);
  Value getColumn(Value w, int64_t k) { return getColumn(w, constant(k)); }
  /// Whether that is inside the input, as i1.
  Value isColumnInside(Value column);

  mlir::Type getElementType() const {
    return llvm::cast<mlir::ShapedType>(input.getType()).getElementType();
  }
  int64_t getChannels() const {
    return llvm::cast<mlir::ShapedType>(input.getType()).getShape().back();
  }

  Value input, output, first;
  Value zeroPoint; ///< memref<i32>, or null
  Extents window, strides, dilations, low, high;

  Value getInputExtent(int64_t axis);
  Value getOutputExtent(int64_t axis);
  Value isInside(Value position, Value extent);

private:
  Line getLine(Value index, mlir::ArrayRef<Value> extents, Value rows);
};

/// Copies windows into the rows of a matrix (lowbit.patches).
class PatchesEmitter : WindowEmitter {
public:
  PatchesEmitter(mlir::ImplicitLocOpBuilder &b, PatchesOp op);
  void emit();

private:
  /// Calls `body` for each of them, in a loop of the kernel if they are many.
  void forTaps(int64_t taps, llvm::function_ref<void(Value)> body);
  void emitTap(const Line &line, Value tap);
  void copyInterior(const Line &line, const OuterTap &tap, Value column);
  void copyChecked(const Line &line, const OuterTap &tap, Value column,
                   Value begin, Value end);
  void forRows(const Line &line, Value begin, Value end,
               llvm::function_ref<void(Value pixel, Value row)> body);
  void forPieces(int64_t length,
                 llvm::function_ref<void(Value offset, mlir::VectorType)> body);
  void copyRun(Value from, mlir::ArrayRef<Value> indices, Value row,
               Value column, int64_t length);
  void fillRun(Value row, Value column, int64_t length);

  Value pad; ///< i8, or null
  /// The input with the last two dimensions as one, where memory allows.
  Value merged;
};

/// Multiplies and adds over windows, channel by channel (lowbit.depthwise).
class DepthwiseEmitter : WindowEmitter {
public:
  /// `lanes` is the width of the target's vectors of f32.
  DepthwiseEmitter(mlir::ImplicitLocOpBuilder &b, DepthwiseOp op,
                   int64_t lanes);
  void emit();

private:
  /// Channels from `first`, as many as `type` has lanes.
  struct Channels {
    Value first;
    mlir::VectorType type;
  };
  /// Which taps may be outside the input.
  struct Checks {
    bool outer, columns;
  };
  void emitLine(const Line &line, bool checkOuter);
  void emitChannels(const Line &line, const Channels &channels,
                    bool checkOuter);
  void emitPixels(const Line &line, const Channels &channels,
                  const Values &weights, Value pixel, int64_t count,
                  Checks checks);
  Values addTap(const Line &line, const Channels &channels,
                const Values &weights, Value pixel, Checks checks, Value tap,
                Values sums);
  Values loadInputs(const OuterTap &tap, const Channels &channels, Value pixel,
                    mlir::ArrayRef<int64_t> columns, bool checkColumns);
  Value loadWeight(const Channels &channels, Value tap, int64_t column);
  Value load(Value memref, mlir::ValueRange indices, const Channels &channels,
             Value zero);
  Value orZero(Value condition, mlir::VectorType type,
               llvm::function_ref<Value()> value);

  Value weight, zero; ///< zero: i32, or null
  int64_t lanes;
};

} // namespace quantc::lowbit

#endif // QUANTC_CONVERSION_LOWBITTOVECTOR_WINDOWEMITTER_H
