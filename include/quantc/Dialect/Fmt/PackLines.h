// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The packed order of codes whose groups begin with a line, computed at compile
// time.
//
// A line of 64 bytes holds 16 columns of four bytes.  A byte has P = 2, 4 or 8
// fields of 8 / P bits; field i of byte j of line t is k = 4 P t + 4 i + j of
// the column, so the fields i of a line are one plane of 4 consecutive k.  With
// two fields: the low nibble is k = 8 t + j, the high one k = 8 t + 4 + j.
//
// Codes of three bits take three lines z0, z1, z2 for 32 k, 8 fields of a byte
// each: fields 0 to 5 are bits 0-2 and 3-5 of z0, z1 and z2; field 6 is bits
// 6-7 of z0 above bit 6 of z2, field 7 bits 6-7 of z1 above bit 7 of z2.
//
// Codes of 5 to 8 bits take a byte each: k = 4 t + j.
//
// Ternary codes: byte j of line t holds k = 20 t + 4 i + j, i = 0 to 4, as
// q = floor((256 x + 255) / 243), x = sum of (code + 1) 3^(4 - i).  Then
// code + 1 of i is floor(3 (3^i q mod 256) / 256).  In bytes, code + 2 is bits
// 6 and 7 of avg(y, avg(y, 252)), y = 3^i q mod 256, avg(a, b) = (a + b + 1) /
// 2: what vector units compute (PackLinesTest.cpp tries all).
//
// A group (the k that share a scale) begins with a line, of three bits with a
// z0.  Lines of the same 16 columns follow each other in k.  Codes of #fmt.int
// above four bits are packed by lowbit::packWeight.

#ifndef QUANTC_DIALECT_FMT_PACKLINES_H
#define QUANTC_DIALECT_FMT_PACKLINES_H

#include "quantc/Support/HostTensor.h"
#include <optional>

namespace quantc::fmt {

/// Lines that are decoded together, and the planes they give.
struct LineUnit {
  int64_t lines;
  /// The log2 scale of each plane, in ascending k.
  llvm::SmallVector<unsigned> shifts;

  /// Consecutive k of one column.
  int64_t getDepth() const { return 4 * int64_t(shifts.size()); }
};

/// For codes of 1 to 8 bits; ternary ones have 2.
LineUnit getLineUnit(unsigned bits, bool isTernary = false);

/// The lines of codes [n, k] with groups of `group` consecutive k, as
/// [ceil(n / 16), lines, 16, 4].  Nothing if their size overflows, or for
/// negative extents and groups shorter than 1.
std::optional<llvm::SmallVector<int64_t>> getLineShape(unsigned bits, int64_t n,
                                                       int64_t k, int64_t group,
                                                       bool isTernary = false);

/// Packs codes [n, k] of 1 to 8 bits, i8 (stored with 2^(bits-1) added) or ui8,
/// into lines of ui8.  Missing columns and missing k have the code 0.  Fails
/// for other types, ranks and widths, and for codes that do not fit.
std::optional<HostTensor> packLines(const HostTensor &codes, unsigned bits,
                                    int64_t group, bool isTernary = false);

/// The codes [n, k] that were packed, of `codeType` i8 or ui8; fails unless
/// `packed` has the shape and the type of such lines.
std::optional<HostTensor> unpackLines(const HostTensor &packed,
                                      mlir::Type codeType, unsigned bits,
                                      int64_t n, int64_t k, int64_t group,
                                      bool isTernary = false);

} // namespace quantc::fmt

#endif // QUANTC_DIALECT_FMT_PACKLINES_H
