// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Partitions an entry function into groups of operations and outlines each into
// a kernel function.  Groups are grown greedily in program order: an operation
// joins the group of a producer when the group's kind allows it and nothing
// between the two would have to move.  A group is bounded, so that a graph of
// any size takes time in proportion.  A kernel function is canonical (its
// symbols and arguments are numbered by first use), so equal groups have equal
// text and share one function.

#include "TileSizes.h"
#include "mlir/IR/Matchers.h"
#include "quantc/Codegen/Passes.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/Loops.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"
#include "llvm/ADT/StringMap.h"

namespace quantc {
#define GEN_PASS_DEF_FORMKERNELSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

enum class GroupKind {
  /// A contraction and elementwise operations on its result.
  Contraction,
  /// Row and elementwise operations over one shape.
  Rows,
  /// One operation that nothing joins.
  Single
};

struct Group {
  GroupKind kind;
  SymbolicShape shape;
  SmallVector<Operation *> ops;
  /// Something outside reads a result.  The group's launch stands at its last
  /// operation, so nothing after that reader may join.
  bool isRead = false;
};

/// What later passes do to a kernel takes more time than in proportion to its
/// length.
constexpr size_t kMaxGroupOps = 32;
/// Tiling computes a value for each of its readers at first, and those that it
/// reads as often: 2^n of them for n diamonds one after the other.
constexpr uint64_t kMaxCopies = 1024;
/// A row operation reads its input more than once.
constexpr uint64_t kRowReads = 4;

//===----------------------------------------------------------------------===//
// Grouping
//===----------------------------------------------------------------------===//

class Grouping {
public:
  Grouping(func::FuncOp func, const ShapeAnalysis &shapes, const Loops &loops)
      : shapes(shapes), loops(loops) {
    for (auto [i, op] : llvm::enumerate(func.front()))
      position[&op] = i;
    for (Operation &op : func.front()) {
      bool joins = isComputed(&op) && !op.hasTrait<OpTrait::IsTerminator>();
      if (joins)
        assign(&op);
      for (Value operand : op.getOperands())
        if (Group *group = groupOf.lookup(operand.getDefiningOp());
            group && group != groupOf.lookup(&op))
          group->isRead = true;
    }
    llvm::erase_if(groups, [](auto &group) { return group->ops.empty(); });
  }

  ArrayRef<std::unique_ptr<Group>> getGroups() const { return groups; }

private:
  bool isComputed(Operation *op) {
    if (isa<ConstantOp, ReshapeOp, AppendOp, CheckOp, LaunchOp, PackOp,
            BindSymbolOp, ChooseOp, LoopBeginOp, LoopEndOp>(op))
      return false;
    return op->getNumResults() > 0 && !constants.contains(op->getResult(0));
  }

  static bool isContraction(Operation *op) {
    return isa<LinearOp, QuantizedLinearOp, BlockLinearOp, MatmulOp, ConvOp,
               QuantizedConvOp, AttentionOp>(op);
  }

  // Operations over complete rows (the last axis) of their first operand.
  bool isRowOp(Operation *op) const {
    if (isa<QuantizeRowsOp, QuantizeStaticOp, HadamardOp>(op))
      return true;
    int64_t last = int64_t(shapes.getShape(op->getResult(0)).size()) - 1;
    if (auto softmax = dyn_cast<SoftmaxOp>(op))
      return int64_t(softmax.getAxis()) == last;
    if (auto norm = dyn_cast<LayerNormOp>(op))
      return int64_t(norm.getAxis()) == last;
    if (auto norm = dyn_cast<RmsNormOp>(op))
      return int64_t(norm.getAxis()) == last;
    return false;
  }

  void assign(Operation *op) {
    if (Group *group = findGroupToJoin(op)) {
      group->ops.push_back(op);
      groupOf[op] = group;
      copies[op] = copiesIn(*group, op);
      return;
    }
    auto group = std::make_unique<Group>();
    group->shape = SymbolicShape(shapes.getShape(op->getResult(0)));
    group->kind =
        isContraction(op) ? GroupKind::Contraction
        : isRowOp(op) ||
                isa<ElementwiseOpInterface, GatherOp, QuantizedGatherOp,
                    BlockGatherOp, BroadcastToOp, RotaryOp>(op)
            ? GroupKind::Rows
            : GroupKind::Single;
    if (isa<AttentionOp>(op))
      absorbOperands(op, *group);
    else if (Group *windows = findWindowsFor(op))
      absorb(*windows, *group);
    group->ops.push_back(op);
    groupOf[op] = group.get();
    groups.push_back(std::move(group));
  }

