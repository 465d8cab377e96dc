// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RNN, GRU and LSTM.  The inputs' products are one contraction over all steps;
// the recurrence is a sequential qnn.compute of the states, [steps + 1, phases,
// batch, hidden], whose first row holds the initial ones.  A phase is what must
// be known for the whole layer before the next can be computed: the cell, then
// the output of an LSTM; the reset product, then the output of a GRU.

#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

enum class Cell { Rnn, Gru, Lstm };

struct Activation {
  std::string name;
  double alpha = 0, beta = 0;
};

struct Layer {
  Cell cell;
  int64_t gates = 1, hidden = 0, directions = 1;
  bool reversed = false; ///< the only direction runs backwards
  bool inputForget = false, linearBeforeReset = false;
  double clip = 0;
  SmallVector<Activation> activations;
  AffineExpr steps, batch;
  Type type;
  Value x, w, r, b, lengths, initialH, initialC, peepholes;
};

/// One direction: its operands and how its scalar program is written.
class Direction {
public:
  Direction(NodeImport &n, const Layer &layer, int64_t index)
      : n(n), layer(layer), index(index),
        backwards(layer.reversed || index == 1) {}

  Value states();
  Value outputs(Value states);
  Value last(Value states, int64_t phase);

private:
  size_t add(Value value) {
    inputs.push_back(value);
    return inputs.size() - 1;
  }
  Value projection();
  Value timeOf(Program &p, Value step, Value length);
  Value lengthOf(Program &p, size_t input, Value batch);
  Value initial(Program &p);
  Value step(Program &p);
  Value gate(Program &p, int64_t gate);
  Value recurrent(Program &p, int64_t gate, int64_t phase, Value row);
  Value inputPart(Program &p, int64_t gate);
  Value bias(Program &p, int64_t gate, bool isRecurrent);
  Value peephole(Program &p, int64_t which, Value cell);
  Value apply(Program &p, size_t which, Value x);
  Value cellState(Program &p);
  Value lstmOutput(Program &p);
  Value gruReset(Program &p);
  Value gruOutput(Program &p);
  Value previous(Program &p, int64_t phase, Value k);

  int64_t phases() const { return layer.cell == Cell::Rnn ? 1 : 2; }

  NodeImport &n;
  const Layer &layer;
  int64_t index;
  bool backwards;
  SmallVector<Value> inputs;
  size_t xAt = 0, rAt = 0;
  std::optional<size_t> bAt, lengthAt, hAt, cAt, pAt;
};

} // namespace

/// X · Wᵀ of this direction, [steps, batch, gates * hidden].
Value Direction::projection() {
  SymbolicShape dims = n.shape(layer.w);
  SymbolicShape starts(3, n.expr(0)), sizes = dims;
  starts[0] = n.expr(index);
  sizes[0] = n.expr(1);
  Value w = n.slice(layer.w, starts, sizes, {1, 1, 1});
  w = n.transpose(n.reshape(w, {dims[1], dims[2]}), {1, 0});
  return matmul(n, layer.x, w);
}

Value Direction::lengthOf(Program &p, size_t input, Value batch) {
  return p.toIndex(p.read(input, batch), p.elementType(input));
}

/// The time that step `step` works on; steps from `length` on work on none.
Value Direction::timeOf(Program &p, Value step, Value length) {
  return backwards ? p.sub(p.sub(length, p.index(1)), step) : step;
}

Value Direction::states() {
  Value product = projection();
  if (!product)
    return {};
  xAt = add(product);
  // Rows of units, so that neighbouring units are computed together.
  rAt = add(n.transpose(layer.r, {0, 2, 1}));
  auto optional = [&](Value value, std::optional<size_t> &at) {
    if (value)
      at = add(value);
  };
  optional(layer.b, bAt);
  optional(layer.lengths, lengthAt);
  optional(layer.initialH, hAt);
  optional(layer.initialC, cAt);
  optional(layer.peepholes, pAt);
  SymbolicShape shape = {layer.steps + 1, n.expr(phases()), layer.batch,
                         n.expr(layer.hidden)};
  return compute(
      n, layer.type, shape, inputs,
      [&](Program &p) {
        return p.branch(
            p.equal(p.at(0), p.index(0)), [&] { return initial(p); },
            [&] {
              if (!lengthAt)
                return step(p);
              // A sequence that has ended keeps its state.
              Value length = lengthOf(p, *lengthAt, p.at(2));
              return p.branch(
                  p.lessEqual(p.at(0), length), [&] { return step(p); },
                  [&] {
                    Values before = p.at();
                    before[0] = p.sub(p.at(0), p.index(1));
                    return p.readSelf(before);
                  });
            });
      },
      /*sequential=*/2);
}

