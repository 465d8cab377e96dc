// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads: the same bytes for any number of them, concurrent and nested runs,
// fork, the caller's own threads, and the floating-point mode.

#include "TestModel.h"
#include "quantc/Runtime/Parallel.h"

#include <atomic>
#include <mutex>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <xmmintrin.h>

namespace quantc::runtime::test {
namespace {

/// Counts how often each iteration is done.
struct Counted {
  explicit Counted(size_t count) : done(count) {}
  static void body(void *context, int64_t begin, int64_t end, int32_t worker) {
    auto &self = *static_cast<Counted *>(context);
    EXPECT_GE(worker, 0);
    EXPECT_LT(worker, self.threads);
    EXPECT_FALSE(self.active[worker].exchange(true));
    for (int64_t i = begin; i < end; ++i)
      self.done[size_t(i)].fetch_add(1);
    self.active[worker].store(false);
  }
  bool once() const {
    return std::all_of(done.begin(), done.end(),
                       [](const auto &count) { return count.load() == 1; });
  }
  std::vector<std::atomic<int>> done;
  std::atomic<bool> active[64] = {};
  int32_t threads = 1;
};

TEST(Thread, EachIterationOnceWithItsOwnWorker) {
  for (int32_t threads : {1, 2, 3, 8})
    for (int64_t count : {0, 1, 2, 63, 1000})
      for (int64_t grain : {1, 7, 1000}) {
        Counted counted{size_t(count)};
        counted.threads = threads;
        Team team;
        team.threads = threads;
        parallelFor(team, Counted::body, &counted, count, grain);
        EXPECT_TRUE(counted.once());
      }
}

TEST(Thread, DispatchesFollowEachOtherClosely) {
  Team team;
  team.threads = 2;
  TeamScope scope(team);
  for (int i = 0; i < 20000; ++i) {
    Counted counted(4);
    counted.threads = 2;
    parallelFor(team, Counted::body, &counted, 4, 1);
    ASSERT_TRUE(counted.once());
  }
}

TEST(Thread, NestedCallsRunInline) {
  struct Outer {
    std::atomic<int64_t> sum{0};
    static void inner(void *context, int64_t begin, int64_t end, int32_t) {
      static_cast<Outer *>(context)->sum += end - begin;
    }
    static void outer(void *context, int64_t begin, int64_t end, int32_t) {
      Team team;
      team.threads = 4;
      for (int64_t i = begin; i < end; ++i)
        parallelFor(team, inner, context, 100, 1);
    }
  } work;
  Team team;
  team.threads = 4;
  parallelFor(team, Outer::outer, &work, 50, 1);
  EXPECT_EQ(work.sum, 5000);
}

std::vector<float> runWith(Loaded &loaded, quantc_context_options options,
                           int64_t rows) {
  Context context(loaded.model, options);
  FloatTensor x({rows, 4}, std::vector<float>(size_t(rows) * 4));
  for (size_t i = 0; i < x.floats.size(); ++i)
    x.floats[i] = float(i) * 0.37f;
  std::vector<quantc_value> outputs = {libraryOutput()};
  EXPECT_EQ(context.run({x.value()}, outputs), QUANTC_OK) << context.error();
  return floatsOf(*outputs[0].tensors);
}

TEST(Thread, AnyNumberGivesTheSameBytes) {
  TestModel test;
  buildAffine(test, 3);
  Loaded loaded(test);
  for (int64_t rows : {1, 2, 3, 100, 10001}) {
    auto one = runWith(loaded, Context::withThreads(1), rows);
    for (int threads : {0, 2, 3, 16})
      EXPECT_EQ(runWith(loaded, Context::withThreads(threads), rows), one);
  }
}

TEST(Thread, CallersParallelFor) {
  TestModel test;
  buildAffine(test);
  Loaded loaded(test);
  auto expected = runWith(loaded, Context::withThreads(1), 1000);
  auto options = Context::withThreads(4);
  int64_t calls = 0;
  options.parallel_for_user = &calls;
  options.parallel_for = [](void *user, quantc_body_fn body, void *context,
                            int64_t count) {
    *static_cast<int64_t *>(user) += count;
    std::vector<std::thread> threads;
    for (int64_t i = 0; i < count; ++i)
      threads.emplace_back([=] { body(context, count - 1 - i); });
    for (std::thread &thread : threads)
      thread.join();
  };
  EXPECT_EQ(runWith(loaded, options, 1000), expected);
  EXPECT_EQ(calls, 8);
  // One that calls too little, or with wrong numbers, loses no work.
  options.parallel_for = [](void *, quantc_body_fn body, void *context,
                            int64_t count) { body(context, count + 7); };
  EXPECT_EQ(runWith(loaded, options, 1000), expected);
}

TEST(Thread, ConcurrentContexts) {
  TestModel test;
  buildAffine(test);
  Loaded loaded(test);
  auto expected = runWith(loaded, Context::withThreads(1), 500);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        wrong += runWith(loaded, Context::withThreads(2), 500) != expected;
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Thread, ForkedChildHasAPoolOfItsOwn) {
  TestModel test;
  buildAffine(test);
  Loaded loaded(test);
  auto expected = runWith(loaded, Context::withThreads(2), 5000);
  // Fork also while another thread uses the pool.
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop)
      runWith(loaded, Context::withThreads(2), 5000);
  });
  for (int i = 0; i < 10; ++i) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(20);
      bool same = true;
      for (int k = 0; k < 3; ++k)
        same &= runWith(loaded, Context::withThreads(2), 5000) == expected;
      _exit(same ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  stop = true;
  other.join();
}

TEST(Thread, FloatModeIsSetAndRestored) {
  TestModel test;
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId n = entry.symbol("n");
  BufferId x = entry.addInputBuffer(entry.addInput("x", {kF32, {n}}));
  BufferId y =
      entry.addOutputBuffer(entry.addOutput("y", {{QUANTC_UINT, 32, 1}, {n}}));
  KernelId kernel = test.kernel([](void *const *buffers, const int64_t *,
                                   int64_t begin, int64_t end, void *) {
    for (int64_t i = begin; i < end; ++i) {
      volatile float tiny = static_cast<const float *>(buffers[0])[i];
      bool subnormal = tiny / 4 > 0;
      // Sticky flags aside.
      static_cast<uint32_t *>(buffers[1])[i] =
          subnormal ? _mm_getcsr() & ~0x3fu : 0;
      std::this_thread::yield();
    }
  });
  entry.addStep({kernel, "node", n, 1, {x, y}, {}});
  Loaded loaded(test);
  // Flush to zero, denormals are zero, round up, divide by zero unmasked.
  uint32_t before = _mm_getcsr(), odd = 0x1f80u | 0x8040u | 0x4000u;
  odd &= ~0x0200u;
  for (int threads : {1, 2, 3}) {
    Context context(loaded.model, threads);
    FloatTensor input({1000}, std::vector<float>(1000, 1.17549435e-38f));
    std::vector<quantc_value> outputs = {libraryOutput()};
    _mm_setcsr(odd);
    quantc_status status = context.run({input.value()}, outputs);
    uint32_t after = _mm_getcsr();
    _mm_setcsr(before);
    ASSERT_EQ(status, QUANTC_OK);
    EXPECT_EQ(after, odd);
    const auto *seen = static_cast<const uint32_t *>(outputs[0].tensors->data);
    for (int i = 0; i < 1000; ++i)
      ASSERT_EQ(seen[i], 0x1f80u) << i;
  }
}

} // namespace
} // namespace quantc::runtime::test
