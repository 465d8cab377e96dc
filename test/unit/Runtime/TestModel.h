// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models made in memory for the tests of the runtime: a ProgramBuilder with
// kernels written in C++, and short ways to create, run and look at them.
#ifndef QUANTC_TEST_UNIT_RUNTIME_TESTMODEL_H
#define QUANTC_TEST_UNIT_RUNTIME_TESTMODEL_H

#include "quantc/Runtime/ProgramBuilder.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace quantc::runtime::test {

inline constexpr program::DType kF32 = {QUANTC_FLOAT, 32, 1};
inline constexpr program::DType kI8 = {QUANTC_INT, 8, 1};
inline constexpr program::DType kI64 = {QUANTC_INT, 64, 1};
inline constexpr program::DType kU4 = {QUANTC_UINT, 4, 1};

/// Bytes aligned as the linker aligns them.
struct AlignedBytes {
  explicit AlignedBytes(const std::vector<uint8_t> &from)
      : size(from.size()),
        data(static_cast<uint8_t *>(aligned_alloc(64, (size + 64) / 64 * 64)),
             &free) {
    std::copy(from.begin(), from.end(), data.get());
  }
  size_t size;
  std::unique_ptr<uint8_t, void (*)(void *)> data;
};

/// A tensor with its own shape and data.
struct HostTensor {
  HostTensor(program::DType type, std::vector<int64_t> dims)
      : shape(std::move(dims)) {
    int64_t count = 1;
    for (int64_t dim : shape)
      count *= dim;
    bytes.resize(size_t(count) * type.bits / 8 + 1);
    tensor = quantc_cpu_tensor(bytes.data(), type.code, type.bits,
                               int32_t(shape.size()), shape.data());
  }
  HostTensor(const HostTensor &) = delete;

  quantc_value value(const char *name = nullptr) {
    return quantc_tensor_value(name, &tensor);
  }

  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
  quantc_tensor tensor;
};

/// One that holds the given values.
struct FloatTensor : HostTensor {
  FloatTensor(std::vector<int64_t> dims, std::vector<float> values)
      : HostTensor(kF32, std::move(dims)), floats(std::move(values)) {
    tensor.data = floats.data();
  }
  std::vector<float> floats;
};

/// A scalar.
struct Number : HostTensor {
  explicit Number(int64_t value) : HostTensor(kI64, {}) {
    std::memcpy(bytes.data(), &value, sizeof(value));
  }
};

/// A program in the making, with the addresses of its kernels.
struct TestModel {
  ProgramBuilder builder;
  std::vector<quantc_kernel_fn> kernels;
  std::vector<uint8_t> weights;

  KernelId kernel(quantc_kernel_fn function, const char *name = "kernel") {
    kernels.push_back(function);
    return builder.addKernel(name);
  }
};

/// A created model; the test fails if that does not work.
class Loaded {
public:
  explicit Loaded(const TestModel &from, quantc_model_options options = {})
      : program(from.builder.finish()), weights(from.weights),
        kernels(from.kernels) {
    image.struct_size = sizeof(image);
    image.program = program.data.get();
    image.program_bytes = program.size;
    image.kernels = kernels.data();
    image.kernel_count = kernels.size();
    image.weights = weights.size ? weights.data.get() : nullptr;
    options.struct_size = sizeof(options);
    options.image = &image;
    status = quantc_model_create(quantc_runtime_api(), &options, &model,
                                 message, sizeof(message));
  }
  ~Loaded() { quantc_model_destroy(model); }
  Loaded(const Loaded &) = delete;

  AlignedBytes program, weights;
  std::vector<quantc_kernel_fn> kernels;
  quantc_image image = {};
  quantc_model *model = nullptr;
  quantc_status status;
  char message[512] = "";
};

/// Why a damaged program is no model.
inline std::string refusalOf(const TestModel &test) {
  Loaded loaded(test);
  EXPECT_EQ(loaded.status, QUANTC_INVALID_PROGRAM);
  return loaded.message;
}

class Context {
public:
  explicit Context(quantc_model *model, quantc_context_options options = {}) {
    options.struct_size = sizeof(options);
    status = quantc_context_create(model, &options, &context, message,
                                   sizeof(message));
  }
  Context(quantc_model *model, int threads)
      : Context(model, withThreads(threads)) {}
  ~Context() { quantc_context_destroy(context); }
  Context(const Context &) = delete;