Value Direction::initial(Program &p) {
  Values from = {p.index(index), p.at(2), p.at(3)};
  Value zero = p.constant(scalarType(layer.type), 0);
  Value h = hAt ? p.read(*hAt, from) : zero;
  if (layer.cell == Cell::Rnn)
    return h;
  Value c = cAt ? p.read(*cAt, from) : zero;
  return p.select(p.equal(p.at(1), p.index(0)), c, h);
}

Value Direction::step(Program &p) {
  auto isFirst = [&] { return p.equal(p.at(1), p.index(0)); };
  switch (layer.cell) {
  case Cell::Rnn:
    return apply(p, 0, gate(p, 0));
  case Cell::Gru:
    return p.branch(
        isFirst(), [&] { return gruReset(p); }, [&] { return gruOutput(p); });
  case Cell::Lstm:
    return p.branch(
        isFirst(), [&] { return cellState(p); }, [&] { return lstmOutput(p); });
  }
  return {};
}

/// State of the step before, element k of this sequence.
Value Direction::previous(Program &p, int64_t phase, Value k) {
  return p.readSelf({p.sub(p.at(0), p.index(1)), p.index(phase), p.at(2), k});
}

Value Direction::inputPart(Program &p, int64_t gate) {
  Value step = p.sub(p.at(0), p.index(1));
  Value length =
      lengthAt ? lengthOf(p, *lengthAt, p.at(2)) : p.extent(layer.steps);
  Value row = p.add(p.index(gate * layer.hidden), p.at(3));
  return p.read(xAt, {timeOf(p, step, length), p.at(2), row});
}

Value Direction::bias(Program &p, int64_t gate, bool isRecurrent) {
  int64_t first = (gate + (isRecurrent ? layer.gates : 0)) * layer.hidden;
  return p.read(*bAt, {p.index(index), p.add(p.index(first), p.at(3))});
}

/// sum over k of state[k] * R[row, k]; the state of the step before, or of
/// this one's phase 0.
Value Direction::recurrent(Program &p, int64_t gate, int64_t phase, Value row) {
  bool isNow = layer.cell == Cell::Gru && phase == 0;
  Value time = isNow ? p.at(0) : p.sub(p.at(0), p.index(1));
  Value line = p.add(p.index(gate * layer.hidden), row);
  return p.loop(p.index(0), p.index(layer.hidden),
                p.constant(scalarType(layer.type), 0),
                [&](Value k, ValueRange sum) {
                  Value h = p.readSelf({time, p.index(phase), p.at(2), k});
                  Value w = p.read(rAt, {p.index(index), k, line});
                  return Values{p.fma(h, w, sum[0])};
                })[0];
}

/// x W + h R + both biases.
Value Direction::gate(Program &p, int64_t gate) {
  Value sum =
      p.add(inputPart(p, gate), recurrent(p, gate, phases() - 1, p.at(3)));
  return bAt ? p.add(sum, p.add(bias(p, gate, false), bias(p, gate, true)))
             : sum;
}

Value Direction::peephole(Program &p, int64_t which, Value cell) {
  Value row = p.add(p.index(which * layer.hidden), p.at(3));
  return p.mul(p.read(*pAt, {p.index(index), row}), cell);
}

