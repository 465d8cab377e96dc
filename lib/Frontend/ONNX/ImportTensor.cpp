// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Data movement: reshapes, transposes, concatenation, gathers, broadcasts.
// Target shapes are shape data, or what the run binds.  Where two dimensions
// must agree and that cannot be proved, the model checks it (qnn.check).

#include "Axes.h"
#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// The input's value under another shape; shape data stay shape data.
static LogicalResult resultReshaped(NodeImport &n, ArrayRef<AffineExpr> shape) {
  if (const ShapeData *data = n.table(0); data && constantValues(shape))
    return n.resultTable(n.inputs[0]->elementType, *data, shape);
  return n.result(n.reshape(n.value(0), shape));
}

/// The elements of two shapes without the dimensions that both have.  What is
/// kept cancels that way also where it is a sum: (h + 1) * (w + 1) rows.
static std::pair<AffineExpr, AffineExpr>
uncommonCounts(NodeImport &n, ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b) {
  SymbolicShape left(a), right;
  for (AffineExpr dim : b) {
    auto same = llvm::find(left, canonicalize(dim));
    if (same == left.end() || staticExtent(dim) == 0)
      right.push_back(dim);
    else
      left.erase(same);
  }
  MLIRContext *context = &n.importer.context;
  return {elementCount(left, context), elementCount(right, context)};
}

/// With a target that only the run knows.
static LogicalResult reshapeAtRunTime(NodeImport &n, ArrayRef<AffineExpr> dims,
                                      bool allowZero) {
  FailureOr<int64_t> count = n.elements(1);
  Value target = n.value(1);
  if (failed(count) || !target)
    return failure();
  AffineExpr elements = elementCount(dims, &n.importer.context);
  Type type = n.elementType(target);
  Value resolved = computeList(n, *count, {target}, [&](Program &p) {
    Values list;
    Value product = p.index(1), one = p.index(1), unknown = p.index(-1);
    for (size_t i = 0; i < size_t(*count); ++i) {
      Value dim = p.toIndex(p.read(0, p.index(int64_t(i))), type);
      // A 0 without a dimension to copy is refused as a negative size.
      if (!allowZero)
        dim = p.select(p.equal(dim, p.index(0)),
                       i < dims.size() ? p.extent(dims[i]) : p.index(-2), dim);
      list.push_back(dim);
      product = p.mul(product, p.select(p.equal(dim, unknown), one, dim));
    }
    Value rest = p.div(p.extent(elements), product);
    for (Value &dim : list)
      dim = p.select(p.equal(dim, unknown), rest, dim);
    return list;
  });
  auto shape = n.bindAll(resolved, "shape of " + n.name,
                         "a shape without negative dimensions");
  if (failed(shape) ||
      failed(n.needEqual(elements, elementCount(*shape, &n.importer.context))))
    return failure();
  return resultReshaped(n, *shape);
}

/// 0 copies the operand's dimension (unless `allowzero`), -1 is inferred.
static LogicalResult importReshape(NodeImport &n) {
  Entry *input = n.input(0);
  if (!input || !n.input(1))
    return failure();
  bool allowZero = n.intAttr("allowzero", 0) != 0;
  const ShapeData *target = n.data(1);
  if (!target)
    return reshapeAtRunTime(n, input->shape, allowZero);
  if (int64_t(target->size()) > kMaxRank)
    return n.error("the result has rank " + Twine(target->size()) +
                   ", the limit is " + Twine(kMaxRank));
  SymbolicShape shape;
  std::optional<size_t> inferred;
  AffineExpr known = n.expr(1);
  for (auto [i, given] : llvm::enumerate(*target)) {
    AffineExpr dim = given;
    int64_t extent = staticExtent(dim);
    if (extent == -1) {
      if (inferred)
        return n.error("expected one -1 in the shape, got two");
      inferred = i;
      shape.push_back(n.expr(1));
      continue;
    }
    if (extent == 0 && !allowZero) {
      if (i >= input->shape.size())
        return n.error("dimension " + Twine(i) +
                       " of the shape is 0, the "
                       "operand has rank " +
                       Twine(input->shape.size()));
      dim = input->shape[i];
    }
    if (failed(n.needNonNegative(dim, "a shape without negative dimensions")))
      return failure();
    shape.push_back(dim);
    bool constant = isa<AffineConstantExpr>(known * dim);
    if (!constant && isa<AffineConstantExpr>(known) &&
        isa<AffineConstantExpr>(dim))
      return n.error("the shape has more than 2^63 - 1 elements");
    known = canonicalize(known * dim);
  }
  AffineExpr count;
  std::tie(count, known) = uncommonCounts(n, input->shape, shape);
  if (inferred) {
    if (staticExtent(known) == 0)
      return n.error("-1 cannot be inferred beside a dimension 0");
    AffineExpr rest = canonicalize(count.floorDiv(known));
    shape[*inferred] = rest;
    known = canonicalize(known * rest);
  }
  if (failed(n.needEqual(count, known)))
    return failure();
  return resultReshaped(n, shape);
}

