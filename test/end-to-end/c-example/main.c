/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Runs a compiled model from C, with nothing but the two files that the
 * compiler writes:
 *
 *   quantc compile model.onnx -o model.so
 *   cc -include model.h main.c ./model.so -Wl,-rpath,. -o main && ./main
 *
 * It lists the inputs of the first entry point, fills them with zeros, taking
 * 2 for every named dimension, runs the model and lists the outputs.  A
 * program of your own includes model.h and knows its inputs; this one asks.
 */
#include <stdio.h>
#include <stdlib.h>

enum { ENTRY = 0, FREE_EXTENT = 2 };

static size_t bytesOf(const quantc_tensor *tensor) {
  size_t bits = (size_t)tensor->dtype.bits * tensor->dtype.lanes;
  for (int32_t d = 0; d < tensor->ndim; ++d)
    bits *= (size_t)tensor->shape[d];
  return (bits + 7) / 8;
}

/* A tensor of zeros in the shape that the model declares; freeTensor() it. */
static int makeInput(const quantc_model *model, size_t index,
                     quantc_tensor *tensor) {
  quantc_tensor_info info;
  char text[64];
  int64_t *shape;
  if (quantc_get_tensor_info(model, ENTRY, QUANTC_INPUT, index, 0, &info))
    return 0;
  shape = (int64_t *)calloc((size_t)info.rank + 1, sizeof(*shape));
  if (!shape)
    return 0;
  for (int32_t d = 0; d < info.rank; ++d) {
    int64_t extent = quantc_dimension(model, ENTRY, QUANTC_INPUT, index, 0,
                                      (size_t)d, text, sizeof(text));
    shape[d] = extent < 0 ? FREE_EXTENT : extent;
    printf("%s%s", d ? ", " : " [", text);
  }
  printf("%s\n", info.rank ? "]" : " []");
  *tensor = quantc_cpu_tensor(NULL, info.dtype.code, info.dtype.bits, info.rank,
                              shape);
  tensor->data = calloc(bytesOf(tensor) + 1, 1);
  return tensor->data != NULL;
}

static void freeTensor(quantc_tensor *tensor) {
  free(tensor->data);
  free(tensor->shape);
}

static void printOutput(const char *name, const quantc_tensor *tensor) {
  printf("output %s [", name);
  for (int32_t d = 0; d < tensor->ndim; ++d)
    printf("%s%lld", d ? ", " : "", (long long)tensor->shape[d]);
  printf("]");
  if (tensor->dtype.code == QUANTC_FLOAT && tensor->dtype.bits == 32 &&
      bytesOf(tensor))
    printf(" first value %g", (double)*(const float *)tensor->data);
  printf("\n");
}

static int runOnce(quantc_model *model, quantc_context *context) {
  size_t inputCount = quantc_value_count(model, ENTRY, QUANTC_INPUT);
  size_t outputCount = quantc_value_count(model, ENTRY, QUANTC_OUTPUT);
  quantc_tensor *tensors =
      (quantc_tensor *)calloc(inputCount + 1, sizeof(*tensors));
  quantc_value *inputs =
      (quantc_value *)calloc(inputCount + 1, sizeof(*inputs));
  /* All zero means: by position, provided by the library. */
  quantc_value *outputs =
      (quantc_value *)calloc(outputCount + 1, sizeof(*outputs));
  int good = tensors && inputs && outputs;
  for (size_t i = 0; good && i < inputCount; ++i) {
    quantc_value_info info;
    quantc_get_value_info(model, ENTRY, QUANTC_INPUT, i, &info);
    printf("input %s", info.name);
    good = makeInput(model, i, &tensors[i]);
    inputs[i] = quantc_tensor_value(info.name, &tensors[i]);
  }
  if (good && quantc_run(context, ENTRY, inputs, inputCount, outputs,
                         outputCount) != QUANTC_OK) {
    fprintf(stderr, "error: %s\n", quantc_last_error(context));
    good = 0;
  }
  for (size_t i = 0; good && i < outputCount; ++i) {
    quantc_value_info info;
    quantc_get_value_info(model, ENTRY, QUANTC_OUTPUT, i, &info);
    if (outputs[i].count)
      printOutput(info.name, outputs[i].tensors);
  }
  for (size_t i = 0; tensors && i < inputCount; ++i)
    freeTensor(&tensors[i]);
  free(tensors);
  free(inputs);
  free(outputs);
  return good;
}

int main(void) {
  char message[256];
  quantc_model *model = NULL;
  quantc_context *context = NULL;
  int good = 0;
  if (quantc_model_create(quantc_api_v1(), NULL, &model, message,
                          sizeof(message)) ||
      quantc_context_create(model, NULL, &context, message, sizeof(message)))
    fprintf(stderr, "error: %s\n", message);
  else
    good = runOnce(model, context);
  quantc_context_destroy(context);
  quantc_model_destroy(model);
  return good ? 0 : 1;
}