/// Activation `which` of this direction, after clipping.
Value Direction::apply(Program &p, size_t which, Value x) {
  size_t perDirection = layer.activations.size() / layer.directions;
  const Activation &f = layer.activations[index * perDirection + which];
  Type type = x.getType();
  auto number = [&](double value) { return p.constant(type, value); };
  Value zero = number(0), one = number(1);
  if (layer.clip > 0)
    x = p.min(p.max(x, number(-layer.clip)), number(layer.clip));
  auto exp = [&](Value v) { return p.unary<math::ExpOp>(v); };
  if (f.name == "sigmoid")
    return p.div(one, p.add(one, exp(p.neg(x))));
  if (f.name == "tanh")
    return p.unary<math::TanhOp>(x);
  if (f.name == "relu")
    return p.max(x, zero);
  if (f.name == "affine")
    return p.add(p.mul(number(f.alpha), x), number(f.beta));
  if (f.name == "leakyrelu")
    return p.select(p.less(x, zero), p.mul(number(f.alpha), x), x);
  if (f.name == "thresholdedrelu")
    return p.select(p.less(x, number(f.alpha)), zero, x);
  if (f.name == "scaledtanh")
    return p.mul(number(f.alpha),
                 p.unary<math::TanhOp>(p.mul(number(f.beta), x)));
  if (f.name == "hardsigmoid")
    return p.min(p.max(p.add(p.mul(number(f.alpha), x), number(f.beta)), zero),
                 one);
  if (f.name == "elu")
    return p.select(p.less(x, zero), p.mul(number(f.alpha), p.sub(exp(x), one)),
                    x);
  if (f.name == "softsign")
    return p.div(x, p.add(one, p.abs(x)));
  // softplus
  Value t = exp(p.neg(p.abs(x))), w = p.add(one, t);
  Value log1p =
      p.add(p.unary<math::LogOp>(w), p.div(p.sub(t, p.sub(w, one)), w));
  return p.add(p.max(x, zero), log1p);
}

/// C = f * C' + i * c; gates in the order i, o, f, c.
Value Direction::cellState(Program &p) {
  Value old = previous(p, 0, p.at(3));
  Value i = gate(p, 0), f = gate(p, 2);
  if (pAt) {
    i = p.add(i, peephole(p, 0, old));
    f = p.add(f, peephole(p, 2, old));
  }
  i = apply(p, 0, i);
  f = layer.inputForget ? p.sub(p.constant(i.getType(), 1), i) : apply(p, 0, f);
  Value c = apply(p, 1, gate(p, 3));
  return p.add(p.mul(f, old), p.mul(i, c));
}

Value Direction::lstmOutput(Program &p) {
  Value cell = p.readSelf({p.at(0), p.index(0), p.at(2), p.at(3)});
  Value o = gate(p, 1);
  if (pAt)
    o = p.add(o, peephole(p, 1, cell));
  return p.mul(apply(p, 0, o), apply(p, 2, cell));
}

/// r * H', or r * (H' R + bias); gates in the order z, r, h.
Value Direction::gruReset(Program &p) {
  Value r = apply(p, 0, gate(p, 1));
  if (!layer.linearBeforeReset)
    return p.mul(r, previous(p, 1, p.at(3)));
  Value sum = recurrent(p, 2, 1, p.at(3));
  return p.mul(r, bAt ? p.add(sum, bias(p, 2, true)) : sum);
}

/// H = (1 - z) * h + z * H'.
Value Direction::gruOutput(Program &p) {
  Value z = apply(p, 0, gate(p, 0)), sum = inputPart(p, 2);
  if (layer.linearBeforeReset)
    sum = p.add(sum, p.readSelf({p.at(0), p.index(0), p.at(2), p.at(3)}));
  else
    sum = p.add(sum, recurrent(p, 2, 0, p.at(3)));
  if (bAt) {
    Value offset = bias(p, 2, false);
    sum = p.add(sum, layer.linearBeforeReset ? offset
                                             : p.add(offset, bias(p, 2, true)));
  }
  Value h = apply(p, 1, sum), one = p.constant(h.getType(), 1);
  return p.add(p.mul(p.sub(one, z), h), p.mul(z, previous(p, 1, p.at(3))));
}

/// [steps, 1, batch, hidden] by time; 0 after the end of a sequence.
Value Direction::outputs(Value states) {
  SmallVector<Value> operands = {states};
  if (layer.lengths)
    operands.push_back(layer.lengths);
  SymbolicShape shape = {layer.steps, n.expr(1), layer.batch,
                         n.expr(layer.hidden)};
  return compute(n, layer.type, shape, operands, [&](Program &p) {
    Value length =
        layer.lengths ? lengthOf(p, 1, p.at(2)) : p.extent(layer.steps);
    Value step = timeOf(p, p.at(0), length); // its own inverse
    Value h = p.read(
        0, {p.add(step, p.index(1)), p.index(phases() - 1), p.at(2), p.at(3)});
    if (!layer.lengths)
      return h;
    return p.select(p.less(p.at(0), length), h, p.constant(h.getType(), 0));
  });
}

