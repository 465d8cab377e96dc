// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elements of less than a byte.  A caller's tensor is a stream of bits that
// begins in the lowest one of each byte, as ONNX packs it; kernels have one
// element per byte: the value of an integer, the code of a float.

#include "Context.h"

namespace quantc::runtime {
namespace {

// Groups of eight elements fill whole bytes; fewer than this many are not
// worth waking another thread.
constexpr int64_t kGroup = 8, kGrain = int64_t(1) << 14;

struct PackCall {
  unsigned char *to;
  const unsigned char *from;
  int64_t count;
  int64_t bits;
  bool isSigned;

  static void unpack(void *context, int64_t begin, int64_t end, int32_t) {
    const auto &call = *static_cast<const PackCall *>(context);
    unsigned mask = (1u << call.bits) - 1;
    unsigned sign = call.isSigned ? 1u << (call.bits - 1) : 0;
    for (int64_t i = begin * kGroup; i < call.end(end); ++i) {
      const unsigned char *at = call.from + i * call.bits / 8;
      int64_t shift = i * call.bits % 8;
      unsigned word = unsigned(at[0]) >> shift;
      if (shift + call.bits > 8)
        word |= unsigned(at[1]) << (8 - shift);
      word &= mask;
      call.to[i] = static_cast<unsigned char>((word ^ sign) - sign);
    }
  }

  static void pack(void *context, int64_t begin, int64_t end, int32_t) {
    const auto &call = *static_cast<const PackCall *>(context);
    unsigned mask = (1u << call.bits) - 1;
    unsigned char *to = call.to + begin * call.bits;
    unsigned pending = 0;
    int64_t have = 0;
    for (int64_t i = begin * kGroup; i < call.end(end); ++i) {
      pending |= (call.from[i] & mask) << have;
      have += call.bits;
      if (have < 8)
        continue;
      *to++ = static_cast<unsigned char>(pending);
      pending >>= 8;
      have -= 8;
    }
    if (have)
      *to = static_cast<unsigned char>(pending);
  }

private:
  int64_t end(int64_t groups) const {
    return groups * kGroup < count ? groups * kGroup : count;
  }
};

} // namespace

void runPack(const Team &team, const program::Step &step, void *const *buffers,
             int64_t count) {
  PackCall call = {static_cast<unsigned char *>(buffers[1]),
                   static_cast<const unsigned char *>(buffers[0]), count,
                   step.kernel & program::kPackedBits,
                   (step.kernel & program::kPackedSigned) != 0};
  if (count <= 0)
    return;
  bool isPack = step.kind == program::StepKind::Pack;
  parallelFor(team, isPack ? PackCall::pack : PackCall::unpack, &call,
              count / kGroup + (count % kGroup != 0), kGrain);
}

} // namespace quantc::runtime
