// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks an entry function once: constants become places in the weights,
// reshapes alias their operand's buffer, launches become the steps of their
// kernel, and returned values are written where the caller wants them.  Caches
// are the outputs' own memory, whose capacity the runtime finds out.  What only
// one operand of a choice needs is jumped over in runs that choose the other.

#include "quantc/Target/ProgramEmitter.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IntegerSet.h"
#include "quantc/Codegen/SymbolExprs.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/Demand.h"
#include "quantc/Dialect/QNN/Interface.h"
#include "quantc/Dialect/QNN/Loops.h"
#include "quantc/Dialect/QNN/NodeNames.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

using namespace mlir;
using namespace quantc::runtime;
using Kind = quantc::qnn::InterfaceValue::Kind;

namespace quantc {

std::optional<program::DType> dlpackType(Type type) {
  // Codes of DLDataTypeCode: 0 int, 1 uint, 2 float, 4 bfloat, 6 bool.
  uint8_t bits = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 0;
  if (type.isInteger(1))
    return program::DType{6, 8, 1};
  if (auto integer = dyn_cast<IntegerType>(type))
    return program::DType{uint8_t(integer.isUnsigned() ? 1 : 0), bits, 1};
  if (type.isBF16())
    return program::DType{4, bits, 1};
  // QUANTC_FLOAT8_*, QUANTC_FLOAT6_* and QUANTC_FLOAT4_*.
  if (isa<Float8E4M3FNType>(type))
    return program::DType{10, bits, 1};
  if (isa<Float8E4M3FNUZType>(type))
    return program::DType{11, bits, 1};
  if (isa<Float8E5M2Type>(type))
    return program::DType{12, bits, 1};
  if (isa<Float8E5M2FNUZType>(type))
    return program::DType{13, bits, 1};
  if (isa<Float8E8M0FNUType>(type))
    return program::DType{14, bits, 1};
  if (isa<Float6E2M3FNType>(type))
    return program::DType{15, bits, 1};
  if (isa<Float6E3M2FNType>(type))
    return program::DType{16, bits, 1};
  if (isa<Float4E2M1FNType>(type))
    return program::DType{17, bits, 1};
  if (isa<Float16Type, Float32Type, Float64Type>(type))
    return program::DType{2, bits, 1};
  return std::nullopt;
}

namespace {

// The caller's elements share bytes; those of kernels never do.
bool isPacked(program::DType dtype) { return dtype.bits < 8; }

// Node names, joined: what reports show for a step.
std::string stepName(Operation *op) {
  SmallVector<StringRef> names;
  qnn::collectNodeNames(op->getLoc(), names);
  SetVector<StringRef> unique(names.begin(), names.end());
  constexpr size_t kShown = 4;
  std::string text;
  for (auto [i, name] : llvm::enumerate(unique)) {
    if (i == kShown)
      return text + " + " + std::to_string(unique.size() - kShown) + " more";
    text += (i ? " + " : "") + name.str();
  }
  auto launch = dyn_cast<qnn::LaunchOp>(op);
  return text.empty() && launch ? launch.getKernel().str() : text;
}

/// Adds a stored tensor.  Scales and offsets belong to their codes, the first
/// array of a payload.
void countStorage(Value value, uint64_t bytes, StorageReport &report) {
  auto elements = [](Value v) {
    return uint64_t(cast<ShapedType>(v.getType()).getNumElements());
  };
  report.all.bits += bytes * 8;
  auto pack = value.getDefiningOp<qnn::PackOp>();
  Value source = pack ? pack.getInput() : value;
  Operation *producer = source.getDefiningOp();
  bool isPayload = isa_and_present<qnn::EncodeOp, qnn::PayloadOp>(producer);
  if (isPayload && source != producer->getResult(0)) {
    if (llvm::any_of(producer->getResult(0).getUsers(),
                     llvm::IsaPred<qnn::PackOp>))
      report.linears.bits += bytes * 8;
    return;
  }
  uint64_t weights = elements(source);
  report.all.weights += weights;
  if (!pack)
    return;
  report.linears.bits += bytes * 8;
  report.linears.weights += weights;
}

class EntryEmitter {
public:
  EntryEmitter(func::FuncOp func, EntryBuilder &entry, WeightsWriter &weights,
               llvm::function_ref<KernelId(StringRef)> kernelId,
               StorageReport &storage)
      : func(func), entry(entry), weights(weights), kernelId(kernelId),
        storage(storage), names(qnn::getSymbolNames(func)), demand(func) {}

