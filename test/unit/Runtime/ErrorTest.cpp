// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every way to call a model wrongly gives a status and a message, and leaves
// the context usable.

#include "TestModel.h"

namespace quantc::runtime::test {
namespace {

/// a: [batch, seq, 4], b: [batch, past], c: [past + seq] -> y: [batch]
void buildShapes(TestModel &test) {
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId batch = entry.symbol("batch"), seq = entry.symbol("seq");
  ExprId past = entry.symbol("past");
  entry.addInput("a", {kF32, {batch, seq, entry.constant(4)}});
  entry.addInput("b", {kF32, {batch, past}, 16});
  entry.addInput("c", {kI8, {entry.add(past, seq)}});
  entry.addOutput("y", {kF32, {batch}});
  entry.addCheck(entry.le(seq, entry.constant(100)),
                 "dimension 'seq' must be at most 100");
  entry.addArena(entry.mul(entry.mul(seq, seq), entry.mul(seq, seq)));
}

struct ErrorTest : testing::Test {
  ErrorTest() {
    buildShapes(model);
    loaded = std::make_unique<Loaded>(model);
    EXPECT_EQ(loaded->status, QUANTC_OK) << loaded->message;
    context = std::make_unique<Context>(loaded->model, 1);
    storage.resize(4096);
    a.tensor.data = b.tensor.data = c.tensor.data = aligned();
  }
  char *aligned() {
    return storage.data() + -reinterpret_cast<uintptr_t>(storage.data()) % 64;
  }
  void expect(quantc_status status, const std::string &message) {
    expect(status, message, {a.value(), b.value(), c.value()});
  }
  void expect(quantc_status status, const std::string &message,
              std::vector<quantc_value> inputs,
              std::vector<quantc_value> outputs = {}) {
    EXPECT_EQ(context->run(inputs, outputs), status);
    EXPECT_EQ(context->error(), message);
  }

