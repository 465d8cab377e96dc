/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The C interface of a compiled model (C99, usable from C++).
 *
 * What comes in: tensors described by `quantc_tensor`, which has the layout of
 * DLTensor in DLPack 1.1.  What goes out: tensors, or a status code with a
 * one-line message.  Nothing here aborts, prints or throws, and nothing is kept
 * behind the caller's back except one thread pool per process.
 *
 * A `quantc_model` is immutable and may be shared between threads.  A
 * `quantc_context` holds the working memory of one run at a time: make one per
 * thread.  This header includes nothing but <stddef.h> and <stdint.h>; it is
 * longer than other headers of the project because a compiled model ships with
 * this text alone (see the end of the file).
 */
#ifndef QUANTC_RUNTIME_QUANTC_H
#define QUANTC_RUNTIME_QUANTC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QUANTC_ABI_VERSION 1

/* ---- status ------------------------------------------------------------ */

typedef int32_t quantc_status;

enum {
  QUANTC_OK = 0,
  QUANTC_INVALID_ARGUMENT = 1, /* null pointer, bad option, bad index */
  QUANTC_NOT_FOUND = 2,        /* no entry, input or output of that name */
  QUANTC_TYPE_MISMATCH = 3,    /* element type, or tensor/optional/sequence */
  QUANTC_RANK_MISMATCH = 4,    /* number of dimensions */
  QUANTC_SHAPE_MISMATCH = 5,   /* fixed, named or derived dimension */
  QUANTC_NOT_CONTIGUOUS = 6,   /* strides are not row-major as they must be */
  QUANTC_MISALIGNED = 7,       /* data pointer */
  QUANTC_WRONG_DEVICE = 8,     /* not memory that the CPU can address */
  QUANTC_ALIASING = 9,         /* buffers overlap without being declared so */
  QUANTC_UNSUPPORTED_CPU = 10, /* CPU or OS lacks a needed instruction set */
  QUANTC_OUT_OF_MEMORY = 11,   /* the allocator returned null */
  QUANTC_SIZE_OVERFLOW = 12,   /* a size does not fit, or divides by zero */
  QUANTC_WEIGHTS_NOT_FOUND = 13,
  QUANTC_WEIGHTS_MISMATCH = 14, /* wrong size or content hash */
  QUANTC_INVALID_PROGRAM = 15,  /* the library is damaged or too new */
  QUANTC_BUSY = 16,             /* another thread is using this context */
  QUANTC_CHECK_FAILED = 17      /* a condition compiled into the model */
};

/* ---- tensors ----------------------------------------------------------- */

/* Element type: layout and codes of DLDataType.  Types under one byte are
 * packed as ONNX packs them: first element in the low bits. */
typedef struct quantc_dtype {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
} quantc_dtype;

enum {
  QUANTC_INT = 0,
  QUANTC_UINT = 1,
  QUANTC_FLOAT = 2,
  QUANTC_BFLOAT = 4,
  QUANTC_COMPLEX = 5,
  QUANTC_BOOL = 6,
  QUANTC_FLOAT8_E3M4 = 7,
  QUANTC_FLOAT8_E4M3 = 8,
  QUANTC_FLOAT8_E4M3B11FNUZ = 9,
  QUANTC_FLOAT8_E4M3FN = 10,
  QUANTC_FLOAT8_E4M3FNUZ = 11,
  QUANTC_FLOAT8_E5M2 = 12,
  QUANTC_FLOAT8_E5M2FNUZ = 13,
  QUANTC_FLOAT8_E8M0FNU = 14,
  QUANTC_FLOAT6_E2M3FN = 15,
  QUANTC_FLOAT6_E3M2FN = 16,
  QUANTC_FLOAT4_E2M1FN = 17
};

enum { QUANTC_CPU = 1, QUANTC_CUDA = 2, QUANTC_CUDA_HOST = 3 };

