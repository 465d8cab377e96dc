// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes program tables (see Program.h).  What comes in: entry points described
// call by call.  What goes out: bytes, the same for the same calls.  Equal
// expressions and equal strings are stored once, constants are folded.
//
// Used by the compiler and by tests only; it may use the C++ library, so it
// must never be included by the runtime.  It is header-only, hence its length,
// so that the runtime's archive stays free of the C++ library.  It does not
// check what it is given: call program::validateProgram() on the result.
#ifndef QUANTC_RUNTIME_PROGRAMBUILDER_H
#define QUANTC_RUNTIME_PROGRAMBUILDER_H

#include "quantc/Runtime/Features.h"
#include "quantc/Runtime/Program.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quantc::runtime {

/// Ids are local to an entry point.  Distinct types keep a buffer from being
/// passed as an expression.
enum class ExprId : uint32_t { None = program::kNone };
enum class BufferId : uint32_t {};
enum class KernelId : uint32_t {};
/// One tensor of the inputs or of the outputs of an entry point.
enum class InputTensor : uint32_t {};
enum class OutputTensor : uint32_t {};
enum class AliasId : uint32_t {};
enum class SlotId : uint32_t {};

struct TensorSpec {
  program::DType dtype;
  std::vector<ExprId> dims;
  /// Needed alignment of the data in bytes; 0: that of one element.
  uint32_t alignment = 0;
};

struct KernelStep {
  KernelId kernel;
  std::string name;
  ExprId trip;
  int64_t grain = 1;
  std::vector<BufferId> buffers;
  std::vector<ExprId> scalars;
  ExprId scratchBytes = ExprId::None; // per worker
};

namespace detail {

/// Strings of one program, each stored once.
class StringTable {
public:
  program::StringRef add(std::string_view text) {
    auto [it, inserted] =
        ids.try_emplace(std::string(text), uint32_t(bytes.size()));
    if (inserted)
      bytes.insert(bytes.end(), text.begin(), text.end()), bytes.push_back(0);
    return it->second;
  }
  std::vector<char> bytes;

private:
  std::map<std::string, program::StringRef, std::less<>> ids;
};

} // namespace detail

/// Describes one entry point; made by ProgramBuilder::addEntry.
class EntryBuilder {
public:
  EntryBuilder(detail::StringTable &strings, std::string_view name)
      : strings(strings), name(strings.add(name)) {}

  // Expressions.  Operations on constants are folded unless they overflow or
  // divide by a number below 1; those fail when the model runs.

  ExprId constant(int64_t value) {
    return intern({program::Op::Const, 0, 0, 0, 0, value});
  }
  /// The named dimension, made on first use.
  ExprId symbol(std::string_view text) {
    return intern({program::Op::Symbol, 0, symbolIndex(text), 0, 0, 0});
  }
  ExprId add(ExprId a, ExprId b) {
    if (isConstant(a, 0))
      return b;
    if (isConstant(b, 0))
      return a;
    return commutative(program::Op::Add, a, b);
  }
  ExprId mul(ExprId a, ExprId b) {
    if (isConstant(a, 1))
      return b;
    if (isConstant(b, 1))
      return a;
    return commutative(program::Op::Mul, a, b);
  }
  ExprId sub(ExprId a, ExprId b) {
    return a == b ? constant(0) : add(a, mul(b, constant(-1)));
  }
  ExprId floorDiv(ExprId a, ExprId b) {
    return isConstant(b, 1) ? a : binary(program::Op::FloorDiv, a, b);
  }
  ExprId ceilDiv(ExprId a, ExprId b) {
    return isConstant(b, 1) ? a : binary(program::Op::CeilDiv, a, b);
  }
  ExprId mod(ExprId a, ExprId b) { return binary(program::Op::Mod, a, b); }
  ExprId min(ExprId a, ExprId b) {
    return a == b ? a : commutative(program::Op::Min, a, b);
  }
  ExprId max(ExprId a, ExprId b) {
    return a == b ? a : commutative(program::Op::Max, a, b);
  }
  ExprId eq(ExprId a, ExprId b) {
    return a == b ? constant(1) : commutative(program::Op::Eq, a, b);
  }
  ExprId lt(ExprId a, ExprId b) {
    return a == b ? constant(0) : binary(program::Op::Lt, a, b);
  }
  ExprId le(ExprId a, ExprId b) { return logicalNot(lt(b, a)); }
  ExprId logicalNot(ExprId a) { return eq(a, constant(0)); }
  /// `b` if `a` is nonzero, else `c`; both are evaluated.
  ExprId select(ExprId a, ExprId b, ExprId c) {
    if (auto value = constantValue(a))
      return *value ? b : c;
    return b == c ? b
                  : intern({program::Op::Select, 0, raw(a), raw(b), raw(c), 0});
  }
  /// The next multiple of `to`, which must be above 0.
  ExprId alignTo(ExprId a, int64_t to) {
    return mul(ceilDiv(a, constant(to)), constant(to));
  }
  std::optional<int64_t> constantValue(ExprId id) const {
    const program::Expr &expr = exprs[raw(id)];
    if (expr.op != program::Op::Const)
      return std::nullopt;
    return expr.value;
  }
  /// Bytes of a compact tensor; sub-byte elements are packed.
  ExprId tensorBytes(const TensorSpec &spec) {
    ExprId count = constant(1);
    for (ExprId dim : spec.dims)
      count = mul(count, dim);
    ExprId bits = mul(count, constant(spec.dtype.bits * spec.dtype.lanes));
    if (spec.dtype.bits * spec.dtype.lanes % 8 == 0)
      return mul(count, constant(spec.dtype.bits * spec.dtype.lanes / 8));
    return ceilDiv(bits, constant(8));
  }

