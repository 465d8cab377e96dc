// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arena planning: buffers alive together never overlap, whatever the lifetimes,
// and whole random programs give what an interpreter without an arena gives.

#include "Planner.h"
#include "TestModel.h"

#include <random>

namespace quantc::runtime::test {
namespace {

struct Planned {
  std::vector<PlanItem> items;
  int64_t total;
};

Planned plan(std::vector<PlanItem> items, int64_t limit = int64_t(1) << 46) {
  std::vector<uint32_t> order(items.size()), placed(items.size());
  int64_t total =
      planArena(items.data(), items.size(), order.data(), placed.data(), limit);
  return {std::move(items), total};
}

std::vector<PlanItem> randomItems(std::mt19937 &random, size_t count,
                                  uint32_t steps, uint32_t longest) {
  std::vector<PlanItem> items(count);
  for (PlanItem &item : items) {
    item.bytes = random() % 4 == 0 ? 0 : int64_t(random() % 5000);
    item.first = random() % steps;
    item.last = item.first + random() % longest;
  }
  return items;
}

void expectValid(const Planned &planned) {
  for (size_t i = 0; i < planned.items.size(); ++i) {
    const PlanItem &a = planned.items[i];
    EXPECT_EQ(a.offset % 64, 0);
    EXPECT_GE(a.offset, 0);
    EXPECT_LE(a.offset + a.bytes, planned.total);
    for (size_t k = 0; k < i; ++k) {
      const PlanItem &b = planned.items[k];
      bool together = a.first <= b.last && b.first <= a.last;
      bool apart =
          a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
      ASSERT_TRUE(!together || apart || !a.bytes || !b.bytes)
          << i << " and " << k;
    }
  }
}

int64_t mostAlive(const std::vector<PlanItem> &items) {
  int64_t most = 0;
  for (const PlanItem &at : items) {
    int64_t sum = 0;
    for (const PlanItem &item : items)
      if (item.first <= at.first && at.first <= item.last)
        sum += (item.bytes + 63) / 64 * 64;
    most = std::max(most, sum);
  }
  return most;
}

TEST(Planner, RandomLifetimesDoNotOverlap) {
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    size_t count = random() % 60;
    std::vector<PlanItem> items =
        randomItems(random, count, 1 + random() % 40, 1 + random() % 20);
    Planned planned = plan(items);
    expectValid(planned);
    EXPECT_GE(planned.total, mostAlive(items));
  }
}

TEST(Planner, ManyBuffersAreStillPackedWell) {
  std::mt19937 random(2);
  std::vector<PlanItem> items =
      randomItems(random, kPlanBySizeLimit * 2, 5000, 6);
  Planned planned = plan(items);
  expectValid(planned);
  EXPECT_LT(double(planned.total), 1.5 * double(mostAlive(items)));
}

TEST(Planner, ManyBuffersAliveAtOnce) {
  // One step each to be born, all read by the last: no gaps, and no search for
  // them, or this would take minutes.
  constexpr uint32_t count = 200000;
  std::vector<PlanItem> items;
  for (uint32_t i = 0; i < count; ++i)
    items.push_back({64, i, count, 0});
  EXPECT_EQ(plan(items).total, 64 * int64_t(count));
}

TEST(Planner, SmallestGapThatFits) {
  // Two gaps open at step 1, of 256 and 128 bytes; 100 bytes take the smaller.
  Planned planned = plan({{512, 0, 9, 0},
                          {256, 0, 0, 0},
                          {512, 0, 9, 0},
                          {128, 0, 0, 0},
                          {512, 0, 9, 0},
                          {100, 1, 2, 0}});
  expectValid(planned);
  EXPECT_EQ(planned.total, 3 * 512 + 256 + 128);
}

TEST(Planner, LimitsAndNothing) {
  EXPECT_EQ(plan({}).total, 0);
  EXPECT_EQ(plan({{0, 0, 0, 0}}).total, 0);
  EXPECT_EQ(plan({{1, 0, 0, 0}}).total, 64);
  EXPECT_EQ(plan({{1000, 0, 0, 0}}, 900).total, -1);
  EXPECT_EQ(plan({{600, 0, 0, 0}, {600, 0, 0, 0}}, 1000).total, -1);
  EXPECT_EQ(plan({{INT64_MAX, 0, 0, 0}}, INT64_MAX / 2).total, -1);
  Planned apart = plan({{600, 0, 0, 0}, {600, 1, 1, 0}}, 1000);
  EXPECT_EQ(apart.total, 640);
}

// Random programs.  Each step mixes its sources into its target word by word;
// scalars: words of the target, then words of each source.

uint32_t mix(const std::vector<const uint32_t *> &sources,
             const std::vector<int64_t> &words, int64_t at) {
  uint32_t hash = 2166136261u + uint32_t(at);
  for (size_t s = 0; s < sources.size(); ++s)
    if (words[s])
      hash = (hash ^ sources[s][at % words[s]]) * 16777619u;
  return hash;
}

template <int sourceCount>
void mixKernel(void *const *buffers, const int64_t *scalars, int64_t begin,
               int64_t end, void *scratch) {
  std::vector<const uint32_t *> sources;
  std::vector<int64_t> words;
  for (int s = 0; s < sourceCount; ++s) {
    sources.push_back(static_cast<const uint32_t *>(buffers[1 + s]));
    words.push_back(scalars[s]);
  }
  // Dirty all that a step may touch, so that an overlap cannot stay hidden.
  if (scratch)
    std::memset(scratch, 0xee, 200);
  for (int64_t i = begin; i < end; ++i)
    static_cast<uint32_t *>(buffers[0])[i] = mix(sources, words, i);
}

/// A program over `n` and, beside it, what is needed to run it naively.
struct RandomProgram {
  explicit RandomProgram(uint32_t seed) : random(seed) {
    EntryBuilder &entry = test.builder.addEntry("main");
    n = entry.symbol("n");
    KernelId kernels[] = {test.kernel(mixKernel<0>), test.kernel(mixKernel<1>),
                          test.kernel(mixKernel<2>), test.kernel(mixKernel<3>)};
    add(entry, entry.addInputBuffer(entry.addInput("x", {kWord, {n}})), 1, 0);
    size_t steps = 1 + random() % 30;
    for (size_t s = 0; s < steps; ++s) {
      bool isOutput = s + 1 == steps || random() % 8 == 0;
      int64_t scale = random() % 4, bias = random() % 300;
      ExprId words =
          entry.add(entry.mul(n, entry.constant(scale)), entry.constant(bias));
      BufferId target =
          isOutput
              ? entry.addOutputBuffer(entry.addOutput("y", {kWord, {words}}))
              : entry.addArena(entry.mul(words, entry.constant(4)));
      KernelStep step = {{}, "mix", words, 1 + int64_t(random() % 200), {}, {}};
      step.buffers = {target};
      std::vector<size_t> chosen;
      for (uint32_t i = random() % 4; i > 0; --i) {
        chosen.push_back(random() % sizes.size());
        step.buffers.push_back(buffers[chosen.back()]);
        step.scalars.push_back(exprs[chosen.back()]);
      }
      step.kernel = kernels[chosen.size()];
      if (random() % 3 == 0)
        step.scratchBytes = entry.constant(200);
      entry.addStep(step);
      sources.push_back(chosen);
      outputs.push_back(isOutput);
      add(entry, target, scale, bias);
    }
  }
  void add(EntryBuilder &entry, BufferId buffer, int64_t scale, int64_t bias) {
    buffers.push_back(buffer);
    sizes.push_back({scale, bias});
    exprs.push_back(
        entry.add(entry.mul(n, entry.constant(scale)), entry.constant(bias)));
  }
  std::vector<std::vector<uint32_t>> runNaively(std::vector<uint32_t> input) {
    int64_t extent = int64_t(input.size());
    std::vector<std::vector<uint32_t>> values = {std::move(input)}, results;
    for (size_t s = 0; s < sources.size(); ++s) {
      std::vector<const uint32_t *> from;
      std::vector<int64_t> words;
      for (size_t id : sources[s]) {
        from.push_back(values[id].data());
        words.push_back(int64_t(values[id].size()));
      }
      auto [scale, bias] = sizes[s + 1];
      std::vector<uint32_t> target(size_t(scale * extent + bias));
      for (size_t i = 0; i < target.size(); ++i)
        target[i] = mix(from, words, int64_t(i));
      if (outputs[s])
        results.push_back(target);
      values.push_back(std::move(target));
    }
    return results;
  }

