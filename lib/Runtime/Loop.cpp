// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Slots: what a loop carries from iteration to iteration, and what it collects.
// Their sizes may change with each iteration, so they are no part of a plan.

#include "Context.h"

#include <cstring>

namespace quantc::runtime {
namespace {

/// Room for `bytes` bytes, of which the first `kept` stay what they are.
quantc_status reserve(const Allocator &allocator, Slot &slot, uint64_t bytes,
                      uint64_t kept, Error &error) {
  if (bytes > uint64_t(kMaxBytes))
    return error.set(QUANTC_SIZE_OVERFLOW,
                     "size of what a loop carries overflows");
  if (bytes <= slot.block.bytes)
    return QUANTC_OK;
  Block larger;
  uint64_t wanted =
      kept && bytes < 2 * slot.block.bytes ? 2 * slot.block.bytes : bytes;
  if (!kept) {
    larger = slot.block;
    slot.block = Block();
  }
  quantc_status status =
      growBlock(allocator, larger, wanted, "what a loop carries", error);
  if (status)
    return status;
  if (kept) {
    memcpy(larger.data, slot.block.data, kept);
    allocator.put(slot.block.data, slot.block.bytes);
  }
  slot.block = larger;
  return QUANTC_OK;
}

} // namespace

quantc_status putInSlot(quantc_context &context, const program::Step &step,
                        const char *data, int64_t bytes, Error &error) {
  Slot &slot = context.slots[step.kernel];
  uint64_t kept = step.kind == program::StepKind::Push ? slot.bytes : 0;
  slot.bytes = kept;
  if (!data || !bytes)
    return QUANTC_OK;
  if (quantc_status status =
          reserve(context.allocator, slot, kept + uint64_t(bytes), kept, error))
    return status;
  memcpy(slot.block.data + kept, data, size_t(bytes));
  slot.bytes = kept + uint64_t(bytes);
  return QUANTC_OK;
}

} // namespace quantc::runtime
