// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The context: the memory of one run at a time.  It owns three kinds of blocks:
// itself with all arrays whose size the program fixes, one block per planned
// shape, and the two blocks of tensor data (arena and library outputs).  A run
// of a shape seen before touches the allocator for none of them.
//
// A run goes through Bind.cpp (inputs to symbols), Plan.cpp (symbols to sizes
// and offsets) and Run.cpp (pointers, steps).
#ifndef QUANTC_LIB_RUNTIME_CONTEXT_H
#define QUANTC_LIB_RUNTIME_CONTEXT_H

#include "quantc/Runtime/Parallel.h"

#include "Model.h"
#include "Planner.h"

namespace quantc::runtime {

struct BufferPlan {
  int64_t offset; // in the arena, or in the parent of a view
  int64_t bytes;
};

/// What a plan says about one phase of a run (see program::Symbol).
struct PhasePlan {
  uint32_t firstStep;   // behind the Bind steps that open it
  uint64_t firstScalar; // of that step
  uint32_t firstItem;   // its arena buffers
  uint32_t itemCount;
  bool planned;            // it holds for the plan's symbols
  bool placed;             // its items have places
  int64_t arenaBytes;      // intermediate tensors, then scratch
  int64_t scratchOffset;   // of worker 0
  int64_t scratchStride;   // between workers
  int64_t allOutputsBytes; // if the library provides them all
};

/// All that follows from one entry point and one tuple of symbols: those that
/// are known before the run.  Later phases hold what the last run made of them.
struct Plan {
  Block block;
  size_t entry = SIZE_MAX; // none: the block is kept for the next plan
  uint64_t lastUse = 0;
  // Parts of the block.
  int64_t *symbols;       // those of phase 0 are the key
  int64_t *values;        // of all expressions
  int64_t *scalars;       // of all steps, in order
  BufferPlan *buffers;    // of all buffers
  int64_t *inputBytes;    // of all input tensors
  int64_t *outputBytes;   // of all output tensors
  int64_t *outputOffsets; // in its phase's block of library outputs
  PlanItem *items;        // of the arena buffers, by phase
  uint32_t *itemOf;       // buffer to item; of a view: that of its whole
  uint32_t *order, *placed;
  PhasePlan *phases;
  bool parallel; // some step is worth splitting
};

/// The memory of one phase of a run.
struct PhaseBlocks {
  Block arena;
  Block outputs; // provided by the library
};

/// What steps carry from iteration to iteration (see program::StepKind).
struct Slot {
  Block block;
  uint64_t bytes; // in use
};

/// What the context keeps for each entry point.
struct EntryState {
  quantc_tensor *outputs; // descriptors of the library's outputs
  int64_t *outputDims;    // of all of them, one after the other
  uint64_t scalarCount;
  uint32_t outputDimCount;
  uint32_t phaseCount;
};

/// How a tensor of the caller lies in memory.
struct Layout {
  uint32_t axis; // along which it may have room for more rows, or kNone
  int64_t room;  // rows that its strides leave room for; 0: compact
  int64_t span;  // bytes from its first to behind its last element
};

/// Arrays for the run in progress, large enough for every entry point.
struct RunState {
  const quantc_tensor **inputs;  // by tensor; null if absent
  const quantc_tensor **outputs; // the caller's; null: the library's
  uint32_t *assigned;            // by value: 1 + position in the caller's array
  int64_t *symbols;              // of phases that are open
  uint32_t *boundTensor; // which input dimension gave the symbol its size
  uint32_t *boundAxis;
  Layout *inputLayouts, *outputLayouts;
  char **inputData;
  char **outputData;
  void **pointers; // by buffer
  void **operands; // of one step
};

/// Everything that binding and running share.
struct RunRequest {
  size_t entry;
  const quantc_value *inputs;
  size_t inputCount;
  quantc_value *outputs;
  size_t outputCount;
  bool execute; // else only plan: data pointers may be null
};

} // namespace quantc::runtime

