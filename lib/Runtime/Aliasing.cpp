// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Refuses buffers that overlap: kernels write outputs while they read inputs,
// so an overlap that the program does not declare would give wrong results
// silently.

#include "Context.h"

namespace quantc::runtime {
namespace {

struct Extent {
  uintptr_t begin;
  uintptr_t bytes;
  bool overlaps(const Extent &other) const {
    return bytes && other.bytes && begin < other.begin + other.bytes &&
           other.begin < begin + bytes;
  }
};

Extent extentOf(const void *data, uint64_t bytes) {
  return {reinterpret_cast<uintptr_t>(data), data ? bytes : 0};
}

/// Null if the two may not overlap.
const program::Alias *findAlias(const EntryView &view, uint32_t output,
                                uint32_t input) {
  for (uint32_t i = 0; i < view.entry->aliases.count; ++i)
    if (view.aliases[i].output == output && view.aliases[i].input == input)
      return view.aliases + i;
  return nullptr;
}

/// Two tensors that start together are one buffer; all rows must be where both
/// expect them.
quantc_status checkShared(const EntryView &view, const RunState &state,
                          const Plan &plan, const program::Alias &alias,
                          Error &error) {
  if (alias.axis == program::kNone)
    return QUANTC_OK;
  CacheParts parts = cacheParts(view, state, plan, alias);
  if (parts.count <= 1 || parts.pastStride == parts.presentStride)
    return QUANTC_OK;
  return error.set(QUANTC_ALIASING, Where{view, alias.output, false}, " and ",
                   Where{view, alias.input, true},
                   " share one buffer, but not their strides along dimension ",
                   alias.axis - 1, ": ", parts.presentStride, " and ",
                   parts.pastStride,
                   " bytes; give both the strides of the whole buffer");
}

quantc_status checkOwnMemory(const quantc_context &context, const Where &where,
                             Extent extent, Error &error) {
  bool overlaps = false;
  for (uint32_t i = 0; i < context.blockCount; ++i) {
    const PhaseBlocks &own = context.blocks[i];
    overlaps |= extent.overlaps(extentOf(own.arena.data, own.arena.bytes)) ||
                extent.overlaps(extentOf(own.outputs.data, own.outputs.bytes));
  }
  if (!overlaps)
    return QUANTC_OK;
  return error.set(QUANTC_ALIASING, where,
                   " lies in the memory of this context (an output of its last "
                   "run?); copy it, or provide the outputs");
}

quantc_status checkOutput(const quantc_context &context, const EntryView &view,
                          const Plan &plan, uint32_t output, Error &error) {
  const RunState &state = context.state;
  Extent own =
      extentOf(state.outputData[output], state.outputLayouts[output].span);
  if (!own.bytes)
    return QUANTC_OK;
  Where where = {view, output, false};
  if (quantc_status status = checkOwnMemory(context, where, own, error))
    return status;
  for (uint32_t i = 0; i < view.entry->inputTensors.count; ++i) {
    Extent other = extentOf(state.inputData[i], state.inputLayouts[i].span);
    if (!own.overlaps(other))
      continue;
    if (const program::Alias *alias = findAlias(view, output, i)) {
      if (own.begin == other.begin) {
        if (quantc_status status =
                checkShared(view, state, plan, *alias, error))
          return status;
        continue;
      }
      return error.set(QUANTC_ALIASING, where, " and ", Where{view, i, true},
                       " may be the same buffer, but they start at different "
                       "addresses");
    }
    return error.set(QUANTC_ALIASING, where, " overlaps ", Where{view, i, true},
                     "; give it memory of its own");
  }
  for (uint32_t i = 0; i < output; ++i)
    if (own.overlaps(
            extentOf(state.outputData[i], state.outputLayouts[i].span)))
      return error.set(QUANTC_ALIASING, where, " overlaps ",
                       Where{view, i, false}, "; give it memory of its own");
  return QUANTC_OK;
}

} // namespace

quantc_status checkAliasing(quantc_context &context, const EntryView &view,
                            const Plan &plan, Error &error) {
  for (uint32_t i = 0; i < view.entry->inputTensors.count; ++i)
    if (quantc_status status =
            checkOwnMemory(context, {view, i, true},
                           extentOf(context.state.inputData[i],
                                    context.state.inputLayouts[i].span),
                           error))
      return status;
  for (uint32_t i = 0; i < view.entry->outputTensors.count; ++i)
    if (quantc_status status = checkOutput(context, view, plan, i, error))
      return status;
  return QUANTC_OK;
}

} // namespace quantc::runtime
