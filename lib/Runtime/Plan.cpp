// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns a tuple of symbols into sizes, lifetimes and offsets.  Plans are kept
// until `shape_cache` newer ones exist; the block of the oldest is used again,
// so a shape that changes with each run settles without allocations too.
//
// Placing buffers is the larger part of planning, and a placement serves all
// shapes whose buffers are not larger.  So a shape takes over one that fits in
// the arena as it is; in a decoding loop, only a step that needs more memory
// than all before looks for places again.
//
// What depends on symbols that are bound during the run is planned phase by
// phase, in the plan of the symbols that are known before; a phase whose
// symbols are those of the last run has nothing to plan.

#include "Context.h"

#include <cstring>

namespace quantc::runtime {
namespace {

using program::Buffer;
using program::BufferKind;
using program::kNone;

int64_t alignUp(int64_t bytes) {
  return (bytes + kPlanAlignment - 1) / kPlanAlignment * kPlanAlignment;
}

class Planner {
public:
  Planner(const EntryView &view, const quantc_context &context, size_t entry,
          Plan &plan, Error &error)
      : view(view), context(context), team(context.team), entry(entry),
        state(context.entries[entry]), plan(plan), error(error) {}

  quantc_status reserve(const Allocator &allocator);
  /// Divides steps and arena buffers among the phases.
  void divide();
  /// Plans one phase for the symbols that the plan holds.
  quantc_status run(uint32_t planned);

private:
  void carve(Carver &carver);
  quantc_status evaluateAll();
  quantc_status runChecks(uint32_t evaluated);
  quantc_status sizeTensors(const program::Tensor *tensors, uint32_t count,
                            bool input, int64_t *bytes);
  quantc_status sizeOutputs();
  quantc_status checkCaches();
  quantc_status sizeBuffers();
  quantc_status sizeView(uint32_t id);
  quantc_status planSteps();
  quantc_status planStep(const program::Step &step, uint32_t index,
                         int64_t *&scalars);
  quantc_status planPack(const program::Step &step, uint32_t index);
  quantc_status planAppend(const program::Step &step, uint32_t index);
  void markUses();
  PhasePlan &own() const { return plan.phases[phase]; }
  bool isOwnArena(const Buffer &buffer) const {
    return buffer.kind == BufferKind::Arena && buffer.phase == phase;
  }
  bool takePlacement(const Plan &from);
  quantc_status findPlacement();
  quantc_status placeArena();