  TestModel model;
  std::unique_ptr<Loaded> loaded;
  std::unique_ptr<Context> context;
  std::vector<char> storage;
  HostTensor a{kF32, {2, 3, 4}}, b{kF32, {2, 5}}, c{kI8, {8}};
};

TEST_F(ErrorTest, NothingIsWrong) { expect(QUANTC_OK, ""); }

TEST_F(ErrorTest, Names) {
  expect(QUANTC_NOT_FOUND,
         "no input is named 'z'; expected one of 'a', 'b', 'c'",
         {a.value("z")});
  expect(QUANTC_INVALID_ARGUMENT, "input 'c' is missing",
         {a.value(), b.value()});
  expect(QUANTC_INVALID_ARGUMENT,
         "input 'a' is given twice, at positions 0 and 1",
         {a.value(), a.value("a")});
  expect(QUANTC_INVALID_ARGUMENT, "expected 3 inputs, got one at position 3",
         {a.value(), b.value(), c.value(), c.value()});
  expect(QUANTC_NOT_FOUND, "no output is named 'z'; expected one of 'y'",
         {a.value(), b.value(), c.value()}, {libraryOutput("z")});
  // Names free the order.
  expect(QUANTC_OK, "", {c.value("c"), a.value("a"), b.value("b")});
}

TEST_F(ErrorTest, TypeRankAndKind) {
  HostTensor wrong(kI8, {2, 3, 4});
  expect(QUANTC_TYPE_MISMATCH, "expected input 'a' to be of float32, got int8",
         {wrong.value(), b.value(), c.value()});
  HostTensor flat(kF32, {24});
  expect(QUANTC_RANK_MISMATCH, "expected input 'a' to have 3 dimensions, got 1",
         {flat.value(), b.value(), c.value()});
  quantc_value sequence = a.value();
  sequence.kind = QUANTC_SEQUENCE;
  expect(QUANTC_TYPE_MISMATCH,
         "expected input 'a' to be a tensor, got a sequence",
         {sequence, b.value(), c.value()});
}

TEST_F(ErrorTest, FixedDimension) {
  a.shape[2] = 5;
  expect(QUANTC_SHAPE_MISMATCH,
         "expected input 'a' dimension 2 to be 4, got 5");
  a.shape[2] = -4;
  expect(QUANTC_SHAPE_MISMATCH, "input 'a' dimension 2 is negative: -4");
}

TEST_F(ErrorTest, TiedDimension) {
  b.shape[0] = 7;
  expect(QUANTC_SHAPE_MISMATCH, "dimension 'batch' is 2 in input 'a' (axis 0) "
                                "but 7 in input 'b' (axis 0)");
}

TEST_F(ErrorTest, DerivedDimension) {
  c.shape[0] = 9;
  expect(QUANTC_SHAPE_MISMATCH,
         "expected input 'c' dimension 0 to be 8 (seq + past), got 9");
}

TEST_F(ErrorTest, CheckOfTheProgram) {
  a.shape[1] = 101;
  c.shape[0] = 106;
  expect(QUANTC_CHECK_FAILED, "dimension 'seq' must be at most 100");
  // It also wins over the overflow that it guards against.
  a.shape = {0, int64_t(1) << 40, 4};
  b.shape[0] = 0;
  c.shape[0] = (int64_t(1) << 40) + 5;
  expect(QUANTC_CHECK_FAILED, "dimension 'seq' must be at most 100");
}

TEST_F(ErrorTest, Pointers) {
  a.tensor.data = nullptr;
  expect(QUANTC_INVALID_ARGUMENT, "data of input 'a' is null");
  a.tensor.shape = nullptr;
  expect(QUANTC_INVALID_ARGUMENT, "'shape' of input 'a' is null");
  quantc_value empty = a.value();
  empty.tensors = nullptr;
  expect(QUANTC_INVALID_ARGUMENT, "'tensors' of input 'a' is null", {empty});
  EXPECT_EQ(quantc_run(context->context, 0, nullptr, 1, nullptr, 0),
            QUANTC_INVALID_ARGUMENT);
  EXPECT_EQ(quantc_runtime_api()->run(nullptr, 0, nullptr, 0, nullptr, 0),
            QUANTC_INVALID_ARGUMENT);
  quantc_context_destroy(nullptr);
  quantc_model_destroy(nullptr);
}

TEST_F(ErrorTest, Strides) {
  int64_t strides[] = {12, 4, 2};
  a.tensor.strides = strides;
  expect(QUANTC_NOT_CONTIGUOUS, "expected input 'a' to be contiguous in "
                                "row-major order; copy it first");
}

TEST_F(ErrorTest, AlignmentAndDevice) {
  b.tensor.data = aligned() + 8;
  EXPECT_EQ(context->run({a.value(), b.value(), c.value()}), QUANTC_MISALIGNED);
  EXPECT_EQ(context->error().find("expected data of input 'b' aligned to 16 "
                                  "bytes, got address "),
            0u);
  a.tensor.device.device_type = QUANTC_CUDA;
  expect(QUANTC_WRONG_DEVICE,
         "expected input 'a' in CPU memory (device 1), got device 2");
}

TEST_F(ErrorTest, Overflow) {
  a.shape = {int64_t(1) << 40, int64_t(1) << 40, 4};
  expect(QUANTC_SIZE_OVERFLOW, "size of input 'a' overflows");
}

TEST_F(ErrorTest, OutputsOfTheCaller) {
  HostTensor y(kF32, {3});
  expect(QUANTC_SHAPE_MISMATCH,
         "expected output 'y' dimension 0 to be 2, got 3",
         {a.value(), b.value(), c.value()}, {y.value()});
  HostTensor wrong(kI8, {2});
  expect(QUANTC_TYPE_MISMATCH, "expected output 'y' to be of float32, got int8",
         {a.value(), b.value(), c.value()}, {wrong.value()});
}

TEST_F(ErrorTest, EntryAndOptions) {
  std::vector<quantc_value> none;
  EXPECT_EQ(context->run({}, none, 4), QUANTC_NOT_FOUND);
  EXPECT_EQ(context->error(), "expected an entry point below 1, got 4");
  Context negative(loaded->model, -1);
  EXPECT_EQ(negative.status, QUANTC_INVALID_ARGUMENT);
  EXPECT_STREQ(negative.message, "expected 'threads' from 0 to 1024, got -1");
  struct {
    quantc_context_options known;
    int64_t later;
  } newer = {};
  newer.known.struct_size = sizeof(newer);
  quantc_context *made = nullptr;
  auto create = [&] {
    return quantc_context_create(loaded->model, &newer.known, &made, nullptr,
                                 0);
  };
  EXPECT_EQ(create(), QUANTC_OK);
  quantc_context_destroy(made);
  newer.later = 1;
  EXPECT_EQ(create(), QUANTC_INVALID_ARGUMENT);
  EXPECT_STREQ(quantc_runtime_api()->status_name(QUANTC_ALIASING), "aliasing");
  EXPECT_STREQ(quantc_runtime_api()->status_name(99), "unknown status");
}

TEST_F(ErrorTest, Features) {
  TestModel test;
  buildAffine(test);
  EXPECT_TRUE(test.builder.requireFeature("sse3"));
  EXPECT_FALSE(test.builder.requireFeature("no-such-feature"));
  EXPECT_EQ(Loaded(test).status, QUANTC_OK);
  // No CPU has all of these.
  for (const char *name : {"avx512vp2intersect", "amx-complex", "avxvnniint16"})
    EXPECT_TRUE(test.builder.requireFeature(name));
  Loaded loaded(test);
  EXPECT_EQ(loaded.status, QUANTC_UNSUPPORTED_CPU);
  EXPECT_NE(std::string(loaded.message).find("model needs CPU feature '"),
            std::string::npos);
}

TEST_F(ErrorTest, NoMemory) {
  for (int budget = 0;; ++budget) {
    int left = budget;
    quantc_context_options options = {};
    options.threads = 1;
    options.allocator_user = &left;
    options.allocate = [](void *user, size_t bytes,
                          size_t alignment) -> void * {
      int &rest = *static_cast<int *>(user);
      if (rest-- <= 0)
        return nullptr;
      return aligned_alloc(alignment,
                           (bytes + alignment - 1) / alignment * alignment);
    };
    options.deallocate = [](void *, void *memory, size_t, size_t) {
      free(memory);
    };
    Context limited(loaded->model, options);
    if (limited.status == QUANTC_OK) {
      std::vector<quantc_value> outputs = {libraryOutput()};
      quantc_status status =
          limited.run({a.value(), b.value(), c.value()}, outputs);
      if (status == QUANTC_OK)
        return;
      EXPECT_EQ(status, QUANTC_OUT_OF_MEMORY);
      EXPECT_NE(limited.error().find("no memory for "), std::string::npos);
    } else {
      EXPECT_EQ(limited.status, QUANTC_OUT_OF_MEMORY);
    }
    ASSERT_LT(budget, 10);
  }
}

TEST_F(ErrorTest, ABusyContextIsRefused) {
  TestModel test;
  EntryBuilder &entry = test.builder.addEntry("main");
  TensorSpec spec = {{QUANTC_UINT, 64, 1}, {entry.constant(1)}};
  BufferId x = entry.addInputBuffer(entry.addInput("context", spec));
  BufferId y = entry.addOutputBuffer(entry.addOutput("status", spec));
  KernelId again = test.kernel(
      [](void *const *buffers, const int64_t *, int64_t, int64_t, void *) {
        auto *inner = *static_cast<quantc_context **>(buffers[0]);
        *static_cast<uint64_t *>(buffers[1]) =
            uint64_t(quantc_run(inner, 0, nullptr, 0, nullptr, 0));
      });
  entry.addStep({again, "again", entry.constant(1), 1, {x, y}, {}});
  Loaded self(test);
  Context outer(self.model, 1);
  HostTensor input({QUANTC_UINT, 64, 1}, {1});
  input.tensor.data = &outer.context;
  std::vector<quantc_value> outputs = {libraryOutput()};
  ASSERT_EQ(outer.run({input.value()}, outputs), QUANTC_OK) << outer.error();
  EXPECT_EQ(*static_cast<uint64_t *>(outputs[0].tensors->data),
            uint64_t(QUANTC_BUSY));
}

TEST_F(ErrorTest, MessagesFitAnyBuffer) {
  char full[256];
  quantc_model *model = nullptr;
  quantc_model_create(quantc_runtime_api(), nullptr, &model, full,
                      sizeof(full));
  EXPECT_STREQ(full, "'image' is null");
  for (size_t size = 0; size < 12; ++size) {
    std::vector<char> text(size + 1, '#');
    quantc_model_create(quantc_runtime_api(), nullptr, &model, text.data(),
                        size);
    EXPECT_EQ(text[size], '#');
    if (size)
      EXPECT_EQ(std::string(text.data()), std::string(full, size - 1));
  }
}

} // namespace
} // namespace quantc::runtime::test