typedef struct quantc_device {
  int32_t device_type;
  int32_t device_id;
} quantc_device;

/* A borrowed tensor: same layout as DLTensor, under a name of its own so that
 * this header and <dlpack/dlpack.h> can be included in either order; cast the
 * pointer.  `strides` may be null (compact row-major) and counts elements; all
 * tensors are compact but caches (QUANTC_ALIAS_IN_PLACE). */
typedef struct quantc_tensor {
  void *data;
  quantc_device device;
  int32_t ndim;
  quantc_dtype dtype;
  int64_t *shape;
  int64_t *strides;
  uint64_t byte_offset;
} quantc_tensor;

/* ---- values: what an entry point takes and gives ------------------------ */

enum { QUANTC_TENSOR = 0, QUANTC_OPTIONAL = 1, QUANTC_SEQUENCE = 2 };

/* One input or output.
 *
 * `name` null means "by position in the array".  `count` is 1 for a tensor, 0
 * or 1 for an optional, the length for a sequence.
 *
 * An output with `tensors` null is provided by the library: after the run
 * `tensors` and `count` are set, and stay valid until the next run on the same
 * context or its destruction.  The struct may be passed again unchanged; a
 * pointer set by the library counts as null.  An output with `tensors` set is
 * provided by the caller, with shape and data filled in; where extents depend
 * on data (quantc_prepare), the run fails unless they are what it finds. */
typedef struct quantc_value {
  const char *name;
  int32_t kind;
  int32_t reserved; /* 0 */
  int64_t count;
  quantc_tensor *tensors;
} quantc_value;

/* ---- callbacks ---------------------------------------------------------- */

/* Returns `bytes` (never 0) bytes aligned to `alignment` (a power of two of at
 * least 64), or null.  Called from the thread that calls the library. */
typedef void *(*quantc_allocate_fn)(void *user, size_t bytes, size_t alignment);
typedef void (*quantc_deallocate_fn)(void *user, void *memory, size_t bytes,
                                     size_t alignment);

/* Calls body(body_context, i) once for each i in [0, count), on any threads
 * and in any order, and returns when all calls have returned. */
typedef void (*quantc_body_fn)(void *body_context, int64_t index);
typedef void (*quantc_parallel_for_fn)(void *user, quantc_body_fn body,
                                       void *body_context, int64_t count);

/* One executed step, reported on the thread that called quantc_run. */
typedef struct quantc_step_event {
  size_t struct_size;
  size_t entry;
  size_t step;
  const char *name;   /* the ONNX node, or a fused list of them */
  const char *kernel; /* the function; kernels are shared between nodes */
  int64_t iterations;
  int64_t nanoseconds;
} quantc_step_event;
typedef void (*quantc_profile_fn)(void *user, const quantc_step_event *event);

/* ---- options: set struct_size = sizeof, leave the rest 0 for defaults ---- */

enum {
  QUANTC_WEIGHTS_SHARED = 0, /* mapped from the file, shared by processes */
  QUANTC_WEIGHTS_PRIVATE = 1 /* copied into huge pages of this process */
};

struct quantc_image; /* see Image.h; only for hosts that compile in memory */

typedef struct quantc_model_options {
  size_t struct_size;
  int32_t weights_mode;
  int32_t reserved; /* 0 */
  /* Side file to use instead of the one beside the library. */
  const char *weights_path;
  quantc_allocate_fn allocate; /* both or neither */
  quantc_deallocate_fn deallocate;
  void *allocator_user;
  const struct quantc_image *image; /* null: the code of this library */
} quantc_model_options;

typedef struct quantc_context_options {
  size_t struct_size;
  /* Threads that work on one run, the caller included.  0: as many as this
   * process may use CPUs.  1: everything on the caller, no pool.  The results
   * are the same for every value. */
  int32_t threads;
  /* How many shapes stay planned (least recently used goes first); 0: 16. */
  int32_t shape_cache;
  quantc_allocate_fn allocate; /* both or neither; null: the model's */
  quantc_deallocate_fn deallocate;
  void *allocator_user;
  quantc_parallel_for_fn parallel_for; /* replaces the pool of the process */
  void *parallel_for_user;
  quantc_profile_fn profile;
  void *profile_user;
} quantc_context_options;

