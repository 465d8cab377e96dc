// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bytes of a program: the same for the same calls, and safe to read however
// they were damaged.  The damaged copy ends at a page that cannot be read, so
// that looking beyond it is seen.

#include "TestModel.h"

#include <random>
#include <sys/mman.h>
#include <unistd.h>

namespace quantc::runtime::test {
namespace {

void nopKernel(void *const *, const int64_t *, int64_t, int64_t, void *) {}

/// A program that uses every kind of record.
void buildRich(TestModel &test) {
  test.builder.addMetadata("recipe", "w8a8");
  test.builder.setEmbeddedWeights(256, std::array<uint8_t, 32>{});
  test.weights.resize(256);
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId n = entry.symbol("n"), m = entry.symbol("m");
  ExprId four = entry.constant(4);
  TensorSpec matrix = {kF32, {n, four}};
  InputTensor a = entry.addInput("a", matrix);
  InputTensor b = entry.addInput("b", {kI8, {n, m}});
  InputTensor c = entry.addOptionalInput("c", {kU4, {m}}, "has_c");
  std::vector<TensorSpec> pair = {{kF32, {entry.add(n, m)}}, {kI8, {}}};
  entry.addSequenceInput("d", pair);
  OutputTensor y = entry.addOutput("y", matrix);
  OutputTensor z =
      entry.addOptionalOutput("z", {kU4, {m}}, entry.symbol("has_c"));
  entry.addAlias(y, a, program::AliasKind::MayShare);
  entry.addCheck(entry.lt(m, entry.constant(50)), "m is too large");
  BufferId x = entry.addInputBuffer(a), q = entry.addInputBuffer(b);
  BufferId arena = entry.addArena(
      entry.add(entry.tensorBytes(matrix),
                entry.ceilDiv(entry.mul(m, n), entry.constant(3))));
  BufferId half =
      entry.addView(arena, entry.constant(0), entry.tensorBytes(matrix));
  BufferId out = entry.addOutputBuffer(y), weights = entry.addWeights(64, 128);
  KernelId kernel = test.kernel(nopKernel, "nop");
  entry.addStep({kernel,
                 "one",
                 entry.max(n, m),
                 2,
                 {x, q, weights, arena},
                 {n, entry.mod(m, four), entry.floorDiv(n, four)},
                 entry.constant(128)});
  entry.addStep({kernel, "two", entry.min(n, m), 1, {half, arena, out}, {}});
  entry.addCopy("three", x, out);
  entry.addCopy("four", entry.addInputBuffer(c), entry.addOutputBuffer(z));
  EntryBuilder &second = test.builder.addEntry("second");
  ExprId rows = second.symbol("rows"), room = second.constant(4);
  InputTensor in = second.addInput("in", {kF32, {second.symbol("n"), room}});
  InputTensor past =
      second.addInput("past", {kF32, {second.symbol("p"), rows, room}});
  OutputTensor present = second.addOutput(
      "present",
      {kF32, {second.symbol("p"), second.add(rows, second.symbol("n")), room}});
  AliasId cache = second.addAppendAlias(present, past, 1, "capacity");
  second.addAppend("five", cache, second.addInputBuffer(in));
  EntryBuilder &third = test.builder.addEntry("third");
  ExprId k = third.symbol("k"), eight = third.constant(8);
  BufferId sizes = third.addInputBuffer(
      third.addInput("sizes", {kI64, {third.symbol("n")}}));
  BufferId data =
      third.addOutputBuffer(third.addOutput("data", {kF32, {k, k}}));
  third.addBind("six", "k", third.addView(sizes, third.constant(0), eight), 8,
                "k is negative");
  BufferId own = third.addArena(third.mul(k, eight));
  third.addBind("seven", "l", third.addView(sizes, third.constant(0), eight), 8,
                "l is negative", k);
  third.addCheck(third.lt(k, eight), "k is too large");
  third.beginSkip(third.symbol("l"));
  third.addStep({kernel, "eight", k, 1, {sizes, own, data}, {k}, k});
  third.endSkip();
}

void fixChecksum(uint8_t *bytes, size_t size) {
  if (size < sizeof(program::Header))
    return;
  program::Header header;
  std::memcpy(&header, bytes, sizeof(header));
  if (header.totalBytes < sizeof(header) || header.totalBytes > size)
    return;
  header.checksum = program::checksum(bytes, header.totalBytes);
  std::memcpy(bytes, &header, sizeof(header));
}

TEST(Program, SameCallsGiveTheSameBytes) {
  TestModel first, second;
  buildRich(first);
  buildRich(second);
  std::vector<uint8_t> bytes = first.builder.finish();
  EXPECT_EQ(bytes, second.builder.finish());
  EXPECT_EQ(bytes, first.builder.finish());
  EXPECT_EQ(bytes.size() % 64, 0u);
  AlignedBytes aligned(bytes);
  char message[256] = "";
  EXPECT_TRUE(program::validateProgram(aligned.data.get(), aligned.size,
                                       message, sizeof(message)))
      << message;
}

TEST(Program, Queries) {
  TestModel test;
  buildRich(test);
  Loaded loaded(test);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  quantc_model *model = loaded.model;
  EXPECT_EQ(quantc_entry_count(model), 3u);
  EXPECT_STREQ(quantc_entry_name(model, 1), "second");
  EXPECT_EQ(quantc_entry_name(model, 3), nullptr);
  EXPECT_EQ(quantc_value_count(model, 0, QUANTC_INPUT), 4u);
  EXPECT_EQ(quantc_value_count(model, 0, QUANTC_OUTPUT), 2u);
  EXPECT_EQ(quantc_value_count(model, 0, 7), 0u);
  quantc_value_info value;
  ASSERT_EQ(quantc_get_value_info(model, 0, QUANTC_INPUT, 3, &value),
            QUANTC_OK);
  EXPECT_STREQ(value.name, "d");
  EXPECT_EQ(value.kind, QUANTC_SEQUENCE);
  EXPECT_EQ(value.tensor_count, 2);
  EXPECT_EQ(quantc_get_value_info(model, 0, QUANTC_INPUT, 4, &value),
            QUANTC_INVALID_ARGUMENT);
  quantc_tensor_info tensor;
  ASSERT_EQ(quantc_get_tensor_info(model, 0, QUANTC_INPUT, 1, 0, &tensor),
            QUANTC_OK);
  EXPECT_EQ(tensor.dtype.bits, 8);
  EXPECT_EQ(tensor.rank, 2);
  EXPECT_EQ(tensor.alias, QUANTC_ALIAS_NONE);
  ASSERT_EQ(quantc_get_tensor_info(model, 0, QUANTC_INPUT, 0, 0, &tensor),
            QUANTC_OK);
  EXPECT_EQ(tensor.alignment, 4u);
  EXPECT_EQ(tensor.alias, QUANTC_ALIAS_MAY_SHARE);
  EXPECT_STREQ(quantc_metadata(model, "recipe"), "w8a8");
  EXPECT_EQ(quantc_metadata(model, "none"), nullptr);
}

/// A page of the program that ends where memory ends.
class Guarded {
public:
  explicit Guarded(size_t size) {
    page = size_t(sysconf(_SC_PAGESIZE));
    mapped = (size + page - 1) / page * page + page;
    base = static_cast<uint8_t *>(mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base + mapped - page, page, PROT_NONE);
  }
  ~Guarded() { munmap(base, mapped); }
  uint8_t *last(size_t size) { return base + mapped - page - size; }

private:
  size_t page, mapped;
  uint8_t *base;
};

/// Runs every entry point with small tensors of what it declares.
void tryRun(quantc_model *model) {
  quantc_context_options options = {};
  options.threads = 1;
  options.shape_cache = 2;
  // Damaged sizes may ask for anything.
  options.allocate = [](void *, size_t bytes, size_t alignment) -> void * {
    if (bytes > (size_t(1) << 22))
      return nullptr;
    return aligned_alloc(alignment,
                         (bytes + alignment - 1) / alignment * alignment);
  };
  options.deallocate = [](void *, void *memory, size_t, size_t) {
    free(memory);
  };
  Context context(model, options);
  if (context.status)
    return;
  alignas(4096) static char data[1 << 16];
  for (size_t e = 0; e < quantc_entry_count(model); ++e) {
    std::vector<quantc_value> inputs, outputs;
    std::deque<std::vector<quantc_tensor>> tensors;
    std::deque<std::vector<int64_t>> shapes;
    size_t count = quantc_value_count(model, e, QUANTC_INPUT);
    for (size_t i = 0; i < count; ++i) {
      quantc_value_info info;
      quantc_get_value_info(model, e, QUANTC_INPUT, i, &info);
      std::vector<quantc_tensor> &list = tensors.emplace_back();
      for (int32_t t = 0; t < info.tensor_count; ++t) {
        quantc_tensor_info tensor;
        quantc_get_tensor_info(model, e, QUANTC_INPUT, i, size_t(t), &tensor);
        std::vector<int64_t> &shape = shapes.emplace_back();
        for (int32_t d = 0; d < tensor.rank; ++d) {
          int64_t fixed = quantc_dimension(model, e, QUANTC_INPUT, i, size_t(t),
                                           size_t(d), nullptr, 0);
          shape.push_back(fixed >= 0 && fixed < 64 ? fixed : 2);
        }
        list.push_back(quantc_cpu_tensor(data, tensor.dtype.code,
                                         tensor.dtype.bits, tensor.rank,
                                         shape.data()));
      }
      inputs.push_back({nullptr, info.kind, 0, info.tensor_count, list.data()});
    }
    outputs.resize(quantc_value_count(model, e, QUANTC_OUTPUT));
    context.run(inputs, outputs, e);
  }
}

/// Creates a model from damaged bytes and, if they are accepted, runs it.
bool survives(const std::vector<uint8_t> &bytes, const TestModel &test) {
  Guarded memory(bytes.size());
  size_t size = bytes.size() / 8 * 8;
  uint8_t *at = memory.last(size);
  std::memcpy(at, bytes.data(), size);
  fixChecksum(at, size);
  alignas(64) static const uint8_t weights[1024] = {};
  std::vector<quantc_kernel_fn> kernels = {nopKernel, nullptr};
  quantc_image image = {};
  image.struct_size = sizeof(image);
  image.program = at;
  image.program_bytes = size;
  image.kernels = kernels.data();
  image.weights = weights;
  image.weights_bytes = test.weights.size();
  quantc_model_options options = {};
  options.struct_size = sizeof(options);
  options.image = &image;
  quantc_model *model = nullptr;
  char message[128] = "";
  quantc_status status = quantc_model_create(quantc_runtime_api(), &options,
                                             &model, message, sizeof(message));
  EXPECT_EQ(status == QUANTC_OK, model != nullptr);
  EXPECT_EQ(status == QUANTC_OK, !message[0]);
  if (status == QUANTC_OK)
    tryRun(model);
  quantc_model_destroy(model);
  return status == QUANTC_OK;
}

TEST(Program, TruncatedIsRefused) {
  TestModel test;
  buildRich(test);
  std::vector<uint8_t> bytes = test.builder.finish();
  EXPECT_TRUE(survives(bytes, test));
  for (size_t size = 8; size < bytes.size(); size += 8)
    EXPECT_FALSE(survives({bytes.begin(), bytes.begin() + long(size)}, test));
}

TEST(Program, AnyFlippedBitIsNoticed) {
  TestModel test;
  buildRich(test);
  AlignedBytes bytes(test.builder.finish());
  for (size_t i = 0; i < bytes.size; ++i) {
    bytes.data.get()[i] ^= uint8_t(1 << i % 8);
    bool valid =
        program::validateProgram(bytes.data.get(), bytes.size, nullptr, 0);
    bytes.data.get()[i] ^= uint8_t(1 << i % 8);
    EXPECT_FALSE(valid) << i;
  }
}

TEST(Program, DamagedWithRightChecksumIsSafe) {
  TestModel test;
  buildRich(test);
  const std::vector<uint8_t> original = test.builder.finish();
  std::mt19937 random(4);
  int accepted = 0;
  constexpr uint32_t kNasty[] = {0,  1,  2,          3,          7,
                                 64, 50, 0x7fffffff, 0x80000000, 0xffffffff};
  for (int i = 0; i < 30000; ++i) {
    std::vector<uint8_t> bytes = original;
    for (uint32_t k = 1 + random() % 3; k > 0; --k) {
      size_t at = random() % bytes.size();
      if (random() % 2) {
        bytes[at] ^= uint8_t(1u << random() % 8);
      } else {
        uint32_t value = kNasty[random() % std::size(kNasty)];
        std::memcpy(bytes.data() + at / 4 * 4, &value, 4);
      }
    }
    accepted += survives(bytes, test);
  }
  // Names, constants and the like may change without harm.
  EXPECT_GT(accepted, 1000);
  EXPECT_LT(accepted, 29000);
}

TEST(Program, UnknownKindsAreRefused) {
  TestModel test;
  buildRich(test);
  AlignedBytes bytes(test.builder.finish());
  auto *header = reinterpret_cast<program::Header *>(bytes.data.get());
  auto *step = reinterpret_cast<program::Step *>(bytes.data.get() +
                                                 header->steps.offset);
  step->kind = program::StepKind(12);
  fixChecksum(bytes.data.get(), bytes.size);
  char message[256];
  EXPECT_FALSE(program::validateProgram(bytes.data.get(), bytes.size, message,
                                        sizeof(message)));
  EXPECT_STREQ(message, "program is damaged: entry 0: step 0 has unknown kind "
                        "12; it needs a newer runtime");
}

TEST(Program, PackedKindsAreChecked) {
  TestModel test;
  EntryBuilder &entry = test.builder.addEntry("main");
  program::DType i4 = {QUANTC_INT, 4, 1};
  ExprId n = entry.symbol("n");
  BufferId x = entry.addInputBuffer(entry.addInput("x", {i4, {n}}));
  entry.addUnpack("x", i4, x, entry.addArena(n));
  AlignedBytes bytes(test.builder.finish());
  char message[256];
  EXPECT_TRUE(program::validateProgram(bytes.data.get(), bytes.size, message,
                                       sizeof(message)));
  auto *header = reinterpret_cast<program::Header *>(bytes.data.get());
  auto *step = reinterpret_cast<program::Step *>(bytes.data.get() +
                                                 header->steps.offset);
  for (uint32_t kind : {0u, 8u, 16u, ~0u}) {
    step->kernel = kind;
    fixChecksum(bytes.data.get(), bytes.size);
    EXPECT_FALSE(program::validateProgram(bytes.data.get(), bytes.size, message,
                                          sizeof(message)));
  }
}

} // namespace
} // namespace quantc::runtime::test
