// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rows of a gathered matrix where they lie: for each tap a pointer to the
// input's channels, or to zeros outside of it.

#ifndef QUANTC_CONVERSION_LOWBITTOVECTOR_WINDOWROWS_H
#define QUANTC_CONVERSION_LOWBITTOVECTOR_WINDOWROWS_H

#include "WindowEmitter.h"

namespace quantc::lowbit {

/// In place of a lowbit.patches on float32 whose rows one contraction reads.
class WindowRows : WindowEmitter {
public:
  WindowRows(mlir::ImplicitLocOpBuilder &b, PatchesOp op);

  /// The contraction that may read the input itself, if there is one.
  static MatmulOp findReader(PatchesOp op);

  /// A row's place in the output, as where its window begins in the input.
  struct Pixel {
    Value sample;
    Values starts;
  };
  Pixel getPixel(Value row);
  /// Pointer to the channels of a tap, which counts row-major.
  Value getPointer(const Pixel &pixel, Value tap);
  /// The channel `index` after such a pointer.
  Value load(Value pointer, Value index);

  int64_t getTaps() const { return getOuterTaps() * getInnerTaps(); }
  using WindowEmitter::getChannels;

private:
  Value begin, zeros; ///< addresses as index
  Values inputStrides;
};

} // namespace quantc::lowbit

#endif // QUANTC_CONVERSION_LOWBITTOVECTOR_WINDOWROWS_H
