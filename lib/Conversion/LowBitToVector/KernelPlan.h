// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a target's vector unit makes of a contraction: how many lanes, which
// multiply-add, and how many rows and vectors of C one tile keeps in registers.

#ifndef QUANTC_CONVERSION_LOWBITTOVECTOR_KERNELPLAN_H
#define QUANTC_CONVERSION_LOWBITTOVECTOR_KERNELPLAN_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <optional>
#include <string>

namespace quantc::lowbit {

/// One step of the reduction: f32 fused multiply-add over one k; four bytes by
/// `vpdpbusd`; four bytes as two pairs of 16-bit words by `vpmaddwd`; four
/// bytes as two pairs by `vpmaddubsw`, for codes of few bits; a pair of bf16 by
/// `vdpbf16ps`.
enum class Dot { Fma, Bytes, Words, Pairs, Bf16 };

/// Rows and vectors of C that are accumulated together.
struct Tile {
  int64_t rows, vectors;
};

/// Rows are covered by as many `main` tiles as fit; what remains by `tail`
/// tiles and, once few enough rows remain, one `end` tile, both of which may
/// repeat the last row.  Contractions with very few rows have wider tiles,
/// which need no second pass over B and hide the latency of an addition.
struct KernelPlan {
  Dot dot;
  int64_t lanes;
  Tile main, tail, end;
  Tile few, single;
  /// Steps of the reduction per iteration of its loop.
  int64_t unroll;
  /// Whether rows of bytes that fill them go through AMX tiles.
  bool matrixTiles = false;
  /// Any bits of a byte can be taken in one operation (GFNI).
  bool takesBits = false;
};

/// Chooses by feature bits, named as LLVM names them.
KernelPlan chooseKernel(llvm::ArrayRef<std::string> features, bool isInteger);
/// For rows that are read by a pointer each: fewer of them, so that pointers
/// stay in registers.
KernelPlan chooseWindowKernel(llvm::ArrayRef<std::string> features);
/// For codes in blocks: a tile holds sums of floats and of the current group.
KernelPlan chooseBlockKernel(llvm::ArrayRef<std::string> features,
                             bool isInteger);
/// The same for A of bf16; nothing without instructions for it.
std::optional<KernelPlan>
chooseBf16Kernel(llvm::ArrayRef<std::string> features);

} // namespace quantc::lowbit

#endif // QUANTC_CONVERSION_LOWBITTOVECTOR_KERNELPLAN_H