  // Inputs and outputs, in the order of the interface.

  InputTensor addInput(std::string_view text, const TensorSpec &spec) {
    return addInputs(text, program::ValueKind::Tensor, {&spec, 1});
  }
  /// `presence` names the symbol that becomes 1 or 0.
  InputTensor addOptionalInput(std::string_view text, const TensorSpec &spec,
                               std::string_view presence) {
    InputTensor tensor =
        addInputs(text, program::ValueKind::Optional, {&spec, 1});
    inputTensors[raw(tensor)].present = symbolIndex(presence);
    return tensor;
  }
  /// Returns the first of `specs.size()` consecutive tensors.
  InputTensor addSequenceInput(std::string_view text,
                               std::span<const TensorSpec> specs) {
    return addInputs(text, program::ValueKind::Sequence, specs);
  }
  OutputTensor addOutput(std::string_view text, const TensorSpec &spec) {
    return addOutputs(text, program::ValueKind::Tensor, {&spec, 1});
  }
  /// The output is present if `presence` is not 0.
  OutputTensor addOptionalOutput(std::string_view text, const TensorSpec &spec,
                                 ExprId presence) {
    OutputTensor tensor =
        addOutputs(text, program::ValueKind::Optional, {&spec, 1});
    outputTensors[raw(tensor)].present = raw(presence);
    return tensor;
  }
  OutputTensor addSequenceOutput(std::string_view text,
                                 std::span<const TensorSpec> specs) {
    return addOutputs(text, program::ValueKind::Sequence, specs);
  }
  void addAlias(OutputTensor output, InputTensor input,
                program::AliasKind kind) {
    aliases.push_back(
        {kind, raw(output), raw(input), program::kNone, program::kNone});
  }
  /// The output is the input with more rows along `axis`; `capacity` names a
  /// symbol of its own.
  AliasId addAppendAlias(OutputTensor output, InputTensor input, uint32_t axis,
                         std::string_view capacity) {
    aliases.push_back({program::AliasKind::InPlace, raw(output), raw(input),
                       axis, symbolIndex(capacity)});
    return AliasId(aliases.size() - 1);
  }
  /// The run fails with `message` if `condition` is 0.
  void addCheck(ExprId condition, std::string_view message) {
    checks.push_back({raw(condition), strings.add(message)});
  }

  // Buffers.

