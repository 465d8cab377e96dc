// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes that follow from data: symbols bound during a run, what is planned when
// their phase opens, steps that a run jumps over, and what goes wrong.

#include "Pool.h"
#include "TestModel.h"

namespace quantc::runtime::test {
namespace {

/// The number of elements above 0.
void countKernel(void *const *buffers, const int64_t *scalars, int64_t, int64_t,
                 void *) {
  const auto *x = static_cast<const float *>(buffers[0]);
  int64_t count = 0;
  for (int64_t i = 0; i < scalars[0]; ++i)
    count += x[i] > 0;
  *static_cast<int64_t *>(buffers[1]) = count;
}

/// Those elements, by way of scratch memory.
void packKernel(void *const *buffers, const int64_t *scalars, int64_t, int64_t,
                void *scratch) {
  const auto *x = static_cast<const float *>(buffers[0]);
  auto *own = static_cast<float *>(scratch);
  int64_t count = 0;
  for (int64_t i = 0; i < scalars[0]; ++i)
    if (x[i] > 0)
      own[count++] = x[i];
  std::copy(own, own + count, static_cast<float *>(buffers[1]));
}

/// y [k] = 4 p + 3 of the k elements p of x [n] that are above 0.
void buildPack(TestModel &test) {
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId n = entry.symbol("n"), k = entry.symbol("k");
  ExprId one = entry.constant(1), four = entry.constant(4);
  BufferId x = entry.addInputBuffer(entry.addInput("x", {kF32, {n}}));
  BufferId y = entry.addOutputBuffer(entry.addOutput("y", {kF32, {k}}));
  BufferId count = entry.addArena(entry.constant(8));
  BufferId packed = entry.addArena(entry.mul(k, four));
  BufferId middle = entry.addArena(entry.mul(k, four));
  KernelId affine = test.kernel(affineKernel);
  entry.addStep({test.kernel(countKernel), "count", one, 1, {x, count}, {n}});
  entry.addBind("bind", "k", count, 8, "expected a count");
  entry.addCheck(entry.lt(k, entry.constant(5)), "at most 4 may be above 0");
  entry.addStep({test.kernel(packKernel),
                 "pack",
                 one,
                 1,
                 {x, packed},
                 {n},
                 entry.mul(k, four)});
  entry.addStep({affine, "first", k, 1, {packed, middle}, {one}});
  entry.addStep({affine, "second", k, 1, {middle, y}, {one}});
}

TEST(Phases, OutputShapeFollowsFromData) {
  TestModel test;
  buildPack(test);
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  for (int threads : {1, 3}) {
    Context context(loaded.model, threads);
    std::vector<quantc_value> outputs = {libraryOutput()};
    FloatTensor x({4}, {1, -1, 2, 0}), all({4}, {1, 2, 3, 4}), none({1}, {-1});
    for (int repeat = 0; repeat < 3; ++repeat) {
      ASSERT_EQ(context.run({x.value()}, outputs), QUANTC_OK)
          << context.error();
      EXPECT_EQ(shapeOf(*outputs[0].tensors), std::vector<int64_t>{2});
      EXPECT_EQ(floatsOf(*outputs[0].tensors), (std::vector<float>{7, 11}));
      ASSERT_EQ(context.run({all.value()}, outputs), QUANTC_OK);
      EXPECT_EQ(floatsOf(*outputs[0].tensors),
                (std::vector<float>{7, 11, 15, 19}));
      ASSERT_EQ(context.run({none.value()}, outputs), QUANTC_OK);
      EXPECT_EQ(shapeOf(*outputs[0].tensors), std::vector<int64_t>{0});
    }
  }
}

TEST(Phases, OutputOfTheCallerMustFit) {
  TestModel test;
  buildPack(test);
  Loaded loaded(test);
  Context context(loaded.model, 1);
  FloatTensor x({3}, {1, 0, 2}), right({2}, {0, 0}), wrong({3}, {0, 0, 0});
  std::vector<quantc_value> outputs = {right.value()};
  ASSERT_EQ(context.run({x.value()}, outputs), QUANTC_OK) << context.error();
  EXPECT_EQ(right.floats, (std::vector<float>{7, 11}));
  outputs = {wrong.value()};
  EXPECT_EQ(context.run({x.value()}, outputs), QUANTC_SHAPE_MISMATCH);
  EXPECT_EQ(context.error(), "expected output 'y' dimension 0 to be 2, got 3");
  EXPECT_EQ(wrong.floats, std::vector<float>(3));
  // Even where the memory of another output would do.
  outputs = {x.value("y")};
  EXPECT_EQ(context.run({x.value()}, outputs), QUANTC_ALIASING);
}

TEST(Phases, PrepareKnowsNoExtentOfData) {
  TestModel test;
  buildPack(test);
  Loaded loaded(test);
  Context context(loaded.model, 1);
  FloatTensor x({3}, {1, 0, 2});
  quantc_value input = x.value(), output = libraryOutput();
  for (int repeat = 0; repeat < 2; ++repeat) {
    ASSERT_EQ(quantc_prepare(context.context, 0, &input, 1, &output, 1),
              QUANTC_OK)
        << context.error();
    EXPECT_EQ(shapeOf(*output.tensors), std::vector<int64_t>{-1});
    ASSERT_EQ(context.run({x.value()}), QUANTC_OK);
  }
  char text[32] = "";
  EXPECT_EQ(quantc_dimension(loaded.model, 0, QUANTC_OUTPUT, 0, 0, 0, text,
                             sizeof(text)),
            -1);
  EXPECT_STREQ(text, "k");
}

TEST(Phases, ChecksOfDataAreMadeWhenItIsKnown) {
  TestModel test;
  buildPack(test);
  Loaded loaded(test);
  Context context(loaded.model, 1);
  FloatTensor five({5}, {1, 1, 1, 1, 1}), four({5}, {1, 1, 1, 1, 0});
  EXPECT_EQ(context.run({five.value()}), QUANTC_CHECK_FAILED);
  EXPECT_EQ(context.error(), "at most 4 may be above 0");
  EXPECT_EQ(context.run({four.value()}), QUANTC_OK);
  EXPECT_EQ(context.run({five.value()}), QUANTC_CHECK_FAILED);
}

TEST(Phases, LibraryOutputIsNoInputOfTheNextRun) {
  TestModel test;
  buildPack(test);
  Loaded loaded(test);
  Context context(loaded.model, 1);
  FloatTensor x({3}, {1, 0, 2});
  std::vector<quantc_value> outputs = {libraryOutput()};
  ASSERT_EQ(context.run({x.value()}, outputs), QUANTC_OK);
  quantc_value again = quantc_tensor_value(nullptr, outputs[0].tensors);
  EXPECT_EQ(context.run({again}), QUANTC_ALIASING);
}

/// y = zeros of the shape that is fed, of element type `type`.
void buildZeros(TestModel &test, program::DType type) {
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId bytes = entry.constant(type.bits / 8);
  BufferId shape = entry.addInputBuffer(
      entry.addInput("shape", {type, {entry.constant(2)}}));
  ExprId rows = entry.symbol("rows"), columns = entry.symbol("columns");
  BufferId y =
      entry.addOutputBuffer(entry.addOutput("y", {kF32, {rows, columns}}));
  entry.addBind("n", "rows", entry.addView(shape, entry.constant(0), bytes),
                type.bits / 8, "node 'n' needs sizes of at least 0");
  entry.addBind("n", "columns", entry.addView(shape, bytes, bytes),
                type.bits / 8, "node 'n' needs sizes of at least 0");
  KernelId zero = test.kernel([](void *const *buffers, const int64_t *scalars,
                                 int64_t begin, int64_t end, void *) {
    auto *to = static_cast<float *>(buffers[0]);
    std::fill(to + begin * scalars[0], to + end * scalars[0], 0.f);
  });
  entry.addStep({zero, "n", rows, 1, {y}, {columns}});
}

TEST(Phases, ShapeIsFed) {
  TestModel test;
  buildZeros(test, kI64);
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  Context context(loaded.model, 1);
  HostTensor shape(kI64, {2});
  std::vector<quantc_value> outputs = {libraryOutput()};
  auto run = [&](int64_t rows, int64_t columns) {
    int64_t values[] = {rows, columns};
    std::memcpy(shape.bytes.data(), values, sizeof(values));
    return context.run({shape.value()}, outputs);
  };
  ASSERT_EQ(run(2, 3), QUANTC_OK) << context.error();
  EXPECT_EQ(shapeOf(*outputs[0].tensors), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(floatsOf(*outputs[0].tensors), std::vector<float>(6));
  EXPECT_EQ(run(2, -3), QUANTC_CHECK_FAILED);
  EXPECT_EQ(context.error(), "node 'n' needs sizes of at least 0, got -3");
  EXPECT_EQ(run(INT64_MIN, 1), QUANTC_CHECK_FAILED);
  EXPECT_EQ(run(int64_t(1) << 62, 8), QUANTC_SIZE_OVERFLOW);
  EXPECT_EQ(run(int64_t(1) << 40, 1 << 10), QUANTC_SIZE_OVERFLOW);
  EXPECT_EQ(run(int64_t(1) << 62, 0), QUANTC_OK) << context.error();
  EXPECT_EQ(run(0, INT64_MAX), QUANTC_OK) << context.error();
  EXPECT_EQ(run(1, 1), QUANTC_OK) << context.error();
}

TEST(Phases, NarrowIntegersAndBooleans) {
  for (program::DType type :
       {program::DType{QUANTC_INT, 32, 1}, program::DType{QUANTC_BOOL, 8, 1}}) {
    TestModel test;
    buildZeros(test, type);
    Loaded loaded(test);
    ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
    Context context(loaded.model, 1);
    HostTensor shape(type, {2});
    shape.bytes[type.bits / 8] = 1;
    shape.bytes[0] = type.bits == 8 ? 1 : 3;
    std::vector<quantc_value> outputs = {libraryOutput()};
    ASSERT_EQ(context.run({shape.value()}, outputs), QUANTC_OK)
        << context.error();
    EXPECT_EQ(shapeOf(*outputs[0].tensors),
              (std::vector<int64_t>{shape.bytes[0], 1}));
  }
}

/// y = 2 x + 1 if `flag`, else x; with the flag, `extra` must not be negative.
void buildBranch(TestModel &test) {
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId n = entry.symbol("n"), one = entry.constant(1);
  constexpr program::DType kBool = {QUANTC_BOOL, 8, 1};
  BufferId x = entry.addInputBuffer(entry.addInput("x", {kF32, {n}}));
  BufferId flag = entry.addInputBuffer(entry.addInput("flag", {kBool, {}}));
  BufferId extra = entry.addInputBuffer(entry.addInput("extra", {kI64, {}}));
  BufferId y = entry.addOutputBuffer(entry.addOutput("y", {kF32, {n}}));
  ExprId yes = entry.symbol("flag is set");
  entry.addBind("if", "flag is set", flag, 1, "");
  entry.addBind("if", "extra", extra, 8, "needs an extra", yes);
  entry.beginSkip(yes);
  entry.addStep({test.kernel(affineKernel), "then", n, 1, {x, y}, {one}});
  entry.endSkip();
  entry.beginSkip(entry.logicalNot(yes));
  entry.addCopy("else", x, y);
  entry.endSkip();
}

TEST(Phases, SkippedStepsAndGuardedSymbols) {
  TestModel test;
  buildBranch(test);
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  std::vector<std::string> seen;
  quantc_context_options options = {};
  options.threads = 1;
  options.profile_user = &seen;
  options.profile = [](void *user, const quantc_step_event *event) {
    static_cast<std::vector<std::string> *>(user)->push_back(
        std::string(event->name) + ":" + event->kernel);
  };
  Context context(loaded.model, options);
  FloatTensor x({2}, {1, 2});
  HostTensor flag({QUANTC_BOOL, 8, 1}, {}), extra(kI64, {});
  std::vector<quantc_value> outputs = {libraryOutput()};
  auto run = [&] {
    return context.run({x.value(), flag.value(), extra.value()}, outputs);
  };
  ASSERT_EQ(run(), QUANTC_OK) << context.error();
  EXPECT_EQ(floatsOf(*outputs[0].tensors), (std::vector<float>{1, 2}));
  EXPECT_EQ(seen,
            (std::vector<std::string>{"if:bind", "if:bind", "else:copy"}));
  flag.bytes[0] = 1;
  seen.clear();
  ASSERT_EQ(run(), QUANTC_OK) << context.error();
  EXPECT_EQ(floatsOf(*outputs[0].tensors), (std::vector<float>{3, 5}));
  EXPECT_EQ(seen,
            (std::vector<std::string>{"if:bind", "if:bind", "then:kernel"}));
  std::fill_n(extra.bytes.begin(), 8, uint8_t(0xff)); // -1
  EXPECT_EQ(run(), QUANTC_CHECK_FAILED);
  EXPECT_EQ(context.error(), "needs an extra, got -1");
  flag.bytes[0] = 0; // nobody asks
  EXPECT_EQ(run(), QUANTC_OK) << context.error();
}

/// A program in the making whose input is one number.
struct NumberModel : TestModel {
  EntryBuilder &entry = builder.addEntry("main");
  BufferId x = entry.addInputBuffer(entry.addInput("x", {kI64, {}}));

  void bind() { entry.addBind("bind", "k", x, 8, ""); }
};

/// How many runs the pool is awake for.
int32_t seenRuns = 0;

TEST(Phases, ThreadsAreAwakeForALaterPhase) {
  NumberModel test;
  test.bind();
  KernelId look = test.kernel(
      [](void *const *, const int64_t *, int64_t begin, int64_t, void *) {
        if (begin == 0)
          seenRuns = quantc_default_pool_v1.runs;
      });
  test.entry.addStep({look, "look", test.entry.symbol("k"), 1, {}, {}});
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  Context context(loaded.model, 2);
  Number one(1), eight(8);
  ASSERT_EQ(context.run({one.value()}), QUANTC_OK) << context.error();
  EXPECT_EQ(seenRuns, 0);
  ASSERT_EQ(context.run({eight.value()}), QUANTC_OK) << context.error();
  EXPECT_EQ(seenRuns, 1);
  EXPECT_EQ(quantc_default_pool_v1.runs, 0);
}

TEST(Phases, UseBeforeTheBindIsRefused) {
  NumberModel test;
  EntryBuilder &entry = test.entry;
  BufferId y =
      entry.addOutputBuffer(entry.addOutput("y", {kI64, {entry.symbol("k")}}));
  entry.addCopy("early", test.x, y);
  test.bind();
  EXPECT_EQ(refusalOf(test), "program is damaged: entry 0: operand 1 of step 0 "
                             "belongs to a phase that is not open behind phase "
                             "0");
}

TEST(Phases, InputOfADataShapeIsRefused) {
  NumberModel test;
  EntryBuilder &entry = test.entry;
  entry.addInput("y",
                 {kI64, {entry.add(entry.symbol("k"), entry.constant(1))}});
  test.bind();
  EXPECT_EQ(refusalOf(test),
            "program is damaged: entry 0: input tensor 1 has phase 1");
}

TEST(Phases, TwoBindsOfOneSymbolAreRefused) {
  NumberModel test;
  test.bind();
  test.bind();
  EXPECT_EQ(refusalOf(test),
            "program is damaged: entry 0: expected one step to "
            "bind 'k', got 2");
}

TEST(Phases, SkippedBindIsRefused) {
  NumberModel test;
  test.entry.beginSkip(test.entry.constant(0));
  test.bind();
  test.entry.endSkip();
  EXPECT_EQ(refusalOf(test),
            "program is damaged: entry 0: skip step 0 jumps over 1 of 1 steps");
}

} // namespace
} // namespace quantc::runtime::test
