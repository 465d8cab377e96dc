// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers what a caller may ask about a model.  Indices come from outside and
// are checked; strings stay valid as long as the model.

#include "Api.h"
#include "Model.h"

namespace quantc::runtime {
namespace {

using program::Value;

/// Null if the indices name no value.
const Value *findValue(const quantc_model *model, size_t entry, int32_t side,
                       size_t value) {
  if (!model || entry >= model->program.header->entries.count)
    return nullptr;
  EntryView view(model->program, entry);
  bool input = side == QUANTC_INPUT;
  program::Range range = input ? view.entry->inputs : view.entry->outputs;
  if ((!input && side != QUANTC_OUTPUT) || value >= range.count)
    return nullptr;
  return (input ? view.inputs : view.outputs) + value;
}

/// The value that holds a tensor, and the number of the tensor in it.
void locate(const Value *values, uint32_t tensor, int32_t &value,
            int32_t &index) {
  const Value *at = values;
  while (tensor - at->firstTensor >= at->count)
    ++at;
  value = int32_t(at - values);
  index = int32_t(tensor - at->firstTensor);
}

const program::Metadata *metadata(const quantc_model *model, size_t index) {
  if (index >= metadataCount(model))
    return nullptr;
  return model->program.at<program::Metadata>(model->program.header->metadata) +
         index;
}

} // namespace

size_t entryCount(const quantc_model *model) {
  return model ? model->program.header->entries.count : 0;
}

const char *entryName(const quantc_model *model, size_t entry) {
  if (entry >= entryCount(model))
    return nullptr;
  EntryView view(model->program, entry);
  return view.string(view.entry->name);
}

size_t valueCount(const quantc_model *model, size_t entry, int32_t side) {
  if (entry >= entryCount(model))
    return 0;
  EntryView view(model->program, entry);
  return side == QUANTC_INPUT    ? view.entry->inputs.count
         : side == QUANTC_OUTPUT ? view.entry->outputs.count
                                 : 0;
}

quantc_status valueInfo(const quantc_model *model, size_t entry, int32_t side,
                        size_t index, quantc_value_info *info) {
  const Value *value = findValue(model, entry, side, index);
  if (!value || !info)
    return QUANTC_INVALID_ARGUMENT;
  quantc_value_info known = {};
  known.name = model->program.string(value->name);
  known.kind = int32_t(value->kind);
  known.tensor_count = int32_t(value->count);
  writeInfo(info, &known, sizeof(known));
  return QUANTC_OK;
}

quantc_status tensorInfo(const quantc_model *model, size_t entry, int32_t side,
                         size_t index, size_t tensor,
                         quantc_tensor_info *info) {
  const Value *value = findValue(model, entry, side, index);
  if (!value || !info || tensor >= value->count)
    return QUANTC_INVALID_ARGUMENT;
  EntryView view(model->program, entry);
  bool input = side == QUANTC_INPUT;
  uint32_t id = value->firstTensor + uint32_t(tensor);
  const program::Tensor &t =
      (input ? view.inputTensors : view.outputTensors)[id];
  quantc_tensor_info known = {};
  known.dtype = {t.dtype.code, t.dtype.bits, t.dtype.lanes};
  known.rank = int32_t(t.rank);
  known.alignment = t.alignment;
  known.alias_value = known.alias_tensor = known.alias_axis = -1;
  for (uint32_t i = 0; i < view.entry->aliases.count; ++i) {
    const program::Alias &alias = view.aliases[i];
    if ((input ? alias.input : alias.output) != id)
      continue;
    known.alias = int32_t(alias.kind);
    if (alias.axis != program::kNone)
      known.alias_axis = int32_t(alias.axis);
    locate(input ? view.outputs : view.inputs,
           input ? alias.output : alias.input, known.alias_value,
           known.alias_tensor);
  }
  writeInfo(info, &known, sizeof(known));
  return QUANTC_OK;
}

int64_t dimension(const quantc_model *model, size_t entry, int32_t side,
                  size_t index, size_t tensor, size_t axis, char *text,
                  size_t textSize) {
  Error out(text, textSize);
  const Value *value = findValue(model, entry, side, index);
  if (!value || tensor >= value->count)
    return -1;
  EntryView view(model->program, entry);
  const program::Tensor &t =
      (side == QUANTC_INPUT ? view.inputTensors
                            : view.outputTensors)[value->firstTensor + tensor];
  if (axis >= t.rank)
    return -1;
  uint32_t expr = view.dims[t.firstDim + axis];
  describe(view, expr, out);
  bool fixed = view.exprs[expr].op == program::Op::Const;
  return fixed ? view.exprs[expr].value : -1;
}

size_t metadataCount(const quantc_model *model) {
  return model ? model->program.header->metadata.count : 0;
}

const char *metadataKey(const quantc_model *model, size_t index) {
  const program::Metadata *entry = metadata(model, index);
  return entry ? model->program.string(entry->key) : nullptr;
}

const char *metadataValue(const quantc_model *model, size_t index) {
  const program::Metadata *entry = metadata(model, index);
  return entry ? model->program.string(entry->value) : nullptr;
}

} // namespace quantc::runtime
