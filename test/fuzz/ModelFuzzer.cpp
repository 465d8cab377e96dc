// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the compiler with models that are well formed as messages: starting
// from good ones, parts of them are changed (ModelMutator).  Each is refused
// with one line or becomes a module that the verifier accepts; that module is
// normalized, evaluated by reference when it is small, and lowered to loops
// over buffers.  A pass may refuse with a diagnostic, never without one.

#include "ModelMutator.h"
#include "Stages.h"
#include "mlir/IR/Verifier.h"
#include "quantc/Frontend/ONNX/Import.h"
#include <cstdlib>
#include <google/protobuf/stubs/logging.h>

using namespace mlir;
using namespace quantc;

// Attributes and types live as long as their context; a new one now and then
// keeps the memory bounded.
static constexpr unsigned kRunsPerContext = 300;

static bool parse(onnx::ModelProto &model, const uint8_t *data, size_t size) {
  google::protobuf::LogSilencer silence;
  return model.ParseFromArray(data, int(size));
}

static size_t write(const onnx::ModelProto &model, uint8_t *data, size_t size,
                    size_t maxSize) {
  if (model.ByteSizeLong() > maxSize)
    return size;
  model.SerializeToArray(data, int(maxSize));
  return model.ByteSizeLong();
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  onnx::ModelProto model;
  if (!parse(model, data, size))
    model.Clear();
  ModelMutator(seed).mutate(model);
  return write(model, data, size, maxSize);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
                                            const uint8_t *data2, size_t size2,
                                            uint8_t *out, size_t maxSize,
                                            unsigned seed) {
  onnx::ModelProto model, other;
  if (!parse(model, data1, size1) || !parse(other, data2, size2))
    return 0;
  ModelMutator(seed).splice(model, other);
  return write(model, out, 0, maxSize);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static std::unique_ptr<MLIRContext> context;
  static unsigned runs = 0;
  if (runs++ % kRunsPerContext == 0)
    context = makeFuzzContext();
  ImportOptions options;
  options.maxNodes = 500;
  options.maxTensorBytes = 1 << 18;
  Error error;
  auto module = importOnnxBytes({reinterpret_cast<const char *>(data), size},
                                "fuzz", *context, options, error);
  if (failed(module)) {
    // What the importer does not expect is a bug of the importer.
    if (error.message.empty() || error.status == Status::Internal ||
        error.message.find('\n') != std::string::npos)
      abortWith("refused by: " + error.message);
    return -1;
  }
  if (failed(verify(**module)))
    abortWith("the verifier does not accept what was imported");
  runStages(**module);
  return 0;
}
