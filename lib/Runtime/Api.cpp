// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function table for hosts that generate code in memory; see Image.h.

#include "Api.h"
#include "Model.h"

namespace quantc::runtime {
namespace {

quantc_status create(const quantc_model_options *options, quantc_model **model,
                     char *message, size_t messageSize) {
  Error error(message, messageSize);
  return createModel(options, nullptr, quantc_runtime_api(), model, error);
}

constexpr quantc_api kApi = makeApi(create);

} // namespace
} // namespace quantc::runtime

const quantc_api *quantc_runtime_api() { return &quantc::runtime::kApi; }