/* ---- queries ------------------------------------------------------------ */

enum { QUANTC_INPUT = 0, QUANTC_OUTPUT = 1 };

enum {
  QUANTC_ALIAS_NONE = 0,
  /* The output continues the input (a cache that is appended to).  Pass the
   * same buffer for both to update it in place; else it is copied first.
   *
   * Along `alias_axis` (-1: none, both have one shape) the output has the rows
   * of the input and then new ones.  Both may be the first rows of a buffer
   * with room for more: their strides are then those of the whole buffer, and
   * only memory of rows in use is touched.  A cache of 64 rows in a buffer of
   * [1, 8, 256, 32] has the shape [1, 8, 64, 32] and the strides
   * [65536, 8192, 32, 1].  In place, the two have the same data pointer and
   * the same strides. */
  QUANTC_ALIAS_IN_PLACE = 1,
  /* The output may share the input's buffer; nothing is copied. */
  QUANTC_ALIAS_MAY_SHARE = 2
};

typedef struct quantc_value_info {
  size_t struct_size;
  const char *name;
  int32_t kind;
  int32_t tensor_count; /* 1 unless a sequence */
} quantc_value_info;

typedef struct quantc_tensor_info {
  size_t struct_size;
  quantc_dtype dtype;
  int32_t rank;
  uint32_t alignment; /* of the data pointer, in bytes */
  int32_t alias;      /* QUANTC_ALIAS_... with a tensor on the other side */
  int32_t alias_value;
  int32_t alias_tensor;
  int32_t alias_axis; /* the dimension that grows, or -1 */
} quantc_tensor_info;

typedef struct quantc_context_info {
  size_t struct_size;
  int32_t threads;
  int32_t cached_shapes;
  uint64_t arena_bytes;  /* intermediate tensors and scratch */
  uint64_t output_bytes; /* outputs provided by the library */
} quantc_context_info;

/* ---- the table ---------------------------------------------------------- */

typedef struct quantc_model quantc_model;
typedef struct quantc_context quantc_context;
typedef struct quantc_api quantc_api;

/* Both objects start with a pointer to their table, so the wrappers below work
 * for objects of any loaded library.  Later versions only append members. */
struct quantc_api {
  size_t struct_size;
  uint32_t abi_version;
  uint32_t reserved;

  quantc_status (*model_create)(const quantc_model_options *options,
                                quantc_model **model, char *message,
                                size_t message_size);
  void (*model_destroy)(quantc_model *model);
  size_t (*entry_count)(const quantc_model *model);
  const char *(*entry_name)(const quantc_model *model, size_t entry);
  size_t (*value_count)(const quantc_model *model, size_t entry, int32_t side);
  quantc_status (*value_info)(const quantc_model *model, size_t entry,
                              int32_t side, size_t value,
                              quantc_value_info *info);
  quantc_status (*tensor_info)(const quantc_model *model, size_t entry,
                               int32_t side, size_t value, size_t tensor,
                               quantc_tensor_info *info);
  int64_t (*dimension)(const quantc_model *model, size_t entry, int32_t side,
                       size_t value, size_t tensor, size_t axis, char *text,
                       size_t text_size);
  size_t (*metadata_count)(const quantc_model *model);
  const char *(*metadata_key)(const quantc_model *model, size_t index);
  const char *(*metadata_value)(const quantc_model *model, size_t index);

