// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matches what the caller passed with what the entry point declares, and checks
// everything about it that can be wrong.  Nothing is written to the caller's
// structs here, and no tensor data is read.

#include "Context.h"

#include <cstring>

namespace quantc::runtime {
namespace {

using program::Op;
using program::Tensor;
using program::Value;
using program::ValueKind;

const char *kindName(int32_t kind) {
  return kind == QUANTC_TENSOR     ? "a tensor"
         : kind == QUANTC_OPTIONAL ? "an optional"
         : kind == QUANTC_SEQUENCE ? "a sequence"
                                   : "an unknown kind";
}

/// One side of an entry point.
struct Side {
  const EntryView &view;
  bool input;
  const Value *values;
  uint32_t valueCount;
  const Tensor *tensors;
  uint32_t tensorCount;
  const char *name;

  Side(const EntryView &view, bool input)
      : view(view), input(input), values(input ? view.inputs : view.outputs),
        valueCount(input ? view.entry->inputs.count
                         : view.entry->outputs.count),
        tensors(input ? view.inputTensors : view.outputTensors),
        tensorCount(input ? view.entry->inputTensors.count
                          : view.entry->outputTensors.count),
        name(input ? "input" : "output") {}

  const char *nameOf(uint32_t value) const {
    return view.string(values[value].name);
  }
};

struct NameList {
  const Side &side;
  void write(Error &error) const {
    for (uint32_t i = 0; i < side.valueCount; ++i) {
      error.append(i ? ", '" : "'");
      error.append(side.nameOf(i));
      error.append("'");
    }
  }
};

quantc_status findValue(const Side &side, const quantc_value &given,
                        size_t position, uint32_t &index, Error &error) {
  if (!given.name) {
    if (position >= side.valueCount)
      return error.set(QUANTC_INVALID_ARGUMENT, "expected ", side.valueCount,
                       " ", side.name, "s, got one at position ", position);
    index = uint32_t(position);
    return QUANTC_OK;
  }
  // Callers mostly keep the declared order: look there first.
  for (uint32_t i = 0; i < side.valueCount; ++i) {
    index = uint32_t((position + i) % side.valueCount);
    if (!strcmp(side.nameOf(index), given.name))
      return QUANTC_OK;
  }
  return error.set(QUANTC_NOT_FOUND, "no ", side.name, " is named '",
                   given.name, "'; expected one of ", NameList{side});
}

quantc_status checkKind(const Side &side, uint32_t index,
                        const quantc_value &given, Error &error) {
  const Value &value = side.values[index];
  bool presentOptional =
      value.kind == ValueKind::Optional && given.kind == QUANTC_TENSOR;
  if (given.kind != int32_t(value.kind) && !presentOptional)
    return error.set(QUANTC_TYPE_MISMATCH, "expected ", side.name, " '",
                     side.nameOf(index), "' to be ",
                     kindName(int32_t(value.kind)), ", got ",
                     kindName(given.kind));
  return QUANTC_OK;
}

quantc_status checkCount(const Side &side, uint32_t index,
                         const quantc_value &given, Error &error) {
  const Value &value = side.values[index];
  if (value.kind == ValueKind::Sequence && given.count != value.count)
    return error.set(QUANTC_SHAPE_MISMATCH, "expected ", side.name, " '",
                     side.nameOf(index), "' to have ", value.count,
                     " tensors, got ", given.count);
  if (value.kind != ValueKind::Sequence && given.count != 1)
    return error.set(QUANTC_INVALID_ARGUMENT, "expected ", side.name, " '",
                     side.nameOf(index), "' to have count 1, got ",
                     given.count);
  return QUANTC_OK;
}

/// Fills `tensors` with what the caller passed; null where there is nothing.
/// `isOwn` tells whether a pointer is one that the library handed out.
template <typename IsOwn>
quantc_status assign(const Side &side, const quantc_value *given, size_t count,
                     RunState &state, const quantc_tensor **tensors,
                     IsOwn isOwn, Error &error) {
  for (uint32_t i = 0; i < side.tensorCount; ++i)
    tensors[i] = nullptr;
  for (uint32_t i = 0; i < side.valueCount; ++i)
    state.assigned[i] = 0;
  if (count && !given)
    return error.set(QUANTC_INVALID_ARGUMENT, "'", side.name, "s' is null");
  for (size_t i = 0; i < count; ++i) {
    uint32_t index = 0;
    if (quantc_status status = findValue(side, given[i], i, index, error))
      return status;
    if (state.assigned[index])
      return error.set(QUANTC_INVALID_ARGUMENT, side.name, " '",
                       side.nameOf(index), "' is given twice, at positions ",
                       state.assigned[index] - 1, " and ", i);
    state.assigned[index] = uint32_t(i + 1);
    const Value &value = side.values[index];
    bool empty = !given[i].tensors || isOwn(given[i].tensors);
    if (!side.input && empty)
      continue;
    if (quantc_status status = checkKind(side, index, given[i], error))
      return status;
    if (side.input && value.kind == ValueKind::Optional && !given[i].count)
      continue;
    if (side.input || value.kind != ValueKind::Optional)
      if (quantc_status status = checkCount(side, index, given[i], error))
        return status;
    if (empty && value.count)
      return error.set(QUANTC_INVALID_ARGUMENT, "'tensors' of ", side.name,
                       " '", side.nameOf(index), "' is null");
    for (uint32_t t = 0; t < value.count; ++t)
      tensors[value.firstTensor + t] = given[i].tensors + t;
  }
  return QUANTC_OK;
}

/// Checks all but the extents, and completes the layout.
quantc_status checkTensor(const Where &where, const Tensor &wanted,
                          const quantc_tensor &given, bool needData,
                          Layout &layout, Error &error) {
  program::DType dtype = {given.dtype.code, given.dtype.bits,
                          given.dtype.lanes};
  if (memcmp(&dtype, &wanted.dtype, sizeof(dtype)))
    return error.set(QUANTC_TYPE_MISMATCH, "expected ", where, " to be of ",
                     TypeName{wanted.dtype}, ", got ", TypeName{dtype});
  if (given.ndim != int32_t(wanted.rank))
    return error.set(QUANTC_RANK_MISMATCH, "expected ", where, " to have ",
                     wanted.rank, " dimensions, got ", given.ndim);
  if (given.ndim && !given.shape)
    return error.set(QUANTC_INVALID_ARGUMENT, "'shape' of ", where, " is null");
  if (given.device.device_type != QUANTC_CPU &&
      given.device.device_type != QUANTC_CUDA_HOST)
    return error.set(QUANTC_WRONG_DEVICE, "expected ", where,
                     " in CPU memory (device 1), got device ",
                     given.device.device_type);
  int64_t count = 1, bytes = 0;
  bool fits = true, isEmpty = false;
  for (int32_t d = 0; d < given.ndim; ++d) {
    if (given.shape[d] < 0)
      return error.set(QUANTC_SHAPE_MISMATCH, where, " dimension ", d,
                       " is negative: ", given.shape[d]);
    isEmpty |= !given.shape[d];
    fits &= !__builtin_mul_overflow(count, given.shape[d], &count);
  }
  count = isEmpty ? 0 : count;
  if (!(fits || isEmpty) || !elementBytes(wanted.dtype, count, bytes) ||
      bytes > kMaxBytes)
    return error.set(QUANTC_SIZE_OVERFLOW, "size of ", where, " overflows");
  if (quantc_status status = checkStrides(where, given, bytes, layout, error))
    return status;
  if (!needData || !bytes)
    return QUANTC_OK;
  if (!given.data)
    return error.set(QUANTC_INVALID_ARGUMENT, "data of ", where, " is null");
  auto address = reinterpret_cast<uintptr_t>(given.data) + given.byte_offset;
  if (address % wanted.alignment)
    return error.set(QUANTC_MISALIGNED, "expected data of ", where,
                     " aligned to ", wanted.alignment, " bytes, got address ",
                     address);
  return QUANTC_OK;
}

/// Binds or checks one input dimension that is a constant or a symbol.
quantc_status bindDimension(const EntryView &view, RunState &state,
                            uint32_t tensor, uint32_t axis, Error &error) {
  int64_t extent = state.inputs[tensor]->shape[axis];
  uint32_t id = view.dims[view.inputTensors[tensor].firstDim + axis];
  const program::Expr &expr = view.exprs[id];
  Where where = {view, tensor, true};
  if (expr.op == Op::Const && extent != expr.value)
    return error.set(QUANTC_SHAPE_MISMATCH, "expected ", where, " dimension ",
                     axis, " to be ", expr.value, ", got ", extent);
  if (expr.op != Op::Symbol)
    return QUANTC_OK;
  int64_t &symbol = state.symbols[expr.a];
  if (symbol < 0) {
    symbol = extent;
    state.boundTensor[expr.a] = tensor;
    state.boundAxis[expr.a] = axis;
  } else if (symbol != extent) {
    return error.set(QUANTC_SHAPE_MISMATCH, "dimension '",
                     view.string(view.symbols[expr.a].name), "' is ", symbol,
                     " in ", Where{view, state.boundTensor[expr.a], true},
                     " (axis ", state.boundAxis[expr.a], ") but ", extent,
                     " in ", where, " (axis ", axis, ")");
  }
  return QUANTC_OK;
}

quantc_status bindSymbols(const EntryView &view, RunState &state,
                          Error &error) {
  uint32_t tensors = view.entry->inputTensors.count;
  for (uint32_t s = 0; s < view.entry->symbols.count; ++s)
    state.symbols[s] = -1;
  for (uint32_t i = 0; i < tensors; ++i) {
    uint32_t presence = view.inputTensors[i].present;
    if (presence != program::kNone) {
      state.symbols[presence] = state.inputs[i] != nullptr;
      state.boundTensor[presence] = i;
      state.boundAxis[presence] = 0;
    }
  }
  for (uint32_t i = 0; i < tensors; ++i)
    for (uint32_t d = 0; state.inputs[i] && d < view.inputTensors[i].rank; ++d)
      if (quantc_status status = bindDimension(view, state, i, d, error))
        return status;
  for (uint32_t s = 0; s < view.entry->symbols.count; ++s)
    state.symbols[s] = state.symbols[s] < 0 ? 0 : state.symbols[s];
  return QUANTC_OK;
}

} // namespace

quantc_status bindInputs(quantc_context &context, const EntryView &view,
                         const RunRequest &request, Error &error) {
  RunState &state = context.state;
  Side side(view, true);
  auto never = [](const quantc_tensor *) { return false; };
  if (quantc_status status = assign(side, request.inputs, request.inputCount,
                                    state, state.inputs, never, error))
    return status;
  for (uint32_t i = 0; i < side.valueCount; ++i)
    if (!state.assigned[i] && side.values[i].kind != ValueKind::Optional)
      return error.set(QUANTC_INVALID_ARGUMENT, "input '", side.nameOf(i),
                       "' is missing");
  findAppendAxes(view, state);
  for (uint32_t i = 0; i < side.tensorCount; ++i) {
    const quantc_tensor *given = state.inputs[i];
    state.inputData[i] = nullptr;
    if (!given)
      continue;
    if (quantc_status status =
            checkTensor({view, i, true}, side.tensors[i], *given,
                        request.execute, state.inputLayouts[i], error))
      return status;
    if (given->data)
      state.inputData[i] =
          static_cast<char *>(given->data) + given->byte_offset;
  }
  return bindSymbols(view, state, error);
}

quantc_status checkDerivedInputs(quantc_context &context, const EntryView &view,
                                 const Plan &plan, Error &error) {
  for (uint32_t i = 0; i < view.entry->inputTensors.count; ++i) {
    const quantc_tensor *given = context.state.inputs[i];
    const Tensor &tensor = view.inputTensors[i];
    for (uint32_t d = 0; given && d < tensor.rank; ++d) {
      uint32_t expr = view.dims[tensor.firstDim + d];
      if (given->shape[d] != plan.values[expr])
        return error.set(QUANTC_SHAPE_MISMATCH, "expected ",
                         Where{view, i, true}, " dimension ", d, " to be ",
                         plan.values[expr], " (", ExprText{view, expr},
                         "), got ", given->shape[d]);
    }
  }
  return QUANTC_OK;
}

quantc_status bindCapacities(quantc_context &context, const EntryView &view,
                             const RunRequest &request, Error &error) {
  RunState &state = context.state;
  Side side(view, false);
  // Descriptors of any entry point lie inside of the context's own block.
  auto own = [&](const quantc_tensor *tensor) {
    auto at = reinterpret_cast<uintptr_t>(tensor);
    auto base = reinterpret_cast<uintptr_t>(context.self.data);
    return at - base < context.self.bytes;
  };
  if (quantc_status status = assign(side, request.outputs, request.outputCount,
                                    state, state.outputs, own, error))
    return status;
  for (uint32_t i = 0; i < view.entry->aliases.count; ++i) {
    const program::Alias &alias = view.aliases[i];
    const quantc_tensor *given = state.outputs[alias.output];
    Layout &layout = state.outputLayouts[alias.output];
    if (alias.axis == program::kNone)
      continue;
    if (given)
      if (quantc_status status = checkTensor({view, alias.output, false},
                                             side.tensors[alias.output], *given,
                                             request.execute, layout, error))
        return status;
    // Whoever asks for the shape of an output will mostly put it where the
    // input is.
    const Layout &past = state.inputLayouts[alias.input];
    state.symbols[alias.capacity] = given             ? layout.room
                                    : request.execute ? 0
                                                      : past.room;
  }
  return QUANTC_OK;
}

quantc_status bindOutputs(quantc_context &context, const EntryView &view,
                          const RunRequest &request, const Plan &plan,
                          Error &error) {
  RunState &state = context.state;
  Side side(view, false);
  for (uint32_t i = 0; i < side.tensorCount; ++i) {
    const quantc_tensor *given = state.outputs[i];
    const Tensor &tensor = side.tensors[i];
    state.outputData[i] = nullptr;
    if (!given || !isPresent(tensor, plan))
      continue;
    if (quantc_status status =
            checkTensor({view, i, false}, tensor, *given, request.execute,
                        state.outputLayouts[i], error))
      return status;
    if (given->data)
      state.outputData[i] =
          static_cast<char *>(given->data) + given->byte_offset;
  }
  return checkOutputExtents(context, view, plan, 0, error);
}

quantc_status checkOutputExtents(quantc_context &context, const EntryView &view,
                                 const Plan &plan, uint32_t phase,
                                 Error &error) {
  for (uint32_t i = 0; i < view.entry->outputTensors.count; ++i) {
    const quantc_tensor *given = context.state.outputs[i];
    const Tensor &tensor = view.outputTensors[i];
    for (uint32_t d = 0; given && d < tensor.rank; ++d) {
      uint32_t expr = view.dims[tensor.firstDim + d];
      if (view.exprs[expr].phase == phase && isPresent(tensor, plan) &&
          given->shape[d] != plan.values[expr])
        return error.set(QUANTC_SHAPE_MISMATCH, "expected ",
                         Where{view, i, false}, " dimension ", d, " to be ",
                         plan.values[expr], ", got ", given->shape[d]);
    }
  }
  return QUANTC_OK;
}

} // namespace quantc::runtime
