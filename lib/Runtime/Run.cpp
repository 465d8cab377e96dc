// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks the steps of an entry point.  What they name has been checked and sized
// before, when its phase opened: this file only turns offsets into pointers and
// calls kernels.

#include "Context.h"

#include "Api.h"

#include <cstring>
#include <time.h>

namespace quantc::runtime {
namespace {

using program::Buffer;
using program::BufferKind;
using program::Step;
using program::StepKind;

// Copying less than this takes less time than waking another thread.
constexpr int64_t kCopyGrain = int64_t(1) << 20;

// What a buffer of zero bytes points to, so that no kernel sees null.  A kernel
// may read and write back the first element, whose value never counts.
alignas(64) char emptyBuffer[64];

char *nothing() { return emptyBuffer; }

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

struct KernelCall {
  quantc_kernel_fn kernel;
  void *const *buffers;
  const int64_t *scalars;
  char *scratch; // null if none
  int64_t scratchStride;

  static void run(void *context, int64_t begin, int64_t end, int32_t worker) {
    const auto &call = *static_cast<const KernelCall *>(context);
    void *scratch =
        call.scratch ? call.scratch + worker * call.scratchStride : nullptr;
    call.kernel(call.buffers, call.scalars, begin, end, scratch);
  }
};

/// Copies `count` parts of `bytes` bytes each.
struct CopyCall {
  char *to;
  const char *from;
  int64_t bytes, count;
  int64_t toStride, fromStride;

  /// The bytes [begin, end) of all parts in order.
  static void run(void *context, int64_t begin, int64_t end, int32_t) {
    const auto &call = *static_cast<const CopyCall *>(context);
    while (begin < end) {
      int64_t part = begin / call.bytes, start = begin % call.bytes;
      int64_t size = call.bytes - start;
      size = size < end - begin ? size : end - begin;
      memcpy(call.to + part * call.toStride + start,
             call.from + part * call.fromStride + start, size_t(size));
      begin += size;
    }
  }
};

/// The parts of the two sides do not overlap.
void copyParts(const Team &team, CopyCall call) {
  if (call.bytes > 0 && call.count > 0)
    parallelFor(team, CopyCall::run, &call, call.bytes * call.count,
                kCopyGrain);
}

void copyBytes(const Team &team, char *to, const char *from, int64_t bytes) {
  if (to == from || bytes <= 0)
    return;
  auto distance =
      reinterpret_cast<uintptr_t>(to) - reinterpret_cast<uintptr_t>(from);
  if (distance < uintptr_t(bytes) || -distance < uintptr_t(bytes)) {
    memmove(to, from, size_t(bytes));
    return;
  }
  copyParts(team, {to, from, bytes, 1, 0, 0});
}

class Runner {
public:
  Runner(quantc_context &context, const EntryView &view, size_t entry,
         Plan &plan, Error &error)
      : context(context), view(view), entry(entry), plan(plan),
        state(context.state), error(error) {}

  /// Gives memory to what a planned phase is the first to know the size of.
  quantc_status open(uint32_t phase);
  quantc_status run();

private:
  quantc_status placeOutputs(uint32_t phase);
  void findBuffers(uint32_t phase);
  quantc_status bind(const Step &step);
  quantc_status openAfter(uint32_t index);
  quantc_status load(const Step &step, uint32_t index);
  quantc_status store(const Step &step);
  /// Follows a While or Repeat; `next` is the step to go on with.
  quantc_status jump(const Step &step, uint32_t &next, const int64_t *&scalars);
  /// Once a planned phase has work for more than one thread.
  void wakeTeam() {
    if (plan.parallel)
      awake.enter(context.team);
  }
  void updateInPlace();
  void append(const program::Alias &alias, const char *rows);
  void runStep(const Step &step, const int64_t *scalars);
  void report(uint32_t index, int64_t nanoseconds);

