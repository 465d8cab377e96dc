// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and writes at computed positions: Gather and Scatter by elements and by
// index tuples, one-hot, padding modes and their kin.  A scatter starts as a
// copy of the data; the updates are written over it in their order.

#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {

static bool isIndex(Type type) {
  return type.isSignlessInteger(32) || type.isSignlessInteger(64);
}

/// An integer operand of the given position; an error otherwise.
static Value indexOperand(NodeImport &n, size_t position) {
  Value value = n.value(position);
  if (value && !isIndex(n.elementType(value))) {
    (void)n.error("expected indices of type INT32 or INT64");
    return {};
  }
  return value;
}

static LogicalResult importGatherElements(NodeImport &n) {
  Value x = n.value(0), which = indexOperand(n, 1);
  if (!x || !which)
    return failure();
  SymbolicShape dims = n.shape(x), shape = n.shape(which);
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), dims.size());
  if (failed(axis))
    return failure();
  if (shape.size() != dims.size())
    return n.error("expected indices of rank " + Twine(dims.size()) +
                   ", got rank " + Twine(shape.size()));
  Type type = n.elementType(which);
  return n.result(
      compute(n, n.elementType(x), shape, {x, which}, [&](Program &p) {
        Values position = p.at();
        position[*axis] = p.wrapIndex(p.toIndex(p.read(1, p.at()), type),
                                      p.extent(dims[*axis]));
        return p.read(0, position);
      }));
}

/// data[indices[..., 0], indices[..., 1], ...], the leading `batch_dims`
/// dimensions in step.
static LogicalResult importGatherND(NodeImport &n) {
  Value x = n.value(0), which = indexOperand(n, 1);
  if (!x || !which)
    return failure();
  SymbolicShape dims = n.shape(x), index = n.shape(which);
  int64_t batch = n.intAttr("batch_dims", 0);
  int64_t tuple = index.empty() ? -1 : staticExtent(index.back());
  if (tuple < 1 || batch < 0 || batch >= int64_t(index.size()) ||
      batch + tuple > int64_t(dims.size()))
    return n.error("expected indices whose last dimension is at most the rank "
                   "of the data");
  SymbolicShape shape(ArrayRef(index).drop_back());
  shape.append(dims.begin() + batch + tuple, dims.end());
  Type type = n.elementType(which);
  return n.result(
      compute(n, n.elementType(x), shape, {x, which}, [&](Program &p) {
        size_t outer = index.size() - 1;
        Values position(p.at().begin(), p.at().begin() + batch);
        for (int64_t i = 0; i < tuple; ++i) {
          Values at(p.at().begin(), p.at().begin() + outer);
          at.push_back(p.index(i));
          position.push_back(p.wrapIndex(p.toIndex(p.read(1, at), type),
                                         p.extent(dims[batch + i])));
        }
        position.append(p.at().begin() + outer, p.at().end());
        return p.read(0, position);
      }));
}

//===----------------------------------------------------------------------===//
// Scatter
//===----------------------------------------------------------------------===//

/// How an update changes an element.
static FailureOr<std::string> readReduction(NodeImport &n, Type type) {
  std::string reduction = n.stringAttr("reduction", "none");
  if (!llvm::is_contained({"none", "add", "mul", "min", "max"}, reduction))
    return n.error("unknown reduction " + quote(reduction));
  if (reduction != "none" && isBool(type))
    return n.unsupported("with a reduction of bool");
  return reduction;
}

static void update(Program &p, StringRef reduction, Type type, Values target,
                   Value value) {
  bool isUnsigned = type.isUnsignedInteger();
  auto old = [&] { return p.readSelf(target); };
  if (reduction == "add")
    value = p.add(old(), value);
  else if (reduction == "mul")
    value = p.mul(old(), value);
  else if (reduction == "min")
    value = p.min(old(), value, isUnsigned);
  else if (reduction == "max")
    value = p.max(old(), value, isUnsigned);
  p.write(value, target);
}