  /// Memory between steps, `bytes` long.
  BufferId addArena(ExprId bytes) {
    return addBuffer(
        {program::BufferKind::Arena, 0, 0, raw(bytes), program::kNone, 0, 0});
  }
  BufferId addInputBuffer(InputTensor tensor) {
    return addBuffer({program::BufferKind::Input, 0, raw(tensor),
                      program::kNone, program::kNone, 0, 0});
  }
  BufferId addOutputBuffer(OutputTensor tensor) {
    return addBuffer({program::BufferKind::Output, 0, raw(tensor),
                      program::kNone, program::kNone, 0, 0});
  }
  BufferId addWeights(uint64_t offset, uint64_t bytes) {
    return addBuffer({program::BufferKind::Weights, 0, 0, program::kNone,
                      program::kNone, offset, bytes});
  }
  /// `bytes` bytes of `parent` from `offset` on.
  BufferId addView(BufferId parent, ExprId offset, ExprId bytes) {
    return addBuffer({program::BufferKind::View, 0, raw(parent), raw(bytes),
                      raw(offset), 0, 0});
  }

  // Steps, in the order of execution.

  void addStep(const KernelStep &step) {
    program::Step record = {};
    record.kind = program::StepKind::Kernel;
    record.name = strings.add(step.name);
    record.kernel = raw(step.kernel);
    record.tripExpr = raw(step.trip);
    record.scratchExpr = raw(step.scratchBytes);
    record.grain = step.grain;
    record.firstOperand = uint32_t(operands.size()); // shifted when finished
    record.bufferCount = uint32_t(step.buffers.size());
    record.scalarCount = uint32_t(step.scalars.size());
    for (BufferId buffer : step.buffers)
      operands.push_back(raw(buffer));
    for (ExprId scalar : step.scalars)
      operands.push_back(raw(scalar));
    steps.push_back(record);
  }
  /// Fills `target` from the start of `source`, which must be as long.
  void addCopy(std::string_view text, BufferId source, BufferId target) {
    program::Step record = {};
    record.kind = program::StepKind::Copy;
    record.name = strings.add(text);
    record.tripExpr = record.scratchExpr = program::kNone;
    record.grain = 1;
    record.firstOperand = uint32_t(operands.size());
    record.bufferCount = 2;
    operands.push_back(raw(source));
    operands.push_back(raw(target));
    steps.push_back(record);
  }
  /// Makes a caller's tensor of elements under a byte one byte per element.
  void addUnpack(std::string_view text, program::DType dtype, BufferId source,
                 BufferId target) {
    uint32_t isSigned = dtype.code == QUANTC_INT ? program::kPackedSigned : 0;
    addCopy(text, source, target);
    steps.back().kind = program::StepKind::Unpack;
    steps.back().kernel = dtype.bits | isSigned;
  }
  /// The other way round.
  void addPack(std::string_view text, program::DType dtype, BufferId source,
               BufferId target) {
    addCopy(text, source, target);
    steps.back().kind = program::StepKind::Pack;
    steps.back().kernel = dtype.bits;
  }
  /// Puts `rows`, a compact tensor, behind the rows of the alias's input.
  void addAppend(std::string_view text, AliasId alias, BufferId rows) {
    program::Step record = {};
    record.kind = program::StepKind::Append;
    record.name = strings.add(text);
    record.kernel = raw(alias);
    record.tripExpr = record.scratchExpr = program::kNone;
    record.grain = 1;
    record.firstOperand = uint32_t(operands.size());
    record.bufferCount = 1;
    operands.push_back(raw(rows));
    steps.push_back(record);
  }

