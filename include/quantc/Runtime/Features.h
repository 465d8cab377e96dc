// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CPU features that generated code may depend on: one number per feature, fixed
// for ever because compiled models store them, and the name LLVM gives it.  The
// compiler sets the bits of its target; the runtime compares them with the CPU
// and the operating system before any generated code runs.
#ifndef QUANTC_RUNTIME_FEATURES_H
#define QUANTC_RUNTIME_FEATURES_H

#include <cstdint>

namespace quantc::runtime {

// X(number, LLVM name, cpuid leaf, subleaf, register, bit, state)
// Registers: 0 eax, 1 ebx, 2 ecx, 3 edx.  State: what the operating system
// must save: 0 nothing, 1 AVX, 2 AVX-512, 3 AMX tiles.  The baseline x86-64 has
// sse2, so nothing below it is listed.
#define QUANTC_X86_FEATURES(X)                                                 \
  X(0, "sse3", 1, 0, 2, 0, 0)                                                  \
  X(1, "ssse3", 1, 0, 2, 9, 0)                                                 \
  X(2, "sse4.1", 1, 0, 2, 19, 0)                                               \
  X(3, "sse4.2", 1, 0, 2, 20, 0)                                               \
  X(4, "popcnt", 1, 0, 2, 23, 0)                                               \
  X(5, "cx16", 1, 0, 2, 13, 0)                                                 \
  X(6, "movbe", 1, 0, 2, 22, 0)                                                \
  X(7, "sahf", 0x80000001, 0, 2, 0, 0)                                         \
  X(8, "lzcnt", 0x80000001, 0, 2, 5, 0)                                        \
  X(9, "bmi", 7, 0, 1, 3, 0)                                                   \
  X(10, "bmi2", 7, 0, 1, 8, 0)                                                 \
  X(11, "adx", 7, 0, 1, 19, 0)                                                 \
  X(12, "aes", 1, 0, 2, 25, 0)                                                 \
  X(13, "pclmul", 1, 0, 2, 1, 0)                                               \
  X(14, "sha", 7, 0, 1, 29, 0)                                                 \
  X(15, "gfni", 7, 0, 2, 8, 0)                                                 \
  X(16, "avx", 1, 0, 2, 28, 1)                                                 \
  X(17, "f16c", 1, 0, 2, 29, 1)                                                \
  X(18, "fma", 1, 0, 2, 12, 1)                                                 \
  X(19, "avx2", 7, 0, 1, 5, 1)                                                 \
  X(20, "vaes", 7, 0, 2, 9, 1)                                                 \
  X(21, "vpclmulqdq", 7, 0, 2, 10, 1)                                          \
  X(22, "avxvnni", 7, 1, 0, 4, 1)                                              \
  X(23, "avxifma", 7, 1, 0, 23, 1)                                             \
  X(24, "avxvnniint8", 7, 1, 3, 4, 1)                                          \
  X(25, "avxneconvert", 7, 1, 3, 5, 1)                                         \
  X(26, "avxvnniint16", 7, 1, 3, 10, 1)                                        \
  X(32, "avx512f", 7, 0, 1, 16, 2)                                             \
  X(33, "avx512dq", 7, 0, 1, 17, 2)                                            \
  X(34, "avx512ifma", 7, 0, 1, 21, 2)                                          \
  X(35, "avx512cd", 7, 0, 1, 28, 2)                                            \
  X(36, "avx512bw", 7, 0, 1, 30, 2)                                            \
  X(37, "avx512vl", 7, 0, 1, 31, 2)                                            \
  X(38, "avx512vbmi", 7, 0, 2, 1, 2)                                           \
  X(39, "avx512vbmi2", 7, 0, 2, 6, 2)                                          \
  X(40, "avx512vnni", 7, 0, 2, 11, 2)                                          \
  X(41, "avx512bitalg", 7, 0, 2, 12, 2)                                        \
  X(42, "avx512vpopcntdq", 7, 0, 2, 14, 2)                                     \
  X(43, "avx512vp2intersect", 7, 0, 3, 8, 2)                                   \
  X(44, "avx512fp16", 7, 0, 3, 23, 2)                                          \
  X(45, "avx512bf16", 7, 1, 0, 5, 2)                                           \
  X(48, "amx-tile", 7, 0, 3, 24, 3)                                            \
  X(49, "amx-int8", 7, 0, 3, 25, 3)                                            \
  X(50, "amx-bf16", 7, 0, 3, 22, 3)                                            \
  X(51, "amx-fp16", 7, 1, 0, 21, 3)                                            \
  X(52, "amx-complex", 7, 1, 3, 8, 3)

inline constexpr uint32_t kFeatureBits = 128;

/// Which features this CPU and operating system offer to this process; bit i of
/// word i / 64 is feature i.
struct FeatureSet {
  uint64_t words[2];
};
FeatureSet hostFeatures();

} // namespace quantc::runtime

#endif // QUANTC_RUNTIME_FEATURES_H
