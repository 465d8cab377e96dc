// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares the features that a model was compiled for with those of the CPU.
// A CPU feature counts only if the operating system saves its registers, which
// XGETBV tells.  This file, like all of the runtime, is built for the baseline
// x86-64 and so can run everywhere.

#include "Cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace quantc::runtime {
namespace {

struct Feature {
  uint32_t number;
  const char *name;
  uint32_t leaf;
  uint32_t subleaf;
  uint32_t reg;
  uint32_t bit;
  uint32_t state;
};

constexpr Feature kFeatures[] = {
#define QUANTC_FEATURE(...) {__VA_ARGS__},
    QUANTC_X86_FEATURES(QUANTC_FEATURE)
#undef QUANTC_FEATURE
};

#if defined(__x86_64__)

bool readCpuid(uint32_t leaf, uint32_t subleaf, uint32_t (&regs)[4]) {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  __cpuid_count(leaf & 0x80000000u, 0, a, b, c, d);
  if (leaf > a)
    return false;
  if (leaf == 7 && subleaf) {
    __cpuid_count(7, 0, a, b, c, d);
    if (subleaf > a)
      return false;
  }
  __cpuid_count(leaf, subleaf, regs[0], regs[1], regs[2], regs[3]);
  return true;
}

/// Bit mask over Feature::state of what the operating system saves.
uint32_t savedStates() {
  uint32_t regs[4];
  if (!readCpuid(1, 0, regs) || !(regs[2] >> 27 & 1)) // OSXSAVE
    return 1;
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  uint32_t states = 1;
  if ((low & 0x6) == 0x6)
    states |= 1u << 1;
  if ((low & 0xe6) == 0xe6)
    states |= 1u << 2;
  if ((low & 0x60000) == 0x60000)
    states |= 1u << 3;
  return states;
}

/// Linux gives the AMX tile registers only to processes that ask.
bool requestTiles() {
  constexpr int kRequestPermission = 0x1023; // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

#else

bool readCpuid(uint32_t, uint32_t, uint32_t (&)[4]) { return false; }
uint32_t savedStates() { return 1; }
bool requestTiles() { return false; }

#endif

} // namespace

FeatureSet hostFeatures() {
  FeatureSet set = {{0, 0}};
  uint32_t states = savedStates();
  for (const Feature &feature : kFeatures) {
    uint32_t regs[4];
    if (!(states >> feature.state & 1) ||
        !readCpuid(feature.leaf, feature.subleaf, regs))
      continue;
    if (regs[feature.reg] >> feature.bit & 1)
      set.words[feature.number / 64] |= uint64_t(1) << feature.number % 64;
  }
  return set;
}

quantc_status checkFeatures(const uint64_t (&needed)[2], Error &error) {
  uint64_t missing[2] = {needed[0], needed[1]};
  FeatureSet host = {{0, 0}};
  if (needed[0] | needed[1])
    host = hostFeatures();
  bool tiles = false;
  for (const Feature &feature : kFeatures) {
    uint64_t bit = uint64_t(1) << feature.number % 64;
    if (!(needed[feature.number / 64] & bit))
      continue;
    if (!(host.words[feature.number / 64] & bit))
      return error.set(QUANTC_UNSUPPORTED_CPU, "model needs CPU feature '",
                       feature.name,
                       "', which this CPU or operating system lacks; compile "
                       "it with another --mcpu");
    missing[feature.number / 64] &= ~bit;
    tiles |= feature.state == 3;
  }
  if (missing[0] | missing[1])
    return error.set(QUANTC_UNSUPPORTED_CPU,
                     "model needs a CPU feature that its runtime cannot check; "
                     "compile it again");
  if (tiles && !requestTiles())
    return error.set(QUANTC_UNSUPPORTED_CPU,
                     "model needs AMX tiles, which the operating system "
                     "refused; compile it with another --mcpu");
  return QUANTC_OK;
}

} // namespace quantc::runtime
