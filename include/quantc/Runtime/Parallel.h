// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Splits a range of independent iterations over the threads of the process.
// There is one pool per process, also when several compiled models are loaded
// (see lib/Runtime/Pool.h); it starts on first use and parks when idle.
//
// What must never be done here: let a result depend on how a range was split.
#ifndef QUANTC_RUNTIME_PARALLEL_H
#define QUANTC_RUNTIME_PARALLEL_H

#include "quantc/Runtime/quantc.h"

#include <cstdint>

namespace quantc::runtime {

inline constexpr int32_t kMaxThreads = 1024;

/// Computes [begin, end).  `worker` is below Team::threads, and no two calls
/// with the same worker run at the same time.
using RangeBody = void (*)(void *context, int64_t begin, int64_t end,
                           int32_t worker);

/// Who shares the work: the pool, or the caller's own threads.
struct Team {
  int32_t threads = 1; // 1 .. kMaxThreads, the caller included
  quantc_parallel_for_fn callback = nullptr;
  void *user = nullptr;
};

/// Calls `body` on parts of [0, count) that cover it once, each of at least
/// `grain` iterations save the last, and returns when all are done.  A range
/// too small to split, a nested call and a call while the pool is busy run on
/// the caller alone.
void parallelFor(const Team &team, RangeBody body, void *context, int64_t count,
                 int64_t grain);

/// Whether parallelFor would use more than the caller.
bool worthSplitting(const Team &team, int64_t count, int64_t grain);

/// Keeps the pool's threads awake between the calls of one run.
class TeamScope {
public:
  TeamScope() = default;
  explicit TeamScope(const Team &team) { enter(team); }
  ~TeamScope();
  /// From here on; nothing happens if they are kept awake already.
  void enter(const Team &team);
  TeamScope(const TeamScope &) = delete;
  TeamScope &operator=(const TeamScope &) = delete;

private:
  bool usesPool = false;
};

/// The number of CPUs this process may use.
int32_t defaultThreads();

} // namespace quantc::runtime

#endif // QUANTC_RUNTIME_PARALLEL_H