  quantc_context &context;
  const EntryView &view;
  size_t entry;
  Plan &plan;
  RunState &state;
  Error &error;
  uint32_t phase = 0;
  TeamScope awake;
};

/// Outputs that the caller does not provide.
quantc_status Runner::placeOutputs(uint32_t phase) {
  auto isOwn = [&](uint32_t i) {
    return view.outputTensors[i].phase == phase && !state.outputs[i];
  };
  bool needed = false;
  for (uint32_t i = 0; i < view.entry->outputTensors.count; ++i)
    needed |= isOwn(i) && plan.outputBytes[i];
  Block &block = context.blocks[phase].outputs;
  if (needed)
    if (quantc_status status = growBlock(
            context.allocator, block,
            uint64_t(plan.phases[phase].allOutputsBytes), "outputs", error))
      return status;
  for (uint32_t i = 0; i < view.entry->outputTensors.count; ++i)
    if (isOwn(i) && isPresent(view.outputTensors[i], plan))
      state.outputData[i] =
          plan.outputBytes[i] ? block.data + plan.outputOffsets[i] : nothing();
  return QUANTC_OK;
}

quantc_status Runner::open(uint32_t opened) {
  if (quantc_status status =
          growBlock(context.allocator, context.blocks[opened].arena,
                    uint64_t(plan.phases[opened].arenaBytes),
                    "intermediate tensors", error))
    return status;
  if (quantc_status status = placeOutputs(opened))
    return status;
  phase = opened;
  findBuffers(opened);
  return QUANTC_OK;
}

void Runner::findBuffers(uint32_t phase) {
  for (uint32_t i = 0; i < view.entry->buffers.count; ++i) {
    const Buffer &buffer = view.buffers[i];
    const BufferPlan &planned = plan.buffers[i];
    if (buffer.phase != phase)
      continue;
    char *at = nullptr;
    switch (buffer.kind) {
    case BufferKind::Arena:
      at = planned.bytes ? context.blocks[phase].arena.data + planned.offset
                         : nullptr;
      break;
    case BufferKind::Input:
      at = state.inputData[buffer.index];
      break;
    case BufferKind::Output:
      at = state.outputData[buffer.index];
      break;
    case BufferKind::Weights:
      at = planned.bytes
               ? const_cast<char *>(context.model->weights.data) + buffer.offset
               : nullptr;
      break;
    case BufferKind::View:
      at = static_cast<char *>(state.pointers[buffer.index]) + planned.offset;
      break;
    }
    state.pointers[i] = at ? at : nothing();
  }
}

void Runner::updateInPlace() {
  for (uint32_t i = 0; i < view.entry->aliases.count; ++i) {
    const program::Alias &alias = view.aliases[i];
    if (alias.kind != program::AliasKind::InPlace ||
        alias.axis != program::kNone)
      continue;
    int64_t from = plan.inputBytes[alias.input];
    int64_t to = plan.outputBytes[alias.output];
    copyBytes(context.team, state.outputData[alias.output],
              state.inputData[alias.input], from < to ? from : to);
  }
}

/// Both copies are made here and not when the run begins, so that what reads
/// the cache next finds it in the CPU's own.
void Runner::append(const program::Alias &alias, const char *rows) {
  CacheParts parts = cacheParts(view, state, plan, alias);
  char *present = state.outputData[alias.output];
  const char *past = state.inputData[alias.input];
  if (present != past)
    copyParts(context.team, {present, past, parts.past, parts.count,
                             parts.presentStride, parts.pastStride});
  copyParts(context.team, {present + parts.past, rows, parts.added, parts.count,
                           parts.presentStride, parts.added});
}

void Runner::runStep(const Step &step, const int64_t *scalars) {
  const uint32_t *operands = view.operands + step.firstOperand;
  for (uint32_t i = 0; i < step.bufferCount; ++i)
    state.operands[i] = state.pointers[operands[i]];
  if (step.kind == StepKind::Copy) {
    copyBytes(context.team, static_cast<char *>(state.operands[1]),
              static_cast<const char *>(state.operands[0]),
              plan.buffers[operands[1]].bytes);
    return;
  }
  if (step.kind == StepKind::Pack || step.kind == StepKind::Unpack) {
    bool isPack = step.kind == StepKind::Pack;
    runPack(context.team, step, state.operands,
            plan.buffers[operands[isPack ? 0 : 1]].bytes);
    return;
  }
  if (step.kind == StepKind::Append) {
    append(view.aliases[step.kernel],
           static_cast<const char *>(state.operands[0]));
    return;
  }
  const PhasePlan &own = plan.phases[phase];
  char *scratch = nullptr;
  if (step.scratchExpr != program::kNone && plan.values[step.scratchExpr])
    scratch = context.blocks[phase].arena.data + own.scratchOffset;
  KernelCall call = {context.model->kernels[step.kernel], state.operands,
                     scalars, scratch, own.scratchStride};
  parallelFor(context.team, KernelCall::run, &call, plan.values[step.tripExpr],
              step.grain);
}

void Runner::report(uint32_t index, int64_t nanoseconds) {
  const Step &step = view.steps[index];
  quantc_step_event event = {};
  event.struct_size = sizeof(event);
  event.entry = entry;
  event.step = index;
  event.name = view.string(step.name);
  event.kernel = step.kind == StepKind::Append   ? "append"
                 : step.kind == StepKind::Pack   ? "pack"
                 : step.kind == StepKind::Unpack ? "unpack"
                 : step.kind == StepKind::Bind   ? "bind"
                 : step.kind == StepKind::Store  ? "store"
                 : step.kind == StepKind::Push   ? "push"
                 : step.kind == StepKind::Load   ? "load"
                                                 : "copy";
  event.iterations = 1;
  if (step.kind == StepKind::Kernel) {
    const auto *kernels =
        view.program.at<program::Kernel>(view.program.header->kernels);
    event.kernel = view.string(kernels[step.kernel].name);
    event.iterations = plan.values[step.tripExpr];
  }
  event.nanoseconds = nanoseconds;
  context.profile(context.profileUser, &event);
}

quantc_status Runner::bind(const Step &step) {
  uint32_t buffer = view.operands[step.firstOperand];
  int64_t &symbol = state.symbols[step.kernel];
  symbol = 0;
  if (step.tripExpr != program::kNone && !plan.values[step.tripExpr])
    return QUANTC_OK;
  const char *name = view.string(view.symbols[step.kernel].name);
  if (plan.buffers[buffer].bytes != step.grain)
    return error.set(QUANTC_SHAPE_MISMATCH, "size '", name, "' has ",
                     plan.buffers[buffer].bytes, " bytes where ", step.grain,
                     " are read");
  const void *data = state.pointers[buffer];
  if (step.grain == 1) {
    symbol = *static_cast<const uint8_t *>(data) != 0;
  } else if (step.grain == 4) {
    int32_t value = 0;
    memcpy(&value, data, sizeof(value));
    symbol = value;
  } else {
    memcpy(&symbol, data, sizeof(symbol));
  }
  if (symbol >= 0)
    return QUANTC_OK;
  return error.set(QUANTC_CHECK_FAILED, view.string(step.scratchExpr), ", got ",
                   symbol);
}

/// Opens the phase of a Bind step that is the last one of it.
quantc_status Runner::openAfter(uint32_t index) {
  const Step &step = view.steps[index];
  uint32_t opened = view.symbols[step.kernel].phase;
  if (plan.phases[opened].firstStep != index + 1)
    return QUANTC_OK;
  if (quantc_status status =
          planPhase(context, view, entry, plan, opened, error))
    return status;
  if (quantc_status status =
          checkOutputExtents(context, view, plan, opened, error))
    return status;
  wakeTeam();
  return open(opened);
}

quantc_status Runner::store(const Step &step) {
  if (!step.bufferCount)
    return putInSlot(context, step, nullptr, 0, error);
  uint32_t buffer = view.operands[step.firstOperand];
  return putInSlot(context, step,
                   static_cast<const char *>(state.pointers[buffer]),
                   plan.buffers[buffer].bytes, error);
}

quantc_status Runner::load(const Step &step, uint32_t index) {
  const Slot &slot = context.slots[step.kernel];
  uint32_t buffer = view.operands[step.firstOperand];
  int64_t bytes = plan.buffers[buffer].bytes;
  if (slot.bytes != uint64_t(bytes))
    return error.set(QUANTC_SHAPE_MISMATCH, "step ", index, " '",
                     view.string(step.name), "' takes ", bytes,
                     " bytes where a loop gives ", slot.bytes);
  copyBytes(context.team, static_cast<char *>(state.pointers[buffer]),
            slot.block.data, bytes);
  return QUANTC_OK;
}

quantc_status Runner::jump(const Step &step, uint32_t &next,
                           const int64_t *&scalars) {
  uint32_t index = next++;
  if (step.kind == StepKind::While) {
    const Slot &slot = context.slots[step.kernel];
    if (slot.bytes != 1)
      return error.set(QUANTC_SHAPE_MISMATCH, "step ", index, " '",
                       view.string(step.name), "' reads a condition of ",
                       slot.bytes, " bytes");
    if (!*slot.block.data)
      for (; next <= index + step.grain; ++next)
        scalars += view.steps[next].scalarCount;
    return QUANTC_OK;
  }
  next = uint32_t(index - step.grain);
  for (uint32_t i = next; i < index; ++i)
    scalars -= view.steps[i].scalarCount;
  // The phase that is open at the head.
  uint32_t count = context.entries[entry].phaseCount;
  for (phase = 0; phase + 1 < count; ++phase)
    if (plan.phases[phase + 1].firstStep > next)
      break;
  return QUANTC_OK;
}

quantc_status Runner::run() {
  wakeTeam();
  updateInPlace();
  for (uint32_t i = 0; i < view.entry->slots; ++i)
    context.slots[i].bytes = 0;
  const int64_t *scalars = plan.scalars;
  for (uint32_t i = 0; i < view.entry->steps.count; ++i) {
    const Step &step = view.steps[i];
    if (step.kind == StepKind::Skip) {
      if (!plan.values[step.tripExpr])
        for (int64_t left = step.grain; left > 0; --left)
          scalars += view.steps[++i].scalarCount;
      continue;
    }
    if (step.kind == StepKind::While || step.kind == StepKind::Repeat) {
      uint32_t next = i;
      if (quantc_status status = jump(step, next, scalars))
        return status;
      i = next - 1;
      continue;
    }
    int64_t start = context.profile ? now() : 0;
    quantc_status status = QUANTC_OK;
    switch (step.kind) {
    case StepKind::Bind:
      status = bind(step);
      if (!status)
        status = openAfter(i);
      break;
    case StepKind::Store:
    case StepKind::Push:
      status = store(step);
      break;
    case StepKind::Load:
      status = load(step, i);
      break;
    default:
      runStep(step, scalars);
    }
    if (status)
      return status;
    if (context.profile)
      report(i, now() - start);
    scalars += step.scalarCount;
  }
  return QUANTC_OK;
}

void describeOutputs(quantc_context &context, const EntryView &view,
                     size_t entry, const Plan &plan, bool withData) {
  EntryState &state = context.entries[entry];
  int64_t *dims = state.outputDims;
  for (uint32_t i = 0; i < view.entry->outputTensors.count; ++i) {
    const program::Tensor &tensor = view.outputTensors[i];
    quantc_tensor &out = state.outputs[i];
    out = {};
    out.data = withData ? context.state.outputData[i] : nullptr;
    out.device = {QUANTC_CPU, 0};
    out.ndim = int32_t(tensor.rank);
    out.dtype = {tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes};
    out.shape = dims;
    for (uint32_t d = 0; d < tensor.rank; ++d) {
      uint32_t expr = view.dims[tensor.firstDim + d];
      bool known = withData || !view.exprs[expr].phase;
      *dims++ = known ? plan.values[expr] : -1;
    }
  }
}

/// Tells the caller about the outputs; only after all else succeeded.
void returnOutputs(quantc_context &context, const EntryView &view,
                   const RunRequest &request, const Plan &plan) {
  EntryState &entry = context.entries[request.entry];
  for (uint32_t i = 0; i < view.entry->outputs.count; ++i) {
    uint32_t position = context.state.assigned[i];
    if (!position)
      continue;
    const program::Value &declared = view.outputs[i];
    quantc_value &value = request.outputs[position - 1];
    uint32_t first = declared.firstTensor;
    bool present =
        !declared.count || isPresent(view.outputTensors[first], plan);
    value.count = present ? declared.count : 0;
    if (declared.count && context.state.outputs[first])
      continue;
    value.kind = int32_t(declared.kind);
    value.tensors = entry.outputs + first;
  }
}

quantc_status runRequest(quantc_context &context, const RunRequest &request,
                         Error &error) {
  const program::Header &header = *context.model->program.header;
  if (request.entry >= header.entries.count)
    return error.set(QUANTC_NOT_FOUND, "expected an entry point below ",
                     header.entries.count, ", got ", request.entry);
  EntryView view(context.model->program, request.entry);
  if (quantc_status status = bindInputs(context, view, request, error))
    return status;
  if (quantc_status status = bindCapacities(context, view, request, error))
    return status;
  Plan *plan = nullptr;
  if (quantc_status status =
          findPlan(context, view, request.entry, plan, error))
    return status;
  if (quantc_status status = checkDerivedInputs(context, view, *plan, error))
    return status;
  if (quantc_status status = bindOutputs(context, view, request, *plan, error))
    return status;
  if (quantc_status status = checkAliasing(context, view, *plan, error))
    return status;
  Runner runner(context, view, request.entry, *plan, error);
  if (quantc_status status = runner.open(0))
    return status;
  if (request.execute)
    if (quantc_status status = runner.run())
      return status;
  describeOutputs(context, view, request.entry, *plan, request.execute);
  returnOutputs(context, view, request, *plan);
  return QUANTC_OK;
}

quantc_status enterContext(quantc_context *context, const RunRequest &request) {
  if (!context)
    return QUANTC_INVALID_ARGUMENT;
  if (context->inUse.exchange(1, std::memory_order_acquire))
    return QUANTC_BUSY;
  Error error(context->message, sizeof(context->message));
  quantc_status status = runRequest(*context, request, error);
  context->inUse.store(0, std::memory_order_release);
  return status;
}

} // namespace

quantc_status run(quantc_context *context, size_t entry,
                  const quantc_value *inputs, size_t inputCount,
                  quantc_value *outputs, size_t outputCount) {
  return enterContext(context,
                      {entry, inputs, inputCount, outputs, outputCount, true});
}

quantc_status prepare(quantc_context *context, size_t entry,
                      const quantc_value *inputs, size_t inputCount,
                      quantc_value *outputs, size_t outputCount) {
  return enterContext(context,
                      {entry, inputs, inputCount, outputs, outputCount, false});
}

} // namespace quantc::runtime