  LogicalResult emit();

private:
  ExprId exprOf(AffineExpr expr, ArrayRef<ExprId> symbols);
  ExprId hostExpr(AffineExpr expr);
  LogicalResult findCapacities();
  FailureOr<TensorSpec> specOf(Value value, Location loc);
  ExprId bytesOf(Type type, ArrayRef<AffineExpr> shape);
  FailureOr<BufferId> bufferOf(Value value);
  LogicalResult emitInputs();
  void emitInput(BlockArgument argument, InputTensor tensor,
                 program::DType dtype);
  FailureOr<OutputTensor> addOutput(const qnn::InterfaceValue &value);
  LogicalResult emitOutputs();
  void emitOutput(Value value, OutputTensor tensor);
  /// Whether the size of a value is known when `op` runs: a reshape may be the
  /// first to use a symbol that is bound after what it reshapes.
  bool isSizedBefore(Value value, Operation *op);
  void emitCache(qnn::AppendOp append, OutputTensor tensor, BufferId buffer);
  LogicalResult emitAppend(qnn::AppendOp append);
  LogicalResult emitLaunch(qnn::LaunchOp launch);
  LogicalResult emitCheck(qnn::CheckOp check);
  LogicalResult emitBind(qnn::BindSymbolOp bind);
  void addBind(Operation *op, BufferId buffer, int64_t element, Type type,
               int64_t symbol, StringRef message, ExprId guard);
  LogicalResult emitBody(qnn::LoopBeginOp loop);
  LogicalResult emitLoop(qnn::LoopBeginOp begin);
  LogicalResult emitStores(Operation *op, ValueRange values,
                           ArrayRef<SlotId> slots);
  template <typename OpTy>
  void emitLoads(OpTy op, ArrayRef<SlotId> slots, bool needsBind, ExprId guard);
  BufferId addLoad(Operation *op, Value value, SlotId slot);
  LogicalResult emitChoose(qnn::ChooseOp choose);
  LogicalResult emitOperation(Operation &op);
  /// 0 where one of a guard's expressions is; none without a guard.
  ExprId guardExpr(std::optional<AffineMap> guard);
  /// Whether all symbols of an expression that are bound during the run are
  /// bound by now.
  bool isBound(AffineExpr expr);
  LogicalResult emitCopies();