/// [1, batch, hidden] after the last step.
Value Direction::last(Value states, int64_t phase) {
  SymbolicShape shape = {n.expr(1), layer.batch, n.expr(layer.hidden)};
  return compute(n, layer.type, shape, {states}, [&](Program &p) {
    return p.read(0, {p.extent(layer.steps), p.index(phase), p.at(1), p.at(2)});
  });
}

//===----------------------------------------------------------------------===//
// Reading the node
//===----------------------------------------------------------------------===//

static std::optional<Activation> readActivation(StringRef given) {
  Activation f{given.lower(), 0, 0};
  static const std::pair<StringRef, std::pair<double, double>> known[] = {
      {"sigmoid", {0, 0}},      {"tanh", {0, 0}},
      {"relu", {0, 0}},         {"affine", {1, 0}},
      {"leakyrelu", {0.01, 0}}, {"thresholdedrelu", {1, 0}},
      {"scaledtanh", {1, 1}},   {"hardsigmoid", {0.2, 0.5}},
      {"elu", {1, 0}},          {"softsign", {0, 0}},
      {"softplus", {0, 0}}};
  for (const auto &[name, defaults] : known)
    if (name == f.name) {
      f.alpha = defaults.first;
      f.beta = defaults.second;
      return f;
    }
  return std::nullopt;
}

static LogicalResult readActivations(NodeImport &n, Layer &layer) {
  SmallVector<StringRef> names;
  SmallVector<StringRef> defaults = {"Sigmoid", "Tanh", "Tanh"};
  if (layer.cell == Cell::Rnn)
    defaults = {"Tanh"};
  else if (layer.cell == Cell::Gru)
    defaults = {"Sigmoid", "Tanh"};
  if (const auto *given = n.attribute("activations"))
    names.append(given->strings().begin(), given->strings().end());
  else
    for (int64_t i = 0; i < layer.directions; ++i)
      names.append(defaults);
  if (names.size() != defaults.size() * layer.directions)
    return n.error("expected " + Twine(defaults.size() * layer.directions) +
                   " activations, got " + Twine(names.size()));
  const auto *alphas = n.attribute("activation_alpha");
  const auto *betas = n.attribute("activation_beta");
  int alphaAt = 0, betaAt = 0;
  for (StringRef name : names) {
    auto f = readActivation(name);
    if (!f)
      return n.error("unknown activation " + quote(name));
    // Only functions that have a parameter take one from the list.
    bool hasAlpha = f->alpha != 0;
    bool hasBeta = f->beta != 0 || f->name == "affine";
    if (alphas && hasAlpha && alphaAt < alphas->floats_size())
      f->alpha = alphas->floats(alphaAt++);
    if (betas && hasBeta && betaAt < betas->floats_size())
      f->beta = betas->floats(betaAt++);
    layer.activations.push_back(*f);
  }
  return success();
}