  /// Reads the only element of `element`, an integer of `bytes` bytes, into the
  /// named symbol, or 0 into it if `guard` is given and 0.  The run fails with
  /// `message` if it is negative.
  void addBind(std::string_view text, std::string_view symbolName,
               BufferId element, uint32_t bytes, std::string_view message,
               ExprId guard = ExprId::None) {
    uint32_t symbol = symbolIndex(symbolName);
    bool isFirst =
        steps.empty() || steps.back().kind != program::StepKind::Bind;
    if (!isFirst && guard != ExprId::None)
      isFirst = phasesOfExprs()[raw(guard)] == phaseCount;
    phaseCount += isFirst;
    symbols[symbol].phase = phaseCount;
    program::Step record = {};
    record.kind = program::StepKind::Bind;
    record.name = strings.add(text);
    record.kernel = symbol;
    record.tripExpr = raw(guard);
    record.scratchExpr = strings.add(message);
    record.grain = bytes;
    record.firstOperand = uint32_t(operands.size());
    record.bufferCount = 1;
    operands.push_back(raw(element));
    steps.push_back(record);
  }
  /// Runs the steps that follow, up to endSkip(), only if `condition` is not 0.
  void beginSkip(ExprId condition) {
    program::Step record = {};
    record.kind = program::StepKind::Skip;
    record.name = strings.add("");
    record.tripExpr = raw(condition);
    record.scratchExpr = program::kNone;
    record.firstOperand = uint32_t(operands.size());
    skip = steps.size();
    steps.push_back(record);
  }
  /// Memory that keeps what a Store or Push step puts there.
  SlotId addSlot() { return SlotId(slotCount++); }
  void addStore(std::string_view text, BufferId source, SlotId slot) {
    addSlotStep(program::StepKind::Store, text, slot, {&source, 1});
  }
  void addClear(std::string_view text, SlotId slot) {
    addSlotStep(program::StepKind::Store, text, slot, {});
  }
  void addPush(std::string_view text, BufferId source, SlotId slot) {
    addSlotStep(program::StepKind::Push, text, slot, {&source, 1});
  }
  void addLoad(std::string_view text, SlotId slot, BufferId target) {
    addSlotStep(program::StepKind::Load, text, slot, {&target, 1});
  }
  /// Runs the steps up to endWhile() while the only byte of the slot is not 0.
  void beginWhile(std::string_view text, SlotId condition) {
    addSlotStep(program::StepKind::While, text, condition, {});
    loops.push_back(steps.size() - 1);
  }
  /// Whether the loop binds a symbol: then another one must be bound behind it.
  bool endWhile() {
    size_t head = loops.back();
    loops.pop_back();
    addSlotStep(program::StepKind::Repeat, "", SlotId(0), {});
    steps[head].grain = steps.back().grain = int64_t(steps.size() - 1 - head);
    return std::any_of(steps.begin() + head, steps.end(), [](auto &step) {
      return step.kind == program::StepKind::Bind;
    });
  }
  /// Without steps since beginSkip() nothing is left of it.
  void endSkip() {
    steps[skip].grain = int64_t(steps.size() - skip - 1);
    if (steps.size() == skip + 1)
      steps.pop_back();
  }

private:
  friend class ProgramBuilder;

  void addSlotStep(program::StepKind kind, std::string_view text, SlotId slot,
                   std::span<const BufferId> buffers) {
    program::Step record = {};
    record.kind = kind;
    record.name = strings.add(text);
    record.kernel = raw(slot);
    record.tripExpr = record.scratchExpr = program::kNone;
    record.grain = 1;
    record.firstOperand = uint32_t(operands.size());
    record.bufferCount = uint32_t(buffers.size());
    for (BufferId buffer : buffers)
      operands.push_back(raw(buffer));
    steps.push_back(record);
  }

  std::vector<uint16_t> phasesOfExprs() const {
    std::vector<uint16_t> phases;
    for (const program::Expr &expr : exprs) {
      uint16_t phase = 0;
      if (expr.op == program::Op::Symbol)
        phase = uint16_t(symbols[expr.a].phase);
      else if (expr.op != program::Op::Const)
        phase = std::max(phases[expr.a], phases[expr.b]);
      if (expr.op == program::Op::Select)
        phase = std::max(phase, phases[expr.c]);
      phases.push_back(phase);
    }
    return phases;
  }

  template <typename Id> static uint32_t raw(Id id) {
    return static_cast<uint32_t>(id);
  }