  quantc_status (*context_create)(quantc_model *model,
                                  const quantc_context_options *options,
                                  quantc_context **context, char *message,
                                  size_t message_size);
  void (*context_destroy)(quantc_context *context);
  quantc_status (*prepare)(quantc_context *context, size_t entry,
                           const quantc_value *inputs, size_t input_count,
                           quantc_value *outputs, size_t output_count);
  quantc_status (*run)(quantc_context *context, size_t entry,
                       const quantc_value *inputs, size_t input_count,
                       quantc_value *outputs, size_t output_count);
  const char *(*last_error)(const quantc_context *context);
  quantc_status (*context_info)(const quantc_context *context,
                                quantc_context_info *info);
  const char *(*status_name)(quantc_status status);
};

/* The one function that a compiled model exports.  To use several models in
 * one process, load them with dlopen (see Load.h) instead of linking them. */
const quantc_api *quantc_api_v1(void);

/* ---- wrappers ----------------------------------------------------------- */

static inline const quantc_api *quantc_api_of(const void *object) {
  return *(const quantc_api *const *)object;
}

/* `message` (may be null) receives one line when the status is not
 * QUANTC_OK. */
static inline quantc_status
quantc_model_create(const quantc_api *api, const quantc_model_options *options,
                    quantc_model **model, char *message, size_t message_size) {
  return api->model_create(options, model, message, message_size);
}

/* Contexts keep their model alive, so the order of destruction is free. */
static inline void quantc_model_destroy(quantc_model *model) {
  if (model)
    quantc_api_of(model)->model_destroy(model);
}

static inline size_t quantc_entry_count(const quantc_model *model) {
  return quantc_api_of(model)->entry_count(model);
}

/* Null if there is no such entry. */
static inline const char *quantc_entry_name(const quantc_model *model,
                                            size_t entry) {
  return quantc_api_of(model)->entry_name(model, entry);
}

static inline size_t quantc_value_count(const quantc_model *model, size_t entry,
                                        int32_t side) {
  return quantc_api_of(model)->value_count(model, entry, side);
}

static inline quantc_status quantc_get_value_info(const quantc_model *model,
                                                  size_t entry, int32_t side,
                                                  size_t value,
                                                  quantc_value_info *info) {
  info->struct_size = sizeof(*info);
  return quantc_api_of(model)->value_info(model, entry, side, value, info);
}

static inline quantc_status quantc_get_tensor_info(const quantc_model *model,
                                                   size_t entry, int32_t side,
                                                   size_t value, size_t tensor,
                                                   quantc_tensor_info *info) {
  info->struct_size = sizeof(*info);
  return quantc_api_of(model)->tensor_info(model, entry, side, value, tensor,
                                           info);
}

/* The fixed extent of an axis, or -1 if it is named or derived (or does not
 * exist).  `text` (may be null) receives `4`, `batch` or `past + seq`. */
static inline int64_t quantc_dimension(const quantc_model *model, size_t entry,
                                       int32_t side, size_t value,
                                       size_t tensor, size_t axis, char *text,
                                       size_t text_size) {
  return quantc_api_of(model)->dimension(model, entry, side, value, tensor,
                                         axis, text, text_size);
}

static inline int quantc_same_text(const char *a, const char *b) {
  while (*a && *a == *b)
    ++a, ++b;
  return *a == *b;
}

/* Index of the entry point, or -1. */
static inline int64_t quantc_find_entry(const quantc_model *model,
                                        const char *name) {
  size_t count = quantc_entry_count(model);
  for (size_t i = 0; i < count; ++i)
    if (quantc_same_text(quantc_entry_name(model, i), name))
      return (int64_t)i;
  return -1;
}

/* Recipe, hashes and the like; null if the model has no such key. */
static inline const char *quantc_metadata(const quantc_model *model,
                                          const char *key) {
  const quantc_api *api = quantc_api_of(model);
  size_t count = api->metadata_count(model);
  for (size_t i = 0; i < count; ++i)
    if (quantc_same_text(api->metadata_key(model, i), key))
      return api->metadata_value(model, i);
  return NULL;
}

