// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Creates and destroys contexts.  All arrays whose length the program fixes are
// parts of one block, so that a run has nothing left to allocate but tensors.

#include "Context.h"

#include "Api.h"

#include <new>

namespace quantc::runtime {
namespace {

constexpr int32_t kDefaultShapes = 16;
constexpr int32_t kMaxShapes = 1 << 20;

uint32_t phaseCountOf(const EntryView &view) {
  uint32_t last = 0;
  for (uint32_t i = 0; i < view.entry->symbols.count; ++i)
    if (view.symbols[i].phase > last)
      last = view.symbols[i].phase;
  return last + 1;
}

/// The largest counts over all entry points.
struct Limits {
  uint64_t inputs = 0, outputs = 0, values = 0, symbols = 0, buffers = 0,
           operands = 0, phases = 1, slots = 0;

  static void raise(uint64_t &limit, uint64_t value) {
    limit = value > limit ? value : limit;
  }
  explicit Limits(const ProgramView &program) {
    for (size_t i = 0; i < program.header->entries.count; ++i) {
      EntryView view(program, i);
      raise(inputs, view.entry->inputTensors.count);
      raise(outputs, view.entry->outputTensors.count);
      raise(values, view.entry->inputs.count);
      raise(values, view.entry->outputs.count);
      raise(symbols, view.entry->symbols.count);
      raise(buffers, view.entry->buffers.count);
      raise(phases, phaseCountOf(view));
      raise(slots, view.entry->slots);
      for (uint32_t s = 0; s < view.entry->steps.count; ++s)
        raise(operands, view.steps[s].bufferCount);
    }
  }
};

void carveEntry(Carver &carver, const EntryView &view, EntryState *state) {
  EntryState local = {};
  for (uint32_t i = 0; i < view.entry->outputTensors.count; ++i)
    local.outputDimCount += view.outputTensors[i].rank;
  for (uint32_t i = 0; i < view.entry->steps.count; ++i)
    local.scalarCount += view.steps[i].scalarCount;
  local.phaseCount = phaseCountOf(view);
  local.outputs = carver.take<quantc_tensor>(view.entry->outputTensors.count);
  local.outputDims = carver.take<int64_t>(local.outputDimCount);
  if (state)
    *state = local;
}

/// Lays the context out; with a null base it only measures.
quantc_context *carveContext(Carver &carver, const ProgramView &program,
                             const Limits &limits, size_t planCount) {
  auto *context = carver.take<quantc_context>(1);
  auto *plans = carver.take<Plan>(planCount);
  auto *blocks = carver.take<PhaseBlocks>(limits.phases);
  auto *slots = carver.take<Slot>(limits.slots);
  size_t entryCount = program.header->entries.count;
  auto *entries = carver.take<EntryState>(entryCount);
  for (size_t i = 0; i < entryCount; ++i)
    carveEntry(carver, EntryView(program, i), entries ? entries + i : nullptr);
  RunState state;
  state.inputs = carver.take<const quantc_tensor *>(limits.inputs);
  state.outputs = carver.take<const quantc_tensor *>(limits.outputs);
  state.assigned = carver.take<uint32_t>(limits.values);
  state.symbols = carver.take<int64_t>(limits.symbols);
  state.boundTensor = carver.take<uint32_t>(limits.symbols);
  state.boundAxis = carver.take<uint32_t>(limits.symbols);
  state.inputLayouts = carver.take<Layout>(limits.inputs);
  state.outputLayouts = carver.take<Layout>(limits.outputs);
  state.inputData = carver.take<char *>(limits.inputs);
  state.outputData = carver.take<char *>(limits.outputs);
  state.pointers = carver.take<void *>(limits.buffers);
  state.operands = carver.take<void *>(limits.operands);
  if (!context)
    return nullptr;
  new (context) quantc_context{};
  for (size_t i = 0; i < planCount; ++i)
    new (plans + i) Plan();
  for (size_t i = 0; i < limits.phases; ++i)
    new (blocks + i) PhaseBlocks();
  context->entries = entries;
  context->state = state;
  context->plans = plans;
  context->planCount = planCount;
  context->blocks = blocks;
  context->blockCount = uint32_t(limits.phases);
  for (size_t i = 0; i < limits.slots; ++i)
    new (slots + i) Slot();
  context->slots = slots;
  context->slotCount = uint32_t(limits.slots);
  return context;
}

quantc_status checkOptions(const quantc_context_options *given,
                           quantc_context_options &options, Error &error) {
  if (!readOptions(&options, sizeof(options), given))
    return error.set(QUANTC_INVALID_ARGUMENT,
                     "context options have a wrong struct_size, or set members "
                     "that this library does not know");
  if (!options.allocate != !options.deallocate)
    return error.set(QUANTC_INVALID_ARGUMENT,
                     "set both 'allocate' and 'deallocate', or neither");
  if (options.threads < 0 || options.threads > kMaxThreads)
    return error.set(QUANTC_INVALID_ARGUMENT, "expected 'threads' from 0 to ",
                     kMaxThreads, ", got ", options.threads);
  if (options.shape_cache < 0 || options.shape_cache > kMaxShapes)
    return error.set(QUANTC_INVALID_ARGUMENT,
                     "expected 'shape_cache' from 0 to ", kMaxShapes, ", got ",
                     options.shape_cache);
  return QUANTC_OK;
}

quantc_status createContext(quantc_model *model,
                            const quantc_context_options *given,
                            quantc_context **result, Error &error) {
  if (!model || !result)
    return error.set(QUANTC_INVALID_ARGUMENT,
                     model ? "'context' is null" : "'model' is null");
  *result = nullptr;
  quantc_context_options options = {};
  if (quantc_status status = checkOptions(given, options, error))
    return status;
  Allocator allocator = model->allocator;
  if (options.allocate)
    allocator = {options.allocate, options.deallocate, options.allocator_user};
  size_t planCount =
      size_t(options.shape_cache ? options.shape_cache : kDefaultShapes);
  Limits limits(model->program);
  Carver measure(nullptr);
  carveContext(measure, model->program, limits, planCount);
  Block self;
  if (measure.overflowed())
    return error.set(QUANTC_SIZE_OVERFLOW, "context is too large");
  if (quantc_status status =
          growBlock(allocator, self, measure.bytes(), "the context", error))
    return status;
  Carver carver(self.data);
  quantc_context *context =
      carveContext(carver, model->program, limits, planCount);
  context->api = model->api;
  context->model = model;
  context->allocator = allocator;
  context->self = self;
  context->team.threads = options.threads ? options.threads : defaultThreads();
  context->team.callback = options.parallel_for;
  context->team.user = options.parallel_for_user;
  context->profile = options.profile;
  context->profileUser = options.profile_user;
  model->references.fetch_add(1, std::memory_order_relaxed);
  *result = context;
  return QUANTC_OK;
}

} // namespace

quantc_status growBlock(const Allocator &allocator, Block &block,
                        uint64_t bytes, const char *what, Error &error) {
  if (bytes <= block.bytes)
    return QUANTC_OK;
  // A size that creeps up from run to run shall not allocate in each of them.
  uint64_t wanted = bytes;
  if (block.bytes && wanted < block.bytes + block.bytes / 8)
    wanted = block.bytes + block.bytes / 8;
  allocator.put(block.data, block.bytes);
  block = Block();
  auto *data = static_cast<char *>(allocator.get(wanted));
  if (!data)
    return error.set(QUANTC_OUT_OF_MEMORY, "no memory for ", wanted,
                     " bytes of ", what);
  if (reinterpret_cast<uintptr_t>(data) % kBlockAlignment) {
    allocator.put(data, wanted);
    return error.set(QUANTC_INVALID_ARGUMENT,
                     "expected 'allocate' to align to ", kBlockAlignment,
                     " bytes");
  }
  block = {data, wanted};
  return QUANTC_OK;
}

quantc_status contextCreate(quantc_model *model,
                            const quantc_context_options *options,
                            quantc_context **context, char *message,
                            size_t messageSize) {
  Error error(message, messageSize);
  return createContext(model, options, context, error);
}

void contextDestroy(quantc_context *context) {
  if (!context)
    return;
  Allocator allocator = context->allocator;
  for (size_t i = 0; i < context->planCount; ++i)
    allocator.put(context->plans[i].block.data, context->plans[i].block.bytes);
  for (uint32_t i = 0; i < context->blockCount; ++i) {
    const PhaseBlocks &blocks = context->blocks[i];
    allocator.put(blocks.arena.data, blocks.arena.bytes);
    allocator.put(blocks.outputs.data, blocks.outputs.bytes);
  }
  for (uint32_t i = 0; i < context->slotCount; ++i)
    allocator.put(context->slots[i].block.data, context->slots[i].block.bytes);
  quantc_model *model = context->model;
  Block self = context->self;
  context->~quantc_context();
  allocator.put(self.data, self.bytes);
  model->api->model_destroy(model);
}

const char *lastError(const quantc_context *context) {
  return context ? context->message : "";
}

quantc_status contextInfo(const quantc_context *context,
                          quantc_context_info *info) {
  if (!context || !info)
    return QUANTC_INVALID_ARGUMENT;
  quantc_context_info known = {};
  known.threads = context->team.threads;
  for (size_t i = 0; i < context->planCount; ++i)
    known.cached_shapes += context->plans[i].entry != SIZE_MAX;
  for (uint32_t i = 0; i < context->blockCount; ++i) {
    known.arena_bytes += context->blocks[i].arena.bytes;
    known.output_bytes += context->blocks[i].outputs.bytes;
  }
  for (uint32_t i = 0; i < context->slotCount; ++i)
    known.arena_bytes += context->slots[i].block.bytes;
  writeInfo(info, &known, sizeof(known));
  return QUANTC_OK;
}

} // namespace quantc::runtime