  /// The rows in use of a cache.
  static bool isCacheSlice(Operation *op) {
    auto slice = dyn_cast<SliceOp>(op);
    return slice && slice.getInput().getDefiningOp<AppendOp>();
  }

  // Head splitting transposes and slices of caches feed attention tile by tile.
  void absorbOperands(Operation *op, Group &group) {
    for (Value operand : op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (!producer || !operand.hasOneUse() ||
          !(isa<TransposeOp>(producer) || isCacheSlice(producer)))
        continue;
      auto it = groupOf.find(producer);
      if (it == groupOf.end() || it->second->ops.size() != 1 ||
          !isInLoopOf(*it->second, op))
        continue;
      absorbOperands(producer, group);
      absorb(*it->second, group);
    }
  }

  /// An operation runs as often as those of the group.
  bool isInLoopOf(const Group &group, Operation *op) const {
    return loops.of(group.ops.front()) == loops.of(op);
  }

  void absorb(Group &old, Group &group) {
    for (Operation *member : old.ops)
      groupOf[member] = &group;
    llvm::append_range(group.ops, old.ops);
    old.ops.clear();
  }

  /// The depthwise convolution, with what is fused into it, whose rows only
  /// this linear reads: its pixels are computed for each tile of rows, just
  /// before they are read.  Every tile holds all columns, so none twice.
  Group *findWindowsFor(Operation *op) {
    auto linear = dyn_cast<LinearOp>(op);
    if (!linear || !linear.getInput().hasOneUse())
      return nullptr;
    int64_t columns =
        cast<ShapedType>(linear.getResult().getType()).getShape().back();
    Group *group = groupOf.lookup(linear.getInput().getDefiningOp());
    if (!group || columns > kGatheredColumns || !isInLoopOf(*group, op))
      return nullptr;
    auto conv = dyn_cast<ConvOp>(group->ops.front());
    bool isAlone = llvm::all_of(group->ops, [&](Operation *member) {
      return llvm::all_of(member->getUsers(), [&](Operation *user) {
        return user == op || groupOf.lookup(user) == group;
      });
    });
    return conv && conv.isDepthwise() && conv.getFlatRows() && isAlone
               ? group
               : nullptr;
  }

  Group *findGroupToJoin(Operation *op) {
    bool elementwise = isa<ElementwiseOpInterface>(op);
    bool rowOp = isRowOp(op);
    if (!elementwise && !rowOp)
      return nullptr;
    SymbolicShape shape(shapes.getShape(op->getResult(0)));
    Group *best = nullptr;
    for (Value operand : op->getOperands()) {
      Group *group = groupOf.lookup(operand.getDefiningOp());
      if (!group || group == best || group->kind == GroupKind::Single ||
          !isInLoopOf(*group, op) || group->shape != shape ||
          shapes.getShape(operand) != ArrayRef(shape))
        continue;
      if (rowOp && group->kind != GroupKind::Rows)
        continue;
      if (group->isRead || group->ops.size() >= kMaxGroupOps ||
          copiesIn(*group, op) > kMaxCopies)
        continue;
      if (!best || position[best->ops.back()] < position[group->ops.back()])
        best = group;
    }
    return best;
  }

  /// How many operations tiling makes first for `op` in `group`.
  uint64_t copiesIn(const Group &group, Operation *op) const {
    uint64_t sum = 1;
    for (Value operand : op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (producer && groupOf.lookup(producer) == &group)
        sum += std::max<uint64_t>(1, copies.lookup(producer));
    }
    return isRowOp(op) ? sum * kRowReads : sum;
  }