static LogicalResult importFlatten(NodeImport &n) {
  Entry *input = n.input(0);
  if (!input)
    return failure();
  int64_t rank = input->shape.size(), axis = n.intAttr("axis", 1);
  if (axis < -rank || axis > rank)
    return n.error("expected an axis in [" + Twine(-rank) + ", " + Twine(rank) +
                   "], got " + Twine(axis));
  ArrayRef<AffineExpr> dims = input->shape;
  size_t split = axis < 0 ? axis + rank : axis;
  MLIRContext *context = &n.importer.context;
  return resultReshaped(n, {elementCount(dims.take_front(split), context),
                            elementCount(dims.drop_front(split), context)});
}

static LogicalResult importSqueeze(NodeImport &n) {
  Entry *input = n.input(0);
  if (!input)
    return failure();
  ArrayRef<AffineExpr> dims = input->shape;
  FailureOr<int64_t> runTimeAxes = countRunTimeAxes(n, 1, 13);
  if (failed(runTimeAxes))
    return failure();
  if (*runTimeAxes > 0) {
    auto shape = removeRunTimeAxes(n, 1, dims, /*areOnes=*/true);
    return failed(shape) ? failure() : resultReshaped(n, *shape);
  }
  auto axes = n.intsAttrOrInput("axes", 1, 13);
  if (failed(axes))
    return failure();
  SmallVector<int64_t> removed;
  if (*axes) {
    removed = **axes;
    if (failed(n.normalizeAxes(removed, dims.size())))
      return failure();
  } else {
    for (auto [i, dim] : llvm::enumerate(dims)) {
      if (!isa<AffineConstantExpr>(dim))
        return n.error("needs 'axes', since dimension " + n.importer.text(dim) +
                       " may be 1 or not");
      if (staticExtent(dim) == 1)
        removed.push_back(i);
    }
  }
  SymbolicShape shape;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (!llvm::is_contained(removed, int64_t(i)))
      shape.push_back(dim);
    else if (failed(n.needEqual(dim, n.expr(1))))
      return failure();
  }
  return resultReshaped(n, shape);
}

static LogicalResult importUnsqueeze(NodeImport &n) {
  Entry *input = n.input(0);
  if (!input)
    return failure();
  FailureOr<int64_t> runTimeAxes = countRunTimeAxes(n, 1, 13);
  if (failed(runTimeAxes))
    return failure();
  if (*runTimeAxes > 0) {
    auto shape = insertRunTimeAxes(n, 1, input->shape);
    return failed(shape) ? failure() : resultReshaped(n, *shape);
  }
  auto axes = n.intsAttrOrInput("axes", 1, 13);
  if (failed(axes))
    return failure();
  if (!*axes)
    return n.error("'axes' is missing");
  SmallVector<int64_t> added(**axes);
  size_t rank = input->shape.size() + added.size();
  if (failed(n.normalizeAxes(added, rank)))
    return failure();
  SymbolicShape shape;
  auto dims = input->shape.begin();
  for (size_t i = 0; i < rank; ++i)
    shape.push_back(llvm::is_contained(added, int64_t(i)) ? n.expr(1)
                                                          : *dims++);
  return resultReshaped(n, shape);
}

static LogicalResult importTranspose(NodeImport &n) {
  Entry *input = n.input(0);
  if (!input)
    return failure();
  int64_t rank = input->shape.size();
  SmallVector<int64_t> permutation;
  if (auto given = n.intsAttr("perm")) {
    permutation = *given;
    if (int64_t(permutation.size()) != rank)
      return n.error("expected 'perm' to have " + Twine(rank) +
                     " entries, got " + Twine(permutation.size()));
    if (failed(n.normalizeAxes(permutation, rank)))
      return failure();
  } else {
    for (int64_t i = rank; i-- > 0;)
      permutation.push_back(i);
  }
  if (llvm::is_sorted(permutation))
    return n.resultEntry(input);
  if (const ShapeData *data = n.table(0); data && rank == 2) {
    int64_t rows = staticExtent(input->shape[0]);
    int64_t columns = staticExtent(input->shape[1]);
    ShapeData turned;
    for (int64_t i = 0; i < rows * columns; ++i)
      turned.push_back((*data)[i % rows * columns + i / rows]);
    return n.resultTable(input->elementType, turned,
                         {input->shape[1], input->shape[0]});
  }
  return n.result(n.transpose(n.value(0), permutation));
}

