// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Places buffers in one arena so that those that are alive at the same time do
// not overlap.  It takes no memory of its own: the caller gives the working
// arrays, because planning also happens in the middle of serving a request.
#ifndef QUANTC_LIB_RUNTIME_PLANNER_H
#define QUANTC_LIB_RUNTIME_PLANNER_H

#include <cstddef>
#include <cstdint>

namespace quantc::runtime {

struct PlanItem {
  int64_t bytes;  // in; not negative
  uint32_t first; // in; the steps during which it is alive, both included
  uint32_t last;
  int64_t offset; // out; a multiple of kPlanAlignment
};

inline constexpr int64_t kPlanAlignment = 64;

/// Up to this many items may be placed in order of falling size, which looks at
/// all pairs (5 ms); more are placed in order of time only.
inline constexpr size_t kPlanBySizeLimit = 2048;

/// Fills in the offsets and returns the size of the arena, or -1 if it exceeds
/// `limit` (at most INT64_MAX / 2).  `order` and `placed` have `count` elements
/// each.  The same items always give the same offsets.
int64_t planArena(PlanItem *items, size_t count, uint32_t *order,
                  uint32_t *placed, int64_t limit);

} // namespace quantc::runtime

#endif // QUANTC_LIB_RUNTIME_PLANNER_H