  const ShapeAnalysis &shapes;
  const Loops &loops;
  ConstantExpressions constants;
  DenseMap<Operation *, size_t> position;
  DenseMap<Operation *, Group *> groupOf;
  DenseMap<Operation *, uint64_t> copies;
  SmallVector<std::unique_ptr<Group>> groups;
};

//===----------------------------------------------------------------------===//
// Wide concatenations
//===----------------------------------------------------------------------===//

/// Operands of one kernel that joins them.
constexpr size_t kMaxJoined = 32;

/// Joins the operands of a concatenation by groups of `kMaxJoined` first, as
/// often as it takes.
LogicalResult narrow(ConcatOp concat, ShapeAnalysis &shapes) {
  OpBuilder builder(concat);
  SmallVector<Value> parts(concat.getInputs());
  while (parts.size() > kMaxJoined) {
    SmallVector<Value> joined;
    for (ArrayRef<Value> rest = parts; !rest.empty();) {
      ArrayRef<Value> some = rest.take_front(kMaxJoined);
      rest = rest.drop_front(some.size());
      auto join =
          createInferred<ConcatOp>(builder, shapes, concat.getLoc(),
                                   getElementTypeOrSelf(concat.getResult()),
                                   ValueRange(some), concat.getAxis());
      if (!join)
        return failure();
      joined.push_back(join);
    }
    parts = std::move(joined);
  }
  concat.getInputsMutable().assign(parts);
  return success();
}

LogicalResult narrowConcats(func::FuncOp func, ShapeAnalysis &shapes) {
  ConstantExpressions constants;
  for (auto concat :
       llvm::make_early_inc_range(func.front().getOps<ConcatOp>()))
    if (concat.getInputs().size() > kMaxJoined &&
        !constants.contains(concat.getResult()) &&
        failed(narrow(concat, shapes)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Outlining
//===----------------------------------------------------------------------===//

/// Numbers the host expressions that a kernel needs as its own symbols.
class KernelSymbols {
public:
  explicit KernelSymbols(MLIRContext *context) : context(context) {}

  AffineExpr number(AffineExpr host) {
    auto [it, inserted] = numbers.try_emplace(host, exprs.size());
    if (inserted)
      exprs.push_back(host);
    return getAffineSymbolExpr(it->second, context);
  }

  AffineExpr translate(AffineExpr host) {
    return isa<AffineConstantExpr>(host) ? host : number(host);
  }

  /// Like `translate` for an attribute, whose parts may be needed alone.
  AffineExpr translateDeep(AffineExpr host) {
    if (isa<AffineConstantExpr>(host) || numbers.contains(host) ||
        isa<AffineSymbolExpr>(host))
      return translate(host);
    auto binary = cast<AffineBinaryOpExpr>(host);
    return getAffineBinaryOpExpr(host.getKind(), translateDeep(binary.getLHS()),
                                 translateDeep(binary.getRHS()));
  }

  ArrayRef<AffineExpr> getExprs() const { return exprs; }

private:
  MLIRContext *context;
  DenseMap<AffineExpr, unsigned> numbers;
  SmallVector<AffineExpr> exprs;
};

bool isScalarConstant(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  return constant && isa<DenseElementsAttr>(constant.getValue()) &&
         constant.getValue().getNumElements() == 1;
}

/// Scalars become part of a kernel, except those that differ from layer to
/// layer: equal kernels share one function.  Scales of 1 cost nothing there.
/// Operations that move tensors read all of them from memory.
bool isKernelConstant(Operation *user, Value operand) {
  if (!isScalarConstant(operand))
    return false;
  if (isa<ToCodesOp, FromCodesOp>(user) && operand == user->getOperand(1) &&
      matchPattern(operand, m_OneFloat()))
    return true;
  return !isa<QuantizeStaticOp, QuantizedLinearOp, QuantizedConvOp, ToCodesOp,
              FromCodesOp, ConcatOp, SliceOp, TransposeOp, PadOp, GatherOp>(
      user);
}

class Outliner {
public:
  Outliner(ModuleOp module, func::FuncOp entry, ShapeAnalysis &shapes,
           llvm::StringMap<func::FuncOp> &kernels, int64_t &distinctOps)
      : module(module), entry(entry), shapes(shapes), kernels(kernels),
        distinctOps(distinctOps), context(module.getContext()) {}

  void outline(const Group &group);

private:
  void collect(ArrayRef<Operation *> ops);
  func::FuncOp build(ArrayRef<Operation *> ops);
  func::FuncOp unique(func::FuncOp kernel, bool mayAdd);
  void launch(ArrayRef<Operation *> ops, func::FuncOp kernel);
  AffineExpr translate(StringAttr name, AffineExpr host);
  AffineMapAttr shapeMap(Value value);
  AffineMapAttr mapOf(ArrayRef<AffineExpr> exprs, unsigned numSymbols) {
    return AffineMapAttr::get(AffineMap::get(0, numSymbols, exprs, context));
  }

  ModuleOp module;
  func::FuncOp entry;
  ShapeAnalysis &shapes;
  llvm::StringMap<func::FuncOp> &kernels;
  /// How many operations kernels that are not general may still get.
  int64_t &distinctOps;
  MLIRContext *context;

  SetVector<Value> inputs;
  SetVector<Value> scalars;
  SmallVector<Value> outputs;
  std::optional<KernelSymbols> symbols;
  /// Arguments in place of what would make kernels differ.
  bool isGeneral = false;
};

void Outliner::collect(ArrayRef<Operation *> ops) {
  inputs.clear();
  scalars.clear();
  outputs.clear();
  SmallPtrSet<Operation *, 8> members(ops.begin(), ops.end());
  for (Operation *op : ops) {
    for (Value operand : op->getOperands()) {
      if (members.contains(operand.getDefiningOp()))
        continue;
      bool isInside = isKernelConstant(op, operand) &&
                      !(isGeneral && isa<ElementwiseOpInterface>(op));
      (isInside ? scalars : inputs).insert(operand);
    }
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) {
            return !members.contains(user);
          }))
        outputs.push_back(result);
  }
}

AffineMapAttr Outliner::shapeMap(Value value) {
  SmallVector<AffineExpr> dims;
  for (AffineExpr dim : shapes.getShape(value))
    dims.push_back(symbols->translate(dim));
  return mapOf(dims, symbols->getExprs().size());
}

/// An expression in an attribute.
AffineExpr Outliner::translate(StringAttr name, AffineExpr host) {
  return isGeneral && name == "starts" ? symbols->number(host)
                                       : symbols->translateDeep(host);
}

func::FuncOp Outliner::build(ArrayRef<Operation *> ops) {
  OpBuilder builder(context);
  symbols.emplace(context);
  // First pass: number every symbol, so that all maps have the same count.
  for (Value input : inputs)
    (void)shapeMap(input);
  for (Operation *op : ops)
    for (NamedAttribute attribute : op->getAttrs())
      if (auto map = dyn_cast<AffineMapAttr>(attribute.getValue()))
        for (AffineExpr expr : map.getValue().getResults())
          (void)translate(attribute.getName(), expr);
  for (Value output : outputs)
    (void)shapeMap(output);

  auto type =
      FunctionType::get(context, ValueRange(inputs.getArrayRef()).getTypes(),
                        ValueRange(outputs).getTypes());
  auto kernel = func::FuncOp::create(ops.back()->getLoc(), "kernel", type);
  kernel.setPrivate();
  kernel->setAttr(kKernelAttr, builder.getUnitAttr());
  SmallVector<Attribute> names;
  for (size_t i = 0; i < symbols->getExprs().size(); ++i)
    names.push_back(builder.getStringAttr("d" + Twine(i)));
  kernel->setAttr(kSymbolsAttr, builder.getArrayAttr(names));
  for (auto [i, input] : llvm::enumerate(inputs))
    kernel.setArgAttr(i, kShapeAttr, shapeMap(input));
  for (auto [i, output] : llvm::enumerate(outputs))
    kernel.setResultAttr(i, kShapeAttr, shapeMap(output));

  Block *body = kernel.addEntryBlock();
  builder.setInsertionPointToStart(body);
  IRMapping mapping;
  for (auto [input, argument] : llvm::zip(inputs, body->getArguments()))
    mapping.map(input, argument);
  for (Value scalar : scalars)
    builder.clone(*scalar.getDefiningOp(), mapping);
  for (Operation *op : ops) {
    Operation *twin = builder.clone(*op, mapping);
    // What rewrites recorded must not tell equal kernels apart.
    twin->removeDiscardableAttr(kTransformsAttr);
    for (NamedAttribute attribute : op->getAttrs()) {
      auto map = dyn_cast<AffineMapAttr>(attribute.getValue());
      if (!map)
        continue;
      SmallVector<AffineExpr> exprs;
      for (AffineExpr expr : map.getValue().getResults())
        exprs.push_back(translate(attribute.getName(), expr));
      twin->setAttr(attribute.getName(),
                    mapOf(exprs, symbols->getExprs().size()));
    }
  }
  SmallVector<Value> returned;
  for (Value output : outputs)
    returned.push_back(mapping.lookup(output));
  func::ReturnOp::create(builder, kernel.getLoc(), returned);
  return kernel;
}

/// Returns the first kernel function with the same text, or this one if it may
/// be added, or none.
func::FuncOp Outliner::unique(func::FuncOp kernel, bool mayAdd) {
  std::string text;
  llvm::raw_string_ostream os(text);
  kernel->print(os, OpPrintingFlags().useLocalScope().assumeVerified());
  auto it = kernels.find(text);
  if (it != kernels.end() || !mayAdd) {
    kernel.erase();
    return it == kernels.end() ? func::FuncOp() : it->second;
  }
  kernels[text] = kernel;
  kernel.setName(("kernel_" + Twine(kernels.size() - 1)).str());
  module.push_back(kernel);
  return kernel;
}

void Outliner::launch(ArrayRef<Operation *> ops, func::FuncOp kernel) {
  OpBuilder builder(ops.back());
  SmallVector<Location> locations;
  for (Operation *op : ops)
    locations.push_back(op->getLoc());
  unsigned hostSymbols = getSymbolNames(entry).size();
  auto launch = LaunchOp::create(
      builder, builder.getFusedLoc(locations), ValueRange(outputs).getTypes(),
      kernel.getName(), inputs.getArrayRef(),
      mapOf(symbols->getExprs(), hostSymbols).getValue());
  for (auto [output, result] : llvm::zip(outputs, launch.getResults())) {
    shapes.setShape(result, SymbolicShape(shapes.getShape(output)));
    output.replaceUsesWithIf(result, [&](OpOperand &use) {
      return !llvm::is_contained(ops, use.getOwner());
    });
  }
}

void Outliner::outline(const Group &group) {
  isGeneral = false;
  collect(group.ops);
  if (outputs.empty())
    return;
  size_t before = kernels.size();
  if (func::FuncOp kernel =
          unique(build(group.ops), /*mayAdd=*/distinctOps > 0)) {
    distinctOps -= kernels.size() > before ? int64_t(group.ops.size()) : 0;
    launch(group.ops, kernel);
    return;
  }
  // Too many kernels already: these are likely to be shared by others.
  isGeneral = true;
  bool splits = llvm::all_of(group.ops, llvm::IsaPred<ElementwiseOpInterface>);
  size_t length = splits ? 1 : group.ops.size();
  for (ArrayRef<Operation *> rest = group.ops; !rest.empty();
       rest = rest.drop_front(length)) {
    ArrayRef<Operation *> ops = rest.take_front(length);
    collect(ops);
    if (!outputs.empty())
      launch(ops, unique(build(ops), /*mayAdd=*/true));
  }
}

struct FormKernelsPass
    : public quantc::impl::FormKernelsPassBase<FormKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    llvm::StringMap<func::FuncOp> kernels;
    int64_t distinctOps = maxDistinctOps;
    SmallVector<func::FuncOp> entries;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (func->hasAttr(kEntryAttr))
        entries.push_back(func);
    for (func::FuncOp entry : entries) {
      FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(entry);
      if (failed(shapes) || failed(narrowConcats(entry, *shapes)))
        return signalPassFailure();
      FailureOr<Loops> loops = Loops::compute(entry);
      if (failed(loops))
        return signalPassFailure();
      Grouping grouping(entry, *shapes, *loops);
      // Shapes of replaced values are needed by later groups, so the old
      // operations go only when all launches stand.
      Outliner outliner(getOperation(), entry, *shapes, kernels, distinctOps);
      for (const auto &group : grouping.getGroups()) {
        outliner.outline(*group);
        ++numLaunches;
      }
      for (const auto &group : llvm::reverse(grouping.getGroups()))
        for (Operation *op : llvm::reverse(group->ops))
          op->erase();
    }
    numKernels = kernels.size();
  }
};

} // namespace