  static constexpr program::DType kWord = {QUANTC_UINT, 32, 1};
  std::mt19937 random;
  TestModel test;
  ExprId n;
  std::vector<BufferId> buffers;
  std::vector<ExprId> exprs;
  std::vector<std::pair<int64_t, int64_t>> sizes;
  std::vector<std::vector<size_t>> sources;
  std::vector<bool> outputs;
};

void expectSame(RandomProgram &made, Context &context, int64_t extent) {
  HostTensor x(RandomProgram::kWord, {extent});
  std::vector<uint32_t> words(static_cast<size_t>(extent));
  for (uint32_t &word : words)
    word = uint32_t(made.random());
  x.tensor.data = words.data();
  auto expected = made.runNaively(words);
  std::vector<quantc_value> outputs(expected.size(), libraryOutput());
  ASSERT_EQ(context.run({x.value()}, outputs), QUANTC_OK) << context.error();
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(outputs[i].tensors->shape[0], int64_t(expected[i].size()));
    if (!expected[i].empty()) {
      ASSERT_EQ(memcmp(outputs[i].tensors->data, expected[i].data(),
                       expected[i].size() * 4),
                0)
          << "output " << i;
    }
  }
}

TEST(Planner, RandomProgramsAgreeWithAnInterpreter) {
  for (uint32_t seed = 0; seed < 120; ++seed) {
    RandomProgram made(seed);
    Loaded loaded(made.test);
    ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
    quantc_context_options options = {};
    options.threads = 1 + int(seed % 3);
    options.shape_cache = 2;
    Context context(loaded.model, options);
    for (int64_t extent : {5, 0, 300, 5, 1, 300})
      expectSame(made, context, extent);
  }
}

} // namespace
} // namespace quantc::runtime::test
