// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks a program table completely before anything follows an index of it.
// The bytes may be anything: after validate() returned true, no id, offset or
// kind in them leads outside of the arrays, and no expression or view depends
// on itself.  Sizes that follow from shapes are checked when they are known.

#include "ProgramView.h"

#include <cstring>

namespace quantc::runtime {
namespace {

using namespace program;

class Validator {
public:
  Validator(const void *bytes, Error &error)
      : bytes(static_cast<const char *>(bytes)), error(error) {}

  bool run(size_t size);

private:
  template <typename... Parts> bool fail(Parts... parts) {
    error.set(QUANTC_INVALID_PROGRAM, "program is damaged: ", parts...);
    return false;
  }
  template <typename... Parts> bool failEntry(Parts... parts) {
    return fail("entry ", current, ": ", parts...);
  }
  /// Unlike ProgramView::string, before the string is known to be valid.
  bool validString(StringRef ref) const { return ref < header->strings.count; }
  static bool inside(Range range, const Section &section) {
    return uint64_t(range.first) + range.count <= section.count;
  }
  static uint32_t later(uint32_t a, uint32_t b) { return a > b ? a : b; }
  bool checkHeader(size_t size);
  bool checkSection(const Section &section, uint64_t elementSize,
                    const char *name);
  bool checkSections();
  bool checkNames();
  bool checkWeights();
  bool checkEntryRanges(const Entry &entry);
  bool checkSymbols(const EntryView &view);
  bool checkExprs(const EntryView &view);
  bool checkTensors(const EntryView &view, const Tensor *tensors, Range range,
                    bool input);
  bool checkValues(const EntryView &view, const Value *values, Range range,
                   const Tensor *tensors, Range tensorRange, const char *side);
  bool checkSymbolsBound(const EntryView &view);
  bool checkAliases(const EntryView &view);
  bool checkAppend(const EntryView &view, uint32_t index);
  bool checkBuffers(const EntryView &view);
  bool checkBind(const EntryView &view, uint32_t index);
  bool checkSkip(const EntryView &view, uint32_t index);
  bool findClosings(const EntryView &view);
  bool checkLoop(const EntryView &view, uint32_t index);
  bool checkSlot(const EntryView &view, uint32_t index);
  /// Whether a phase is open at a step.
  bool isOpen(uint32_t phase, uint32_t index) const {
    return phase <= openPhase && index < closing[phase];
  }
  /// Whether all that belongs to phase `inner` may name phase `outer`: while
  /// the one is open the other is.
  bool outlives(uint32_t outer, uint32_t inner) const {
    return closing[outer] >= closing[inner];
  }
  bool checkStep(const EntryView &view, uint32_t index);
  bool checkEntry(uint32_t index);