//===----------------------------------------------------------------------===//
// Concat and Gather
//===----------------------------------------------------------------------===//

static LogicalResult importConcat(NodeImport &n) {
  if (n.numInputs() == 0 || !n.input(0))
    return failure();
  size_t rank = n.inputs[0]->shape.size();
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 1), rank);
  if (failed(axis))
    return failure();
  ShapeData joined;
  bool tracked = rank == 1;
  for (size_t i = 0; i < n.numInputs(); ++i) {
    Entry *entry = n.input(i);
    if (!entry)
      return failure();
    if (entry->elementType != n.inputs[0]->elementType)
      return n.error("expected operands of one element type");
    if (entry->shape.size() != rank)
      return n.error("expected operands of rank " + Twine(rank) +
                     ", got rank " + Twine(entry->shape.size()));
    tracked &= n.data(i) != nullptr;
    if (tracked)
      joined.append(n.data(i)->begin(), n.data(i)->end());
  }
  if (tracked && joined.size() <= 64)
    return n.resultData(n.inputs[0]->elementType, joined, 1);
  SmallVector<Value> operands;
  for (size_t i = 0; i < n.numInputs(); ++i) {
    for (size_t d = 0; d < rank; ++d)
      if (int64_t(d) != *axis &&
          failed(n.needEqual(n.inputs[0]->shape[d], n.inputs[i]->shape[d])))
        return failure();
    operands.push_back(n.value(i));
  }
  if (operands.size() == 1)
    return n.resultEntry(n.inputs[0]);
  return n.result(n.create<qnn::ConcatOp>(n.elementType(operands[0]),
                                          ValueRange(operands), *axis));
}

static LogicalResult importGather(NodeImport &n) {
  Entry *input = n.input(0), *indices = n.input(1);
  if (!input || !indices)
    return failure();
  if (!indices->elementType.isSignlessInteger(32) &&
      !indices->elementType.isSignlessInteger(64))
    return n.error("expected indices of type INT32 or INT64");
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), input->shape.size());
  if (failed(axis))
    return failure();
  auto known = n.constantInts(1);
  int64_t extent = staticExtent(input->shape[*axis]);
  if (known && !ShapedType::isDynamic(extent))
    for (int64_t &index : *known) {
      if (index < -extent || index >= extent)
        return n.error("expected indices in [" + Twine(-extent) + ", " +
                       Twine(extent) + "), got " + Twine(index));
      index += index < 0 ? extent : 0;
    }
  const ShapeData *data = n.data(0);
  if (data && known && input->shape.size() == 1 && indices->shape.size() <= 1) {
    ShapeData picked;
    for (int64_t index : *known)
      picked.push_back((*data)[index]);
    return n.resultData(input->elementType, picked, indices->shape.size());
  }
  Value x = n.value(0), which = n.value(1);
  return n.result(n.create<qnn::GatherOp>(n.elementType(x), x, which, *axis,
                                          DenseI64ArrayAttr()));
}

//===----------------------------------------------------------------------===//
// Broadcasts
//===----------------------------------------------------------------------===//