  static quantc_context_options withThreads(int threads) {
    quantc_context_options options = {};
    options.threads = threads;
    return options;
  }
  quantc_status run(std::vector<quantc_value> inputs,
                    std::vector<quantc_value> &outputs, size_t entry = 0) {
    return quantc_run(context, entry, inputs.data(), inputs.size(),
                      outputs.data(), outputs.size());
  }
  /// Runs without asking for outputs.
  quantc_status run(std::vector<quantc_value> inputs) {
    std::vector<quantc_value> none;
    return run(std::move(inputs), none);
  }
  std::string error() const { return quantc_last_error(context); }

  quantc_context *context = nullptr;
  quantc_status status;
  char message[512] = "";
};

inline quantc_value libraryOutput(const char *name = nullptr) {
  return quantc_tensor_value(name, nullptr);
}

inline std::vector<float> floatsOf(const quantc_tensor &tensor) {
  int64_t count = 1;
  for (int32_t d = 0; d < tensor.ndim; ++d)
    count *= tensor.shape[d];
  const auto *data = static_cast<const float *>(tensor.data);
  return std::vector<float>(data, data + count);
}

inline std::vector<int64_t> shapeOf(const quantc_tensor &tensor) {
  return std::vector<int64_t>(tensor.shape, tensor.shape + tensor.ndim);
}

// Kernels.  Iterations are rows of `scalars[0]` floats.

/// y = 2 x + 1
inline void affineKernel(void *const *buffers, const int64_t *scalars,
                         int64_t begin, int64_t end, void *) {
  const auto *x = static_cast<const float *>(buffers[0]);
  auto *y = static_cast<float *>(buffers[1]);
  for (int64_t i = begin * scalars[0]; i < end * scalars[0]; ++i)
    y[i] = 2 * x[i] + 1;
}

/// z = x + y
inline void addKernel(void *const *buffers, const int64_t *scalars,
                      int64_t begin, int64_t end, void *) {
  const auto *x = static_cast<const float *>(buffers[0]);
  const auto *y = static_cast<const float *>(buffers[1]);
  auto *z = static_cast<float *>(buffers[2]);
  for (int64_t i = begin * scalars[0]; i < end * scalars[0]; ++i)
    z[i] = x[i] + y[i];
}

/// Two affine steps over rows of 4: y = 4 x + 3, of shape [n, 4].
inline void buildAffine(TestModel &model, int64_t grain = 1) {
  EntryBuilder &entry = model.builder.addEntry("main");
  ExprId n = entry.symbol("n"), four = entry.constant(4);
  TensorSpec spec = {kF32, {n, four}};
  BufferId x = entry.addInputBuffer(entry.addInput("x", spec));
  BufferId y = entry.addOutputBuffer(entry.addOutput("y", spec));
  BufferId middle = entry.addArena(entry.tensorBytes(spec));
  KernelId affine = model.kernel(affineKernel, "affine");
  entry.addStep({affine, "first", n, grain, {x, middle}, {four}});
  entry.addStep({affine, "second", n, grain, {middle, y}, {four}});
}

/// A cache [2, rows, 4] of floats that grows: `present` is `past` with
/// `tokens` [2, n, 4] behind, and `sums` [2, rows + n] are the sums of its
/// rows, read where they lie.
inline void buildCache(TestModel &model) {
  EntryBuilder &entry = model.builder.addEntry("step");
  ExprId n = entry.symbol("n"), past = entry.symbol("past");
  ExprId two = entry.constant(2), four = entry.constant(4);
  ExprId all = entry.add(past, n);
  InputTensor tokens = entry.addInput("tokens", {kF32, {two, n, four}});
  InputTensor input = entry.addInput("past", {kF32, {two, past, four}});
  OutputTensor output = entry.addOutput("present", {kF32, {two, all, four}});
  OutputTensor sums = entry.addOutput("sums", {kF32, {two, all}});
  AliasId cache = entry.addAppendAlias(output, input, 1, "capacity of present");
  ExprId capacity = entry.max(entry.symbol("capacity of present"), all);
  entry.addAppend("append", cache, entry.addInputBuffer(tokens));
  KernelId sum = model.kernel([](void *const *buffers, const int64_t *scalars,
                                 int64_t begin, int64_t end, void *) {
    const auto *rows = static_cast<const float *>(buffers[0]);
    auto *to = static_cast<float *>(buffers[1]);
    for (int64_t i = begin; i < end; ++i)
      for (int64_t t = 0; t < scalars[0]; ++t) {
        const float *row = rows + (i * scalars[1] + t) * 4;
        to[i * scalars[0] + t] = row[0] + row[1] + row[2] + row[3];
      }
  });
  entry.addStep({sum,
                 "sum",
                 two,
                 1,
                 {entry.addOutputBuffer(output), entry.addOutputBuffer(sums)},
                 {all, capacity}});
}

} // namespace quantc::runtime::test

#endif // QUANTC_TEST_UNIT_RUNTIME_TESTMODEL_H
