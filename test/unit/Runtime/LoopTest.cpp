// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops in a program: what slots carry, collect and lose, phases that open in
// each iteration, and programs whose loops are damaged.

#include "TestModel.h"

namespace quantc::runtime::test {
namespace {

/// Whether a number is above 0, and 0.
void startKernel(void *const *buffers, const int64_t *, int64_t, int64_t,
                 void *) {
  *static_cast<char *>(buffers[1]) = *static_cast<int64_t *>(buffers[0]) > 0;
  *static_cast<int64_t *>(buffers[2]) = 0;
}

/// The next number, and whether it is below a limit.
void advanceKernel(void *const *buffers, const int64_t *, int64_t, int64_t,
                   void *) {
  int64_t next = *static_cast<int64_t *>(buffers[0]) + 1;
  *static_cast<int64_t *>(buffers[2]) = next;
  *static_cast<char *>(buffers[3]) = next < *static_cast<int64_t *>(buffers[1]);
}

/// The elements, and their number as a float, by way of scratch memory.
void growKernel(void *const *buffers, const int64_t *scalars, int64_t, int64_t,
                void *scratch) {
  auto *own = static_cast<float *>(scratch);
  std::copy_n(static_cast<const float *>(buffers[0]), scalars[0], own);
  own[scalars[0]] = float(scalars[0]);
  std::copy_n(own, scalars[0] + 1, static_cast<float *>(buffers[1]));
}

/// The sum of two scalars.
void sumKernel(void *const *buffers, const int64_t *scalars, int64_t, int64_t,
               void *) {
  *static_cast<int64_t *>(buffers[0]) = scalars[0] + scalars[1];
}

/// What all tests share: `m` iterations, counted.
struct LoopBuilder {
  explicit LoopBuilder(TestModel &test)
      : test(test), entry(test.builder.addEntry("main")) {
    limit = entry.addInputBuffer(entry.addInput("m", {kI64, {}}));
    more = entry.addSlot(), count = entry.addSlot();
  }
  BufferId number() { return entry.addArena(entry.constant(8)); }
  BufferId flag() { return entry.addArena(entry.constant(1)); }
  void begin() {
    BufferId first = flag(), zero = number();
    entry.addStep({test.kernel(startKernel),
                   "start",
                   entry.constant(1),
                   1,
                   {limit, first, zero},
                   {}});
    entry.addStore("loop", first, more);
    entry.addStore("loop", zero, count);
    entry.beginWhile("loop", more);
    counter = number();
    entry.addLoad("loop", count, counter);
  }
  bool end() {
    BufferId next = number(), again = flag();
    entry.addStep({test.kernel(advanceKernel),
                   "advance",
                   entry.constant(1),
                   1,
                   {counter, limit, next, again},
                   {}});
    entry.addStore("loop", again, more);
    entry.addStore("loop", next, count);
    return entry.endWhile();
  }
  /// Binds the number of iterations.
  void bindCount(const char *symbol) {
    BufferId last = number();
    entry.addLoad("loop", count, last);
    entry.addBind("loop", symbol, last, 8, "");
  }

