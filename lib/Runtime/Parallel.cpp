// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts a range into tasks that the participants claim from a shared counter.
// There are about four tasks per thread, so that a thread that is slower or
// came late takes fewer of them.

#include "quantc/Runtime/Parallel.h"

#include "Cpu.h"
#include "Pool.h"

#include <sched.h>

namespace quantc::runtime {
namespace {

constexpr int64_t kTasksPerThread = 4;

struct alignas(64) Split {
  RangeBody body;
  void *context;
  int64_t count;
  int64_t size; // iterations per task
  int64_t tasks;
  int32_t workers;
  alignas(64) std::atomic<int64_t> next{0};

  void claimAll(int32_t worker) {
    // Worker threads belong to this process or to the caller's own pool, so
    // each call sets the mode and puts it back.
    FloatMode mode;
    for (;;) {
      int64_t task = next.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks)
        return;
      int64_t begin = task * size;
      int64_t end = count - begin < size ? count : begin + size;
      body(context, begin, end, worker);
    }
  }
};

int64_t ceilDiv(int64_t a, int64_t b) { return a / b + (a % b != 0); }

void poolBody(void *context, int32_t slot) {
  static_cast<Split *>(context)->claimAll(slot);
}

void callbackBody(void *context, int64_t index) {
  Split &split = *static_cast<Split *>(context);
  // A worker number beyond the range has no scratch memory.
  if (index >= 0 && index < split.workers)
    split.claimAll(int32_t(index));
}

} // namespace

bool worthSplitting(const Team &team, int64_t count, int64_t grain) {
  return team.threads > 1 && count > grain;
}

void parallelFor(const Team &team, RangeBody body, void *context, int64_t count,
                 int64_t grain) {
  if (count <= 0)
    return;
  if (!worthSplitting(team, count, grain)) {
    FloatMode mode;
    body(context, 0, count, 0);
    return;
  }
  Split split;
  split.body = body;
  split.context = context;
  split.count = count;
  split.size = ceilDiv(count, team.threads * kTasksPerThread);
  if (split.size < grain)
    split.size = grain;
  split.tasks = ceilDiv(count, split.size);
  split.workers =
      split.tasks < team.threads ? int32_t(split.tasks) : team.threads;
  if (!team.callback) {
    PoolV1 &pool = quantc_default_pool_v1;
    pool.dispatch(&pool, poolBody, &split, split.workers);
    return;
  }
  team.callback(team.user, callbackBody, &split, split.workers);
  // A callback that did not make all calls leaves tasks behind.
  split.claimAll(0);
}

void TeamScope::enter(const Team &team) {
  if (usesPool || team.threads < 2 || team.callback)
    return;
  usesPool = true;
  quantc_default_pool_v1.enter(&quantc_default_pool_v1, team.threads);
}

TeamScope::~TeamScope() {
  if (usesPool)
    quantc_default_pool_v1.leave(&quantc_default_pool_v1);
}

int32_t defaultThreads() {
  // Room for 65536 CPUs; the kernel refuses a mask smaller than its own.
  unsigned long mask[65536 / (8 * sizeof(unsigned long))] = {};
  if (sched_getaffinity(0, sizeof(mask), reinterpret_cast<cpu_set_t *>(mask)))
    return 1;
  int32_t count = 0;
  for (unsigned long word : mask)
    for (; word; word &= word - 1)
      ++count;
  if (count < 1)
    return 1;
  return count < kMaxThreads ? count : kMaxThreads;
}

} // namespace quantc::runtime
