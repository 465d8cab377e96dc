// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes of results by axes that only the run knows.

#include "Axes.h"
#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {

FailureOr<int64_t> countRunTimeAxes(NodeImport &n, size_t index,
                                    int64_t sinceOpset) {
  if (n.opset < sinceOpset || !n.has(index) || n.constantInts(index))
    return 0;
  return n.elements(index);
}

/// Binds the sizes that `body` gives, knowing which of `rank` dimensions are
/// axes.  No size can be had of axes out of range or given twice.
static FailureOr<SymbolicShape>
bindSizes(NodeImport &n, size_t index, size_t rank, size_t size,
          llvm::function_ref<Values(Program &, ValueRange)> body) {
  FailureOr<int64_t> count = n.elements(index);
  Value axes = n.value(index);
  if (failed(count) || !axes)
    return failure();
  if (*count > int64_t(rank))
    return n.error("expected at most " + Twine(rank) + " axes, got " +
                   Twine(*count));
  Type type = n.elementType(axes);
  Value sizes = computeList(n, size, {axes}, [&](Program &p) {
    Values given, isAxis;
    for (int64_t i = 0; i < *count; ++i)
      given.push_back(p.wrapIndex(
          p.toIndex(
              p.read(0, n.rank(axes) == 0 ? Values() : Values{p.index(i)}),
              type),
          p.index(rank)));
    Value found = p.index(0), one = p.index(1);
    for (size_t i = 0; i < rank; ++i) {
      Value any = p.boolean(false), dim = p.index(i);
      for (Value axis : given)
        any = p.either(any, p.equal(axis, dim));
      isAxis.push_back(any);
      found = p.add(found, p.select(any, one, p.index(0)));
    }
    Values list = body(p, isAxis);
    Value isValid = p.equal(found, p.index(*count));
    for (Value &element : list)
      element = p.select(isValid, element, p.index(-1));
    return list;
  });
  auto bound = n.bindAll(sizes, "size of " + n.name,
                         "different axes in [" + Twine(-int64_t(rank)) + ", " +
                             Twine(rank) + ")");
  if (failed(bound))
    return failure();
  return SymbolicShape(bound->begin(), bound->end());
}

FailureOr<SymbolicShape> removeRunTimeAxes(NodeImport &n, size_t index,
                                           ArrayRef<AffineExpr> dims,
                                           bool areOnes) {
  FailureOr<int64_t> count = n.elements(index);
  if (failed(count))
    return failure();
  size_t rank = dims.size(), kept = rank - std::min<size_t>(*count, rank);
  auto shape =
      bindSizes(n, index, rank, kept, [&](Program &p, ValueRange isAxis) {
        Values list(kept, p.index(0));
        Value position = p.index(0), one = p.index(1);
        for (size_t i = 0; i < rank; ++i) {
          Value isKept = p.negate(isAxis[i]);
          for (size_t k = 0; k < kept; ++k)
            list[k] = p.select(p.both(isKept, p.equal(position, p.index(k))),
                               p.extent(dims[i]), list[k]);
          position = p.add(position, p.select(isKept, one, p.index(0)));
        }
        return list;
      });
  if (failed(shape) || !areOnes)
    return shape;
  // Dimensions other than 1 would be missing among the elements.
  MLIRContext *context = &n.importer.context;
  if (failed(n.needEqual(elementCount(dims, context),
                         elementCount(*shape, context))))
    return failure();
  return shape;
}

FailureOr<SymbolicShape> insertRunTimeAxes(NodeImport &n, size_t index,
                                           ArrayRef<AffineExpr> dims) {
  FailureOr<int64_t> count = n.elements(index);
  if (failed(count))
    return failure();
  size_t rank = dims.size() + *count;
  return bindSizes(n, index, rank, rank, [&](Program &p, ValueRange isAxis) {
    Values list;
    Value position = p.index(0), one = p.index(1);
    for (size_t i = 0; i < rank; ++i) {
      Value size = one;
      for (auto [k, dim] : llvm::enumerate(dims))
        size = p.select(p.equal(position, p.index(k)), p.extent(dim), size);
      list.push_back(p.select(isAxis[i], one, size));
      position = p.add(position, p.select(isAxis[i], p.index(0), one));
    }
    return list;
  });
}

Value moveRunTimeAxes(NodeImport &n, size_t index, Value value) {
  if (!value)
    return {};
  SymbolicShape dims = n.shape(value);
  size_t rank = dims.size();
  auto shape =
      bindSizes(n, index, rank, 2 * rank, [&](Program &p, ValueRange isAxis) {
        Values kept, moved;
        for (auto [isOne, dim] : llvm::zip(isAxis, dims)) {
          kept.push_back(p.select(isOne, p.index(1), p.extent(dim)));
          moved.push_back(p.select(isOne, p.extent(dim), p.index(1)));
        }
        kept.append(moved);
        return kept;
      });
  if (failed(shape))
    return {};
  return compute(n, n.elementType(value), *shape, {value}, [&](Program &p) {
    Values position;
    for (size_t i = 0; i < rank; ++i)
      position.push_back(p.add(p.at(i), p.at(rank + i)));
    return p.read(0, position);
  });
}

} // namespace quantc::onnx_frontend