static LogicalResult readLayer(NodeImport &n, Layer &layer, bool batchFirst) {
  layer.x = n.value(0);
  layer.w = n.value(1);
  layer.r = n.value(2);
  if (failed(sameType(n, {layer.x, layer.w, layer.r}, isFloat)))
    return failure();
  layer.type = n.elementType(layer.x);
  if (batchFirst)
    layer.x = n.transpose(layer.x, {1, 0, 2});
  auto optional = [&](size_t at, Value &value) {
    if (n.has(at))
      value = n.value(at);
  };
  optional(3, layer.b);
  optional(4, layer.lengths);
  optional(5, layer.initialH);
  if (layer.cell == Cell::Lstm) {
    optional(6, layer.initialC);
    optional(7, layer.peepholes);
  }
  SymbolicShape x = n.shape(layer.x), w = n.shape(layer.w),
                r = n.shape(layer.r);
  std::string direction = n.stringAttr("direction", "forward");
  layer.directions = direction == "bidirectional" ? 2 : 1;
  layer.reversed = direction == "reverse";
  if (direction != "forward" && direction != "reverse" &&
      direction != "bidirectional")
    return n.error("unknown direction " + quote(direction));
  if (x.size() != 3 || w.size() != 3 || r.size() != 3 ||
      ShapedType::isDynamic(staticExtent(r[2])))
    return n.error("expected X, W and R of rank 3 and a known hidden size");
  layer.hidden = staticExtent(r[2]);
  if (int64_t given = n.intAttr("hidden_size", layer.hidden);
      given != layer.hidden || given < 1)
    return n.error("expected 'hidden_size' to be R's last extent " +
                   Twine(layer.hidden) + " and 1 or more, got " + Twine(given));
  auto needShape = [&](Value value, ArrayRef<AffineExpr> shape) {
    if (!value)
      return success();
    SymbolicShape dims = n.shape(value);
    if (dims.size() != shape.size())
      return n.error("expected an operand of rank " + Twine(shape.size()));
    for (auto [have, want] : llvm::zip(dims, shape))
      if (failed(n.needEqual(have, want)))
        return failure();
    return success();
  };
  layer.steps = x[0];
  layer.batch = x[1];
  AffineExpr count = n.expr(layer.directions), h = n.expr(layer.hidden);
  AffineExpr rows = n.expr(layer.gates * layer.hidden);
  for (Value *state : {&layer.initialH, &layer.initialC})
    if (*state && batchFirst)
      *state = n.transpose(*state, {1, 0, 2});
  if (failed(needShape(layer.w, {count, rows, x[2]})) ||
      failed(needShape(layer.r, {count, rows, h})) ||
      failed(needShape(layer.b,
                       {count, n.expr(2 * layer.gates * layer.hidden)})) ||
      failed(needShape(layer.lengths, {x[1]})) ||
      failed(needShape(layer.initialH, {count, x[1], h})) ||
      failed(needShape(layer.initialC, {count, x[1], h})) ||
      failed(needShape(layer.peepholes, {count, n.expr(3 * layer.hidden)})))
    return failure();
  layer.clip = n.floatAttr("clip", 0.0f);
  layer.inputForget = n.intAttr("input_forget", 0) != 0;
  layer.linearBeforeReset = n.intAttr("linear_before_reset", 0) != 0;
  return readActivations(n, layer);
}

static LogicalResult joined(NodeImport &n, ArrayRef<Value> parts, int64_t axis,
                            ArrayRef<int64_t> order, size_t output) {
  Value value = parts.front();
  if (parts.size() > 1)
    value =
        n.create<qnn::ConcatOp>(n.elementType(value), ValueRange(parts), axis);
  if (!order.empty())
    value = n.transpose(value, order);
  return n.result(value, output);
}

template <Cell cell> static LogicalResult importRecurrent(NodeImport &n) {
  Layer layer;
  layer.cell = cell;
  layer.gates = cell == Cell::Rnn ? 1 : cell == Cell::Gru ? 3 : 4;
  bool batchFirst = n.intAttr("layout", 0) != 0;
  if (failed(readLayer(n, layer, batchFirst)))
    return failure();
  SmallVector<Value> all, lastH, lastC;
  for (int64_t d = 0; d < layer.directions; ++d) {
    Direction direction(n, layer, d);
    Value states = direction.states();
    if (!states)
      return failure();
    all.push_back(direction.outputs(states));
    lastH.push_back(direction.last(states, cell == Cell::Rnn ? 0 : 1));
    if (cell == Cell::Lstm)
      lastC.push_back(direction.last(states, 0));
  }
  SmallVector<int64_t> sequence, state;
  if (batchFirst) {
    sequence = {2, 0, 1, 3};
    state = {1, 0, 2};
  }
  if (failed(joined(n, all, 1, sequence, 0)) ||
      failed(joined(n, lastH, 0, state, 1)))
    return failure();
  return cell == Cell::Lstm ? joined(n, lastC, 0, state, 2) : success();
}

void registerRecurrent(Registry &r) {
  r.add("RNN", importRecurrent<Cell::Rnn>);
  r.add("GRU", importRecurrent<Cell::Gru>);
  r.add("LSTM", importRecurrent<Cell::Lstm>);
}

} // namespace quantc::onnx_frontend