static LogicalResult importScatterElements(NodeImport &n) {
  Value x = n.value(0), which = indexOperand(n, 1), updates = n.value(2);
  if (!x || !which || failed(sameType(n, {x, updates}, isAny)))
    return failure();
  SymbolicShape dims = n.shape(x), shape = n.shape(which);
  Type type = n.elementType(x), indexType = n.elementType(which);
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), dims.size());
  FailureOr<std::string> reduction = readReduction(n, type);
  if (failed(axis) || failed(reduction))
    return failure();
  if (shape.size() != dims.size() || n.rank(updates) != dims.size())
    return n.error("expected indices and updates of one shape, of rank " +
                   Twine(dims.size()));
  if (failed(n.needSame(shape, n.shape(updates))))
    return failure();
  return n.result(computeWrites(
      n, type, dims, shape, {x, which, updates}, 0, [&](Program &p) {
        Values target = p.at();
        target[*axis] = p.wrapIndex(p.toIndex(p.read(1, p.at()), indexType),
                                    p.extent(dims[*axis]));
        update(p, *reduction, type, target, p.read(2, p.at()));
      }));
}

static LogicalResult importScatterND(NodeImport &n) {
  Value x = n.value(0), which = indexOperand(n, 1), updates = n.value(2);
  if (!x || !which || failed(sameType(n, {x, updates}, isAny)))
    return failure();
  SymbolicShape dims = n.shape(x), index = n.shape(which);
  Type type = n.elementType(x), indexType = n.elementType(which);
  FailureOr<std::string> reduction = readReduction(n, type);
  if (failed(reduction))
    return failure();
  int64_t tuple = index.empty() ? -1 : staticExtent(index.back());
  if (tuple < 1 || tuple > int64_t(dims.size()) ||
      n.rank(updates) != index.size() - 1 + dims.size() - tuple)
    return n.error("expected indices [..., k] and updates [..., data[k:]]");
  size_t outer = index.size() - 1;
  SymbolicShape domain(ArrayRef(index).take_front(outer));
  domain.append(dims.begin() + tuple, dims.end());
  return n.result(computeWrites(
      n, type, dims, domain, {x, which, updates}, 0, [&](Program &p) {
        Values target;
        for (int64_t i = 0; i < tuple; ++i) {
          Values at(p.at().begin(), p.at().begin() + outer);
          at.push_back(p.index(i));
          target.push_back(p.wrapIndex(p.toIndex(p.read(1, at), indexType),
                                       p.extent(dims[i])));
        }
        target.append(p.at().begin() + outer, p.at().end());
        update(p, *reduction, type, target, p.read(2, p.at()));
      }));
}

/// A cache whose rows from `write_indices[batch]` on become the update's.
static LogicalResult importTensorScatter(NodeImport &n) {
  Value past = n.value(0), update = n.value(1), starts;
  if (failed(sameType(n, {past, update}, isAny)))
    return failure();
  SymbolicShape dims = n.shape(past), rows = n.shape(update);
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", -2), dims.size());
  if (failed(axis))
    return failure();
  if (*axis == 0 || rows.size() != dims.size())
    return n.error("expected an axis after the batch and operands of one rank");
  std::string mode = n.stringAttr("mode", "linear");
  if (mode != "linear" && mode != "circular")
    return n.error("unknown mode " + quote(mode));
  SmallVector<Value> inputs = {past, update};
  if (n.has(2)) {
    starts = indexOperand(n, 2);
    if (!starts)
      return failure();
    if (n.rank(starts) != 1)
      return n.error("expected an index for each sequence");
    if (failed(n.needEqual(n.shape(starts)[0], dims[0])))
      return failure();
    inputs.push_back(starts);
  }
  return n.result(
      compute(n, n.elementType(past), dims, inputs, [&](Program &p) {
        Value start = p.index(0), extent = p.extent(dims[*axis]);
        if (starts)
          start = p.toIndex(p.read(2, p.at(0)), n.elementType(starts));
        Value row = p.sub(p.at(*axis), start);
        if (mode == "circular")
          row = p.wrapIndex(p.rem(row, extent), extent);
        Values position = p.at();
        position[*axis] = row;
        return p.select(p.inside(row, p.extent(rows[*axis])),
                        p.read(1, position), p.read(0, p.at()));
      }));
}

//===----------------------------------------------------------------------===//
// Constructed tensors
//===----------------------------------------------------------------------===//

