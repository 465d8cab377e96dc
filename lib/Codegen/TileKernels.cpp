// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives kernel functions memref arguments and cuts their work into independent
// tiles.  From the last operation backwards, every tileable operation that is
// still outside a loop becomes an scf.forall with all its producers fused in;
// producers that are results themselves are written from inside the loop.
//
// Tiles are whole rows (or blocks of a pure elementwise group), and
// rows x columns for contractions.  Reduced dimensions are never split, so no
// result depends on the tiling.

#include "TileSizes.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "quantc/Codegen/Passes.h"
#include "quantc/Dialect/LowBit/LowBit.h"

namespace quantc {
#define GEN_PASS_DEF_TILEKERNELSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;

namespace {

// Elements of a row or elementwise tile: large against the cost of taking a
// task from the pool, small against L2.
constexpr int64_t kTileElements = 8192;
// Rows and columns of a contraction tile: the tile of C stays in L1, the panel
// of B in L2.  Kernels take twelve rows at a time (LowBitToVector/KernelPlan).
constexpr int64_t kTileRows = 48;
constexpr int64_t kTileColumns = 64;
// Where a tile gathers windows as its rows of A first: as many rows as kernels
// take at a time, so that they are still in L1 when they are read; more of
// them while they are short.
constexpr int64_t kPatchRows = 12;
constexpr int64_t kPatchElements = 4096;
constexpr int64_t kMaxPatchRows = 96;
// Elements of a cache line, which a tile of a transpose reads along the
// operand.
constexpr int64_t kTransposedLines = 16;
// Query rows of an attention tile.
constexpr int64_t kAttentionRows = 32;

//===----------------------------------------------------------------------===//
// Memref interface
//===----------------------------------------------------------------------===//

MemRefType memrefOf(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  return MemRefType::get(type.getShape(), type.getElementType());
}

/// Lets the operation that computes a result write into `destination`.
void computeInPlace(Value result, Value destination) {
  auto op = result.getDefiningOp<DestinationStyleOpInterface>();
  if (!op)
    return;
  OpOperand *init = op.getTiedOpOperand(cast<OpResult>(result));
  Value start = init->get();
  if (start.getDefiningOp<tensor::EmptyOp>()) {
    init->set(destination);
    return;
  }
  auto fill = start.getDefiningOp<DestinationStyleOpInterface>();
  if (!fill || !start.hasOneUse())
    return;
  OpOperand *fillInit = fill.getTiedOpOperand(cast<OpResult>(start));
  if (fillInit->get().getDefiningOp<tensor::EmptyOp>())
    fillInit->set(destination);
}

void makeDestinationPassing(func::FuncOp func) {
  MLIRContext *context = func.getContext();
  Block &body = func.front();
  OpBuilder builder(context);
  builder.setInsertionPointToStart(&body);
  unsigned numInputs = func.getNumArguments();
  for (unsigned i = 0; i < numInputs; ++i) {
    BlockArgument argument = body.getArgument(i);
    if (!isa<RankedTensorType>(argument.getType()))
      continue;
    Type tensor = argument.getType();
    argument.setType(memrefOf(tensor));
    auto read = bufferization::ToTensorOp::create(
        builder, argument.getLoc(), tensor, argument, /*restrict=*/true);
    argument.replaceAllUsesExcept(read, read);
  }
  auto terminator = cast<func::ReturnOp>(body.getTerminator());
  SmallVector<Type> argumentTypes(body.getArgumentTypes());
  SmallVector<DictionaryAttr> attributes;
  for (unsigned i = 0; i < numInputs; ++i)
    attributes.push_back(func.getArgAttrDict(i));
  for (auto [i, result] : llvm::enumerate(terminator.getOperands())) {
    MemRefType type = memrefOf(result.getType());
    BlockArgument out = body.addArgument(type, result.getLoc());
    argumentTypes.push_back(type);
    attributes.push_back(func.getResultAttrDict(i));
    builder.setInsertionPointToStart(&body);
    auto destination = bufferization::ToTensorOp::create(
        builder, result.getLoc(), result.getType(), out, /*restrict=*/true,
        /*writable=*/true);
    computeInPlace(result, destination);
    builder.setInsertionPoint(terminator);
    bufferization::MaterializeInDestinationOp::create(
        builder, result.getLoc(), /*result=*/Type(), result, out,
        /*restrict=*/true, /*writable=*/true);
  }
  builder.setInsertionPoint(terminator);
  func::ReturnOp::create(builder, terminator.getLoc());
  terminator.erase();
  SmallVector<Attribute> noResultAttrs;
  function_interface_impl::setAllResultAttrDicts(func, noResultAttrs);
  func.setFunctionType(FunctionType::get(context, argumentTypes, {}));
  func.setAllArgAttrs(attributes);
  func->setAttr(qnn::kNumInputsAttr, builder.getI64IntegerAttr(numInputs));
}

//===----------------------------------------------------------------------===//
// Tile sizes
//===----------------------------------------------------------------------===//

int64_t choosePatchRows(int64_t depth) {
  int64_t rows = kPatchElements / std::max<int64_t>(1, depth);
  return std::clamp(rows / kPatchRows * kPatchRows, kPatchRows, kMaxPatchRows);
}

bool isContraction(Operation *op) {
  return isa<lowbit::MatmulOp, lowbit::BlockMatmulOp, lowbit::GroupedConvOp>(
      op);
}

/// The operations that fusion would pull into a loop around `root`.
SetVector<Operation *> producersOf(Operation *root) {
  SetVector<Operation *> seen;
  SmallVector<Operation *> stack = {root};
  while (!stack.empty()) {
    Operation *op = stack.pop_back_val();
    if (!seen.insert(op))
      continue;
    for (Value operand : op->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        if (isa<TilingInterface>(producer))
          stack.push_back(producer);
  }
  return seen;
}

/// The loop of `root` that runs over dimension `dim` of the result of
/// `producer`, following any chain of generic operations between them.  The
/// result may have other users, such as being a result of the kernel.
std::optional<unsigned> traceDim(Operation *producer, unsigned dim,
                                 Operation *root) {
  if (producer == root)
    return dim;
  if (producer->getNumResults() != 1)
    return std::nullopt;
  for (OpOperand &use : producer->getResult(0).getUses()) {
    auto user = dyn_cast<linalg::LinalgOp>(use.getOwner());
    if (!user)
      continue;
    auto loop = dyn_cast<AffineDimExpr>(
        user.getMatchingIndexingMap(&use).getResult(dim));
    if (!loop)
      continue;
    if (user == root)
      return loop.getPosition();
    AffineMap out = user.getIndexingMapsArray().back();
    if (auto position = out.getResultPosition(loop))
      if (auto found = traceDim(user, *position, root))
        return found;
  }
  return std::nullopt;
}

/// Whether `loop` moves, together with another loop, along a dimension of an
/// operand that is computed in the same kernel: rows are not split then.
bool movesAlongProducer(TilingInterface root, unsigned loop) {
  auto generic = dyn_cast<linalg::LinalgOp>(root.getOperation());
  return generic && llvm::any_of(root->getOpOperands(), [&](OpOperand &use) {
           if (!use.get().getDefiningOp<linalg::LinalgOp>())
             return false;
           return llvm::any_of(
               generic.getMatchingIndexingMap(&use).getResults(),
               [&](AffineExpr expr) {
                 return !isa<AffineDimExpr>(expr) && expr.isFunctionOfDim(loop);
               });
         });
}

/// A loop other than `row` along which an operand of `root` is contiguous: what
/// is read is a transpose of what is written.
std::optional<unsigned> loopAcross(TilingInterface root, unsigned row) {
  auto generic = dyn_cast<linalg::GenericOp>(root.getOperation());
  if (!generic)
    return std::nullopt;
  for (OpOperand *input : generic.getDpsInputOperands()) {
    AffineMap map = generic.getMatchingIndexingMap(input);
    if (map.getNumResults() == 0 || !map.isFunctionOfDim(row))
      continue;
    auto last = dyn_cast<AffineDimExpr>(map.getResults().back());
    if (last && last.getPosition() != row)
      return last.getPosition();
  }
  return std::nullopt;
}

SmallVector<int64_t> chooseTileSizes(TilingInterface root) {
  SmallVector<utils::IteratorType> iterators = root.getLoopIteratorTypes();
  SmallVector<int64_t> sizes(iterators.size(), 0);
  SmallVector<int64_t> extents(iterators.size(), ShapedType::kDynamic);
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(root.getOperation()))
    extents = linalgOp.getStaticLoopRanges();
  else
    extents = llvm::to_vector(
        cast<ShapedType>(root->getResult(0).getType()).getShape());
  SetVector<Operation *> group = producersOf(root);

  // The last contraction of the group decides.
  Operation *contraction = nullptr;
  for (Operation *op : group)
    if (isContraction(op) && (!contraction || contraction->isBeforeInBlock(op)))
      contraction = op;
  if (contraction) {
    int64_t rank =
        cast<ShapedType>(contraction->getResult(0).getType()).getRank();
    for (unsigned i = 0; i < iterators.size(); ++i)
      if (iterators[i] == utils::IteratorType::parallel)
        sizes[i] = 1;
    bool batched = rank > 2;
    auto rows = traceDim(contraction, rank - 2, root);
    auto columns = traceDim(contraction, rank - 1, root);
    if (auto conv = dyn_cast<lowbit::GroupedConvOp>(contraction)) {
      if (rows)
        sizes[*rows] = choosePatchRows(conv.getDepth());
      if (columns)
        sizes[*columns] = conv.getGroupColumns();
      return sizes;
    }
    Operation *a = contraction->getOperand(0).getDefiningOp();
    auto patches = dyn_cast_or_null<lowbit::PatchesOp>(a);
    // Rows that are computed for the tile should serve all columns.
    bool gathers = patches || (a && isa<TilingInterface>(a) && !batched);
    if (rows)
      sizes[*rows] =
          batched   ? kAttentionRows
          : patches ? choosePatchRows(patches.getOutputType().getDimSize(1))
                    : kTileRows;
    if (columns)
      sizes[*columns] = batched ? 0 : gathers ? kGatheredColumns : kTileColumns;
    return sizes;
  }

  bool reduces = false;
  for (Operation *op : group)
    for (auto iterator : cast<TilingInterface>(op).getLoopIteratorTypes())
      reduces |= iterator == utils::IteratorType::reduction;
  SmallVector<unsigned> parallel;
  for (unsigned i = 0; i < iterators.size(); ++i)
    if (iterators[i] == utils::IteratorType::parallel &&
        !(reduces && movesAlongProducer(root, i)))
      parallel.push_back(i);
  if (parallel.empty())
    return sizes;
  for (unsigned loop : parallel)
    sizes[loop] = 1;
  bool rowsAreRoot = parallel.back() + 1 == iterators.size();
  unsigned row = parallel.back();
  int64_t rowLength = 256;
  if (rowsAreRoot) {
    // The innermost loop is the row itself.
    rowLength = extents[row];
    if (ShapedType::isDynamic(rowLength))
      rowLength = 512;
    // What is gathered for a row of the output is gathered in one go.
    bool gathers = llvm::any_of(
        group, llvm::IsaPred<lowbit::PatchesOp, lowbit::DepthwiseOp>);
    bool split =
        !reduces && !gathers &&
        (ShapedType::isDynamic(extents[row]) || rowLength > kTileElements);
    sizes[row] = split ? kTileElements : 0;
    if (parallel.size() == 1) {
      sizes[row] = reduces ? 0 : kTileElements;
      return sizes;
    }
    row = parallel[parallel.size() - 2];
  }
  auto across = reduces ? std::nullopt : loopAcross(root, parallel.back());
  if (across && *across != row && sizes[*across] == 1) {
    // Whole lines of what is read, and of what is written.
    sizes[*across] = kTransposedLines;
    rowLength *= kTransposedLines;
  }
  sizes[row] =
      std::max<int64_t>(1, kTileElements / std::max<int64_t>(1, rowLength));
  return sizes;
}

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

bool isResult(Value value) {
  return llvm::any_of(value.getUsers(), [](Operation *user) {
    return isa<bufferization::MaterializeInDestinationOp>(user);
  });
}

LogicalResult tileRoot(TilingInterface root, IRRewriter &rewriter) {
  SmallVector<int64_t> sizes = chooseTileSizes(root);
  if (llvm::all_of(sizes, [](int64_t size) { return size == 0; }))
    return success();
  func::FuncOp func = root->getParentOfType<func::FuncOp>();
  SmallVector<OpFoldResult> tiles;
  for (int64_t size : sizes)
    tiles.push_back(rewriter.getIndexAttr(size));
  scf::SCFTileAndFuseOptions options;
  options.tilingOptions.setTileSizes(tiles).setLoopType(
      scf::SCFTilingOptions::LoopType::ForallOp);
  options.setFusionControlFn(
      [](tensor::ExtractSliceOp, OpResult producer,
         bool) -> std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> {
        scf::SCFTileAndFuseOptions::ControlFnResult result;
        result.yieldProducerReplacement = isResult(producer);
        return result;
      });
  rewriter.setInsertionPoint(root);
  FailureOr<scf::SCFTileAndFuseResult> fused =
      scf::tileConsumerAndFuseProducersUsingSCF(rewriter, root, options);
  if (failed(fused))
    return root->emitError("cannot tile this operation");
  if (fused->loops.empty())
    return success();
  Operation *loop = fused->loops.front();
  DominanceInfo dominance(func);
  for (auto [from, to] : fused->replacements)
    rewriter.replaceUsesWithIf(from, to, [&](OpOperand &use) {
      return dominance.properlyDominates(loop, use.getOwner(),
                                         /*enclosingOpOk=*/false);
    });
  return success();
}

void eraseDead(func::FuncOp func) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(func.front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

/// A loop without iterations leaves what it starts from; linalg does not tile
/// it.
void dropEmptyLoops(func::FuncOp func, IRRewriter &rewriter) {
  for (Operation &op : llvm::make_early_inc_range(func.front()))
    if (auto loops = dyn_cast<linalg::LinalgOp>(&op))
      if (llvm::is_contained(loops.getStaticLoopRanges(), 0))
        rewriter.replaceOp(&op, loops.getDpsInits());
}

struct TileKernelsPass
    : public quantc::impl::TileKernelsPassBase<TileKernelsPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(qnn::kKernelAttr))
      return;
    IRRewriter rewriter(&getContext());
    dropEmptyLoops(func, rewriter);
    makeDestinationPassing(func);
    eraseDead(func);
    DenseSet<Operation *> done;
    while (TilingInterface root = nextRoot(func, done)) {
      done.insert(root);
      if (failed(tileRoot(root, rewriter)))
        return signalPassFailure();
      eraseDead(func);
    }
  }

  /// The last tileable operation that is not in a loop yet.
  static TilingInterface nextRoot(func::FuncOp func,
                                  const DenseSet<Operation *> &done) {
    for (Operation &op : llvm::reverse(func.front())) {
      auto tileable = dyn_cast<TilingInterface>(&op);
      if (tileable && !done.contains(&op) && !isa<linalg::FillOp>(op))
        return tileable;
    }
    return nullptr;
  }
};

} // namespace