  bool isConstant(ExprId id, int64_t value) const {
    return constantValue(id) == value;
  }
  uint32_t symbolIndex(std::string_view text) {
    program::StringRef ref = strings.add(text);
    for (size_t i = 0; i < symbols.size(); ++i)
      if (symbols[i].name == ref)
        return uint32_t(i);
    symbols.push_back({ref, 0});
    return uint32_t(symbols.size() - 1);
  }
  ExprId intern(const program::Expr &expr) {
    std::array<int64_t, 5> key = {int64_t(expr.op), expr.a, expr.b, expr.c,
                                  expr.value};
    auto [it, inserted] = exprIds.try_emplace(key, uint32_t(exprs.size()));
    if (inserted)
      exprs.push_back(expr);
    return ExprId(it->second);
  }
  /// Orders the operands, so that a + b and b + a are one node.
  ExprId commutative(program::Op op, ExprId a, ExprId b) {
    return binary(op, std::min(a, b), std::max(a, b));
  }
  ExprId binary(program::Op op, ExprId a, ExprId b) {
    if (auto x = constantValue(a))
      if (auto y = constantValue(b))
        if (auto folded = fold(op, *x, *y))
          return constant(*folded);
    return intern({op, 0, raw(a), raw(b), 0, 0});
  }
  static std::optional<int64_t> fold(program::Op op, int64_t x, int64_t y) {
    int64_t result = 0;
    switch (op) {
    case program::Op::Add:
      return __builtin_add_overflow(x, y, &result) ? std::nullopt
                                                   : std::optional(result);
    case program::Op::Mul:
      return __builtin_mul_overflow(x, y, &result) ? std::nullopt
                                                   : std::optional(result);
    case program::Op::Min:
      return std::min(x, y);
    case program::Op::Max:
      return std::max(x, y);
    case program::Op::Eq:
      return x == y;
    case program::Op::Lt:
      return x < y;
    default:
      break;
    }
    if (y < 1)
      return std::nullopt;
    int64_t remainder = x % y;
    if (op == program::Op::FloorDiv)
      return x / y - (remainder < 0);
    if (op == program::Op::CeilDiv)
      return x / y + (remainder > 0);
    return remainder < 0 ? remainder + y : remainder;
  }
  program::Tensor makeTensor(const TensorSpec &spec) {
    program::Tensor tensor = {};
    tensor.dtype = spec.dtype;
    tensor.rank = uint32_t(spec.dims.size());
    tensor.firstDim = uint32_t(dims.size()); // shifted when finished
    tensor.present = program::kNone;
    uint32_t bytes = spec.dtype.bits / 8u;
    if (spec.dtype.code == QUANTC_COMPLEX)
      bytes /= 2;
    tensor.alignment =
        spec.alignment ? spec.alignment : std::bit_floor(std::max(bytes, 1u));
    for (ExprId dim : spec.dims)
      dims.push_back(raw(dim));
    return tensor;
  }
  InputTensor addInputs(std::string_view text, program::ValueKind kind,
                        std::span<const TensorSpec> specs) {
    uint32_t first = uint32_t(inputTensors.size());
    inputs.push_back({strings.add(text), kind, first, uint32_t(specs.size())});
    for (const TensorSpec &spec : specs)
      inputTensors.push_back(makeTensor(spec));
    return InputTensor(first);
  }
  OutputTensor addOutputs(std::string_view text, program::ValueKind kind,
                          std::span<const TensorSpec> specs) {
    uint32_t first = uint32_t(outputTensors.size());
    outputs.push_back({strings.add(text), kind, first, uint32_t(specs.size())});
    for (const TensorSpec &spec : specs)
      outputTensors.push_back(makeTensor(spec));
    return OutputTensor(first);
  }
  BufferId addBuffer(const program::Buffer &buffer) {
    buffers.push_back(buffer);
    return BufferId(buffers.size() - 1);
  }

  detail::StringTable &strings;
  program::StringRef name;
  std::map<std::array<int64_t, 5>, uint32_t> exprIds;
  std::vector<program::Symbol> symbols;
  std::vector<program::Value> inputs, outputs;
  std::vector<program::Tensor> inputTensors, outputTensors;
  std::vector<uint32_t> dims, operands;
  std::vector<program::Alias> aliases;
  std::vector<program::Expr> exprs;
  std::vector<program::Check> checks;
  std::vector<program::Buffer> buffers;
  std::vector<program::Step> steps;
  uint32_t phaseCount = 0; // of those that Bind steps open
  uint32_t slotCount = 0;
  size_t skip = 0;           // the step of the last beginSkip()
  std::vector<size_t> loops; // the While steps without end
};

