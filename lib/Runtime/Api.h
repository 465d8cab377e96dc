// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions behind the table of quantc.h, and the table itself.
#ifndef QUANTC_LIB_RUNTIME_API_H
#define QUANTC_LIB_RUNTIME_API_H

#include "quantc/Runtime/quantc.h"

namespace quantc::runtime {

// Model.cpp
void modelDestroy(quantc_model *model);

// Query.cpp
size_t entryCount(const quantc_model *model);
const char *entryName(const quantc_model *model, size_t entry);
size_t valueCount(const quantc_model *model, size_t entry, int32_t side);
quantc_status valueInfo(const quantc_model *model, size_t entry, int32_t side,
                        size_t value, quantc_value_info *info);
quantc_status tensorInfo(const quantc_model *model, size_t entry, int32_t side,
                         size_t value, size_t tensor, quantc_tensor_info *info);
int64_t dimension(const quantc_model *model, size_t entry, int32_t side,
                  size_t value, size_t tensor, size_t axis, char *text,
                  size_t textSize);
size_t metadataCount(const quantc_model *model);
const char *metadataKey(const quantc_model *model, size_t index);
const char *metadataValue(const quantc_model *model, size_t index);

// Context.cpp
quantc_status contextCreate(quantc_model *model,
                            const quantc_context_options *options,
                            quantc_context **context, char *message,
                            size_t messageSize);
void contextDestroy(quantc_context *context);
const char *lastError(const quantc_context *context);
quantc_status contextInfo(const quantc_context *context,
                          quantc_context_info *info);

// Run.cpp
quantc_status prepare(quantc_context *context, size_t entry,
                      const quantc_value *inputs, size_t inputCount,
                      quantc_value *outputs, size_t outputCount);
quantc_status run(quantc_context *context, size_t entry,
                  const quantc_value *inputs, size_t inputCount,
                  quantc_value *outputs, size_t outputCount);

// Messages.cpp
const char *statusName(quantc_status status);

/// Libraries and hosts differ only in how models are created.
constexpr quantc_api makeApi(decltype(quantc_api::model_create) create) {
  return {sizeof(quantc_api),
          QUANTC_ABI_VERSION,
          0,
          create,
          modelDestroy,
          entryCount,
          entryName,
          valueCount,
          valueInfo,
          tensorInfo,
          dimension,
          metadataCount,
          metadataKey,
          metadataValue,
          contextCreate,
          contextDestroy,
          prepare,
          run,
          lastError,
          contextInfo,
          statusName};
}

} // namespace quantc::runtime

#endif // QUANTC_LIB_RUNTIME_API_H