  const EntryView &view;
  const quantc_context &context;
  const Team &team;
  size_t entry;
  const EntryState &state;
  Plan &plan;
  Error &error;
  uint32_t phase = 0;
  int64_t scratchBytes = 0; // per worker, most of all steps
};

void Planner::carve(Carver &carver) {
  const program::Entry &entry = *view.entry;
  plan.symbols = carver.take<int64_t>(entry.symbols.count);
  plan.values = carver.take<int64_t>(entry.exprs.count);
  plan.scalars = carver.take<int64_t>(state.scalarCount);
  plan.buffers = carver.take<BufferPlan>(entry.buffers.count);
  plan.inputBytes = carver.take<int64_t>(entry.inputTensors.count);
  plan.outputBytes = carver.take<int64_t>(entry.outputTensors.count);
  plan.outputOffsets = carver.take<int64_t>(entry.outputTensors.count);
  plan.items = carver.take<PlanItem>(entry.buffers.count);
  plan.itemOf = carver.take<uint32_t>(entry.buffers.count);
  plan.order = carver.take<uint32_t>(entry.buffers.count);
  plan.placed = carver.take<uint32_t>(entry.buffers.count);
  plan.phases = carver.take<PhasePlan>(state.phaseCount);
}

quantc_status Planner::reserve(const Allocator &allocator) {
  Carver measure(nullptr);
  carve(measure);
  if (measure.overflowed())
    return error.set(QUANTC_SIZE_OVERFLOW, "plan is too large");
  if (quantc_status status = growBlock(allocator, plan.block, measure.bytes(),
                                       "a memory plan", error))
    return status;
  Carver carver(plan.block.data);
  carve(carver);
  return QUANTC_OK;
}

quantc_status Planner::runChecks(uint32_t evaluated) {
  for (uint32_t i = 0; i < view.entry->checks.count; ++i) {
    const program::Check &check = view.checks[i];
    if (check.expr < evaluated && view.exprs[check.expr].phase == phase &&
        !plan.values[check.expr])
      return error.set(QUANTC_CHECK_FAILED, view.string(check.message));
  }
  return QUANTC_OK;
}

quantc_status Planner::evaluateAll() {
  uint32_t evaluated = 0;
  quantc_status status =
      evaluate(view, phase, plan.symbols, plan.values, evaluated, error);
  // A failed check says more than the overflow it was to prevent.
  if (quantc_status failed = runChecks(evaluated))
    return failed;
  return status;
}

quantc_status Planner::sizeTensors(const program::Tensor *tensors,
                                   uint32_t count, bool input, int64_t *bytes) {
  for (uint32_t i = 0; i < count; ++i) {
    const program::Tensor &tensor = tensors[i];
    Where where = {view, i, input};
    if (tensor.phase != phase)
      continue;
    bytes[i] = 0;
    bool present =
        tensor.present == kNone ||
        (input ? plan.symbols[tensor.present] : plan.values[tensor.present]);
    if (!present)
      continue;
    int64_t elements = 1;
    bool fits = true, isEmpty = false;
    for (uint32_t d = 0; d < tensor.rank; ++d) {
      uint32_t expr = view.dims[tensor.firstDim + d];
      int64_t extent = plan.values[expr];
      if (extent < 0)
        return error.set(QUANTC_SHAPE_MISMATCH, where, " dimension ", d,
                         " would be ", extent, " (", ExprText{view, expr}, ")");
      isEmpty |= !extent;
      fits &= !__builtin_mul_overflow(elements, extent, &elements);
    }
    elements = isEmpty ? 0 : elements;
    if (!(fits || isEmpty) || !elementBytes(tensor.dtype, elements, bytes[i]) ||
        bytes[i] > kMaxBytes)
      return error.set(QUANTC_SIZE_OVERFLOW, "size of ", where, " overflows");
  }
  return QUANTC_OK;
}

quantc_status Planner::sizeOutputs() {
  int64_t total = 0;
  for (uint32_t i = 0; i < view.entry->outputTensors.count; ++i) {
    if (view.outputTensors[i].phase != phase)
      continue;
    plan.outputOffsets[i] = total;
    if (__builtin_add_overflow(total, alignUp(plan.outputBytes[i]), &total) ||
        total > kMaxBytes)
      return error.set(QUANTC_SIZE_OVERFLOW, "size of all outputs overflows");
  }
  own().allOutputsBytes = total;
  return QUANTC_OK;
}

/// The rows of a cache's input become the first ones of its output.
quantc_status Planner::checkCaches() {
  for (uint32_t i = 0; i < view.entry->aliases.count; ++i) {
    const program::Alias &alias = view.aliases[i];
    if (alias.axis != kNone &&
        plan.outputBytes[alias.output] < plan.inputBytes[alias.input])
      return error.set(QUANTC_SHAPE_MISMATCH, Where{view, alias.output, false},
                       " would be smaller than ",
                       Where{view, alias.input, true});
  }
  return QUANTC_OK;
}

quantc_status Planner::sizeView(uint32_t id) {
  const Buffer &buffer = view.buffers[id];
  int64_t offset = plan.values[buffer.offsetExpr];
  int64_t bytes = plan.values[buffer.sizeExpr];
  int64_t parent = plan.buffers[buffer.index].bytes;
  if (offset < 0 || bytes < 0 || offset > parent || bytes > parent - offset)
    return error.set(QUANTC_SHAPE_MISMATCH, "view ", id, " takes ", bytes,
                     " bytes at ", offset, " of a buffer of ", parent,
                     " bytes");
  plan.buffers[id] = {offset, bytes};
  return QUANTC_OK;
}

quantc_status Planner::sizeBuffers() {
  for (uint32_t i = 0; i < view.entry->buffers.count; ++i) {
    const Buffer &buffer = view.buffers[i];
    BufferPlan &result = plan.buffers[i];
    if (buffer.phase != phase)
      continue;
    result = {0, 0};
    switch (buffer.kind) {
    case BufferKind::Arena:
      result.bytes = plan.values[buffer.sizeExpr];
      if (result.bytes < 0 || result.bytes > kMaxBytes)
        return error.set(QUANTC_SIZE_OVERFLOW, "buffer ", i, " would have ",
                         result.bytes, " bytes");
      break;
    case BufferKind::Input:
      result.bytes = plan.inputBytes[buffer.index];
      break;
    case BufferKind::Output:
      result.bytes = plan.outputBytes[buffer.index];
      break;
    case BufferKind::Weights:
      result.bytes = int64_t(buffer.bytes);
      break;
    case BufferKind::View:
      if (quantc_status status = sizeView(i))
        return status;
      break;
    }
  }
  return QUANTC_OK;
}

quantc_status Planner::planAppend(const program::Step &step, uint32_t index) {
  const program::Alias &alias = view.aliases[step.kernel];
  int64_t rows = plan.buffers[view.operands[step.firstOperand]].bytes;
  int64_t added = plan.outputBytes[alias.output] - plan.inputBytes[alias.input];
  if (rows == added)
    return QUANTC_OK;
  return error.set(QUANTC_SHAPE_MISMATCH, "step ", index, " '",
                   view.string(step.name), "' appends ", rows, " bytes where ",
                   added, " are missing");
}

/// The packed side has as many bytes as the elements of the other need.
quantc_status Planner::planPack(const program::Step &step, uint32_t index) {
  const uint32_t *operands = view.operands + step.firstOperand;
  bool isPack = step.kind == program::StepKind::Pack;
  int64_t count = plan.buffers[operands[isPack ? 0 : 1]].bytes;
  int64_t packed = plan.buffers[operands[isPack ? 1 : 0]].bytes, needed = 0;
  auto bits = uint8_t(step.kernel & program::kPackedBits);
  if (elementBytes({QUANTC_UINT, bits, 1}, count, needed) && needed == packed)
    return QUANTC_OK;
  return error.set(QUANTC_SHAPE_MISMATCH, "step ", index, " '",
                   view.string(step.name), "' packs ", count, " elements of ",
                   bits, " bits in ", packed, " bytes");
}

quantc_status Planner::planStep(const program::Step &step, uint32_t index,
                                int64_t *&scalars) {
  const uint32_t *operands = view.operands + step.firstOperand;
  for (uint32_t i = 0; i < step.scalarCount; ++i)
    *scalars++ = plan.values[operands[step.bufferCount + i]];
  if (step.kind == program::StepKind::Copy) {
    int64_t from = plan.buffers[operands[0]].bytes;
    int64_t to = plan.buffers[operands[1]].bytes;
    if (from < to)
      return error.set(QUANTC_SHAPE_MISMATCH, "step ", index, " '",
                       view.string(step.name), "' copies ", to, " bytes from ",
                       from);
    return QUANTC_OK;
  }
  if (step.kind == program::StepKind::Pack ||
      step.kind == program::StepKind::Unpack)
    return planPack(step, index);
  if (step.kind == program::StepKind::Append)
    return planAppend(step, index);
  if (step.kind != program::StepKind::Kernel)
    return QUANTC_OK;
  int64_t trip = plan.values[step.tripExpr];
  int64_t scratch =
      step.scratchExpr == kNone ? 0 : plan.values[step.scratchExpr];
  if (trip < 0 || scratch < 0 || scratch > kMaxBytes)
    return error.set(QUANTC_SIZE_OVERFLOW, "step ", index, " '",
                     view.string(step.name), "' has ", trip, " iterations and ",
                     scratch, " bytes of scratch");
  scratchBytes = scratch > scratchBytes ? scratch : scratchBytes;
  plan.parallel |= worthSplitting(team, trip, step.grain);
  return QUANTC_OK;
}

quantc_status Planner::planSteps() {
  uint32_t end = phase + 1 < state.phaseCount ? plan.phases[phase + 1].firstStep
                                              : view.entry->steps.count;
  int64_t *scalars = plan.scalars + own().firstScalar;
  for (uint32_t i = own().firstStep; i < end; ++i)
    if (quantc_status status = planStep(view.steps[i], i, scalars))
      return status;
  return QUANTC_OK;
}

void Planner::divide() {
  uint32_t buffers = view.entry->buffers.count;
  for (uint32_t p = 0; p < state.phaseCount; ++p)
    plan.phases[p] = {};
  for (uint32_t i = 0; i < buffers; ++i)
    if (view.buffers[i].kind == BufferKind::Arena)
      ++plan.phases[view.buffers[i].phase].itemCount;
  for (uint32_t p = 1; p < state.phaseCount; ++p)
    plan.phases[p].firstItem =
        plan.phases[p - 1].firstItem + plan.phases[p - 1].itemCount;
  for (uint32_t p = 0; p < state.phaseCount; ++p)
    plan.phases[p].itemCount = 0;
  for (uint32_t i = 0; i < buffers; ++i) {
    const Buffer &buffer = view.buffers[i];
    plan.itemOf[i] = kNone;
    if (buffer.kind == BufferKind::View)
      plan.itemOf[i] = plan.itemOf[buffer.index];
    if (buffer.kind != BufferKind::Arena)
      continue;
    PhasePlan &of = plan.phases[buffer.phase];
    plan.itemOf[i] = of.firstItem + of.itemCount++;
  }
  uint64_t scalars = 0;
  for (uint32_t s = 0; s < view.entry->steps.count; ++s) {
    const program::Step &step = view.steps[s];
    scalars += step.scalarCount;
    if (step.kind != program::StepKind::Bind)
      continue;
    PhasePlan &opened = plan.phases[view.symbols[step.kernel].phase];
    opened.firstStep = s + 1;
    opened.firstScalar = scalars;
  }
  plan.parallel = false;
}

/// Finds the first and the last step of each arena buffer of the phase.  A view
/// counts for the buffer it is part of.  What a loop reads and another step
/// than one of its own has written is alive until the loop ends.
void Planner::markUses() {
  for (uint32_t i = 0; i < view.entry->buffers.count; ++i)
    if (isOwnArena(view.buffers[i]))
      plan.items[plan.itemOf[i]] = {plan.buffers[i].bytes, kNone, 0, 0};
  for (uint32_t s = 0; s < view.entry->steps.count; ++s) {
    const program::Step &step = view.steps[s];
    for (uint32_t i = 0; i < step.bufferCount; ++i) {
      uint32_t id = plan.itemOf[view.operands[step.firstOperand + i]];
      if (id == kNone || id - own().firstItem >= own().itemCount)
        continue;
      PlanItem &item = plan.items[id];
      item.first = item.first == kNone ? s : item.first;
      item.last = s;
    }
    if (step.kind != program::StepKind::Repeat)
      continue;
    auto head = uint32_t(s - step.grain);
    for (uint32_t i = 0; i < own().itemCount; ++i) {
      PlanItem &item = plan.items[own().firstItem + i];
      if (item.first != kNone && item.first < head && item.last > head)
        item.last = s;
    }
  }
}

/// Takes the offsets of another shape of the same entry point if each buffer
/// fits where they put it.  What an item holds is then its room.
bool Planner::takePlacement(const Plan &from) {
  const PhasePlan &other = from.phases[phase];
  if (!other.placed || other.scratchOffset + own().arenaBytes >
                           int64_t(context.blocks[phase].arena.bytes))
    return false;
  for (uint32_t i = 0; i < view.entry->buffers.count; ++i) {
    if (!isOwnArena(view.buffers[i]))
      continue;
    const PlanItem &item = from.items[from.itemOf[i]];
    if (plan.buffers[i].bytes > alignUp(item.bytes) && item.first != kNone)
      return false;
    plan.buffers[i].offset = item.offset;
  }
  if (&from != &plan)
    memcpy(plan.items + own().firstItem, from.items + other.firstItem,
           own().itemCount * sizeof(*plan.items));
  own().scratchOffset = other.scratchOffset;
  return true;
}

quantc_status Planner::findPlacement() {
  markUses();
  PlanItem *items = plan.items + own().firstItem;
  size_t count = own().itemCount;
  for (size_t i = 0; i < count; ++i)
    if (items[i].first == kNone)
      items[i].bytes = 0; // no step uses it
  int64_t total = planArena(items, count, plan.order, plan.placed, kMaxBytes);
  if (total < 0)
    return error.set(QUANTC_SIZE_OVERFLOW,
                     "size of the intermediate tensors overflows");
  for (uint32_t i = 0; i < view.entry->buffers.count; ++i)
    if (isOwnArena(view.buffers[i]))
      plan.buffers[i].offset = plan.items[plan.itemOf[i]].offset;
  own().scratchOffset = total;
  return QUANTC_OK;
}

quantc_status Planner::placeArena() {
  own().scratchStride = alignUp(scratchBytes);
  if (__builtin_mul_overflow(own().scratchStride, int64_t(team.threads),
                             &own().arenaBytes) ||
      own().arenaBytes > kMaxBytes)
    return error.set(QUANTC_SIZE_OVERFLOW, "size of the scratch memory of ",
                     team.threads, " threads overflows");
  bool taken = takePlacement(plan);
  for (size_t i = 0; i < context.planCount && !taken; ++i)
    taken = context.plans[i].entry == entry && takePlacement(context.plans[i]);
  own().placed = false;
  if (!taken)
    if (quantc_status status = findPlacement())
      return status;
  own().placed = true;
  own().arenaBytes += own().scratchOffset;
  return QUANTC_OK;
}

quantc_status Planner::run(uint32_t planned) {
  phase = planned;
  // Later phases were planned for what this one was.
  for (uint32_t p = phase; p < state.phaseCount; ++p)
    plan.phases[p].planned = false;
  if (quantc_status status = evaluateAll())
    return status;
  if (quantc_status status =
          sizeTensors(view.inputTensors, view.entry->inputTensors.count, true,
                      plan.inputBytes))
    return status;
  if (quantc_status status =
          sizeTensors(view.outputTensors, view.entry->outputTensors.count,
                      false, plan.outputBytes))
    return status;
  if (quantc_status status = sizeOutputs())
    return status;
  if (!phase)
    if (quantc_status status = checkCaches())
      return status;
  if (quantc_status status = sizeBuffers())
    return status;
  if (quantc_status status = planSteps())
    return status;
  if (quantc_status status = placeArena())
    return status;
  own().planned = true;
  return QUANTC_OK;
}

/// Whether the plan was made for the symbols of a phase as they are bound now.
bool matches(const Plan &plan, const EntryView &view, const int64_t *symbols,
             uint32_t phase) {
  bool same = true;
  for (uint32_t i = 0; i < view.entry->symbols.count; ++i)
    same &= view.symbols[i].phase != phase || plan.symbols[i] == symbols[i];
  return same;
}

void takeSymbols(Plan &plan, const EntryView &view, const int64_t *symbols,
                 uint32_t phase) {
  for (uint32_t i = 0; i < view.entry->symbols.count; ++i)
    if (view.symbols[i].phase == phase)
      plan.symbols[i] = symbols[i];
}

} // namespace

quantc_status findPlan(quantc_context &context, const EntryView &view,
                       size_t entry, Plan *&result, Error &error) {
  Plan *oldest = context.plans;
  for (size_t i = 0; i < context.planCount; ++i) {
    Plan &plan = context.plans[i];
    if (plan.entry == entry && matches(plan, view, context.state.symbols, 0)) {
      plan.lastUse = ++context.tick;
      result = &plan;
      return QUANTC_OK;
    }
    if (plan.lastUse < oldest->lastUse)
      oldest = &plan;
  }
  Plan &plan = *oldest;
  plan.entry = SIZE_MAX;
  Planner planner(view, context, entry, plan, error);
  if (quantc_status status = planner.reserve(context.allocator))
    return status;
  planner.divide();
  takeSymbols(plan, view, context.state.symbols, 0);
  if (quantc_status status = planner.run(0))
    return status;
  plan.entry = entry;
  plan.lastUse = ++context.tick;
  result = &plan;
  return QUANTC_OK;
}

quantc_status planPhase(quantc_context &context, const EntryView &view,
                        size_t entry, Plan &plan, uint32_t phase,
                        Error &error) {
  if (plan.phases[phase].planned &&
      matches(plan, view, context.state.symbols, phase))
    return QUANTC_OK;
  takeSymbols(plan, view, context.state.symbols, phase);
  return Planner(view, context, entry, plan, error).run(phase);
}

} // namespace quantc::runtime