  func::FuncOp func;
  EntryBuilder &entry;
  WeightsWriter &weights;
  llvm::function_ref<KernelId(StringRef)> kernelId;
  StorageReport &storage;
  SmallVector<StringRef> names;
  qnn::Demand demand;
  /// What binds symbols during the run.
  SmallVector<Operation *> binders;
  /// Symbols that Bind steps to come will bind.
  llvm::SmallDenseSet<unsigned> unbound;
  std::optional<qnn::ShapeAnalysis> shapes;
  std::optional<qnn::Loops> loops;
  unsigned loopCount = 0;
  qnn::ConstantExpressions constants;
  DenseMap<Value, BufferId> buffers;
  DenseMap<Value, BufferId> outputs; // launch results that are returned
  DenseMap<Value, InputTensor> inputs;
  DenseMap<Operation *, AliasId> caches;
  /// The rows in use, for symbols that are capacities.
  SmallVector<std::pair<unsigned, AffineExpr>> rowsInUse;
  struct OutputCopy {
    Value value;
    BufferId target;
    program::DType dtype;
  };
  SmallVector<OutputCopy> copies;
};

ExprId EntryEmitter::exprOf(AffineExpr expr, ArrayRef<ExprId> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return entry.constant(constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  ExprId lhs = exprOf(binary.getLHS(), symbols);
  ExprId rhs = exprOf(binary.getRHS(), symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return entry.add(lhs, rhs);
  case AffineExprKind::Mul:
    return entry.mul(lhs, rhs);
  case AffineExprKind::FloorDiv:
    return entry.floorDiv(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return entry.ceilDiv(lhs, rhs);
  default:
    return entry.mod(lhs, rhs);
  }
}

ExprId EntryEmitter::hostExpr(AffineExpr expr) {
  SmallVector<ExprId> symbols;
  for (StringRef name : names)
    symbols.push_back(entry.symbol(std::string_view(name)));
  SmallVector<ExprId> dims = symbols;
  for (auto [position, rows] : rowsInUse)
    symbols[position] = entry.max(symbols[position], exprOf(rows, dims));
  return exprOf(expr, symbols);
}

// The runtime gives a capacity the value 0 where the output is compact.
LogicalResult EntryEmitter::findCapacities() {
  for (auto append : func.front().getOps<qnn::AppendOp>()) {
    auto symbol = dyn_cast<AffineSymbolExpr>(append.getCapacity().getResult(0));
    auto argument = dyn_cast<BlockArgument>(append.getPast());
    if (!symbol || !argument || !argument.hasOneUse())
      return append.emitError("expected an argument without other uses and a "
                              "symbol as 'capacity'; run append-in-place");
    rowsInUse.push_back(
        {symbol.getPosition(),
         shapes->getShape(append.getPresent())[append.getAxis()]});
  }
  return success();
}

FailureOr<TensorSpec> EntryEmitter::specOf(Value value, Location loc) {
  Type element = cast<ShapedType>(value.getType()).getElementType();
  std::optional<program::DType> dtype = dlpackType(element);
  if (!dtype)
    return emitError(loc) << "element type " << element
                          << " cannot cross the library's boundary";
  TensorSpec spec;
  spec.dtype = *dtype;
  for (AffineExpr dim : shapes->getShape(value))
    spec.dims.push_back(hostExpr(dim));
  return spec;
}

ExprId EntryEmitter::bytesOf(Type type, ArrayRef<AffineExpr> shape) {
  Type element = cast<ShapedType>(type).getElementType();
  AffineExpr count = elementCount(shape, func.getContext());
  return entry.mul(hostExpr(count),
                   entry.constant(HostTensor::storageBytes(element)));
}

LogicalResult EntryEmitter::emitInputs() {
  for (const qnn::InterfaceValue &value : qnn::getInputs(func)) {
    SmallVector<TensorSpec> specs;
    auto arguments = func.getArguments().slice(value.first, value.count);
    for (BlockArgument argument : arguments) {
      FailureOr<TensorSpec> spec = specOf(argument, func.getLoc());
      if (failed(spec))
        return failure();
      specs.push_back(*spec);
    }
    if (value.kind == Kind::Absent)
      continue;
    InputTensor tensor = value.kind == Kind::Sequence
                             ? entry.addSequenceInput(value.name, specs)
                             : entry.addInput(value.name, specs.front());
    for (auto [i, argument] : llvm::enumerate(arguments))
      emitInput(argument, InputTensor(uint32_t(tensor) + uint32_t(i)),
                specs[i].dtype);
  }
  return success();
}

void EntryEmitter::emitInput(BlockArgument argument, InputTensor tensor,
                             program::DType dtype) {
  inputs[argument] = tensor;
  // A cache has no input buffer: it is read where the output is.
  if (llvm::any_of(argument.getUsers(), llvm::IsaPred<qnn::AppendOp>))
    return;
  BufferId buffer = entry.addInputBuffer(tensor);
  if (isPacked(dtype) && !argument.use_empty()) {
    BufferId bytes =
        entry.addArena(bytesOf(argument.getType(), shapes->getShape(argument)));
    entry.addUnpack("input", dtype, buffer, bytes);
    buffer = bytes;
  }
  buffers[argument] = buffer;
}

FailureOr<OutputTensor>
EntryEmitter::addOutput(const qnn::InterfaceValue &value) {
  Operation *terminator = func.front().getTerminator();
  SmallVector<TensorSpec> specs;
  for (Value result :
       terminator->getOperands().slice(value.first, value.count)) {
    FailureOr<TensorSpec> spec = specOf(result, func.getLoc());
    if (failed(spec))
      return failure();
    specs.push_back(*spec);
  }
  if (value.kind == Kind::Sequence)
    return entry.addSequenceOutput(value.name, specs);
  if (value.kind == Kind::Tensor)
    return entry.addOutput(value.name, specs.front());
  std::optional<program::DType> dtype = dlpackType(value.elementType);
  if (!dtype)
    return emitError(func.getLoc()) << "element type " << value.elementType
                                    << " cannot cross the library's boundary";
  TensorSpec spec;
  spec.dtype = *dtype;
  return entry.addOptionalOutput(value.name, spec, entry.constant(0));
}

bool EntryEmitter::isSizedBefore(Value value, Operation *op) {
  ArrayRef<AffineExpr> shape = shapes->getShape(value);
  return llvm::all_of(binders, [&](Operation *bind) {
    return bind == op || bind->isBeforeInBlock(op) ||
           llvm::none_of(qnn::boundSymbols(bind), [&](int64_t symbol) {
             return llvm::any_of(shape, [&](AffineExpr dim) {
               return dim.isFunctionOfSymbol(unsigned(symbol));
             });
           });
  });
}

// A value that a launch computes is written to the output at once; anything
// else (an input, a constant, a value returned twice) is copied at the end.
LogicalResult EntryEmitter::emitOutputs() {
  auto results = func.front().getTerminator()->getOperands();
  for (const qnn::InterfaceValue &value : qnn::getOutputs(func)) {
    FailureOr<OutputTensor> first = addOutput(value);
    if (failed(first))
      return failure();
    for (unsigned i = 0; i < value.count; ++i)
      emitOutput(results[value.first + i], OutputTensor(uint32_t(*first) + i));
  }
  return success();
}

void EntryEmitter::emitOutput(Value value, OutputTensor tensor) {
  BufferId buffer = entry.addOutputBuffer(tensor);
  Value source = value;
  if (auto append = source.getDefiningOp<qnn::AppendOp>())
    return emitCache(append, tensor, buffer);
  while (auto reshape = source.getDefiningOp<qnn::ReshapeOp>())
    source = reshape.getInput();
  program::DType dtype =
      *dlpackType(cast<ShapedType>(value.getType()).getElementType());
  if (isa_and_present<qnn::LaunchOp, qnn::ChooseOp, qnn::LoopEndOp>(
          source.getDefiningOp()) &&
      !outputs.contains(source) && !isPacked(dtype) &&
      isSizedBefore(value, source.getDefiningOp()))
    outputs[source] = buffer;
  else
    copies.push_back({value, buffer, dtype});
}

void EntryEmitter::emitCache(qnn::AppendOp append, OutputTensor tensor,
                             BufferId buffer) {
  auto capacity = cast<AffineSymbolExpr>(append.getCapacity().getResult(0));
  caches[append] = entry.addAppendAlias(
      tensor, inputs.at(append.getPast()), uint32_t(append.getAxis()),
      std::string_view(names[capacity.getPosition()]));
  buffers[append.getBuffer()] = buffer;
}

LogicalResult EntryEmitter::emitAppend(qnn::AppendOp append) {
  FailureOr<BufferId> rows = bufferOf(append.getRows());
  if (failed(rows))
    return failure();
  auto cache = caches.find(append);
  if (cache == caches.end())
    return append.emitError("expected 'present' to be returned");
  entry.addAppend(stepName(append), cache->second, *rows);
  return success();
}

FailureOr<BufferId> EntryEmitter::bufferOf(Value value) {
  auto it = buffers.find(value);
  if (it != buffers.end())
    return it->second;
  if (constants.contains(value)) {
    FailureOr<WeightsWriter::Place> place = weights.place(value);
    if (failed(place))
      return failure();
    countStorage(value, place->bytes, storage);
    BufferId id = entry.addWeights(place->offset, place->bytes);
    buffers[value] = id;
    return id;
  }
  if (auto reshape = value.getDefiningOp<qnn::ReshapeOp>()) {
    FailureOr<BufferId> source = bufferOf(reshape.getInput());
    if (succeeded(source))
      buffers[value] = *source;
    return source;
  }
  return value.getDefiningOp()->emitError(
      "is left outside of kernels and has no buffer");
}

LogicalResult EntryEmitter::emitLaunch(qnn::LaunchOp launch) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      launch, launch.getKernelAttr());
  SmallVector<ExprId> symbols;
  for (AffineExpr expr : launch.getSymbols().getResults())
    symbols.push_back(hostExpr(expr));
  DenseMap<Value, BufferId> local;
  for (auto [argument, input] :
       llvm::zip(kernel.getArguments(), launch.getInputs())) {
    FailureOr<BufferId> buffer = bufferOf(input);
    if (failed(buffer))
      return failure();
    local[argument] = *buffer;
  }
  auto outs = kernel.getArguments().drop_front(launch.getInputs().size());
  for (auto [argument, result] : llvm::zip(outs, launch.getResults())) {
    auto it = outputs.find(result);
    BufferId id = it != outputs.end()
                      ? it->second
                      : entry.addArena(bytesOf(result.getType(),
                                               shapes->getShape(result)));
    buffers[result] = id;
    local[argument] = id;
  }
  std::string name = stepName(launch);
  for (Operation &op : kernel.front()) {
    if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
      ExprId bytes = entry.constant(
          HostTensor::storageBytes(alloc.getType().getElementType()));
      unsigned dynamic = 0;
      for (int64_t extent : alloc.getType().getShape()) {
        if (!ShapedType::isDynamic(extent)) {
          bytes = entry.mul(bytes, entry.constant(extent));
          continue;
        }
        auto size = symbolExprOf(alloc.getDynamicSizes()[dynamic++]);
        if (!size)
          return alloc.emitError("cannot size this temporary");
        bytes = entry.mul(bytes, exprOf(*size, symbols));
      }
      local[alloc] = entry.addArena(bytes);
      continue;
    }
    auto step = dyn_cast<qnn::StepOp>(op);
    if (!step)
      continue;
    KernelStep record;
    record.kernel = kernelId(step.getFunction().getLeafReference());
    record.name = name;
    record.trip = exprOf(step.getTrip().getResult(0), symbols);
    record.grain = step.getGrain();
    for (Value buffer : step.getBuffers())
      record.buffers.push_back(local.lookup(buffer));
    record.scalars.assign(symbols.begin(), symbols.end());
    AffineExpr scratch = step.getScratch().getResult(0);
    if (staticExtent(scratch) != 0)
      record.scratchBytes = exprOf(scratch, symbols);
    entry.addStep(record);
  }
  return success();
}

ExprId EntryEmitter::guardExpr(std::optional<AffineMap> guard) {
  if (!guard)
    return ExprId::None;
  ExprId all = entry.constant(1);
  for (AffineExpr part : guard->getResults())
    all = entry.mul(all, hostExpr(part));
  return all;
}

bool EntryEmitter::isBound(AffineExpr expr) {
  return llvm::none_of(unbound, [&](unsigned symbol) {
    return expr.isFunctionOfSymbol(symbol);
  });
}

LogicalResult EntryEmitter::emitCheck(qnn::CheckOp check) {
  IntegerSet set = check.getCondition();
  ExprId guard = guardExpr(check.getGuard());
  for (unsigned i = 0; i < set.getNumConstraints(); ++i) {
    ExprId value = hostExpr(set.getConstraint(i));
    ExprId zero = entry.constant(0);
    ExprId holds = set.isEq(i) ? entry.eq(value, zero) : entry.le(zero, value);
    if (guard != ExprId::None)
      holds = entry.select(guard, holds, entry.constant(1));
    entry.addCheck(holds, std::string_view(check.getMessage()));
  }
  return success();
}

LogicalResult EntryEmitter::emitBind(qnn::BindSymbolOp bind) {
  FailureOr<BufferId> buffer = bufferOf(bind.getInput());
  if (failed(buffer))
    return failure();
  addBind(bind, *buffer, bind.getElement(), bind.getInput().getType(),
          bind.getSymbol(), bind.getMessage(), guardExpr(bind.getGuard()));
  return success();
}

void EntryEmitter::addBind(Operation *op, BufferId buffer, int64_t element,
                           Type type, int64_t symbol, StringRef message,
                           ExprId guard) {
  int64_t bytes =
      HostTensor::storageBytes(cast<ShapedType>(type).getElementType());
  BufferId read = entry.addView(buffer, entry.constant(bytes * element),
                                entry.constant(bytes));
  entry.addBind(stepName(op), std::string_view(names[symbol]), read,
                uint32_t(bytes), std::string_view(message), guard);
  unbound.erase(unsigned(symbol));
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

LogicalResult EntryEmitter::emitStores(Operation *op, ValueRange values,
                                       ArrayRef<SlotId> slots) {
  for (auto [value, slot] : llvm::zip_equal(values, slots)) {
    FailureOr<BufferId> buffer = bufferOf(value);
    if (failed(buffer))
      return failure();
    entry.addStore(stepName(op), *buffer, slot);
  }
  return success();
}

BufferId EntryEmitter::addLoad(Operation *op, Value value, SlotId slot) {
  auto it = outputs.find(value);
  BufferId target =
      it != outputs.end()
          ? it->second
          : entry.addArena(bytesOf(value.getType(), shapes->getShape(value)));
  buffers[value] = target;
  entry.addLoad(stepName(op), slot, target);
  return target;
}

/// What is carried, at a loop's begin or behind its end: first the sizes, whose
/// symbols all else may need.
template <typename OpTy>
void EntryEmitter::emitLoads(OpTy op, ArrayRef<SlotId> slots, bool needsBind,
                             ExprId guard) {
  auto unlessGuarded = [&](auto emit) {
    if (guard != ExprId::None)
      entry.beginSkip(guard);
    emit();
    if (guard != ExprId::None)
      entry.endSkip();
  };
  ArrayRef<int64_t> bound = op.getBound(), symbols = op.getSymbols();
  SmallVector<BufferId> sizes;
  BufferId flag = {};
  unlessGuarded([&] {
    for (int64_t value : bound)
      if (!buffers.contains(op->getResult(value)))
        addLoad(op, op->getResult(value), slots[value]);
    if (bound.empty() && needsBind)
      flag = addLoad(op, op->getResult(0), slots[0]);
  });
  for (auto [value, symbol] : llvm::zip(bound, symbols))
    addBind(op, buffers.at(op->getResult(value)), 0,
            op->getResult(value).getType(), symbol, op.getMessage(), guard);
  // Whatever follows is planned anew.
  if (bound.empty() && needsBind)
    entry.addBind(stepName(op), "loop " + std::to_string(loopCount++), flag, 1,
                  "", guard);
  unlessGuarded([&] {
    for (auto [value, slot] : llvm::zip(op->getResults(), slots))
      if (!value.use_empty() && !buffers.contains(value))
        addLoad(op, value, slot);
  });
}

LogicalResult EntryEmitter::emitLoop(qnn::LoopBeginOp begin) {
  qnn::LoopEndOp end = begin.getEnd();
  SmallVector<SlotId> slots;
  for (size_t i = 0; i < end.getNext().size(); ++i)
    slots.push_back(entry.addSlot());
  ArrayRef<SlotId> carried =
      ArrayRef(slots).take_front(begin.getInits().size());
  ExprId guard = guardExpr(begin.getGuard());
  if (failed(emitStores(begin, begin.getInits().take_front(1),
                        carried.take_front(1))))
    return failure();
  if (guard != ExprId::None)
    entry.beginSkip(guard);
  if (failed(emitStores(begin, begin.getInits().drop_front(),
                        carried.drop_front())))
    return failure();
  for (SlotId slot : ArrayRef(slots).drop_front(carried.size()))
    entry.addClear(stepName(begin), slot);
  if (guard != ExprId::None)
    entry.endSkip();

  entry.beginWhile(stepName(begin), slots[0]);
  emitLoads(begin, carried, /*needsBind=*/false, ExprId::None);
  if (failed(emitBody(begin)) ||
      failed(emitStores(end, end.getCarried(), carried)))
    return failure();
  for (auto [part, slot] : llvm::zip_equal(
           end.getParts(), ArrayRef(slots).drop_front(carried.size()))) {
    FailureOr<BufferId> buffer = bufferOf(part);
    if (failed(buffer))
      return failure();
    entry.addPush(stepName(end), *buffer, slot);
  }
  bool binds = entry.endWhile();
  emitLoads(end, slots, binds, guard);
  return success();
}

LogicalResult EntryEmitter::emitBody(qnn::LoopBeginOp loop) {
  for (Operation *op : loops->getBody(loop)) {
    auto inner = dyn_cast<qnn::LoopBeginOp>(op);
    if (failed(inner ? emitLoop(inner) : emitOperation(*op)))
      return failure();
  }
  return success();
}

LogicalResult EntryEmitter::emitChoose(qnn::ChooseOp choose) {
  Value result = choose.getResult();
  ExprId bytes = bytesOf(result.getType(), shapes->getShape(result));
  auto it = outputs.find(result);
  BufferId target = it != outputs.end() ? it->second : entry.addArena(bytes);
  buffers[result] = target;
  ExprId condition = hostExpr(choose.getCondition().getResult(0));
  ExprId zero = entry.constant(0);
  for (bool isLhs : {true, false}) {
    FailureOr<BufferId> source =
        bufferOf(isLhs ? choose.getLhs() : choose.getRhs());
    if (failed(source))
      return failure();
    ExprId chosen = isLhs ? condition : entry.logicalNot(condition);
    // The other one has no size in this run; nothing is copied.
    BufferId part =
        entry.addView(target, zero, entry.select(chosen, bytes, zero));
    entry.addCopy(stepName(choose), *source, part);
  }
  return success();
}

LogicalResult EntryEmitter::emitOperation(Operation &op) {
  if (auto check = dyn_cast<qnn::CheckOp>(op))
    return emitCheck(check);
  if (auto bind = dyn_cast<qnn::BindSymbolOp>(op))
    return emitBind(bind);
  if (auto choose = dyn_cast<qnn::ChooseOp>(op))
    return emitChoose(choose);
  if (auto append = dyn_cast<qnn::AppendOp>(op))
    return emitAppend(append);
  auto launch = dyn_cast<qnn::LaunchOp>(op);
  if (!launch)
    return success();
  AffineExpr guard = demand.guardOf(launch);
  if (!guard || !isBound(guard))
    return emitLaunch(launch);
  entry.beginSkip(hostExpr(guard));
  LogicalResult result = emitLaunch(launch);
  entry.endSkip();
  return result;
}

LogicalResult EntryEmitter::emitCopies() {
  for (auto [value, target, dtype] : copies) {
    FailureOr<BufferId> source = bufferOf(value);
    if (failed(source))
      return failure();
    if (isPacked(dtype))
      entry.addPack("output", dtype, *source, target);
    else
      entry.addCopy("output", *source, target);
  }
  return success();
}

LogicalResult EntryEmitter::emit() {
  FailureOr<qnn::ShapeAnalysis> computed = qnn::ShapeAnalysis::compute(func);
  if (failed(computed))
    return failure();
  shapes = std::move(*computed);
  for (Operation &op : func.front()) {
    SmallVector<int64_t> symbols = qnn::boundSymbols(&op);
    if (!symbols.empty())
      binders.push_back(&op);
    unbound.insert(symbols.begin(), symbols.end());
  }
  if (failed(findCapacities()) || failed(emitInputs()) || failed(emitOutputs()))
    return failure();
  FailureOr<qnn::Loops> found = qnn::Loops::compute(func);
  if (failed(found))
    return failure();
  loops = std::move(*found);
  return failure(failed(emitBody({})) || failed(emitCopies()));
}

} // namespace

LogicalResult emitProgram(ModuleOp module, ProgramBuilder &program,
                          WeightsWriter &weights,
                          std::vector<std::string> &kernelNames,
                          StorageReport &storage) {
  llvm::StringMap<KernelId> ids;
  auto kernelId = [&](StringRef name) {
    auto it = ids.find(name);
    if (it != ids.end())
      return it->second;
    KernelId id = program.addKernel(std::string_view(name));
    ids[name] = id;
    kernelNames.push_back(name.str());
    return id;
  };
  for (auto func : module.getOps<func::FuncOp>()) {
    if (!func->hasAttr(qnn::kEntryAttr))
      continue;
    EntryBuilder &entry = program.addEntry(std::string_view(func.getName()));
    if (failed(EntryEmitter(func, entry, weights, kernelId, storage).emit()))
      return failure();
  }
  return success();
}

} // namespace quantc