class ProgramBuilder {
public:
  ProgramBuilder() { strings.add(""); }
  // Entry points refer to the strings of their builder.
  ProgramBuilder(const ProgramBuilder &) = delete;
  ProgramBuilder &operator=(const ProgramBuilder &) = delete;

  void addMetadata(std::string_view key, std::string_view value) {
    metadata.push_back({strings.add(key), strings.add(value)});
  }

  /// Demands a CPU feature by its LLVM name.  Returns false if the runtime
  /// cannot check for it: the caller must then not let code use it.
  [[nodiscard]] bool requireFeature(std::string_view llvmName) {
#define QUANTC_FEATURE(NUMBER, NAME, LEAF, SUBLEAF, REG, BIT, STATE)           \
  if (llvmName == NAME) {                                                      \
    header.features[NUMBER / 64] |= uint64_t(1) << NUMBER % 64;                \
    return true;                                                               \
  }
    QUANTC_X86_FEATURES(QUANTC_FEATURE)
#undef QUANTC_FEATURE
    return false;
  }

  void setEmbeddedWeights(uint64_t bytes, std::span<const uint8_t, 32> sha256) {
    setWeights(program::WeightSource::Embedded, "", bytes, sha256);
  }
  /// `fileName` has no folder; the file begins with weightsFileHeader().
  void setWeightsFile(std::string_view fileName, uint64_t bytes,
                      std::span<const uint8_t, 32> sha256) {
    setWeights(program::WeightSource::File, fileName, bytes, sha256);
  }

  /// The next element of the `quantc_kernels` array; `name` is for reports.
  KernelId addKernel(std::string_view name) {
    kernels.push_back({strings.add(name)});
    return KernelId(kernels.size() - 1);
  }

  /// The reference stays valid as long as the builder.
  EntryBuilder &addEntry(std::string_view name) {
    return entries.emplace_back(strings, name);
  }

  /// The bytes of the `quantc_program` symbol, a multiple of 64.
  std::vector<uint8_t> finish() const {
    Writer writer{header, {}};
    std::vector<program::Entry> records;
    Tables all;
    for (const EntryBuilder &entry : entries)
      records.push_back(all.append(entry));
    program::Header &h = writer.header;
    writer.bytes.resize(sizeof(h));
    writer.section(h.metadata, metadata);
    writer.section(h.kernels, kernels);
    writer.section(h.entries, records);
    writer.section(h.symbols, all.symbols);
    writer.section(h.values, all.values);
    writer.section(h.tensors, all.tensors);
    writer.section(h.dims, all.dims);
    writer.section(h.aliases, all.aliases);
    writer.section(h.exprs, all.exprs);
    writer.section(h.checks, all.checks);
    writer.section(h.buffers, all.buffers);
    writer.section(h.steps, all.steps);
    writer.section(h.operands, all.operands);
    writer.section(h.strings, strings.bytes);
    return writer.finish();
  }

  /// The first kWeightsDataOffset bytes of a weights side file.
  static std::vector<uint8_t>
  weightsFileHeader(uint64_t bytes, std::span<const uint8_t, 32> sha256) {
    program::WeightsFileHeader head = {};
    std::memcpy(head.magic, program::kWeightsMagic, sizeof(head.magic));
    head.version = program::kWeightsVersion;
    head.dataOffset = program::kWeightsDataOffset;
    head.bytes = bytes;
    std::copy(sha256.begin(), sha256.end(), head.hash);
    std::vector<uint8_t> result(program::kWeightsDataOffset);
    std::memcpy(result.data(), &head, sizeof(head));
    return result;
  }

private:
  /// The arrays of all entry points, one after the other.
  struct Tables {
    std::vector<program::Symbol> symbols;
    std::vector<program::Value> values;
    std::vector<program::Tensor> tensors;
    std::vector<uint32_t> dims, operands;
    std::vector<program::Alias> aliases;
    std::vector<program::Expr> exprs;
    std::vector<program::Check> checks;
    std::vector<program::Buffer> buffers;
    std::vector<program::Step> steps;

