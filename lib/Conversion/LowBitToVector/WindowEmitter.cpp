// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk over lines, and where taps read.  See WindowEmitter.h.

#include "WindowEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace quantc::lowbit {

Value WindowEmitter::getInputExtent(int64_t axis) {
  return b.createOrFold<memref::DimOp>(input, axis + 1);
}

/// (input + pads - reach) / stride + 1; there is an output where this is used.
Value WindowEmitter::getOutputExtent(int64_t axis) {
  int64_t reach = (window[axis] - 1) * dilations[axis] + 1;
  Value room = add(getInputExtent(axis), low[axis] + high[axis] - reach);
  return add(div(room, strides[axis]), 1);
}

/// 0 <= position < extent, by one comparison.
Value WindowEmitter::isInside(Value position, Value extent) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, position,
                                       extent);
}

int64_t WindowEmitter::getOuterTaps() const {
  int64_t taps = 1;
  for (int64_t extent : ArrayRef(window).drop_back())
    taps *= extent;
  return taps;
}

void WindowEmitter::forEachLine(function_ref<void(const Line &)> body) {
  Values extents;
  for (size_t axis = 0; axis < window.size(); ++axis)
    extents.push_back(getOutputExtent(axis));
  Value length = extents.back();
  Value rows = b.createOrFold<memref::DimOp>(output, 0);
  Value begin = div(first, length);
  Value last = add(add(first, rows), sub(length, constant(1)));
  forRange(begin, div(last, length), 1,
           [&](Value index) { body(getLine(index, extents, rows)); });
}

WindowEmitter::Line WindowEmitter::getLine(Value index, ArrayRef<Value> extents,
                                           Value rows) {
  Line line;
  Value length = extents.back();
  line.firstRow = sub(mul(index, length), first);
  line.sample = index;
  for (size_t axis = window.size() - 1; axis-- > 0;) {
    Value position = rem(line.sample, extents[axis]);
    line.sample = div(line.sample, extents[axis]);
    line.starts.push_back(
        sub(mul(position, strides[axis]), constant(low[axis])));
  }
  std::reverse(line.starts.begin(), line.starts.end());
  Value zero = constant(0);
  line.begin = max(sub(zero, line.firstRow), zero);
  line.end = min(length, sub(rows, line.firstRow));

  // Pixel w is interior when w * stride >= low and its last tap, at
  // w * stride - low + (k - 1) * dilation, is below the input's extent.
  int64_t axis = window.size() - 1, stride = strides[axis];
  int64_t reach = (window[axis] - 1) * dilations[axis];
  Value inner = constant((low[axis] + stride - 1) / stride);
  Value room = add(getInputExtent(axis), low[axis] - reach - 1 + stride);
  Value outer = div(max(room, zero), stride);
  line.inner = min(max(line.begin, inner), line.end);
  line.outer = min(max(line.inner, outer), line.end);
  return line;
}

WindowEmitter::OuterTap WindowEmitter::getOuterTap(const Line &line,
                                                   Value tap) {
  OuterTap result;
  result.indices.assign(line.starts.begin(), line.starts.end());
  result.inside = arith::ConstantIntOp::create(b, 1, 1);
  for (size_t axis = window.size() - 1; axis-- > 0;) {
    Value extent = constant(window[axis]);
    Value position =
        add(line.starts[axis], mul(rem(tap, extent), dilations[axis]));
    tap = div(tap, extent);
    result.indices[axis] = position;
    result.inside = b.createOrFold<arith::AndIOp>(
        result.inside, isInside(position, getInputExtent(axis)));
  }
  result.indices.insert(result.indices.begin(), line.sample);
  return result;
}

Value WindowEmitter::getColumn(Value w, Value k) {
  return add(mul(w, strides.back()),
             sub(mul(k, dilations.back()), constant(low.back())));
}

Value WindowEmitter::isColumnInside(Value column) {
  return isInside(column, getInputExtent(window.size() - 1));
}

} // namespace quantc::lowbit
