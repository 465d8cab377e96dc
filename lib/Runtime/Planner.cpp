// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two ways to place buffers, both best fit.  By time: in order of birth, each
// into the smallest gap between those alive then; the set of the living is
// small, so this is fast.  By size: the largest first, each into the smallest
// gap left by placed ones that live at the same time; this looks at all pairs.
// The second is tried only if the first leaves much more than the bytes that
// are alive at once, which no plan can go below.  Items of zero bytes take no
// room.

#include "Planner.h"

namespace quantc::runtime {
namespace {

int64_t alignUp(int64_t bytes) {
  return (bytes + kPlanAlignment - 1) / kPlanAlignment * kPlanAlignment;
}

bool overlaps(const PlanItem &a, const PlanItem &b) {
  return a.first <= b.last && b.first <= a.last;
}

/// Sorts in place; a heap needs no memory and no bad case exists.
template <typename Less> void heapSort(uint32_t *ids, size_t count, Less less) {
  auto sift = [&](size_t at, size_t end) {
    for (;;) {
      size_t child = 2 * at + 1;
      if (child >= end)
        return;
      if (child + 1 < end && less(ids[child], ids[child + 1]))
        ++child;
      if (!less(ids[at], ids[child]))
        return;
      uint32_t kept = ids[at];
      ids[at] = ids[child];
      ids[child] = kept;
      at = child;
    }
  };
  for (size_t i = count / 2; i-- > 0;)
    sift(i, count);
  for (size_t end = count; end > 1;) {
    --end;
    uint32_t kept = ids[0];
    ids[0] = ids[end];
    ids[end] = kept;
    sift(0, end);
  }
}

/// The smallest gap that fits among `placed`, which is sorted by offset, or the
/// end.  Only placed items for which `counts` holds are obstacles.
template <typename Counts>
int64_t bestFit(const PlanItem *items, const uint32_t *placed, size_t count,
                int64_t bytes, Counts counts) {
  int64_t end = 0, best = -1, bestGap = 0;
  for (size_t i = 0; i < count; ++i) {
    const PlanItem &other = items[placed[i]];
    if (!counts(other))
      continue;
    int64_t gap = other.offset - end;
    if (gap >= bytes && (best < 0 || gap < bestGap)) {
      best = end;
      bestGap = gap;
    }
    int64_t otherEnd = other.offset + alignUp(other.bytes);
    end = otherEnd > end ? otherEnd : end;
  }
  return best < 0 ? end : best;
}

/// Keeps `placed` sorted by offset.
void insertSorted(const PlanItem *items, uint32_t *placed, size_t count,
                  uint32_t id) {
  size_t at = count;
  for (; at && items[placed[at - 1]].offset > items[id].offset; --at)
    placed[at] = placed[at - 1];
  placed[at] = id;
}

int64_t planBySize(PlanItem *items, size_t count, uint32_t *order,
                   uint32_t *placed) {
  heapSort(order, count, [&](uint32_t a, uint32_t b) {
    if (items[a].bytes != items[b].bytes)
      return items[a].bytes > items[b].bytes;
    if (items[a].first != items[b].first)
      return items[a].first < items[b].first;
    return a < b;
  });
  int64_t total = 0;
  for (size_t i = 0; i < count; ++i) {
    PlanItem &item = items[order[i]];
    item.offset = bestFit(items, placed, i, alignUp(item.bytes),
                          [&](const PlanItem &o) { return overlaps(o, item); });
    insertSorted(items, placed, i, order[i]);
    int64_t end = item.offset + alignUp(item.bytes);
    total = end > total ? end : total;
  }
  return total;
}

/// Drops those of `alive` that nothing reads from `now` on.
void bury(const PlanItem *items, uint32_t *alive, size_t &living, uint32_t now,
          uint32_t &nextDeath, int64_t &livingBytes, int64_t &end) {
  size_t kept = 0;
  nextDeath = UINT32_MAX;
  end = 0;
  for (size_t k = 0; k < living; ++k) {
    const PlanItem &item = items[alive[k]];
    int64_t bytes = alignUp(item.bytes);
    if (item.last < now) {
      livingBytes -= bytes;
      continue;
    }
    alive[kept++] = alive[k];
    nextDeath = item.last < nextDeath ? item.last : nextDeath;
    end = item.offset + bytes > end ? item.offset + bytes : end;
  }
  living = kept;
}

int64_t planByTime(PlanItem *items, size_t count, uint32_t *order,
                   uint32_t *alive, int64_t &peak) {
  heapSort(order, count, [&](uint32_t a, uint32_t b) {
    if (items[a].first != items[b].first)
      return items[a].first < items[b].first;
    if (items[a].bytes != items[b].bytes)
      return items[a].bytes > items[b].bytes;
    return a < b;
  });
  int64_t total = 0, livingBytes = 0;
  size_t living = 0;
  // Between two deaths gaps only shrink.  What is known of them until the next
  // keeps thousands of buffers that are alive at once from being looked through
  // for each other.
  uint32_t nextDeath = UINT32_MAX;
  int64_t noGapFor = INT64_MAX, end = 0;
  peak = 0;
  for (size_t i = 0; i < count; ++i) {
    PlanItem &item = items[order[i]];
    if (nextDeath < item.first) {
      bury(items, alive, living, item.first, nextDeath, livingBytes, end);
      noGapFor = INT64_MAX;
    }
    int64_t bytes = alignUp(item.bytes);
    item.offset = bytes >= noGapFor
                      ? end
                      : bestFit(items, alive, living, bytes,
                                [](const PlanItem &) { return true; });
    if (item.offset == end)
      noGapFor = bytes < noGapFor ? bytes : noGapFor;
    insertSorted(items, alive, living++, order[i]);
    nextDeath = item.last < nextDeath ? item.last : nextDeath;
    end = item.offset + bytes > end ? item.offset + bytes : end;
    total = end > total ? end : total;
    livingBytes += bytes;
    peak = livingBytes > peak ? livingBytes : peak;
  }
  return total;
}

int64_t planBest(PlanItem *items, size_t count, uint32_t *order,
                 uint32_t *placed) {
  int64_t peak = 0;
  int64_t byTime = planByTime(items, count, order, placed, peak);
  if (count > kPlanBySizeLimit || byTime <= peak + peak / 16)
    return byTime;
  int64_t bySize = planBySize(items, count, order, placed);
  if (bySize <= byTime)
    return bySize;
  return planByTime(items, count, order, placed, peak);
}

} // namespace

int64_t planArena(PlanItem *items, size_t count, uint32_t *order,
                  uint32_t *placed, int64_t limit) {
  // If even the sum of all sizes fits, no offset below can overflow.
  size_t used = 0;
  int64_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    items[i].offset = 0;
    if (items[i].bytes <= 0)
      continue;
    if (items[i].bytes > limit - kPlanAlignment)
      return -1;
    if (__builtin_add_overflow(sum, alignUp(items[i].bytes), &sum))
      return -1;
    order[used++] = uint32_t(i);
  }
  int64_t total = planBest(items, used, order, placed);
  return total <= limit ? total : -1;
}

} // namespace quantc::runtime
