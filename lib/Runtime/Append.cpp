// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Caches that grow along one dimension in a buffer with room for more rows.
// Such a tensor is compact but for that room: the strides of the dimensions
// outside of the axis count the rows of the whole buffer.  All other tensors
// are compact.

#include "Context.h"

namespace quantc::runtime {
namespace {

/// Whether the dimensions [from, to) lie one in the other, the innermost with
/// stride `expected`.  Else `wrong` is the first that does not, and `expected`
/// what its stride should be.  That of a dimension of extent 1 means nothing.
bool isNested(const quantc_tensor &tensor, int32_t from, int32_t to,
              int64_t &expected, int32_t &wrong) {
  for (int32_t d = to; d-- > from;) {
    wrong = d;
    if (tensor.shape[d] != 1 && tensor.strides[d] != expected)
      return false;
    expected *= tensor.shape[d]; // the size of the whole is known to fit
  }
  return true;
}

bool isCompact(const quantc_tensor &tensor) {
  int64_t expected = 1;
  int32_t wrong = 0;
  return isNested(tensor, 0, tensor.ndim, expected, wrong);
}

quantc_status wrongStride(const Where &where, const quantc_tensor &given,
                          const Layout &layout, int32_t axis, int64_t expected,
                          Error &error) {
  return error.set(QUANTC_NOT_CONTIGUOUS, "expected stride ", expected, " of ",
                   where, " dimension ", axis, ", got ", given.strides[axis],
                   "; only dimension ", layout.axis,
                   " may be a part of a larger one");
}

} // namespace

void findAppendAxes(const EntryView &view, RunState &state) {
  for (uint32_t i = 0; i < view.entry->inputTensors.count; ++i)
    state.inputLayouts[i] = {program::kNone, 0, 0};
  for (uint32_t i = 0; i < view.entry->outputTensors.count; ++i)
    state.outputLayouts[i] = {program::kNone, 0, 0};
  for (uint32_t i = 0; i < view.entry->aliases.count; ++i) {
    const program::Alias &alias = view.aliases[i];
    state.inputLayouts[alias.input].axis = alias.axis;
    state.outputLayouts[alias.output].axis = alias.axis;
  }
}

quantc_status checkStrides(const Where &where, const quantc_tensor &given,
                           int64_t bytes, Layout &layout, Error &error) {
  layout.room = 0;
  layout.span = bytes;
  if (!given.strides || !bytes || isCompact(given))
    return QUANTC_OK;
  if (layout.axis == program::kNone)
    return error.set(QUANTC_NOT_CONTIGUOUS, "expected ", where,
                     " to be contiguous in row-major order; copy it first");
  auto axis = int32_t(layout.axis);
  int64_t row = 1;
  int32_t wrong = 0;
  if (!isNested(given, axis + 1, given.ndim, row, wrong))
    return wrongStride(where, given, layout, wrong, row, error);
  if (given.shape[axis] != 1 && given.strides[axis] != row)
    return wrongStride(where, given, layout, axis, row, error);
  // The innermost dimension outside of the axis tells how many rows there are;
  // there is one, or the tensor would be compact.
  int32_t outer = axis - 1;
  while (given.shape[outer] == 1)
    --outer;
  int64_t stride = given.strides[outer];
  layout.room = stride / row;
  if (stride % row)
    return wrongStride(where, given, layout, outer, layout.room * row, error);
  if (layout.room < given.shape[axis])
    return error.set(QUANTC_SHAPE_MISMATCH, "expected the strides of ", where,
                     " to leave room for ", given.shape[axis],
                     " along dimension ", axis, ", got ", layout.room);
  bool fits = stride <= kMaxBytes;
  int64_t element = given.dtype.bits / 8, whole = fits ? stride * element : 0;
  for (int32_t d = 0; d < axis; ++d)
    fits = fits && !__builtin_mul_overflow(whole, given.shape[d], &whole) &&
           whole <= kMaxBytes;
  if (!fits)
    return error.set(QUANTC_SIZE_OVERFLOW, "size of the buffer of ", where,
                     " overflows");
  layout.span = whole - (stride - given.shape[axis] * row) * element;
  if (!isNested(given, 0, axis, stride, wrong))
    return wrongStride(where, given, layout, wrong, stride, error);
  return QUANTC_OK;
}

CacheParts cacheParts(const EntryView &view, const RunState &state,
                      const Plan &plan, const program::Alias &alias) {
  const program::Tensor &output = view.outputTensors[alias.output];
  const program::Tensor &input = view.inputTensors[alias.input];
  const uint32_t *dims = view.dims + output.firstDim;
  if (!plan.outputBytes[alias.output])
    return {}; // the product of its other extents need not fit
  int64_t row = output.dtype.bits / 8;
  for (uint32_t d = alias.axis + 1; d < output.rank; ++d)
    row *= plan.values[dims[d]];
  int64_t past = plan.values[view.dims[input.firstDim + alias.axis]];
  int64_t present = plan.values[dims[alias.axis]];
  int64_t pastRoom = state.inputLayouts[alias.input].room;
  int64_t presentRoom = plan.symbols[alias.capacity];
  CacheParts parts = {};
  parts.count = 1;
  for (uint32_t d = 0; d < alias.axis; ++d)
    parts.count *= plan.values[dims[d]];
  parts.past = past * row;
  parts.added = (present - past) * row;
  parts.pastStride = (pastRoom ? pastRoom : past) * row;
  parts.presentStride = (presentRoom ? presentRoom : present) * row;
  return parts;
}

} // namespace quantc::runtime
