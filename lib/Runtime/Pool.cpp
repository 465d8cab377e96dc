// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pool's threads spin for a short while after each job and then sleep on a
// futex.  A dispatch opens a job; awake threads join it by compare-and-swap, so
// the caller never waits for a thread that is late: it does the work itself,
// closes the job and waits for those that joined.  Fields of a job are read
// only after joining it, and it cannot be replaced before all of them are done.
//
// After fork() a child has none of these threads.  A page that the kernel wipes
// in the child (MADV_WIPEONFORK) tells without a system call per dispatch; the
// child then starts again with an empty pool.

#include "Pool.h"

#include "Cpu.h"
#include "quantc/Runtime/Parallel.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace quantc::runtime {
namespace {

// Between the steps of a run the next job comes soon; outside of runs a thread
// that spins only takes time from others.
constexpr int64_t kSpinInRun = 100'000;   // ns
constexpr int64_t kSpinOutside = 20'000;  // ns
constexpr int64_t kCallerSpins = 100'000; // ns, waiting for others to finish
constexpr size_t kStackBytes = size_t(2) << 20;

constexpr uint64_t kOpen = uint64_t(1) << 31;

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  asm volatile("" ::: "memory");
#endif
}

void futexWait(std::atomic<uint32_t> &word, uint32_t expected) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futexWake(std::atomic<uint32_t> &word, int count) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

/// Spins until `done` says so or the time is over.  Looks at the clock only now
/// and then; a pause takes 40 to 140 cycles.  `yields` is for waiting on a
/// thread that may need this very CPU to go on.
template <bool yields, typename Done>
bool spin(int64_t nanoseconds, Done done) {
  int64_t end = 0;
  for (uint32_t i = 0;; ++i) {
    if (done())
      return true;
    pause();
    if (i % 32 != 31)
      continue;
    if (yields && i > 64)
      sched_yield();
    int64_t time = now();
    if (!end)
      end = time + nanoseconds;
    else if (time >= end)
      return false;
  }
}

/// Tries to take part in the open job that is not number `last`.
bool join(PoolV1 &pool, uint32_t &last) {
  uint64_t job = pool.job.load(std::memory_order_acquire);
  for (;;) {
    uint64_t limit = job >> 16 & 0x7fff, joined = job & 0xffff;
    if (!(job & kOpen) || uint32_t(job >> 32) == last || joined >= limit)
      return false;
    if (!pool.job.compare_exchange_weak(job, job + 1, std::memory_order_acq_rel,
                                        std::memory_order_acquire))
      continue;
    last = uint32_t(job >> 32);
    pool.body(pool.context, int32_t(joined) + 1);
    pool.finished.fetch_add(1, std::memory_order_seq_cst);
    if (pool.callerSleeps.load(std::memory_order_seq_cst))
      futexWake(pool.finished, 1);
    return true;
  }
}

void *threadMain(void *argument) {
  PoolV1 &pool = *static_cast<PoolV1 *>(argument);
  uint32_t last = 0; // no job has this number
  for (;;) {
    // Read before looking for a job: one that is opened later changes it.
    uint32_t seen = pool.wake.load(std::memory_order_seq_cst);
    if (join(pool, last))
      continue;
    bool inRun = pool.runs.load(std::memory_order_relaxed) > 0;
    auto changed = [&] {
      return pool.wake.load(std::memory_order_relaxed) != seen;
    };
    if (spin<false>(inRun ? kSpinInRun : kSpinOutside, changed))
      continue;
    pool.sleepers.fetch_add(1, std::memory_order_seq_cst);
    futexWait(pool.wake, seen);
    pool.sleepers.fetch_sub(1, std::memory_order_seq_cst);
  }
  return nullptr;
}

bool startThread(PoolV1 &pool) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes))
    return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // Signals are for the threads of the program, not for ours.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pthread_t thread;
  bool started = !pthread_create(&thread, &attributes, threadMain, &pool);
  if (started)
    pthread_setname_np(thread, "quantc-pool");
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  pthread_attr_destroy(&attributes);
  return started;
}

