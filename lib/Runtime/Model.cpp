// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Creates models: checks the program table, then the CPU, then the weights,
// before anything that was generated is called.

#include "Model.h"

#include "Api.h"
#include "Cpu.h"

#include <new>

namespace quantc::runtime {
namespace {

quantc_status readModelOptions(const quantc_model_options *given,
                               const quantc_image *defaultImage,
                               quantc_model_options &options,
                               quantc_image &image, Error &error) {
  if (!readOptions(&options, sizeof(options), given))
    return error.set(QUANTC_INVALID_ARGUMENT,
                     "model options have a wrong struct_size, or set members "
                     "that this library does not know");
  if (!options.allocate != !options.deallocate)
    return error.set(QUANTC_INVALID_ARGUMENT,
                     "set both 'allocate' and 'deallocate', or neither");
  const quantc_image *source = options.image ? options.image : defaultImage;
  if (!source)
    return error.set(QUANTC_INVALID_ARGUMENT, "'image' is null");
  if (!readOptions(&image, sizeof(image), source))
    return error.set(QUANTC_INVALID_ARGUMENT,
                     "the image has a wrong struct_size");
  return QUANTC_OK;
}

quantc_status checkKernels(const ProgramView &program,
                           const quantc_image &image, Error &error) {
  uint64_t count = program.header->kernels.count;
  if (image.kernel_count && image.kernel_count != count)
    return error.set(QUANTC_INVALID_PROGRAM, "expected ", count,
                     " kernels, got ", image.kernel_count);
  if (count && !image.kernels)
    return error.set(QUANTC_INVALID_PROGRAM, "expected ", count,
                     " kernels, got none");
  for (uint64_t i = 0; i < count; ++i)
    if (!image.kernels[i])
      return error.set(QUANTC_INVALID_PROGRAM, "kernel ", i, " is null");
  return QUANTC_OK;
}

} // namespace

quantc_status createModel(const quantc_model_options *given,
                          const quantc_image *defaultImage,
                          const quantc_api *api, quantc_model **result,
                          Error &error) {
  if (!result)
    return error.set(QUANTC_INVALID_ARGUMENT, "'model' is null");
  *result = nullptr;
  quantc_model_options options = {};
  quantc_image image = {};
  if (quantc_status status =
          readModelOptions(given, defaultImage, options, image, error))
    return status;
  if (!validate(image.program, image.program_bytes, error))
    return QUANTC_INVALID_PROGRAM;
  ProgramView program{static_cast<const program::Header *>(image.program)};
  if (quantc_status status = checkFeatures(program.header->features, error))
    return status;
  if (quantc_status status = checkKernels(program, image, error))
    return status;
  Weights weights;
  if (quantc_status status =
          loadWeights(program, image, options, weights, error))
    return status;
  Allocator allocator = {options.allocate, options.deallocate,
                         options.allocator_user};
  void *memory = allocator.get(sizeof(quantc_model));
  if (!memory) {
    unloadWeights(weights);
    return error.set(QUANTC_OUT_OF_MEMORY, "no memory for ",
                     sizeof(quantc_model), " bytes of the model");
  }
  *result = new (memory)
      quantc_model{api, 1, program, image.kernels, weights, allocator};
  return QUANTC_OK;
}

void modelDestroy(quantc_model *model) {
  if (!model || model->references.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  unloadWeights(model->weights);
  Allocator allocator = model->allocator;
  model->~quantc_model();
  allocator.put(model, sizeof(quantc_model));
}

} // namespace quantc::runtime
