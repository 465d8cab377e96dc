/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Generates tokens with a decoder whose cache grows in place:
 *
 *   quantc compile decoder.onnx -o decoder.so
 *   cc -include decoder.h decode.c ./decoder.so -Wl,-rpath,. -o decode
 *   ./decode 64 1 20 300          # 64 tokens after the prompt 1 20 300
 *
 * The model takes `input_ids` and `position_ids` [batch, sequence] and gives
 * `logits` [batch, sequence, words].  Its caches are the outputs that continue
 * an input; each has one buffer here, with room for all tokens from the start.
 * A run reads the rows so far and writes the new ones behind them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY = 0, MAX_RANK = 8, MAX_VALUES = 512 };

typedef struct {
  size_t input, output; /* the two ends */
  int32_t axis;         /* the dimension that grows */
  int64_t pastShape[MAX_RANK], presentShape[MAX_RANK], strides[MAX_RANK];
  quantc_tensor past, present;
} Cache;

typedef struct {
  quantc_model *model;
  quantc_context *context;
  size_t inputCount, outputCount, cacheCount, logits;
  Cache caches[MAX_VALUES];
  quantc_value inputs[MAX_VALUES], outputs[MAX_VALUES];
  int64_t *tokens, *positions; /* of the whole text */
  int64_t capacity;
} Decoder;

static int fail(const char *what, const char *message) {
  fprintf(stderr, "error: %s: %s\n", what, message);
  return 0;
}

/* Both ends are the first rows of a buffer with room for `capacity` rows: they
 * share the pointer and the strides, only their shapes differ. */
static int makeCache(Decoder *decoder, size_t output,
                     const quantc_tensor_info *info, Cache *cache) {
  int64_t elements = 1;
  void *buffer;
  cache->input = (size_t)info->alias_value;
  cache->output = output;
  cache->axis = info->alias_axis;
  for (int32_t d = info->rank; d-- > 0;) {
    int64_t extent = quantc_dimension(decoder->model, ENTRY, QUANTC_OUTPUT,
                                      output, 0, (size_t)d, NULL, 0);
    extent = extent < 0 ? 1 : extent; /* a batch of one */
    cache->pastShape[d] = cache->presentShape[d] = extent;
    cache->strides[d] = elements;
    elements *= d == cache->axis ? decoder->capacity : extent;
  }
  buffer = calloc((size_t)elements, (size_t)info->dtype.bits / 8);
  cache->past = quantc_cpu_tensor(buffer, info->dtype.code, info->dtype.bits,
                                  info->rank, cache->pastShape);
  cache->past.strides = cache->strides;
  cache->present = cache->past;
  cache->present.shape = cache->presentShape;
  decoder->inputs[cache->input] = quantc_tensor_value(NULL, &cache->past);
  decoder->outputs[output] = quantc_tensor_value(NULL, &cache->present);
  return buffer != NULL;
}

static int findCaches(Decoder *decoder) {
  decoder->inputCount =
      quantc_value_count(decoder->model, ENTRY, QUANTC_INPUT);
  decoder->outputCount =
      quantc_value_count(decoder->model, ENTRY, QUANTC_OUTPUT);
  if (decoder->inputCount > MAX_VALUES || decoder->outputCount > MAX_VALUES)
    return fail("model", "too many inputs or outputs for this program");
  for (size_t i = 0; i < decoder->outputCount; ++i) {
    quantc_tensor_info info;
    quantc_value_info value;
    quantc_get_value_info(decoder->model, ENTRY, QUANTC_OUTPUT, i, &value);
    quantc_get_tensor_info(decoder->model, ENTRY, QUANTC_OUTPUT, i, 0, &info);
    if (!strcmp(value.name, "logits"))
      decoder->logits = i;
    if (info.alias != QUANTC_ALIAS_IN_PLACE || info.alias_axis < 0)
      continue;
    if (info.rank > MAX_RANK ||
        !makeCache(decoder, i, &info, &decoder->caches[decoder->cacheCount++]))
      return fail("cache", "no memory");
  }
  return 1;
}

