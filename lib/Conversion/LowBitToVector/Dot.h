// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One step of a reduction: multiply-adds of every form that a plan may ask for.

#ifndef QUANTC_CONVERSION_LOWBITTOVECTOR_DOT_H
#define QUANTC_CONVERSION_LOWBITTOVECTOR_DOT_H

#include "KernelPlan.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace quantc::lowbit {

/// sums[row][line] += elements[row] * lines[line]: an f32, or as an i32 four
/// bytes or two bf16, of each row against vectors of f32, of unsigned bytes, or
/// of words with the bits of bf16.
void multiplyAdd(mlir::ImplicitLocOpBuilder &b, const KernelPlan &plan,
                 llvm::MutableArrayRef<mlir::Value> sums,
                 llvm::ArrayRef<mlir::Value> elements,
                 llvm::ArrayRef<mlir::Value> lines);

/// The same for several steps of bytes, elements[step][row] and
/// lines[step][line], with Dot::Pairs: the lines are so small that the sums of
/// two products of each step, all steps added, fit in 16 bits.
void multiplyAddPairs(mlir::ImplicitLocOpBuilder &b, const KernelPlan &plan,
                      llvm::MutableArrayRef<mlir::Value> sums,
                      llvm::ArrayRef<mlir::SmallVector<mlir::Value>> elements,
                      llvm::ArrayRef<mlir::SmallVector<mlir::Value>> lines);

/// Products of the low 16 bits of each lane, signed; the high bits of `x` must
/// be zero.
mlir::Value multiplyWords(mlir::ImplicitLocOpBuilder &b, const KernelPlan &plan,
                          mlir::Value x, mlir::Value y);

} // namespace quantc::lowbit

#endif // QUANTC_CONVERSION_LOWBITTOVECTOR_DOT_H
