// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sliding windows as the attributes of a node give them, and the pools that are
// scalar programs.

#ifndef QUANTC_LIB_FRONTEND_ONNX_WINDOW_H
#define QUANTC_LIB_FRONTEND_ONNX_WINDOW_H

#include "Program.h"

namespace quantc::onnx_frontend {

/// A sliding window over the spatial dimensions, padding explicit.
struct Window {
  llvm::SmallVector<int64_t> kernel, strides, dilations, padLow, padHigh;
  /// High padding that only ceil_mode adds.
  bool extended = false;
  /// Padding of the operand that depends on its extents, before that above; as
  /// many entries as dimensions, or none.
  llvm::SmallVector<mlir::AffineExpr> outerLow, outerHigh;
  bool isOuter(size_t i) const { return !outerLow.empty() && outerLow[i]; }
};

/// A list attribute of `size` entries of `minimum` or more.
mlir::LogicalResult readList(NodeImport &n, llvm::StringRef name, size_t size,
                             int64_t fallback, int64_t minimum,
                             llvm::SmallVectorImpl<int64_t> &values);

/// `kernel` holds the weight's extents for a convolution, else it is empty.
/// Padding that depends on dynamic extents is refused, unless the caller pads
/// the operand by `outerLow` and `outerHigh`.
mlir::FailureOr<Window> readWindow(NodeImport &n,
                                   llvm::ArrayRef<mlir::AffineExpr> spatial,
                                   llvm::ArrayRef<int64_t> kernel,
                                   bool canPad = false);

/// With ceil_mode a last, partial window counts when it starts inside the input
/// or its low padding; that is more padding at the high end.
mlir::LogicalResult extendForCeil(NodeImport &n, Window &window, size_t i,
                                  mlir::AffineExpr extent, bool canPad);

/// The operand with the outer padding, filled with `filler`.
mlir::Value padOuter(NodeImport &n, mlir::Value x, const Window &window,
                     double filler);
/// An average over windows with outer padding, which does not count.
mlir::LogicalResult averageOuter(NodeImport &n, mlir::Value x, Window window,
                                 bool countPad);

/// The window of a pool over `x`, ceil_mode resolved.
mlir::FailureOr<Window> readPool(NodeImport &n, mlir::Value x,
                                 bool canPad = false);

/// The shape of what a window gives: the first two dimensions of `dims`, then
/// its places.
SymbolicShape windowShape(llvm::ArrayRef<mlir::AffineExpr> dims,
                          const Window &window);

/// The taps of a window around the element that a program computes.
struct Taps {
  Values bounds;
  Values origin; ///< of tap 0, in the unpadded input
};
Taps tapsOf(Program &p, const Window &window);

/// The input position of a tap; `inside` says whether there is one.
Values tapPosition(Program &p, const Window &window, const Taps &taps,
                   mlir::ValueRange tap, llvm::ArrayRef<mlir::AffineExpr> dims,
                   mlir::Value &inside);

/// Output position -> input position for tap `tap` of a transposed window:
/// position + pad - tap * dilation must be a multiple of the stride.  Whether
/// it is, and lies inside, is joined to `valid`.
mlir::Value windowStart(Program &p, mlir::Value position, mlir::Value tap,
                        int64_t pad, int64_t dilation, int64_t stride,
                        mlir::Value extent, mlir::Value &valid);

/// MaxPool of integers, or with the indices of the maxima.
mlir::LogicalResult importMaxPool(NodeImport &n);
/// AveragePool whose partial windows count their padding.
mlir::LogicalResult importAveragePool(NodeImport &n);

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_WINDOW_H
