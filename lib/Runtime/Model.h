// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The model: everything that does not change between runs.  Shared by threads
// without locks; contexts count as references to it.
#ifndef QUANTC_LIB_RUNTIME_MODEL_H
#define QUANTC_LIB_RUNTIME_MODEL_H

#include "quantc/Runtime/Image.h"

#include "ProgramView.h"
#include "Support.h"

#include <atomic>

namespace quantc::runtime {

/// Where the weights are, and what to give back.
struct Weights {
  const char *data = nullptr;
  void *mapping = nullptr;
  size_t mappedBytes = 0;
};

quantc_status loadWeights(const ProgramView &program, const quantc_image &image,
                          const quantc_model_options &options, Weights &weights,
                          Error &error);
void unloadWeights(Weights &weights);

/// `image` is used if the options have none; may be null.  `api` is what the
/// model's wrappers call.
quantc_status createModel(const quantc_model_options *options,
                          const quantc_image *image, const quantc_api *api,
                          quantc_model **model, Error &error);

} // namespace quantc::runtime

struct quantc_model {
  const quantc_api *api; // first, see quantc_api_of()
  std::atomic<int64_t> references;
  quantc::runtime::ProgramView program;
  const quantc_kernel_fn *kernels;
  quantc::runtime::Weights weights;
  quantc::runtime::Allocator allocator;
};

#endif // QUANTC_LIB_RUNTIME_MODEL_H
