// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the second run of a shape on, nothing is allocated: counted at the
// allocator hook and at malloc itself, which this file replaces for the whole
// test program (not under a sanitizer, which replaces it too).

#include "TestModel.h"

#include <atomic>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define QUANTC_TEST_SANITIZED 1
#endif
#endif

namespace {
std::atomic<int64_t> mallocCalls{0};
} // namespace

#ifndef QUANTC_TEST_SANITIZED
extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t bytes) {
  mallocCalls.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  mallocCalls.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, bytes);
}
void *realloc(void *memory, size_t bytes) {
  mallocCalls.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  mallocCalls.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, bytes);
}
}
#endif

namespace quantc::runtime::test {
namespace {

/// An allocator that keeps count.
struct Hook {
  int64_t calls = 0;
  int64_t live = 0;
  int64_t bytes = 0;

  quantc_context_options options(int threads, int shapes = 0) {
    quantc_context_options options = {};
    options.threads = threads;
    options.shape_cache = shapes;
    options.allocator_user = this;
    options.allocate = [](void *user, size_t bytes, size_t alignment) {
      auto &self = *static_cast<Hook *>(user);
      ++self.calls;
      ++self.live;
      self.bytes += int64_t(bytes);
      EXPECT_GT(bytes, 0u);
      EXPECT_EQ(alignment, 64u);
      return aligned_alloc(alignment,
                           (bytes + alignment - 1) / alignment * alignment);
    };
    options.deallocate = [](void *user, void *memory, size_t bytes, size_t) {
      auto &self = *static_cast<Hook *>(user);
      --self.live;
      self.bytes -= int64_t(bytes);
      free(memory);
    };
    return options;
  }
};

/// Runs on one input and one output of the library; only quantc_run itself is
/// counted.
int64_t mallocsOf(Context &context, quantc_tensor x, quantc_value &output) {
  quantc_value input = quantc_tensor_value(nullptr, &x);
  output = libraryOutput();
  int64_t before = mallocCalls;
  quantc_status status = quantc_run(context.context, 0, &input, 1, &output, 1);
  int64_t after = mallocCalls;
  EXPECT_EQ(status, QUANTC_OK) << context.error();
  return after - before;
}

struct AllocationTest : testing::Test {
  AllocationTest() {
    buildAffine(model);
    loaded = std::make_unique<Loaded>(model);
  }
  int64_t mallocsOf(Context &context, int64_t rows) {
    int64_t shape[] = {rows, 4};
    quantc_value output;
    return test::mallocsOf(
        context, quantc_cpu_tensor(data.data(), QUANTC_FLOAT, 32, 2, shape),
        output);
  }
  TestModel model;
  std::unique_ptr<Loaded> loaded;
  std::vector<float> data = std::vector<float>(100000);
};

TEST_F(AllocationTest, NoneFromTheSecondRunOfAShape) {
  for (int threads : {1, 2}) {
    Hook hook;
    {
      Context context(loaded->model, hook.options(threads));
      ASSERT_EQ(context.status, QUANTC_OK);
      for (int64_t rows : {100, 7, 5000})
        mallocsOf(context, rows);
      int64_t calls = hook.calls;
      for (int64_t rows : {100, 7, 5000, 5000, 7})
        EXPECT_EQ(mallocsOf(context, rows), 0);
      EXPECT_EQ(hook.calls, calls);
      quantc_context_info info;
      quantc_get_context_info(context.context, &info);
      EXPECT_EQ(info.cached_shapes, 3);
      EXPECT_GE(info.arena_bytes, 5000u * 16);
      EXPECT_LT(info.arena_bytes, 5000u * 16 + 1024);
    }
    EXPECT_EQ(hook.live, 0);
    EXPECT_EQ(hook.bytes, 0);
  }
}

TEST_F(AllocationTest, ShapesThatAlwaysChangeSettleToo) {
  Hook hook;
  Context context(loaded->model, hook.options(1, 4));
  mallocsOf(context, 5000);
  for (int64_t rows = 1; rows < 5; ++rows)
    mallocsOf(context, rows);
  int64_t calls = hook.calls;
  for (int64_t rows = 5; rows < 1000; ++rows)
    EXPECT_EQ(mallocsOf(context, rows), 0);
  EXPECT_EQ(hook.calls, calls);
  quantc_context_info info;
  quantc_get_context_info(context.context, &info);
  EXPECT_EQ(info.cached_shapes, 4);
}

/// [rows] of zeros by way of another buffer, `rows` being fed.
void buildFedRows(TestModel &model) {
  EntryBuilder &entry = model.builder.addEntry("main");
  ExprId rows = entry.symbol("rows"), one = entry.constant(1);
  BufferId input = entry.addInputBuffer(entry.addInput("x", {kI64, {}}));
  BufferId middle = entry.addArena(entry.mul(rows, entry.constant(4)));
  BufferId y = entry.addOutputBuffer(entry.addOutput("y", {kF32, {rows}}));
  entry.addBind("bind", "rows", input, 8, "");
  KernelId fill = model.kernel([](void *const *buffers, const int64_t *,
                                  int64_t begin, int64_t end, void *) {
    auto *to = static_cast<float *>(buffers[0]);
    std::fill(to + begin, to + end, 0.f);
  });
  entry.addStep({fill, "fill", rows, 1, {middle}, {}});
  entry.addStep(
      {model.kernel(affineKernel), "affine", rows, 1, {middle, y}, {one}});
}

TEST(DataAllocation, NoneWhenSizesBoundByTheRunDoNotGrow) {
  TestModel model;
  buildFedRows(model);
  Loaded loaded(model);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  for (int threads : {1, 2}) {
    Hook hook;
    {
      Context context(loaded.model, hook.options(threads));
      auto runMallocs = [&](int64_t rows) {
        quantc_value output;
        int64_t mallocs = mallocsOf(
            context, quantc_cpu_tensor(&rows, QUANTC_INT, 64, 0, nullptr),
            output);
        EXPECT_EQ(output.tensors->shape[0], rows);
        return mallocs;
      };
      runMallocs(1000);
      int64_t calls = hook.calls;
      for (int64_t rows : {1000, 7, 999, 0, 1000})
        EXPECT_EQ(runMallocs(rows), 0);
      EXPECT_EQ(hook.calls, calls);
      runMallocs(2000);
      EXPECT_GT(hook.calls, calls);
      calls = hook.calls;
      EXPECT_EQ(runMallocs(2000), 0);
      EXPECT_EQ(hook.calls, calls);
      quantc_context_info info;
      quantc_get_context_info(context.context, &info);
      EXPECT_GE(info.arena_bytes, 8000u);
      EXPECT_GE(info.output_bytes, 8000u);
    }
    EXPECT_EQ(hook.live, 0);
    EXPECT_EQ(hook.bytes, 0);
  }
}

TEST_F(AllocationTest, AGrowingShapeAllocatesSeldom) {
  Hook hook;
  Context context(loaded->model, hook.options(1, 4));
  for (int64_t rows = 1; rows < 2000; ++rows)
    mallocsOf(context, rows);
  EXPECT_LT(hook.calls, 150);
}

TEST_F(AllocationTest, PreparedShapesRunWithoutAllocation) {
  Hook hook;
  Context context(loaded->model, hook.options(1));
  int64_t shape[] = {64, 4};
  quantc_tensor x = quantc_cpu_tensor(nullptr, QUANTC_FLOAT, 32, 2, shape);
  quantc_value input = quantc_tensor_value("x", &x);
  quantc_value output = libraryOutput();
  ASSERT_EQ(quantc_prepare(context.context, 0, &input, 1, &output, 1),
            QUANTC_OK);
  int64_t calls = hook.calls;
  mallocsOf(context, 64);
  EXPECT_EQ(hook.calls, calls);
}

/// Shapes that are not larger take over the places of others.
TEST(PlanReuse, SmallerShapesUsePlacesOfLargerOnes) {
  TestModel test;
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId n = entry.symbol("n"), m = entry.symbol("m");
  TensorSpec first = {kF32, {n}}, second = {kF32, {m}};
  BufferId x = entry.addInputBuffer(entry.addInput("x", first));
  BufferId y = entry.addInputBuffer(entry.addInput("y", second));
  BufferId u = entry.addOutputBuffer(entry.addOutput("u", first));
  BufferId v = entry.addOutputBuffer(entry.addOutput("v", second));
  BufferId a = entry.addArena(entry.tensorBytes(first));
  BufferId b = entry.addArena(entry.tensorBytes(second));
  KernelId affine = test.kernel(affineKernel);
  ExprId one = entry.constant(1);
  entry.addStep({affine, "a", n, 1, {x, a}, {one}});
  entry.addStep({affine, "b", m, 1, {y, b}, {one}});
  entry.addStep({affine, "u", n, 1, {a, u}, {one}});
  entry.addStep({affine, "v", m, 1, {b, v}, {one}});
  Loaded loaded(test);
  Hook hook;
  Context context(loaded.model, hook.options(1, 3));
  int64_t shapes[][2] = {{100, 50}, {99, 1},  {3, 50}, {3, 51},
                         {51, 3},   {100, 0}, {0, 50}, {120, 120}};
  for (auto [rows, columns] : shapes) {
    FloatTensor left({rows}, std::vector<float>(size_t(rows), 2));
    FloatTensor right({columns}, std::vector<float>(size_t(columns), 5));
    std::vector<quantc_value> outputs = {libraryOutput(), libraryOutput()};
    ASSERT_EQ(context.run({left.value(), right.value()}, outputs), QUANTC_OK);
    EXPECT_EQ(floatsOf(*outputs[0].tensors),
              std::vector<float>(size_t(rows), 11));
    EXPECT_EQ(floatsOf(*outputs[1].tensors),
              std::vector<float>(size_t(columns), 23));
  }
  quantc_context_info info;
  quantc_get_context_info(context.context, &info);
  EXPECT_EQ(info.arena_bytes, 1024u);
}

/// Decoding: one row more in each run, in a buffer of fixed capacity.
TEST(DecodeAllocation, NoneAfterTheLargestShapeWasPrepared) {
  constexpr int64_t kCapacity = 600;
  TestModel test;
  buildCache(test);
  Loaded loaded(test);
  std::vector<float> buffer(2 * kCapacity * 4), row(2 * 4);
  std::vector<float> sums(2 * kCapacity);
  for (int shapes : {1, 4}) {
    Hook hook;
    Context context(loaded.model, hook.options(1, shapes));
    auto step = [&](int64_t rows, bool execute) {
      int64_t tokenShape[] = {2, 1, 4}, pastShape[] = {2, rows, 4};
      int64_t presentShape[] = {2, rows + 1, 4}, sumShape[] = {2, rows + 1};
      int64_t strides[] = {kCapacity * 4, 4, 1};
      quantc_tensor tensors[] = {
          quantc_cpu_tensor(row.data(), QUANTC_FLOAT, 32, 3, tokenShape),
          quantc_cpu_tensor(buffer.data(), QUANTC_FLOAT, 32, 3, pastShape),
          quantc_cpu_tensor(buffer.data(), QUANTC_FLOAT, 32, 3, presentShape),
          quantc_cpu_tensor(sums.data(), QUANTC_FLOAT, 32, 2, sumShape)};
      tensors[1].strides = tensors[2].strides = strides;
      quantc_value inputs[] = {quantc_tensor_value(nullptr, tensors),
                               quantc_tensor_value(nullptr, tensors + 1)};
      quantc_value outputs[] = {quantc_tensor_value(nullptr, tensors + 2),
                                quantc_tensor_value(nullptr, tensors + 3)};
      auto *call = execute ? quantc_run : quantc_prepare;
      return call(context.context, 0, inputs, 2, outputs, 2);
    };
    // Fills the shape cache, whose blocks are then used again.
    for (int i = 0; i < shapes; ++i)
      ASSERT_EQ(step(kCapacity - 1 - i, false), QUANTC_OK) << context.error();
    int64_t calls = hook.calls, bytes = hook.bytes, mallocs = mallocCalls;
    for (int64_t rows = 0; rows < kCapacity; ++rows)
      ASSERT_EQ(step(rows, true), QUANTC_OK) << context.error();
    EXPECT_EQ(mallocCalls, mallocs);
    EXPECT_EQ(hook.calls, calls);
    EXPECT_EQ(hook.bytes, bytes);
    quantc_context_info info;
    quantc_get_context_info(context.context, &info);
    EXPECT_EQ(info.cached_shapes, shapes);
    EXPECT_EQ(info.output_bytes, 0u);
  }
}

TEST_F(AllocationTest, MisalignedAllocatorIsRefused) {
  quantc_context_options options = {};
  static char memory[1 << 16];
  options.allocate = [](void *, size_t bytes, size_t) -> void * {
    auto base = reinterpret_cast<uintptr_t>(memory);
    return bytes < sizeof(memory) - 128 ? memory + (-base % 64) + 8 : nullptr;
  };
  options.deallocate = [](void *, void *, size_t, size_t) {};
  Context context(loaded->model, options);
  EXPECT_EQ(context.status, QUANTC_INVALID_ARGUMENT);
  EXPECT_STREQ(context.message, "expected 'allocate' to align to 64 bytes");
}

} // namespace
} // namespace quantc::runtime::test
