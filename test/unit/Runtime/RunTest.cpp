// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a run does when everything is right: positions and names, outputs of the
// library and of the caller, entry points, optionals, sequences, empty tensors.

#include "TestModel.h"

namespace quantc::runtime::test {
namespace {

TEST(Run, OutputOfTheLibrary) {
  TestModel test;
  buildAffine(test);
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  Context context(loaded.model, 1);
  FloatTensor x({2, 4}, {0, 1, 2, 3, 4, 5, 6, 7});
  std::vector<quantc_value> outputs = {libraryOutput()};
  ASSERT_EQ(context.run({x.value()}, outputs), QUANTC_OK) << context.error();
  ASSERT_EQ(outputs[0].count, 1);
  EXPECT_EQ(shapeOf(*outputs[0].tensors), (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(floatsOf(*outputs[0].tensors),
            (std::vector<float>{3, 7, 11, 15, 19, 23, 27, 31}));
  // The same struct again, with another shape: it is still the library's.
  FloatTensor longer({3, 4}, std::vector<float>(12, 1));
  ASSERT_EQ(context.run({longer.value()}, outputs), QUANTC_OK);
  EXPECT_EQ(floatsOf(*outputs[0].tensors), std::vector<float>(12, 7));
}

TEST(Run, OutputOfTheCallerAndNames) {
  TestModel test;
  buildAffine(test);
  Loaded loaded(test);
  Context context(loaded.model, 1);
  FloatTensor x({1, 4}, {1, 2, 3, 4}), y({1, 4}, std::vector<float>(4));
  std::vector<quantc_value> outputs = {y.value("y")};
  ASSERT_EQ(context.run({x.value("x")}, outputs), QUANTC_OK);
  EXPECT_EQ(y.floats, (std::vector<float>{7, 11, 15, 19}));
  EXPECT_EQ(outputs[0].tensors, &y.tensor);
  quantc_context_info info = {};
  ASSERT_EQ(quantc_get_context_info(context.context, &info), QUANTC_OK);
  EXPECT_EQ(info.output_bytes, 0u);
  EXPECT_EQ(info.threads, 1);
  EXPECT_EQ(info.cached_shapes, 1);
}

TEST(Run, ByteOffsetAndStrides) {
  TestModel test;
  buildAffine(test);
  Loaded loaded(test);
  Context context(loaded.model, 1);
  FloatTensor x({1, 4}, {9, 9, 1, 2, 3, 4});
  int64_t strides[] = {77, 1}; // of an axis of extent 1 it does not matter
  x.tensor.byte_offset = 8;
  x.tensor.strides = strides;
  std::vector<quantc_value> outputs = {libraryOutput("y")};
  ASSERT_EQ(context.run({x.value()}, outputs), QUANTC_OK) << context.error();
  EXPECT_EQ(floatsOf(*outputs[0].tensors), (std::vector<float>{7, 11, 15, 19}));
}

TEST(Run, EmptyTensor) {
  TestModel test;
  buildAffine(test);
  Loaded loaded(test);
  Context context(loaded.model, 2);
  FloatTensor x({0, 4}, {});
  x.tensor.data = nullptr;
  std::vector<quantc_value> outputs = {libraryOutput()};
  ASSERT_EQ(context.run({x.value()}, outputs), QUANTC_OK) << context.error();
  EXPECT_EQ(shapeOf(*outputs[0].tensors), (std::vector<int64_t>{0, 4}));
}

TEST(Run, PrepareTellsShapesWithoutData) {
  TestModel test;
  buildAffine(test);
  Loaded loaded(test);
  Context context(loaded.model, 1);
  FloatTensor x({5, 4}, {});
  x.tensor.data = nullptr;
  quantc_value input = x.value(), output = libraryOutput();
  ASSERT_EQ(quantc_prepare(context.context, 0, &input, 1, &output, 1),
            QUANTC_OK)
      << context.error();
  EXPECT_EQ(shapeOf(*output.tensors), (std::vector<int64_t>{5, 4}));
  EXPECT_EQ(output.tensors->data, nullptr);
}

TEST(Run, ScratchIsAlignedAndPerWorker) {
  TestModel test;
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId n = entry.symbol("n");
  TensorSpec spec = {kF32, {n}};
  BufferId x = entry.addInputBuffer(entry.addInput("x", spec));
  BufferId y = entry.addOutputBuffer(entry.addOutput("y", spec));
  KernelId kernel = test.kernel([](void *const *buffers, const int64_t *,
                                   int64_t begin, int64_t end, void *scratch) {
    auto *own = static_cast<float *>(scratch);
    bool aligned = reinterpret_cast<uintptr_t>(scratch) % 64 == 0;
    for (int64_t i = begin; i < end; ++i) {
      for (int k = 0; k < 25; ++k)
        own[k] = static_cast<const float *>(buffers[0])[i] + float(k);
      float sum = 0;
      for (int k = 0; k < 25; ++k)
        sum += own[k];
      static_cast<float *>(buffers[1])[i] = aligned ? sum : -1;
    }
  });
  entry.addStep({kernel, "node", n, 1, {x, y}, {}, entry.constant(100)});
  Loaded loaded(test);
  for (int threads : {1, 2, 5}) {
    Context context(loaded.model, threads);
    FloatTensor input({1000}, std::vector<float>(1000, 2));
    std::vector<quantc_value> outputs = {libraryOutput()};
    ASSERT_EQ(context.run({input.value()}, outputs), QUANTC_OK);
    EXPECT_EQ(floatsOf(*outputs[0].tensors), std::vector<float>(1000, 350));
  }
}

TEST(Run, ViewsWeightsAndCopies) {
  TestModel test;
  std::vector<float> weights = {10, 20, 30, 40, 50, 60, 70, 80};
  test.weights.resize(96);
  std::memcpy(test.weights.data() + 64, weights.data(), 32);
  test.builder.setEmbeddedWeights(96, std::array<uint8_t, 32>{});
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId two = entry.constant(2), bytes = entry.constant(8);
  BufferId x = entry.addInputBuffer(entry.addInput("x", {kF32, {two}}));
  BufferId y =
      entry.addOutputBuffer(entry.addOutput("y", {kF32, {entry.constant(4)}}));
  BufferId w = entry.addWeights(64, 32);
  BufferId tail = entry.addView(w, entry.constant(24), bytes);
  BufferId low = entry.addView(y, entry.constant(0), bytes);
  BufferId high = entry.addView(y, bytes, bytes);
  KernelId add = test.kernel(addKernel);
  entry.addStep({add, "add", entry.constant(1), 1, {x, tail, low}, {two}});
  entry.addCopy("copy", low, high);
  for (int32_t mode : {QUANTC_WEIGHTS_SHARED, QUANTC_WEIGHTS_PRIVATE}) {
    quantc_model_options options = {};
    options.weights_mode = mode;
    Loaded loaded(test, options);
    ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
    Context context(loaded.model, 1);
    FloatTensor input({2}, {1, 2});
    std::vector<quantc_value> outputs = {libraryOutput()};
    ASSERT_EQ(context.run({input.value()}, outputs), QUANTC_OK);
    EXPECT_EQ(floatsOf(*outputs[0].tensors),
              (std::vector<float>{71, 82, 71, 82}));
  }
}

// Elements of less than a byte, in streams of bits whose length is no multiple
// of a byte.
TEST(Run, PackedElements) {
  for (program::DType dtype :
       {program::DType{QUANTC_INT, 4, 1}, program::DType{QUANTC_UINT, 2, 1},
        program::DType{QUANTC_FLOAT6_E2M3FN, 6, 1}}) {
    TestModel test;
    EntryBuilder &entry = test.builder.addEntry("main");
    ExprId n = entry.symbol("n");
    program::DType u8 = {QUANTC_UINT, 8, 1};
    BufferId x = entry.addInputBuffer(entry.addInput("x", {dtype, {n}}));
    BufferId bytes = entry.addOutputBuffer(entry.addOutput("b", {u8, {n}}));
    BufferId y = entry.addOutputBuffer(entry.addOutput("y", {dtype, {n}}));
    entry.addUnpack("unpack", dtype, x, bytes);
    entry.addPack("pack", dtype, bytes, y);
    Loaded loaded(test);
    ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
    Context context(loaded.model, 2);
    for (int64_t count : {0, 1, 3, 5, 8, 13}) {
      size_t size =
          size_t(count) * dtype.bits / 8 + (count * dtype.bits % 8 != 0);
      std::vector<uint8_t> packed(size);
      uint64_t state = 1;
      std::vector<uint8_t> wanted;
      for (int64_t i = 0; i < count; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        auto code = uint8_t(state >> 40 & ((1u << dtype.bits) - 1));
        for (int64_t b = 0, at = i * dtype.bits; b < dtype.bits; ++b, ++at)
          packed[size_t(at / 8)] |= (code >> b & 1) << at % 8;
        bool isNegative = dtype.code == QUANTC_INT && code >= 8;
        wanted.push_back(isNegative ? code - 16 : code);
      }
      quantc_tensor input =
          quantc_cpu_tensor(packed.data(), dtype.code, dtype.bits, 1, &count);
      std::vector<quantc_value> outputs = {libraryOutput("b"),
                                           libraryOutput("y")};
      ASSERT_EQ(context.run({quantc_tensor_value("x", &input)}, outputs),
                QUANTC_OK)
          << context.error();
      auto *got = static_cast<const uint8_t *>(outputs[0].tensors->data);
      EXPECT_EQ(std::vector<uint8_t>(got, got + count), wanted);
      got = static_cast<const uint8_t *>(outputs[1].tensors->data);
      EXPECT_EQ(std::vector<uint8_t>(got, got + size), packed);
    }
  }
}

TEST(Run, PackedSizesMustFit) {
  TestModel test;
  EntryBuilder &entry = test.builder.addEntry("main");
  program::DType i4 = {QUANTC_INT, 4, 1}, u8 = {QUANTC_UINT, 8, 1};
  ExprId n = entry.symbol("n");
  entry.addUnpack(
      "short", i4, entry.addInputBuffer(entry.addInput("x", {i4, {n}})),
      entry.addOutputBuffer(entry.addOutput("y", {u8, {entry.constant(9)}})));
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  Context context(loaded.model, 1);
  int64_t count = 8;
  uint32_t data = 0;
  quantc_tensor input = quantc_cpu_tensor(&data, QUANTC_INT, 4, 1, &count);
  std::vector<quantc_value> outputs = {libraryOutput("y")};
  EXPECT_EQ(context.run({quantc_tensor_value("x", &input)}, outputs),
            QUANTC_SHAPE_MISMATCH);
  EXPECT_EQ(std::string(context.error()),
            "step 0 'short' packs 9 elements of 4 bits in 4 bytes");
}

TEST(Run, OptionalInputAndOutput) {
  TestModel test;
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId n = entry.symbol("n"), m = entry.symbol("m");
  InputTensor x = entry.addInput("x", {kF32, {n}});
  InputTensor mask = entry.addOptionalInput("mask", {kF32, {m}}, "has_mask");
  ExprId has = entry.symbol("has_mask");
  OutputTensor y = entry.addOutput("y", {kF32, {n}});
  OutputTensor echo = entry.addOptionalOutput("echo", {kF32, {m}}, has);
  entry.addCopy("x", entry.addInputBuffer(x), entry.addOutputBuffer(y));
  entry.addCopy("m", entry.addInputBuffer(mask), entry.addOutputBuffer(echo));
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  Context context(loaded.model, 1);
  FloatTensor xs({2}, {1, 2}), ms({3}, {5, 6, 7});
  std::vector<quantc_value> outputs = {libraryOutput(), libraryOutput()};
  ASSERT_EQ(context.run({xs.value()}, outputs), QUANTC_OK) << context.error();
  EXPECT_EQ(outputs[1].count, 0);
  EXPECT_EQ(outputs[1].kind, QUANTC_OPTIONAL);
  quantc_value none = ms.value("mask");
  none.kind = QUANTC_OPTIONAL;
  none.count = 0;
  ASSERT_EQ(context.run({xs.value(), none}, outputs), QUANTC_OK);
  EXPECT_EQ(outputs[1].count, 0);
  ASSERT_EQ(context.run({xs.value(), ms.value()}, outputs), QUANTC_OK);
  ASSERT_EQ(outputs[1].count, 1);
  EXPECT_EQ(floatsOf(*outputs[1].tensors), (std::vector<float>{5, 6, 7}));
}

TEST(Run, Sequences) {
  TestModel test;
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId n = entry.symbol("n"), m = entry.symbol("m");
  std::vector<TensorSpec> specs = {{kF32, {n}}, {kF32, {m}}};
  InputTensor in = entry.addSequenceInput("in", specs);
  std::swap(specs[0], specs[1]);
  OutputTensor out = entry.addSequenceOutput("out", specs);
  for (uint32_t i : {0u, 1u})
    entry.addCopy("swap", entry.addInputBuffer(InputTensor(uint32_t(in) + i)),
                  entry.addOutputBuffer(OutputTensor(uint32_t(out) + 1 - i)));
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  Context context(loaded.model, 1);
  FloatTensor a({1}, {1}), b({2}, {2, 3});
  quantc_tensor both[] = {a.tensor, b.tensor};
  quantc_value input = {"in", QUANTC_SEQUENCE, 0, 2, both};
  std::vector<quantc_value> outputs = {libraryOutput()};
  ASSERT_EQ(context.run({input}, outputs), QUANTC_OK) << context.error();
  ASSERT_EQ(outputs[0].count, 2);
  EXPECT_EQ(floatsOf(outputs[0].tensors[0]), (std::vector<float>{2, 3}));
  EXPECT_EQ(floatsOf(outputs[0].tensors[1]), (std::vector<float>{1}));
  input.count = 1;
  EXPECT_EQ(context.run({input}), QUANTC_SHAPE_MISMATCH);
  EXPECT_EQ(context.error(), "expected input 'in' to have 2 tensors, got 1");
}

TEST(Run, SeveralEntriesShareAContext) {
  TestModel test;
  buildAffine(test);
  EntryBuilder &entry = test.builder.addEntry("identity");
  TensorSpec spec = {kU4, {entry.symbol("k")}};
  entry.addCopy("copy", entry.addInputBuffer(entry.addInput("a", spec)),
                entry.addOutputBuffer(entry.addOutput("b", spec)));
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  EXPECT_EQ(quantc_find_entry(loaded.model, "identity"), 1);
  EXPECT_EQ(quantc_find_entry(loaded.model, "none"), -1);
  Context context(loaded.model, 1);
  HostTensor packed(kU4, {5}); // three bytes
  packed.bytes = {0x21, 0x43, 0x05};
  packed.tensor.data = packed.bytes.data();
  std::vector<quantc_value> outputs = {libraryOutput("b")};
  ASSERT_EQ(context.run({packed.value()}, outputs, 1), QUANTC_OK)
      << context.error();
  EXPECT_EQ(memcmp(outputs[0].tensors->data, packed.bytes.data(), 3), 0);
}

TEST(Run, ProfileNamesTheSteps) {
  TestModel test;
  buildAffine(test);
  Loaded loaded(test);
  std::vector<std::string> seen;
  quantc_context_options options = {};
  options.threads = 1;
  options.profile_user = &seen;
  options.profile = [](void *user, const quantc_step_event *event) {
    static_cast<std::vector<std::string> *>(user)->push_back(
        std::string(event->name) + ":" + event->kernel + ":" +
        std::to_string(event->iterations));
    EXPECT_GE(event->nanoseconds, 0);
  };
  Context context(loaded.model, options);
  FloatTensor x({2, 4}, std::vector<float>(8));
  ASSERT_EQ(context.run({x.value()}), QUANTC_OK);
  EXPECT_EQ(seen,
            (std::vector<std::string>{"first:affine:2", "second:affine:2"}));
}

TEST(Run, ModelOutlivesItsHandle) {
  TestModel test;
  buildAffine(test);
  Loaded loaded(test);
  Context context(loaded.model, 1);
  quantc_model_destroy(loaded.model);
  loaded.model = nullptr;
  FloatTensor x({1, 4}, {1, 1, 1, 1});
  EXPECT_EQ(context.run({x.value()}), QUANTC_OK);
}

} // namespace
} // namespace quantc::runtime::test