static LogicalResult importOneHot(NodeImport &n) {
  auto size = n.constantScalar(1);
  // A list of dimensions with 1 elsewhere: the repeats of a Tile.
  auto hot = n.constantInts(0);
  if (const ShapeData *given = n.data(2); given && given->size() == 2 && hot &&
                                          hot->size() == 1 && n.data(0) &&
                                          size && *size >= 1 && *size <= 64) {
    int64_t count = *size, at = (*hot)[0] + ((*hot)[0] < 0 ? count : 0);
    ShapeData elements(count, (*given)[0]);
    if (at >= 0 && at < count)
      elements[at] = (*given)[1];
    SymbolicShape shape = n.inputs[0]->shape;
    FailureOr<int64_t> axis = n.axis(n.intAttr("axis", -1), shape.size() + 1);
    if (failed(axis))
      return failure();
    shape.insert(shape.begin() + *axis, n.expr(count));
    return n.resultTable(n.inputs[2]->elementType, elements, shape);
  }
  Value which = n.value(0), values = n.value(2);
  if (!which || !values || !n.input(1))
    return failure();
  AffineExpr depth;
  if (auto known = n.constantScalar(1)) {
    if (!(*known >= 1 && *known < 0x1p31))
      return n.error("expected a depth of 1 or more");
    depth = n.expr(int64_t(*known));
  } else {
    auto given = n.size(1, "a depth", "a depth of 0 or more");
    if (failed(given))
      return failure();
    depth = *given;
  }
  SymbolicShape dims = n.shape(which);
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", -1), dims.size() + 1);
  if (failed(axis))
    return failure();
  if (n.rank(values) != 1)
    return n.error("expected 'values' with 2 elements");
  SymbolicShape shape = dims;
  shape.insert(shape.begin() + *axis, depth);
  Type type = n.elementType(which);
  return n.result(compute(
      n, n.elementType(values), shape, {which, values}, [&](Program &p) {
        Values position = p.at();
        position.erase(position.begin() + *axis);
        Value hot = p.read(0, position);
        Value index =
            isFloat(type) ? p.truncateToIndex(hot) : p.toIndex(hot, type);
        index = p.wrapIndex(index, p.extent(depth));
        return p.select(p.equal(index, p.at(*axis)), p.read(1, p.index(1)),
                        p.read(1, p.index(0)));
      }));
}

static LogicalResult importEyeLike(NodeImport &n) {
  Entry *input = n.input(0);
  if (!input)
    return failure();
  if (input->shape.size() != 2)
    return n.error("expected an input of rank 2");
  Type type = input->elementType;
  if (n.attribute("dtype"))
    type = elementTypeOf(n.intAttr("dtype", 0), &n.importer.context);
  if (!type)
    return n.unsupported("of an element type that quantc does not have");
  int64_t diagonal = n.intAttr("k", 0);
  if (diagonal > INT32_MAX || diagonal < INT32_MIN)
    return n.error("expected 'k' in the range of INT32");
  return n.result(compute(n, type, input->shape, {}, [&](Program &p) {
    Value on = p.equal(p.add(p.at(0), p.index(diagonal)), p.at(1));
    Type scalar = scalarType(type);
    return p.select(on, p.constant(scalar, isBool(type) ? -1 : 1),
                    p.constant(scalar, 0));
  }));
}

static LogicalResult importReverseSequence(NodeImport &n) {
  Value x = n.value(0), lengths = indexOperand(n, 1);
  if (!x || !lengths)
    return failure();
  SymbolicShape dims = n.shape(x);
  int64_t batch = n.intAttr("batch_axis", 1), time = n.intAttr("time_axis", 0);
  bool ordered = (batch == 0 && time == 1) || (batch == 1 && time == 0);
  if (dims.size() < 2 || !ordered)
    return n.error("expected 'batch_axis' and 'time_axis' to be 0 and 1");
  if (n.rank(lengths) != 1 ||
      failed(n.needEqual(n.shape(lengths)[0], dims[batch])))
    return n.error("expected a length for each sequence");
  Type type = n.elementType(lengths);
  return n.result(
      compute(n, n.elementType(x), dims, {x, lengths}, [&](Program &p) {
        Value length = p.toIndex(p.read(1, p.at(batch)), type);
        Value mirrored = p.sub(p.sub(length, p.index(1)), p.at(time));
        Values position = p.at();
        position[time] =
            p.select(p.less(p.at(time), length), mirrored, p.at(time));
        return p.read(0, position);
      }));
}

void registerIndexing(Registry &r) {
  r.add("GatherElements", importGatherElements);
  r.add("GatherND", importGatherND);
  r.add("ScatterElements", importScatterElements);
  r.add("Scatter", importScatterElements);
  r.add("ScatterND", importScatterND);
  r.add("TensorScatter", importTensorScatter);
  r.add("OneHot", importOneHot);
  r.add("EyeLike", importEyeLike);
  r.add("ReverseSequence", importReverseSequence);
}

} // namespace quantc::onnx_frontend
