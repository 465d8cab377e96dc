// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tile shapes per instruction set.  A tile must hold its accumulators, the
// vectors of one line of B and one broadcast element of A in 32 (AVX-512) or 16
// (AVX2) registers, and have at least latency x throughput accumulators: 8 for
// a fused multiply-add, 10 for `vpdpbusd`.  Twelve rows are faster than
// fourteen (test/benchmark/gemm): the scheduler reads a line ahead without
// spilling.  The 16-bit form needs two vectors for each vector of B and two for
// the element of A.

#include "KernelPlan.h"
#include "llvm/ADT/STLExtras.h"

namespace quantc::lowbit {

KernelPlan chooseKernel(llvm::ArrayRef<std::string> features, bool isInteger) {
  auto has = [&](llvm::StringRef feature) {
    return llvm::is_contained(features, feature);
  };
  bool has512 = has("avx512f") && has("avx512bw") && has("avx512vl");
  if (!isInteger) {
    if (has512)
      return {Dot::Fma, 16, {12, 2}, {8, 2}, {4, 2}, {4, 4}, {1, 4}, 2};
    return {Dot::Fma, 8, {6, 2}, {3, 2}, {3, 2}, {3, 4}, {1, 8}, 2};
  }
  if (has512 && has("avx512vnni")) {
    KernelPlan plan = {Dot::Bytes, 16,     {12, 2}, {8, 2},
                       {4, 2},     {4, 4}, {1, 4},  2};
    plan.matrixTiles = has("amx-tile") && has("amx-int8");
    return plan;
  }
  if (has("avxvnni"))
    return {Dot::Bytes, 8, {6, 2}, {3, 2}, {3, 2}, {3, 4}, {1, 8}, 2};
  if (has512)
    return {Dot::Words, 16, {10, 2}, {5, 2}, {5, 2}, {4, 4}, {1, 8}, 1};
  return {Dot::Words, 8, {4, 2}, {2, 2}, {2, 2}, {2, 2}, {1, 4}, 1};
}

KernelPlan chooseWindowKernel(llvm::ArrayRef<std::string> features) {
  KernelPlan plan = chooseKernel(features, /*isInteger=*/false);
  plan.unroll = 4;
  if (plan.lanes == 16) {
    plan.main = {6, 4};
    plan.tail = {4, 4};
    plan.end = {2, 4};
  }
  return plan;
}

KernelPlan chooseBlockKernel(llvm::ArrayRef<std::string> features,
                             bool isInteger) {
  KernelPlan plan = chooseKernel(features, isInteger);
  plan.unroll = 1;
  plan.matrixTiles = false;
  if (plan.dot == Dot::Words)
    plan.dot = Dot::Pairs;
  plan.takesBits = isInteger && llvm::is_contained(features, "gfni");
  if (plan.lanes == 16) {
    plan.main = {6, 2};
    plan.tail = {4, 2};
    plan.end = {2, 2};
    plan.few = {4, 2};
    plan.single = {1, 1};
  } else {
    plan.main = {2, 2};
    plan.tail = plan.end = {1, 2};
    plan.few = {2, 2};
    plan.single = {1, 2};
  }
  // A chain of floats waits for each addition, so one row takes more of them.
  if (!isInteger)
    plan.single = {1, 4};
  return plan;
}

std::optional<KernelPlan>
chooseBf16Kernel(llvm::ArrayRef<std::string> features) {
  KernelPlan plan = chooseBlockKernel(features, /*isInteger=*/false);
  if (plan.lanes != 16 || !llvm::is_contained(features, "avx512bf16"))
    return std::nullopt;
  plan.dot = Dot::Bf16;
  plan.takesBits = llvm::is_contained(features, "gfni");
  return plan;
}

} // namespace quantc::lowbit
