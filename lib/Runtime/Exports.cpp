// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a compiled model exports: quantc_api_v1().  The linker takes this member
// of the archive only if that symbol is asked for, so hosts that compile in
// memory need no generated object.

#include "Api.h"
#include "Model.h"

extern "C" {
// Defined by the generated object, and hidden in it as well.
[[gnu::visibility("hidden")]] extern const unsigned char quantc_program[];
[[gnu::visibility("hidden")]] extern const quantc_kernel_fn quantc_kernels[];
[[gnu::visibility("hidden"),
  gnu::weak]] extern const unsigned char quantc_weights[];
}

namespace quantc::runtime {
namespace {

// An address in data: code could not refer to a weak symbol that is hidden and
// missing relative to itself.
const void *const volatile embeddedWeights = quantc_weights;

quantc_status create(const quantc_model_options *options, quantc_model **model,
                     char *message, size_t messageSize) {
  Error error(message, messageSize);
  quantc_image image = {};
  image.struct_size = sizeof(image);
  image.program = quantc_program;
  image.kernels = quantc_kernels;
  image.weights = embeddedWeights;
  return createModel(options, &image, quantc_api_v1(), model, error);
}

constexpr quantc_api kApi = makeApi(create);

} // namespace
} // namespace quantc::runtime

[[gnu::visibility("default")]] const quantc_api *quantc_api_v1() {
  return &quantc::runtime::kApi;
}