  TestModel &test;
  EntryBuilder &entry;
  BufferId limit, counter = {};
  SlotId more, count;
};

/// y [n] is x after m times 2 x + 1, and all [k, n] what each gave.
void buildCollect(TestModel &test) {
  LoopBuilder loop(test);
  EntryBuilder &entry = loop.entry;
  ExprId n = entry.symbol("n"), k = entry.symbol("k");
  ExprId bytes = entry.mul(n, entry.constant(4));
  BufferId x = entry.addInputBuffer(entry.addInput("x", {kF32, {n}}));
  BufferId y = entry.addOutputBuffer(entry.addOutput("y", {kF32, {n}}));
  BufferId all = entry.addOutputBuffer(entry.addOutput("all", {kF32, {k, n}}));
  SlotId value = entry.addSlot(), parts = entry.addSlot();
  entry.addStore("loop", x, value);
  entry.addClear("loop", parts);
  loop.begin();
  BufferId now = entry.addArena(bytes), next = entry.addArena(bytes);
  entry.addLoad("loop", value, now);
  entry.addStep({test.kernel(affineKernel),
                 "affine",
                 n,
                 1,
                 {now, next},
                 {entry.constant(1)}});
  entry.addStore("loop", next, value);
  entry.addPush("loop", next, parts);
  EXPECT_FALSE(loop.end());
  loop.bindCount("k");
  entry.addLoad("loop", value, y);
  entry.addLoad("loop", parts, all);
}

TEST(Loops, CarryAndCollect) {
  TestModel test;
  buildCollect(test);
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  for (int threads : {1, 3}) {
    Context context(loaded.model, threads);
    std::vector<quantc_value> outputs = {libraryOutput(), libraryOutput()};
    FloatTensor x({2}, {1, -1});
    for (int64_t m : {2, 0, 3, -1, 30, 2}) {
      Number limit(m);
      ASSERT_EQ(context.run({limit.value(), x.value()}, outputs), QUANTC_OK)
          << context.error();
      std::vector<float> now = {1, -1}, all;
      for (int64_t i = 0; i < m; ++i)
        for (float &v : now)
          all.push_back(v = 2 * v + 1);
      EXPECT_EQ(floatsOf(*outputs[0].tensors), now);
      EXPECT_EQ(shapeOf(*outputs[1].tensors),
                (std::vector<int64_t>{std::max<int64_t>(m, 0), 2}));
      // An element of one iteration follows the other.
      std::vector<float> rows;
      now = {1, -1};
      for (int64_t i = 0; i < m; ++i)
        for (float &v : now)
          rows.push_back(v = 2 * v + 1);
      EXPECT_EQ(floatsOf(*outputs[1].tensors), rows);
    }
  }
}

/// y [k] is x with m numbers behind; its length is bound in each iteration.
void buildGrow(TestModel &test, bool isBoundBehind = true) {
  LoopBuilder loop(test);
  EntryBuilder &entry = loop.entry;
  ExprId n = entry.symbol("n"), now = entry.symbol("now"),
         k = entry.symbol("k");
  ExprId four = entry.constant(4), one = entry.constant(1);
  ExprId next = entry.add(now, one);
  BufferId x = entry.addInputBuffer(entry.addInput("x", {kF32, {n}}));
  BufferId y = entry.addOutputBuffer(entry.addOutput("y", {kF32, {k}}));
  SlotId value = entry.addSlot();
  entry.addStore("loop", x, value);
  loop.begin();
  entry.addBind("loop", "extra", loop.counter, 8, "");
  entry.addCheck(entry.lt(entry.symbol("extra"), entry.constant(50)),
                 "at most 50 iterations");
  BufferId length = loop.number(),
           before = entry.addArena(entry.mul(now, four));
  BufferId after = entry.addArena(entry.mul(next, four));
  entry.addStep({test.kernel(sumKernel),
                 "length",
                 one,
                 1,
                 {length},
                 {n, entry.symbol("extra")}});
  entry.addBind("loop", "now", length, 8, "");
  entry.addLoad("loop", value, before);
  entry.addStep({test.kernel(growKernel),
                 "grow",
                 one,
                 1,
                 {before, after},
                 {now},
                 entry.mul(next, four)});
  entry.addStore("loop", after, value);
  EXPECT_TRUE(loop.end());
  loop.bindCount("iterations");
  if (isBoundBehind) {
    BufferId total = loop.number();
    entry.addStep({test.kernel(sumKernel),
                   "length",
                   one,
                   1,
                   {total},
                   {n, entry.symbol("iterations")}});
    entry.addBind("loop", "k", total, 8, "");
  } else {
    entry.addBind("loop", "k", loop.limit, 8, "");
  }
  entry.addLoad("loop", value, y);
}

TEST(Loops, SizesOfEachIteration) {
  TestModel test;
  buildGrow(test);
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  Context context(loaded.model, 2);
  std::vector<quantc_value> outputs = {libraryOutput()};
  FloatTensor x({2}, {5, 7}), none({0}, {});
  auto run = [&](FloatTensor &value, int64_t m) {
    Number limit(m);
    return context.run({limit.value(), value.value()}, outputs);
  };
  for (int64_t m : {3, 0, 40, 1, 3}) {
    ASSERT_EQ(run(x, m), QUANTC_OK) << context.error();
    std::vector<float> expected = {5, 7};
    while (int64_t(expected.size()) < m + 2)
      expected.push_back(float(expected.size()));
    EXPECT_EQ(floatsOf(*outputs[0].tensors), expected);
  }
  ASSERT_EQ(run(none, 2), QUANTC_OK) << context.error();
  EXPECT_EQ(floatsOf(*outputs[0].tensors), (std::vector<float>{0, 1}));
  EXPECT_EQ(run(x, 60), QUANTC_CHECK_FAILED);
  EXPECT_EQ(context.error(), "at most 50 iterations");
  ASSERT_EQ(run(x, 1), QUANTC_OK) << context.error();
}

TEST(Loops, ASlotOfAnotherSizeIsRefused) {
  TestModel test;
  buildGrow(test, /*isBoundBehind=*/false);
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  Context context(loaded.model, 1);
  std::vector<quantc_value> outputs = {libraryOutput()};
  FloatTensor x({2}, {5, 7});
  Number limit(3);
  EXPECT_EQ(context.run({limit.value(), x.value()}, outputs),
            QUANTC_SHAPE_MISMATCH);
  EXPECT_NE(context.error().find("takes 12 bytes where a loop gives 20"),
            std::string::npos)
      << context.error();
}

TEST(Loops, ASymbolOfTheLoopIsUnknownBehindIt) {
  TestModel test;
  LoopBuilder loop(test);
  loop.begin();
  loop.entry.addBind("loop", "now", loop.counter, 8, "");
  EXPECT_TRUE(loop.end());
  loop.bindCount("k");
  ExprId now = loop.entry.symbol("now");
  loop.entry.addLoad("loop", loop.count, loop.entry.addArena(now));
  EXPECT_NE(refusalOf(test).find("belongs to a phase that is not open"),
            std::string::npos);
}

TEST(Loops, NoOutputBelongsToALoop) {
  TestModel test;
  LoopBuilder loop(test);
  loop.entry.addOutput("y", {kI64, {loop.entry.symbol("now")}});
  loop.begin();
  loop.entry.addBind("loop", "now", loop.counter, 8, "");
  EXPECT_TRUE(loop.end());
  EXPECT_EQ(refusalOf(test),
            "program is damaged: entry 0: output tensor 0 has phase 1");
}

TEST(Loops, StepsBehindALoopWithBindsNeedABind) {
  TestModel test;
  LoopBuilder loop(test);
  loop.begin();
  loop.entry.addBind("loop", "now", loop.counter, 8, "");
  EXPECT_TRUE(loop.end());
  loop.entry.addCopy("late", loop.limit, loop.number());
  EXPECT_NE(refusalOf(test).find("follows a loop with bind steps"),
            std::string::npos);
}

TEST(Loops, DamagedJumpsAndSlotsAreRefused) {
  TestModel test;
  buildCollect(test);
  const std::vector<uint8_t> original = test.builder.finish();
  auto refusal = [&](program::StepKind kind, auto damage) {
    AlignedBytes bytes(original);
    auto *header = reinterpret_cast<program::Header *>(bytes.data.get());
    auto *steps = reinterpret_cast<program::Step *>(bytes.data.get() +
                                                    header->steps.offset);
    for (uint64_t i = 0; i < header->steps.count; ++i)
      if (steps[i].kind == kind)
        damage(steps[i]);
    header->checksum = program::checksum(bytes.data.get(), bytes.size);
    char message[256] = "";
    EXPECT_FALSE(program::validateProgram(bytes.data.get(), bytes.size, message,
                                          sizeof(message)));
    return std::string(message);
  };
  for (int64_t grain : {int64_t(-1), int64_t(0), int64_t(1), INT64_MAX,
                        INT64_MIN, int64_t(1000)}) {
    auto jump = [&](program::Step &step) { step.grain = grain; };
    for (auto kind : {program::StepKind::While, program::StepKind::Repeat})
      EXPECT_NE(refusal(kind, jump).find("is not closed"), std::string::npos);
  }
  for (auto kind : {program::StepKind::Store, program::StepKind::Push,
                    program::StepKind::Load, program::StepKind::While})
    EXPECT_NE(refusal(kind, [](auto &step) { step.kernel = 4; }).find("slot 4"),
              std::string::npos);
}

} // namespace
} // namespace quantc::runtime::test