    template <typename T>
    static program::Range appendAll(std::vector<T> &to,
                                    const std::vector<T> &from) {
      program::Range range = {uint32_t(to.size()), uint32_t(from.size())};
      to.insert(to.end(), from.begin(), from.end());
      return range;
    }
    program::Entry append(const EntryBuilder &from) {
      uint32_t dimBase = appendAll(dims, from.dims).first;
      uint32_t operandBase = appendAll(operands, from.operands).first;
      program::Entry entry = {};
      entry.name = from.name;
      entry.slots = from.slotCount;
      entry.symbols = appendAll(symbols, from.symbols);
      entry.inputs = appendAll(values, from.inputs);
      entry.outputs = appendAll(values, from.outputs);
      entry.inputTensors = appendAll(tensors, from.inputTensors);
      entry.outputTensors = appendAll(tensors, from.outputTensors);
      entry.aliases = appendAll(aliases, from.aliases);
      entry.exprs = appendAll(exprs, from.exprs);
      entry.checks = appendAll(checks, from.checks);
      entry.buffers = appendAll(buffers, from.buffers);
      entry.steps = appendAll(steps, from.steps);
      for (size_t i = entry.inputTensors.first; i < tensors.size(); ++i)
        tensors[i].firstDim += dimBase;
      for (size_t i = entry.steps.first; i < steps.size(); ++i)
        steps[i].firstOperand += operandBase;
      setPhases(entry, from.phasesOfExprs());
      return entry;
    }
    void setPhases(const program::Entry &entry,
                   const std::vector<uint16_t> &ofExprs) {
      for (size_t i = 0; i < ofExprs.size(); ++i)
        exprs[entry.exprs.first + i].phase = ofExprs[i];
      for (size_t i = entry.inputTensors.first; i < tensors.size(); ++i)
        for (uint32_t d = 0; d < tensors[i].rank; ++d)
          tensors[i].phase = std::max<uint32_t>(
              tensors[i].phase, ofExprs[dims[tensors[i].firstDim + d]]);
      for (size_t i = entry.buffers.first; i < buffers.size(); ++i) {
        program::Buffer &buffer = buffers[i];
        auto at = [&](uint32_t expr) {
          return expr == program::kNone ? uint16_t(0) : ofExprs[expr];
        };
        buffer.phase = std::max(at(buffer.sizeExpr), at(buffer.offsetExpr));
        if (buffer.kind == program::BufferKind::Output)
          buffer.phase =
              uint16_t(tensors[entry.outputTensors.first + buffer.index].phase);
        if (buffer.kind == program::BufferKind::View)
          buffer.phase = std::max(
              buffer.phase, buffers[entry.buffers.first + buffer.index].phase);
      }
    }
  };

  struct Writer {
    program::Header header;
    std::vector<uint8_t> bytes;

    template <typename T>
    void section(program::Section &where, const std::vector<T> &records) {
      bytes.resize((bytes.size() + 7) / 8 * 8);
      where = {bytes.size(), records.size()};
      bytes.resize(bytes.size() + records.size() * sizeof(T));
      if (!records.empty())
        std::memcpy(bytes.data() + where.offset, records.data(),
                    records.size() * sizeof(T));
    }
    std::vector<uint8_t> finish() {
      bytes.resize((bytes.size() + 63) / 64 * 64);
      std::memcpy(header.magic, program::kMagic, sizeof(header.magic));
      header.version = program::kVersion;
      header.headerBytes = sizeof(header);
      header.totalBytes = bytes.size();
      std::memcpy(bytes.data(), &header, sizeof(header));
      header.checksum = program::checksum(bytes.data(), bytes.size());
      std::memcpy(bytes.data(), &header, sizeof(header));
      return std::move(bytes);
    }
  };

  void setWeights(program::WeightSource source, std::string_view fileName,
                  uint64_t bytes, std::span<const uint8_t, 32> sha256) {
    header.weights.source = source;
    header.weights.fileName = strings.add(fileName);
    header.weights.bytes = bytes;
    std::copy(sha256.begin(), sha256.end(), header.weights.hash);
  }

  detail::StringTable strings;
  program::Header header = {};
  std::vector<program::Metadata> metadata;
  std::vector<program::Kernel> kernels;
  std::deque<EntryBuilder> entries;
};

} // namespace quantc::runtime

#endif // QUANTC_RUNTIME_PROGRAMBUILDER_H