struct quantc_context {
  const quantc_api *api; // first, see quantc_api_of()
  quantc_model *model;
  quantc::runtime::Allocator allocator;
  quantc::runtime::Block self;
  quantc::runtime::Team team;
  quantc_profile_fn profile;
  void *profileUser;
  std::atomic<uint32_t> inUse;
  quantc::runtime::EntryState *entries;
  quantc::runtime::RunState state;
  quantc::runtime::Plan *plans;
  size_t planCount;
  uint64_t tick;                        // grows with each use of a plan
  quantc::runtime::PhaseBlocks *blocks; // by phase
  uint32_t blockCount;
  uint32_t slotCount;
  quantc::runtime::Slot *slots;
  char message[512];
};

namespace quantc::runtime {

/// Names a tensor in messages: `input 'x'`, `output 'kv' element 3`.
struct Where {
  const EntryView &view;
  uint32_t tensor;
  bool input;
  void write(Error &error) const;
};

/// Finds the inputs of the request, checks them and gives each symbol its size.
quantc_status bindInputs(quantc_context &context, const EntryView &view,
                         const RunRequest &request, Error &error);

/// Finds the outputs that the caller provides, and takes the capacities of
/// caches from their strides.
quantc_status bindCapacities(quantc_context &context, const EntryView &view,
                             const RunRequest &request, Error &error);

/// Checks input dimensions that are expressions of symbols.
quantc_status checkDerivedInputs(quantc_context &context, const EntryView &view,
                                 const Plan &plan, Error &error);

/// Checks the outputs that the caller provides.
quantc_status bindOutputs(quantc_context &context, const EntryView &view,
                          const RunRequest &request, const Plan &plan,
                          Error &error);

/// Checks the extents of those of one phase.
quantc_status checkOutputExtents(quantc_context &context, const EntryView &view,
                                 const Plan &plan, uint32_t phase,
                                 Error &error);

/// Sets the axes of the layouts; no tensor has room where none is declared.
void findAppendAxes(const EntryView &view, RunState &state);

/// Checks the strides of a tensor of `bytes` bytes and completes its layout.
quantc_status checkStrides(const Where &where, const quantc_tensor &given,
                           int64_t bytes, Layout &layout, Error &error);

/// The parts of a cache that are contiguous: one for each index of the
/// dimensions outside of the axis.  All but `count` in bytes.
struct CacheParts {
  int64_t count;
  int64_t past, added; // of one part: rows of the input, rows behind them
  int64_t pastStride, presentStride;
};
CacheParts cacheParts(const EntryView &view, const RunState &state,
                      const Plan &plan, const program::Alias &alias);

/// Carries out a Pack or Unpack step on `count` elements.
void runPack(const Team &team, const program::Step &step, void *const *buffers,
             int64_t count);

/// Carries out a Store or Push step of `bytes` bytes; none if `data` is null.
quantc_status putInSlot(quantc_context &context, const program::Step &step,
                        const char *data, int64_t bytes, Error &error);

/// Checks that no buffer of the caller overlaps another, or the context's own
/// memory, in a way the program does not declare.
quantc_status checkAliasing(quantc_context &context, const EntryView &view,
                            const Plan &plan, Error &error);

/// Returns the plan of the bound symbols, made now if they are new.
quantc_status findPlan(quantc_context &context, const EntryView &view,
                       size_t entry, Plan *&plan, Error &error);

/// Plans a later phase for the symbols as they are bound now, unless the plan
/// has it.
quantc_status planPhase(quantc_context &context, const EntryView &view,
                        size_t entry, Plan &plan, uint32_t phase, Error &error);

/// Makes `block` hold at least `bytes`.
quantc_status growBlock(const Allocator &allocator, Block &block,
                        uint64_t bytes, const char *what, Error &error);

/// Whether an output is there at all.
inline bool isPresent(const program::Tensor &output, const Plan &plan) {
  return output.present == program::kNone || plan.values[output.present];
}

/// Names an element type in messages.
struct TypeName {
  program::DType dtype;
  void write(Error &error) const;
};

/// Writes an expression in messages.
struct ExprText {
  const EntryView &view;
  uint32_t expr;
  void write(Error &error) const { describe(view, expr, error); }
};

} // namespace quantc::runtime

#endif // QUANTC_LIB_RUNTIME_CONTEXT_H