/// With a target that only the run knows: a dimension of it is 1 or that of the
/// operand, unless the operand's is 1.
static LogicalResult expandAtRunTime(NodeImport &n) {
  Value x = n.value(0);
  const ShapeData *given = n.sizes(1, "a shape without negative dimensions");
  if (!x || !given)
    return failure();
  SymbolicShape dims = n.shape(x), shape;
  SymbolicShape target(given->begin(), given->end());
  while (target.size() < dims.size())
    target.insert(target.begin(), n.expr(1));
  size_t added = target.size() - dims.size();
  bool isWhole = true;
  for (auto [i, want] : llvm::enumerate(target)) {
    AffineExpr dim = i < added ? n.expr(1) : dims[i - added];
    if (staticExtent(dim) == 1) {
      shape.push_back(want);
      continue;
    }
    if (!ShapedType::isDynamic(staticExtent(dim))) {
      shape.push_back(dim);
      if (failed(n.needZero((want - 1) * (want - dim),
                            n.importer.text(want) + " to be 1 or " +
                                n.importer.text(dim))))
        return failure();
      continue;
    }
    isWhole = false;
    Value size = computeList(n, 1, {}, [&](Program &p) {
      Value own = p.extent(dim), wanted = p.extent(want), one = p.index(1);
      Value fits = p.either(p.equal(wanted, one), p.equal(wanted, own));
      Value kept = p.select(fits, own, p.index(-1));
      return Values{p.select(p.equal(own, one), wanted, kept)};
    });
    auto bound = n.bindAll(size, "shape of " + n.name,
                           n.importer.text(want) + " to broadcast with " +
                               n.importer.text(dim));
    if (failed(bound))
      return failure();
    shape.push_back(bound->front());
  }
  if (isWhole)
    return n.result(n.broadcastTo(x, shape));
  // A dimension that turns out to be 1 is read where its end is.
  return n.result(compute(n, n.elementType(x), shape, {x}, [&](Program &p) {
    return p.read(0, ArrayRef<Value>(p.at()).drop_front(added));
  }));
}

/// The result is the broadcast of both shapes.  A dimension of the target that
/// equals the operand's is written as 1, which keeps the operand's.
static LogicalResult importExpand(NodeImport &n) {
  if (!n.input(0) || !n.input(1))
    return failure();
  const ShapeData *target = n.data(1);
  if (!target)
    return expandAtRunTime(n);
  Value x = n.value(0);
  if (!x)
    return failure();
  SymbolicShape shape(target->begin(), target->end());
  SymbolicShape dims = n.shape(x);
  if (failed(n.tieBroadcast(dims, shape)))
    return failure();
  while (shape.size() < dims.size())
    shape.insert(shape.begin(), n.expr(1));
  SymbolicShape result(shape);
  for (size_t i = 1; i <= dims.size(); ++i) {
    AffineExpr dim = dims[dims.size() - i];
    AffineExpr &want = result[result.size() - i];
    if (staticExtent(dim) != 1)
      want = dim;
  }
  for (AffineExpr dim : result)
    if (failed(n.needNonNegative(dim, "a shape without negative dimensions")))
      return failure();
  if (const ShapeData *data = n.data(0);
      data && result.size() <= 1 && data->size() == 1) {
    int64_t size = result.empty() ? 1 : staticExtent(result[0]);
    if (!ShapedType::isDynamic(size) && size <= 64)
      return n.resultData(n.inputs[0]->elementType,
                          ShapeData(size, data->front()), result.size());
  }
  return n.result(n.broadcastTo(x, result));
}

/// Repeats become a broadcast: [d] -> [1, d] -> [r, d] -> [r * d].
static LogicalResult importTile(NodeImport &n) {
  Value x = n.value(0);
  if (!x || !n.input(1))
    return failure();
  const ShapeData *repeats = n.sizes(1, "repeats that are not negative");
  if (!repeats)
    return failure();
  SymbolicShape dims = n.shape(x);
  if (repeats->size() != dims.size())
    return n.error("expected " + Twine(dims.size()) + " repeats, got " +
                   Twine(repeats->size()));
  SymbolicShape split, wide, merged;
  for (auto [dim, count] : llvm::zip(dims, *repeats)) {
    if (failed(n.needNonNegative(count, "repeats that are not negative")))
      return failure();
    merged.push_back(dim * count);
    if (staticExtent(count) == 1) {
      split.push_back(dim);
      wide.push_back(dim);
      continue;
    }
    if (staticExtent(dim) != 1) {
      split.push_back(n.expr(1));
      wide.push_back(count);
    }
    split.push_back(dim);
    wide.push_back(staticExtent(dim) == 1 ? count : dim);
  }
  return n.result(n.reshape(n.broadcastTo(n.reshape(x, split), wide), merged));
}

void registerTensor(Registry &r) {
  r.add("Reshape", importReshape);
  r.add("Flatten", importFlatten);
  r.add("Squeeze", importSqueeze);
  r.add("Unsqueeze", importUnsqueeze);
  r.add("Transpose", importTranspose);
  r.add("Concat", importConcat);
  r.add("Gather", importGather);
  r.add("Expand", importExpand);
  r.add("Tile", importTile);
}

} // namespace quantc::onnx_frontend
