/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What the compiler emits for a model, written by hand: the program table, the
 * kernels and, for one model, the weights.
 */
#include "quantc/Runtime/Image.h"

/* y = 2 x + 1 over rows of scalars[0] floats */
static void affine(void *const *buffers, const int64_t *scalars, int64_t begin,
                   int64_t end, void *scratch) {
  const float *x = (const float *)buffers[0];
  float *y = (float *)buffers[1];
  (void)scratch;
  for (int64_t i = begin * scalars[0]; i < end * scalars[0]; ++i)
    y[i] = 2 * x[i] + 1;
}

/* y = x + w, where w is one row */
static void bias(void *const *buffers, const int64_t *scalars, int64_t begin,
                 int64_t end, void *scratch) {
  const float *x = (const float *)buffers[0];
  const float *w = (const float *)buffers[1];
  float *y = (float *)buffers[2];
  (void)scratch;
  for (int64_t row = begin; row < end; ++row)
    for (int64_t i = 0; i < scalars[0]; ++i)
      y[row * scalars[0] + i] = x[row * scalars[0] + i] + w[i];
}

__attribute__((visibility("hidden")))
const quantc_kernel_fn quantc_kernels[] = {affine, bias, 0};

__asm__(".section .rodata.quantc_program,\"a\",@progbits\n"
        ".globl quantc_program\n"
        ".hidden quantc_program\n"
        ".balign 64\n"
        "quantc_program:\n"
        ".incbin \"" QUANTC_PROGRAM "\"\n"
        ".previous\n");

#ifdef QUANTC_EMBEDDED_WEIGHTS
__attribute__((visibility("hidden"), aligned(64)))
const float quantc_weights[4] = {100, 200, 300, 400};
#endif