/// Makes the page that a child finds wiped; null if the kernel has no such.
std::atomic<uint32_t> *makeWipedPage() {
  long page = sysconf(_SC_PAGESIZE);
  void *memory = mmap(nullptr, size_t(page), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return nullptr;
  if (madvise(memory, size_t(page), MADV_WIPEONFORK)) {
    munmap(memory, size_t(page));
    return nullptr;
  }
  return new (memory) std::atomic<uint32_t>(0);
}

/// Values of `mark`: 0, being set up, ready (or the process id if the kernel
/// cannot wipe a page).
constexpr uint32_t kReady = 1, kSettingUp = ~uint32_t(0);

/// Whether the pool can be used in this process; sets it up on first use and
/// in a forked child.  A thread that meets another one doing so does without.
bool ready(PoolV1 &pool) {
  std::atomic<uint32_t> *mark = pool.mark.load(std::memory_order_acquire);
  if (!mark) {
    if (pool.starting.exchange(1, std::memory_order_acq_rel))
      return false;
    mark = makeWipedPage();
    if (!mark)
      mark = &pool.processId;
    pool.mark.store(mark, std::memory_order_release);
  }
  bool wiped = mark != &pool.processId;
  uint32_t wanted = wiped ? kReady : static_cast<uint32_t>(getpid());
  uint32_t state = mark->load(std::memory_order_acquire);
  if (state == wanted)
    return true;
  if (state == kSettingUp || !mark->compare_exchange_strong(
                                 state, kSettingUp, std::memory_order_acq_rel))
    return false;
  pool.threads.store(0, std::memory_order_relaxed);
  pool.busy.store(0, std::memory_order_relaxed);
  pool.runs.store(0, std::memory_order_relaxed);
  pool.sleepers.store(0, std::memory_order_relaxed);
  pool.callerSleeps.store(0, std::memory_order_relaxed);
  pool.job.store(0, std::memory_order_relaxed);
  mark->store(wanted, std::memory_order_release);
  return true;
}

/// Only while holding `busy`.
void startThreads(PoolV1 &pool, int32_t wanted) {
  int32_t have = pool.threads.load(std::memory_order_relaxed);
  while (have < wanted && startThread(pool))
    pool.threads.store(++have, std::memory_order_relaxed);
}

void wakeThreads(PoolV1 &pool, int32_t count) {
  pool.wake.fetch_add(1, std::memory_order_seq_cst);
  if (pool.sleepers.load(std::memory_order_seq_cst) > 0)
    futexWake(pool.wake, count);
}

void waitForJoined(PoolV1 &pool, uint32_t joined) {
  auto done = [&] {
    return pool.finished.load(std::memory_order_acquire) == joined;
  };
  if (spin<true>(kCallerSpins, done))
    return;
  pool.callerSleeps.store(1, std::memory_order_seq_cst);
  for (;;) {
    uint32_t finished = pool.finished.load(std::memory_order_seq_cst);
    if (finished == joined)
      break;
    futexWait(pool.finished, finished);
  }
  pool.callerSleeps.store(0, std::memory_order_relaxed);
}

void dispatch(PoolV1 *pool, PoolBody body, void *context, int32_t limit) {
  if (limit > kMaxThreads)
    limit = kMaxThreads;
  if (limit < 2 || !ready(*pool) ||
      pool->busy.exchange(1, std::memory_order_acq_rel)) {
    body(context, 0);
    return;
  }
  startThreads(*pool, limit - 1);
  pool->body = body;
  pool->context = context;
  pool->finished.store(0, std::memory_order_relaxed);
  uint64_t number = (pool->job.load(std::memory_order_relaxed) >> 32) + 1;
  number = uint32_t(number) ? uint32_t(number) : 1;
  uint64_t others = uint64_t(limit - 1);
  pool->job.store(number << 32 | kOpen | others << 16,
                  std::memory_order_seq_cst);
  wakeThreads(*pool, limit - 1);
  body(context, 0);
  uint64_t job = pool->job.fetch_and(~kOpen, std::memory_order_acq_rel);
  waitForJoined(*pool, uint32_t(job & 0xffff));
  pool->busy.store(0, std::memory_order_release);
}

void enter(PoolV1 *pool, int32_t limit) {
  if (!ready(*pool))
    return;
  pool->runs.fetch_add(1, std::memory_order_relaxed);
  if (pool->sleepers.load(std::memory_order_relaxed) > 0)
    wakeThreads(*pool, limit - 1);
}

void leave(PoolV1 *pool) {
  // Not below 0: a child forked between enter and leave starts from 0.
  int32_t runs = pool->runs.load(std::memory_order_relaxed);
  while (runs > 0 && !pool->runs.compare_exchange_weak(
                         runs, runs - 1, std::memory_order_relaxed)) {
  }
}

} // namespace

extern "C" {
[[gnu::visibility("hidden")]] constinit PoolV1 quantc_pool_storage_v1 = {
    sizeof(PoolV1), dispatch, enter, leave};
}
static_assert(sizeof(PoolV1) == QUANTC_POOL_BYTES);

// A second name for the storage, with the binding that no compiler offers for a
// variable: unique in the process, however the libraries are loaded.
#define QUANTC_TEXT(x) #x
#define QUANTC_NUMBER(x) QUANTC_TEXT(x)
#define QUANTC_POOL_SIZE QUANTC_NUMBER(QUANTC_POOL_BYTES)
asm(".type quantc_default_pool_v1, @gnu_unique_object");
asm(".size quantc_default_pool_v1, " QUANTC_POOL_SIZE);
asm(".set quantc_default_pool_v1, quantc_pool_storage_v1");

} // namespace quantc::runtime