  const char *bytes;
  const Header *header = nullptr;
  Error &error;
  uint32_t current = 0;         // entry point
  uint32_t openPhase = 0;       // at the step that is checked
  bool needsBind = false;       // behind a loop with Bind steps
  uint32_t closing[kMaxPhases]; // the step at which a phase closes
  uint64_t operandsUsed = 0;    // by all steps
};

bool Validator::checkHeader(size_t size) {
  if (reinterpret_cast<uintptr_t>(bytes) % alignof(Header))
    return fail("address is not aligned to 8 bytes");
  if (size && size < sizeof(Header))
    return fail("it has ", size, " bytes, its header needs ", sizeof(Header));
  header = reinterpret_cast<const Header *>(bytes);
  if (memcmp(header->magic, kMagic, sizeof(kMagic)))
    return fail("it does not start with the signature of a program");
  if (header->version != kVersion)
    return fail("expected version ", kVersion, ", got ", header->version);
  if (header->headerBytes != sizeof(Header))
    return fail("expected a header of ", sizeof(Header), " bytes, got ",
                header->headerBytes);
  if (header->totalBytes < sizeof(Header) ||
      header->totalBytes > uint64_t(kMaxBytes) ||
      (size && header->totalBytes != size))
    return fail("its header says ", header->totalBytes, " bytes, got ", size);
  return checksum(bytes, header->totalBytes) == header->checksum ||
         fail("its checksum is wrong");
}

bool Validator::checkSection(const Section &section, uint64_t elementSize,
                             const char *name) {
  if (section.offset % 8 || section.offset < sizeof(Header) ||
      section.offset > header->totalBytes ||
      section.count > (header->totalBytes - section.offset) / elementSize ||
      section.count >= kNone)
    return fail("section '", name, "' has ", section.count,
                " elements at offset ", section.offset, " of ",
                header->totalBytes);
  return true;
}

bool Validator::checkSections() {
  const Header &h = *header;
  return checkSection(h.strings, 1, "strings") &&
         checkSection(h.metadata, sizeof(Metadata), "metadata") &&
         checkSection(h.kernels, sizeof(Kernel), "kernels") &&
         checkSection(h.entries, sizeof(Entry), "entries") &&
         checkSection(h.symbols, sizeof(Symbol), "symbols") &&
         checkSection(h.values, sizeof(Value), "values") &&
         checkSection(h.tensors, sizeof(Tensor), "tensors") &&
         checkSection(h.dims, sizeof(uint32_t), "dims") &&
         checkSection(h.aliases, sizeof(Alias), "aliases") &&
         checkSection(h.exprs, sizeof(Expr), "exprs") &&
         checkSection(h.checks, sizeof(Check), "checks") &&
         checkSection(h.buffers, sizeof(Buffer), "buffers") &&
         checkSection(h.steps, sizeof(Step), "steps") &&
         checkSection(h.operands, sizeof(uint32_t), "operands");
}

bool Validator::checkNames() {
  ProgramView view{header};
  const Header &h = *header;
  if (!h.strings.count || view.at<char>(h.strings)[h.strings.count - 1])
    return fail("its strings do not end with a zero byte");
  const auto *metadata = view.at<Metadata>(h.metadata);
  for (uint64_t i = 0; i < h.metadata.count; ++i)
    if (!validString(metadata[i].key) || !validString(metadata[i].value))
      return fail("metadata ", i, " is outside of the strings");
  const auto *kernels = view.at<Kernel>(h.kernels);
  for (uint64_t i = 0; i < h.kernels.count; ++i)
    if (!validString(kernels[i].name))
      return fail("name of kernel ", i, " is outside of the strings");
  return true;
}

bool Validator::checkWeights() {
  const WeightInfo &weights = header->weights;
  if (!validString(weights.fileName))
    return fail("name of the weights file is outside of the strings");
  if (weights.bytes > uint64_t(kMaxBytes))
    return fail("weights of ", weights.bytes, " bytes");
  switch (weights.source) {
  case WeightSource::None:
    return !weights.bytes ||
           fail("weights of ", weights.bytes, " bytes without a source");
  case WeightSource::Embedded:
    return true;
  case WeightSource::File: {
    const char *name = ProgramView{header}.string(weights.fileName);
    return (*name && !strchr(name, '/')) ||
           fail("expected a weights file without folder, got '", name, "'");
  }
  }
  return fail("unknown source of weights ", uint32_t(weights.source));
}

bool Validator::checkEntryRanges(const Entry &entry) {
  const Header &h = *header;
  if (!validString(entry.name) || entry.slots > kMaxSlots)
    return failEntry("its name is outside of the strings, or it has ",
                     entry.slots, " slots");
  if (!inside(entry.symbols, h.symbols) || !inside(entry.inputs, h.values) ||
      !inside(entry.outputs, h.values) ||
      !inside(entry.inputTensors, h.tensors) ||
      !inside(entry.outputTensors, h.tensors) ||
      !inside(entry.aliases, h.aliases) || !inside(entry.exprs, h.exprs) ||
      !inside(entry.checks, h.checks) || !inside(entry.buffers, h.buffers) ||
      !inside(entry.steps, h.steps))
    return failEntry("it reaches over the end of a section");
  return true;
}

bool Validator::checkSymbols(const EntryView &view) {
  for (uint32_t i = 0; i < view.entry->symbols.count; ++i)
    if (!validString(view.symbols[i].name) ||
        view.symbols[i].phase >= kMaxPhases)
      return failEntry("name of symbol ", i, " is outside of the strings, or ",
                       "its phase, ", view.symbols[i].phase, ", of ",
                       kMaxPhases);
  return true;
}

/// Loops lie inside of each other or one behind the other.
bool Validator::findClosings(const EntryView &view) {
  constexpr uint32_t maxDepth = 64;
  uint32_t count = view.entry->steps.count, depth = 0;
  for (uint32_t &closes : closing)
    closes = count;
  auto isLoop = [&](uint32_t head, uint64_t end) {
    return end < count && view.steps[head].kind == StepKind::While &&
           view.steps[end].kind == StepKind::Repeat &&
           view.steps[head].grain == int64_t(end - head) &&
           view.steps[end].grain == int64_t(end - head);
  };
  for (uint32_t i = 0; i < count; ++i) {
    const Step &step = view.steps[i];
    bool valid = true;
    if (step.kind == StepKind::Repeat)
      valid = depth-- && step.grain > 0 && step.grain <= int64_t(i) &&
              isLoop(uint32_t(i - step.grain), i);
    if (step.kind != StepKind::While && valid)
      continue;
    valid = valid && ++depth <= maxDepth && step.grain > 0 &&
            step.grain < int64_t(count) && isLoop(i, i + step.grain);
    for (uint32_t k = i + 1; valid && k < i + step.grain; ++k) {
      const Step &inner = view.steps[k];
      if (inner.kind == StepKind::While)
        valid = inner.grain > 0 && inner.grain < i + step.grain - k;
      if (inner.kind == StepKind::Bind) {
        valid = inner.kernel < view.entry->symbols.count;
        if (valid)
          closing[view.symbols[inner.kernel].phase] = i + uint32_t(step.grain);
      }
    }
    if (!valid)
      return failEntry("the loop at step ", i, " of ", step.grain,
                       " steps is not closed");
  }
  return true;
}

bool Validator::checkExprs(const EntryView &view) {
  for (uint32_t i = 0; i < view.entry->exprs.count; ++i) {
    const Expr &expr = view.exprs[i];
    bool valid = false;
    uint32_t phase = 0;
    if (expr.op == Op::Const) {
      valid = true;
    } else if (expr.op == Op::Symbol) {
      valid = expr.a < view.entry->symbols.count;
      phase = valid ? view.symbols[expr.a].phase : 0;
    } else if (expr.op <= Op::Select) {
      valid = expr.a < i && expr.b < i && (expr.op != Op::Select || expr.c < i);
      if (valid)
        phase = later(view.exprs[expr.a].phase, view.exprs[expr.b].phase);
      if (valid && expr.op == Op::Select)
        phase = later(phase, view.exprs[expr.c].phase);
      valid =
          valid && outlives(view.exprs[expr.a].phase, phase) &&
          outlives(view.exprs[expr.b].phase, phase) &&
          (expr.op != Op::Select || outlives(view.exprs[expr.c].phase, phase));
    }
    if (!valid || phase != expr.phase)
      return failEntry("expression ", i, " has operation ", uint32_t(expr.op),
                       " of ", expr.a, ", ", expr.b, ", ", expr.c, " in phase ",
                       expr.phase);
  }
  for (uint32_t i = 0; i < view.entry->checks.count; ++i)
    if (view.checks[i].expr >= view.entry->exprs.count ||
        !validString(view.checks[i].message))
      return failEntry("check ", i, " names expression ", view.checks[i].expr);
  return true;
}

bool Validator::checkTensors(const EntryView &view, const Tensor *tensors,
                             Range range, bool input) {
  const char *side = input ? "input" : "output";
  for (uint32_t i = 0; i < range.count; ++i) {
    const Tensor &t = tensors[i];
    if (!t.dtype.bits || t.dtype.bits > 128 || t.dtype.lanes != 1)
      return failEntry(side, " tensor ", i, " has elements of ", t.dtype.bits,
                       " bits, ", t.dtype.lanes, " lanes");
    if (!t.alignment || (t.alignment & (t.alignment - 1)) || t.alignment > 4096)
      return failEntry(side, " tensor ", i, " has alignment ", t.alignment);
    if (t.rank > kMaxRank || uint64_t(t.firstDim) + t.rank > header->dims.count)
      return failEntry(side, " tensor ", i, " has ", t.rank,
                       " dimensions from ", t.firstDim);
    uint32_t phase = 0;
    for (uint32_t d = 0; d < t.rank; ++d) {
      uint32_t expr = view.dims[t.firstDim + d];
      if (expr >= view.entry->exprs.count)
        return failEntry(side, " tensor ", i, " names expression ", expr);
      phase = later(phase, view.exprs[expr].phase);
    }
    if (phase != t.phase || closing[phase] != view.entry->steps.count ||
        (phase && (input || t.present != kNone)))
      return failEntry(side, " tensor ", i, " has phase ", t.phase);
    uint32_t limit =
        input ? view.entry->symbols.count : view.entry->exprs.count;
    if (t.present != kNone &&
        (t.present >= limit || (!input && view.exprs[t.present].phase)))
      return failEntry(side, " tensor ", i, " has presence ", t.present);
  }
  return true;
}

bool Validator::checkValues(const EntryView &view, const Value *values,
                            Range range, const Tensor *tensors,
                            Range tensorRange, const char *side) {
  uint64_t next = 0; // the tensors must follow each other
  for (uint32_t i = 0; i < range.count; ++i) {
    const Value &value = values[i];
    bool optional = value.kind == ValueKind::Optional;
    if (!validString(value.name) || value.kind > ValueKind::Sequence ||
        value.firstTensor != next || value.count > tensorRange.count - next ||
        (value.kind != ValueKind::Sequence && value.count != 1))
      return failEntry(side, " ", i, " of kind ", uint32_t(value.kind), " has ",
                       value.count, " tensors from ", value.firstTensor);
    next += value.count;
    for (uint32_t t = 0; t < value.count; ++t)
      if ((tensors[value.firstTensor + t].present != kNone) != optional)
        return failEntry(side, " '", view.string(value.name),
                         "' mixes up optional and needed");
  }
  return next == tensorRange.count ||
         failEntry(next, " ", side, " tensors are used of ", tensorRange.count);
}

bool Validator::checkSymbolsBound(const EntryView &view) {
  // Symbols are numbered by first use and few, so this needs no memory: each
  // must be the whole of some input dimension, a presence or a capacity.
  for (uint32_t s = 0; s < view.entry->symbols.count; ++s) {
    bool bound = false;
    uint32_t capacities = 0;
    for (uint32_t i = 0; i < view.entry->aliases.count; ++i)
      capacities +=
          view.aliases[i].axis != kNone && view.aliases[i].capacity == s;
    for (uint32_t i = 0; i < view.entry->inputTensors.count && !bound; ++i) {
      const Tensor &t = view.inputTensors[i];
      bound = t.present == s;
      for (uint32_t d = 0; d < t.rank && !bound; ++d) {
        const Expr &expr = view.exprs[view.dims[t.firstDim + d]];
        bound = expr.op == Op::Symbol && expr.a == s;
      }
    }
    if (view.symbols[s].phase) {
      uint32_t binds = 0;
      for (uint32_t i = 0; i < view.entry->steps.count; ++i)
        binds +=
            view.steps[i].kind == StepKind::Bind && view.steps[i].kernel == s;
      if (binds != 1 || bound || capacities)
        return failEntry("expected one step to bind '",
                         view.string(view.symbols[s].name), "', got ", binds);
      continue;
    }
    if (capacities > 1 || (capacities && bound))
      return failEntry("the capacity '", view.string(view.symbols[s].name),
                       "' is given a size twice");
    if (!bound && !capacities)
      return failEntry("no input gives the dimension '",
                       view.string(view.symbols[s].name), "' a size");
  }
  return true;
}

bool Validator::checkAliases(const EntryView &view) {
  for (uint32_t i = 0; i < view.entry->aliases.count; ++i) {
    const Alias &alias = view.aliases[i];
    if ((alias.kind != AliasKind::InPlace &&
         alias.kind != AliasKind::MayShare) ||
        alias.output >= view.entry->outputTensors.count ||
        alias.input >= view.entry->inputTensors.count ||
        view.outputTensors[alias.output].phase)
      return failEntry("alias ", i, " of kind ", uint32_t(alias.kind),
                       " joins output ", alias.output, " and input ",
                       alias.input);
    for (uint32_t k = 0; k < i; ++k)
      if (view.aliases[k].output == alias.output ||
          view.aliases[k].input == alias.input)
        return failEntry("aliases ", k, " and ", i, " name the same tensor");
    if (alias.axis != kNone && !checkAppend(view, i))
      return false;
    if (alias.kind != AliasKind::InPlace)
      continue;
    for (uint32_t b = 0; b < view.entry->buffers.count; ++b)
      if (view.buffers[b].kind == BufferKind::Input &&
          view.buffers[b].index == alias.input)
        return failEntry("buffer ", b, " names input ", alias.input,
                         ", which is updated in place as output ",
                         alias.output);
  }
  return true;
}

/// The two tensors agree in all but the dimension that grows.
bool Validator::checkAppend(const EntryView &view, uint32_t index) {
  const Alias &alias = view.aliases[index];
  const Tensor &output = view.outputTensors[alias.output];
  const Tensor &input = view.inputTensors[alias.input];
  bool same = alias.kind == AliasKind::InPlace && output.rank == input.rank &&
              alias.axis < output.rank &&
              !memcmp(&output.dtype, &input.dtype, sizeof(DType)) &&
              output.dtype.bits % 8 == 0 && output.present == kNone &&
              input.present == kNone;
  for (uint32_t d = 0; same && d < output.rank; ++d)
    same = d == alias.axis ||
           view.dims[output.firstDim + d] == view.dims[input.firstDim + d];
  if (!same || alias.capacity >= view.entry->symbols.count)
    return failEntry("alias ", index, " grows along dimension ", alias.axis,
                     " with capacity ", alias.capacity,
                     ", but its tensors differ in more");
  return true;
}

bool Validator::checkBuffers(const EntryView &view) {
  uint32_t exprs = view.entry->exprs.count;
  for (uint32_t i = 0; i < view.entry->buffers.count; ++i) {
    const Buffer &b = view.buffers[i];
    bool valid = false;
    uint32_t phase = 0;
    switch (b.kind) {
    case BufferKind::Arena:
      valid = b.sizeExpr < exprs;
      phase = valid ? view.exprs[b.sizeExpr].phase : 0;
      break;
    case BufferKind::Input:
      valid = b.index < view.entry->inputTensors.count;
      break;
    case BufferKind::Output:
      valid = b.index < view.entry->outputTensors.count;
      phase = valid ? view.outputTensors[b.index].phase : 0;
      break;
    case BufferKind::Weights:
      valid = b.offset <= header->weights.bytes &&
              b.bytes <= header->weights.bytes - b.offset;
      break;
    case BufferKind::View:
      valid = b.index < i && b.sizeExpr < exprs && b.offsetExpr < exprs;
      if (valid)
        phase = later(view.buffers[b.index].phase,
                      later(view.exprs[b.sizeExpr].phase,
                            view.exprs[b.offsetExpr].phase));
      valid = valid && outlives(view.buffers[b.index].phase, phase) &&
              outlives(view.exprs[b.sizeExpr].phase, phase) &&
              outlives(view.exprs[b.offsetExpr].phase, phase);
      break;
    }
    if (!valid || phase != b.phase)
      return failEntry("buffer ", i, " of kind ", uint32_t(b.kind), " names ",
                       b.index, ", bytes ", b.bytes, " at ", b.offset,
                       ", phase ", b.phase);
  }
  return true;
}

/// Opens the phase of the symbol, unless that opened at the step before.
bool Validator::checkBind(const EntryView &view, uint32_t index) {
  const Step &step = view.steps[index];
  bool valid =
      step.bufferCount == 1 && !step.scalarCount &&
      step.kernel < view.entry->symbols.count &&
      validString(step.scratchExpr) &&
      (step.grain == 1 || step.grain == 4 || step.grain == 8) &&
      (step.tripExpr == kNone || step.tripExpr < view.entry->exprs.count);
  if (!valid)
    return failEntry("bind step ", index, " of symbol ", step.kernel, " has ",
                     step.bufferCount, " buffers and ", step.grain, " bytes");
  uint32_t phase = view.symbols[step.kernel].phase;
  bool isFirst = !index || view.steps[index - 1].kind != StepKind::Bind ||
                 phase != openPhase;
  openPhase += isFirst;
  uint32_t buffer = view.operands[step.firstOperand];
  if (!phase || phase != openPhase || view.buffers[buffer].phase >= phase ||
      !isOpen(view.buffers[buffer].phase, index) ||
      (step.tripExpr != kNone &&
       (view.exprs[step.tripExpr].phase >= phase ||
        !isOpen(view.exprs[step.tripExpr].phase, index))))
    return failEntry("bind step ", index, " is not in order in phase ", phase);
  needsBind = false;
  return true;
}

bool Validator::checkSkip(const EntryView &view, uint32_t index) {
  const Step &step = view.steps[index];
  uint32_t left = view.entry->steps.count - index - 1;
  bool valid = !step.bufferCount && !step.scalarCount && step.grain >= 0 &&
               uint64_t(step.grain) <= left &&
               step.tripExpr < view.entry->exprs.count &&
               isOpen(view.exprs[step.tripExpr].phase, index);
  for (int64_t i = 1; valid && i <= step.grain; ++i) {
    StepKind kind = view.steps[index + i].kind;
    valid = kind != StepKind::Bind && kind != StepKind::While &&
            kind != StepKind::Repeat;
  }
  return valid || failEntry("skip step ", index, " jumps over ", step.grain,
                            " of ", left, " steps");
}

/// The jumps themselves are known to be right.
bool Validator::checkLoop(const EntryView &view, uint32_t index) {
  const Step &step = view.steps[index];
  if (step.bufferCount || step.scalarCount)
    return failEntry("loop step ", index, " has operands");
  if (step.kind == StepKind::While)
    return step.kernel < view.entry->slots ||
           failEntry("loop step ", index, " reads slot ", step.kernel, " of ",
                     view.entry->slots);
  for (int64_t i = 1; i < step.grain; ++i)
    needsBind |= view.steps[index - i].kind == StepKind::Bind;
  return true;
}

bool Validator::checkSlot(const EntryView &view, uint32_t index) {
  const Step &step = view.steps[index];
  bool isClear = step.kind == StepKind::Store && !step.bufferCount;
  return (!step.scalarCount && (isClear || step.bufferCount == 1) &&
          step.kernel < view.entry->slots) ||
         failEntry("step ", index, " has ", step.bufferCount,
                   " buffers for slot ", step.kernel, " of ",
                   view.entry->slots);
}

bool Validator::checkStep(const EntryView &view, uint32_t index) {
  const Step &step = view.steps[index];
  uint32_t exprs = view.entry->exprs.count;
  if (!validString(step.name))
    return failEntry("name of step ", index, " is outside of the strings");
  uint64_t operands = uint64_t(step.bufferCount) + step.scalarCount;
  operandsUsed += operands;
  if (step.firstOperand + operands > header->operands.count ||
      operandsUsed > header->operands.count)
    return failEntry("step ", index, " has ", operands, " operands from ",
                     step.firstOperand);
  const uint32_t *ids = view.operands + step.firstOperand;
  for (uint32_t i = 0; i < operands; ++i)
    if (ids[i] >= (i < step.bufferCount ? view.entry->buffers.count : exprs))
      return failEntry("operand ", i, " of step ", index, " is ", ids[i]);
  if (step.kind == StepKind::Bind)
    return checkBind(view, index);
  if (step.kind == StepKind::Skip)
    return checkSkip(view, index);
  if (step.kind == StepKind::While || step.kind == StepKind::Repeat)
    return checkLoop(view, index);
  for (uint32_t i = 0; i < operands; ++i)
    if (!isOpen(i < step.bufferCount ? view.buffers[ids[i]].phase
                                     : view.exprs[ids[i]].phase,
                index))
      return failEntry("operand ", i, " of step ", index,
                       " belongs to a phase that is not open behind phase ",
                       openPhase);
  if (step.kind == StepKind::Store || step.kind == StepKind::Push ||
      step.kind == StepKind::Load)
    return checkSlot(view, index);
  if (needsBind)
    return failEntry("step ", index, " follows a loop with bind steps, ",
                     "but no bind step");
  if (step.kind == StepKind::Copy)
    return (step.bufferCount == 2 && !step.scalarCount) ||
           failEntry("copy step ", index, " has ", operands, " operands");
  if (step.kind == StepKind::Pack || step.kind == StepKind::Unpack)
    return (step.bufferCount == 2 && !step.scalarCount &&
            (step.kernel & kPackedBits) &&
            !(step.kernel & ~(kPackedBits | kPackedSigned))) ||
           failEntry("pack step ", index, " has ", operands,
                     " operands and elements of kind ", step.kernel);
  if (step.kind == StepKind::Append)
    return (step.bufferCount == 1 && !step.scalarCount &&
            step.kernel < view.entry->aliases.count &&
            view.aliases[step.kernel].axis != kNone) ||
           failEntry("append step ", index, " has ", operands,
                     " operands and alias ", step.kernel);
  if (step.kind != StepKind::Kernel)
    return failEntry("step ", index, " has unknown kind ", uint32_t(step.kind),
                     "; it needs a newer runtime");
  if (step.kernel >= header->kernels.count || step.tripExpr >= exprs ||
      (step.scratchExpr != kNone && step.scratchExpr >= exprs) ||
      !isOpen(view.exprs[step.tripExpr].phase, index) ||
      (step.scratchExpr != kNone &&
       !isOpen(view.exprs[step.scratchExpr].phase, index)) ||
      step.grain < 1)
    return failEntry("step ", index, " calls kernel ", step.kernel, " of ",
                     header->kernels.count, ", grain ", step.grain);
  return true;
}

bool Validator::checkEntry(uint32_t index) {
  current = index;
  ProgramView program{header};
  const Entry &entry = program.at<Entry>(header->entries)[index];
  if (!checkEntryRanges(entry))
    return false;
  EntryView view(program, index);
  if (!checkSymbols(view) || !findClosings(view) || !checkExprs(view) ||
      !checkTensors(view, view.inputTensors, entry.inputTensors, true) ||
      !checkTensors(view, view.outputTensors, entry.outputTensors, false) ||
      !checkValues(view, view.inputs, entry.inputs, view.inputTensors,
                   entry.inputTensors, "input") ||
      !checkValues(view, view.outputs, entry.outputs, view.outputTensors,
                   entry.outputTensors, "output") ||
      !checkBuffers(view) || !checkAliases(view) || !checkSymbolsBound(view))
    return false;
  openPhase = 0;
  needsBind = false;
  for (uint32_t i = 0; i < entry.steps.count; ++i)
    if (!checkStep(view, i))
      return false;
  return true;
}

bool Validator::run(size_t size) {
  if (!bytes)
    return fail("its address is null");
  if (!checkHeader(size) || !checkSections() || !checkNames() ||
      !checkWeights())
    return false;
  for (uint64_t i = 0; i < header->entries.count; ++i)
    if (!checkEntry(uint32_t(i)))
      return false;
  return true;
}

} // namespace

bool validate(const void *bytes, size_t size, Error &error) {
  return Validator(bytes, error).run(size);
}

bool program::validateProgram(const void *bytes, size_t size, char *message,
                              size_t messageSize) {
  Error error(message, messageSize);
  return validate(bytes, size, error);
}

} // namespace quantc::runtime
