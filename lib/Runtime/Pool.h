// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The thread pool of the process.  Each compiled model carries this code, but
// the dynamic linker binds `quantc_default_pool_v1` of all of them to the first
// one loaded (STB_GNU_UNIQUE, so also under RTLD_LOCAL, and that library is
// never unloaded).  Everything goes through the function pointers of that one
// object, since its private part may differ between versions of the runtime.
#ifndef QUANTC_LIB_RUNTIME_POOL_H
#define QUANTC_LIB_RUNTIME_POOL_H

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace quantc::runtime {

/// Does a share of the work of one dispatch; see PoolV1::dispatch.
using PoolBody = void (*)(void *context, int32_t slot);

struct PoolV1 {
  // Fixed for ever.
  size_t structSize;
  /// Calls body(context, 0) on the caller and body(context, s) on other
  /// threads, with each slot 0 < s < limit at most once.  How many join is not
  /// defined: when the caller's own call returns, all work must be claimed.
  /// Returns when all calls have.  If the pool is busy, only the caller works.
  void (*dispatch)(PoolV1 *pool, PoolBody body, void *context, int32_t limit);
  /// Wakes up to limit - 1 threads and keeps them spinning for the dispatches
  /// to come, until the matching leave().
  void (*enter)(PoolV1 *pool, int32_t limit);
  void (*leave)(PoolV1 *pool);

  // Private to the library that provides the object.

  /// Tells whether this process, and not its parent before fork(), has set up
  /// the pool.  Points to a page that the kernel wipes in the child or, if it
  /// cannot, to `processId`.
  std::atomic<std::atomic<uint32_t> *> mark = nullptr;
  std::atomic<uint32_t> processId = 0;
  std::atomic<uint32_t> starting = 0;
  std::atomic<int32_t> threads = 0; // started, without the caller
  PoolBody body = nullptr;
  void *context = nullptr;
  alignas(64) std::atomic<uint32_t> busy = 0;
  std::atomic<int32_t> runs = 0; // between enter and leave
  /// What threads look at while they spin: [63:32] number of the dispatch,
  /// [31] open, [30:16] how many may join, [15:0] how many have joined.
  alignas(64) std::atomic<uint64_t> job = 0;
  std::atomic<uint32_t> wake = 0; // futex; changes when there may be a job
  std::atomic<int32_t> sleepers = 0;
  alignas(64) std::atomic<uint32_t> finished = 0; // futex; joined and done
  std::atomic<uint32_t> callerSleeps = 0;
};

/// For the assembler, which cannot ask the compiler.
#define QUANTC_POOL_BYTES 320

extern "C" {
// Not hidden, and referred to through the GOT: the library that is loaded first
// provides it.
[[gnu::visibility("default")]] extern PoolV1 quantc_default_pool_v1;
}

} // namespace quantc::runtime

#endif // QUANTC_LIB_RUNTIME_POOL_H
