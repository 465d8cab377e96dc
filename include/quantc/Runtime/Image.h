/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A compiled model as it lies in memory, for hosts that generate code
 * themselves (the JIT session, calibration, tests).
 *
 * What comes in: addresses of the program table, the kernels and the weights.
 * What goes out: the same function table that a library exports.  A host links
 * libquantc_runtime.a, calls quantc_runtime_api() and passes the image in
 * quantc_model_options.image.  The image must outlive the model; its bytes are
 * checked like those of a file and are never written.
 */
#ifndef QUANTC_RUNTIME_IMAGE_H
#define QUANTC_RUNTIME_IMAGE_H

#include "quantc/Runtime/quantc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Computes the iterations [begin, end) of one step.  `buffers` and `scalars`
 * are those of the step, in its order.  Iterations do not depend on each other.
 * `scratch` is aligned to 64 bytes, belongs to the calling worker and holds
 * nothing from before; it is null if the step asked for none. */
typedef void (*quantc_kernel_fn)(void *const *buffers, const int64_t *scalars,
                                 int64_t begin, int64_t end, void *scratch);

typedef struct quantc_image {
  size_t struct_size;
  const void *program;  /* aligned to 64 bytes */
  size_t program_bytes; /* 0: as many as its header says */
  const quantc_kernel_fn *kernels;
  size_t kernel_count;  /* 0: the kernels end with a null pointer */
  const void *weights;  /* aligned to 64 bytes, or null */
  size_t weights_bytes; /* 0: as many as the program says */
} quantc_image;

/* Not exported from libraries: each has quantc_api_v1() instead. */
const quantc_api *quantc_runtime_api(void);

#ifdef __cplusplus
}
#endif

#endif /* QUANTC_RUNTIME_IMAGE_H */