/* Reads tokens [first, first + count); with `execute` 0 it only plans. */
static int feed(Decoder *decoder, int64_t first, int64_t count, int execute) {
  int64_t shape[2] = {1, count};
  quantc_tensor tokens, positions;
  quantc_status status;
  tokens = quantc_cpu_tensor(decoder->tokens + first, QUANTC_INT, 64, 2, shape);
  positions =
      quantc_cpu_tensor(decoder->positions + first, QUANTC_INT, 64, 2, shape);
  for (size_t i = 0; i < decoder->inputCount; ++i) {
    quantc_value_info info;
    quantc_get_value_info(decoder->model, ENTRY, QUANTC_INPUT, i, &info);
    if (!strcmp(info.name, "input_ids"))
      decoder->inputs[i] = quantc_tensor_value(NULL, &tokens);
    if (!strcmp(info.name, "position_ids"))
      decoder->inputs[i] = quantc_tensor_value(NULL, &positions);
  }
  for (size_t i = 0; i < decoder->cacheCount; ++i) {
    Cache *cache = &decoder->caches[i];
    cache->pastShape[cache->axis] = first;
    cache->presentShape[cache->axis] = first + count;
  }
  status = (execute ? quantc_run : quantc_prepare)(
      decoder->context, ENTRY, decoder->inputs, decoder->inputCount,
      decoder->outputs, decoder->outputCount);
  return status == QUANTC_OK ||
         fail("run", quantc_last_error(decoder->context));
}

/* The most likely word after the last token. */
static int64_t likeliest(const quantc_tensor *logits) {
  int64_t words = logits->shape[2], best = 0;
  const float *row =
      (const float *)logits->data + (logits->shape[1] - 1) * words;
  for (int64_t i = 1; i < words; ++i)
    best = row[i] > row[best] ? i : best;
  return best;
}

static uint64_t memoryOf(const Decoder *decoder) {
  quantc_context_info info;
  quantc_get_context_info(decoder->context, &info);
  return info.arena_bytes + info.output_bytes;
}

static int generate(Decoder *decoder, int64_t prompt) {
  uint64_t memory;
  /* The largest step is planned first, so that no later one needs memory. */
  if (!feed(decoder, decoder->capacity - 1, 1, 0) ||
      !feed(decoder, 0, prompt, 1))
    return 0;
  memory = memoryOf(decoder);
  for (int64_t rows = prompt;; ++rows) {
    decoder->tokens[rows] =
        likeliest(decoder->outputs[decoder->logits].tensors);
    printf("%lld\n", (long long)decoder->tokens[rows]);
    if (rows + 1 == decoder->capacity)
      break;
    if (!feed(decoder, rows, 1, 1))
      return 0;
  }
  if (memoryOf(decoder) != memory)
    return fail("memory", "a step took more than the prompt");
  return 1;
}

int main(int argc, char **argv) {
  static Decoder decoder; /* zeros: outputs are provided by the library */
  char message[256];
  int good = 0;
  int64_t prompt = argc - 2;
  if (argc < 3)
    return fail("usage", "decode COUNT TOKEN...") + 2;
  decoder.capacity = prompt + atoll(argv[1]);
  decoder.tokens = (int64_t *)calloc((size_t)decoder.capacity, 8);
  decoder.positions = (int64_t *)calloc((size_t)decoder.capacity, 8);
  for (int64_t i = 0; i < decoder.capacity; ++i) {
    decoder.positions[i] = i;
    decoder.tokens[i] = i < prompt ? atoll(argv[i + 2]) : 0;
  }
  if (quantc_model_create(quantc_api_v1(), NULL, &decoder.model, message,
                          sizeof(message)) ||
      quantc_context_create(decoder.model, NULL, &decoder.context, message,
                            sizeof(message)))
    fail("model", message);
  else
    good = findCaches(&decoder) && generate(&decoder, prompt);
  quantc_context_destroy(decoder.context);
  quantc_model_destroy(decoder.model);
  for (size_t i = 0; i < decoder.cacheCount; ++i)
    free(decoder.caches[i].past.data);
  free(decoder.tokens);
  free(decoder.positions);
  return good ? 0 : 1;
}