static inline quantc_status quantc_context_create(
    quantc_model *model, const quantc_context_options *options,
    quantc_context **context, char *message, size_t message_size) {
  return quantc_api_of(model)->context_create(model, options, context, message,
                                              message_size);
}

static inline void quantc_context_destroy(quantc_context *context) {
  if (context)
    quantc_api_of(context)->context_destroy(context);
}

/* Runs one entry point.  Inputs are read, never kept.  Outputs that are not
 * listed are computed and dropped. */
static inline quantc_status
quantc_run(quantc_context *context, size_t entry, const quantc_value *inputs,
           size_t input_count, quantc_value *outputs, size_t output_count) {
  return quantc_api_of(context)->run(context, entry, inputs, input_count,
                                     outputs, output_count);
}

/* Checks the inputs, plans memory for their shapes and fills in the library's
 * descriptors of the outputs (data null) without running; input data pointers
 * may be null.  Tells a caller how large its own output buffers must be; an
 * extent that only the data of a run decides is -1, and best left to the
 * library.  A cache whose output is not provided is planned to grow in its
 * input's buffer, so that a run in place finds the plan. */
static inline quantc_status
quantc_prepare(quantc_context *context, size_t entry,
               const quantc_value *inputs, size_t input_count,
               quantc_value *outputs, size_t output_count) {
  return quantc_api_of(context)->prepare(context, entry, inputs, input_count,
                                         outputs, output_count);
}

/* The message of the last run or prepare on this context, "" if it succeeded.
 * A call that returned QUANTC_BUSY leaves no message. */
static inline const char *quantc_last_error(const quantc_context *context) {
  return quantc_api_of(context)->last_error(context);
}

/* Only between runs of this context. */
static inline quantc_status
quantc_get_context_info(const quantc_context *context,
                        quantc_context_info *info) {
  info->struct_size = sizeof(*info);
  return quantc_api_of(context)->context_info(context, info);
}

/* A compact row-major tensor in CPU memory. */
static inline quantc_tensor quantc_cpu_tensor(void *data, uint8_t code,
                                              uint8_t bits, int32_t ndim,
                                              int64_t *shape) {
  quantc_tensor tensor;
  tensor.data = data;
  tensor.device.device_type = QUANTC_CPU;
  tensor.device.device_id = 0;
  tensor.ndim = ndim;
  tensor.dtype.code = code;
  tensor.dtype.bits = bits;
  tensor.dtype.lanes = 1;
  tensor.shape = shape;
  tensor.strides = NULL;
  tensor.byte_offset = 0;
  return tensor;
}

/* The value of one tensor; `tensor` null asks the library for an output. */
static inline quantc_value quantc_tensor_value(const char *name,
                                               quantc_tensor *tensor) {
  quantc_value value;
  value.name = name;
  value.kind = QUANTC_TENSOR;
  value.reserved = 0;
  value.count = tensor ? 1 : 0;
  value.tensors = tensor;
  return value;
}

/*
 * The `model.h` that the compiler writes beside `model.so` holds, in order: a
 * comment with model, recipe and target; this whole text, unchanged (its guard
 * lets several such headers be included together); and indices under the stem
 * of the file in capitals, other characters than letters and digits as `_`,
 * with `_2`, `_3`, ... after a name that is taken:
 *
 *   enum {
 *     MODEL_ENTRY_MAIN = 0,           // entry points
 *     MODEL_MAIN_INPUT_IDS = 0,       // inputs of `main`, with name and type
 *     MODEL_MAIN_OUTPUT_LOGITS = 0    // outputs of `main`
 *   };
 *   #define MODEL_MAIN_INPUT_COUNT 1
 *   #define MODEL_MAIN_OUTPUT_COUNT 1
 *
 * Programs link `model.so` and call quantc_api_v1(), or load it at run time.
 */

#ifdef __cplusplus
}
#endif

#endif /* QUANTC_RUNTIME_QUANTC_H */
