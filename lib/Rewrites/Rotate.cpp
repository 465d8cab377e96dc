// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Hadamard rotations: offline where a region absorbs them, while running in
// front of the remaining linears.  A region may also be rotated although some
// readers cannot absorb the rotation, if giving those the inverse costs fewer
// transforms than rotating the input of every linear in it.

#include "TransformWriter.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Rewrites/Passes.h"
#include "quantc/Support/Hadamard.h"
#include "llvm/ADT/MapVector.h"

namespace quantc {
#define GEN_PASS_DEF_ROTATEPASS
#include "quantc/Rewrites/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

/// Smaller blocks spread an outlier over too few channels to be worth it.
constexpr int64_t kLeastBlock = 8;

bool isPlainLinear(LinearOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getInput().getType());
  return type && !op.getPackedFrom() && type.getElementType().isF32() &&
         isa<TensorType>(op.getWeight().getType()) &&
         !type.isDynamicDim(type.getRank() - 1);
}

class Rotator {
public:
  Rotator(func::FuncOp func, ShapeAnalysis &shapes)
      : func(func), search(shapes, constants), writer(func, shapes) {
    func.walk([&](LinearOp op) {
      if (isPlainLinear(op) && !constants.contains(op.getInput()))
        readers[op.getInput()].push_back(op);
    });
  }

  /// Moves an RMSNorm's scale into the weights that read its result.
  FailureOr<bool> moveGamma(RmsNormOp op);
  int64_t rotateOffline(int64_t minBlock, bool online);
  int64_t rotateOnline();

private:
  bool isWorthIt(const ChannelRegion &region, bool online) const;
  void giveInverse(const ChannelRegion &region, int64_t block);
  ChannelSpace lastAxisOf(Value value) const {
    return {value, {cast<RankedTensorType>(value.getType()).getRank() - 1}};
  }

  func::FuncOp func;
  ConstantExpressions constants;
  RegionSearch search;
  TransformWriter writer;
  llvm::MapVector<Value, SmallVector<LinearOp>> readers;
  DenseSet<Value> rotated;
};

FailureOr<bool> Rotator::moveGamma(RmsNormOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  auto gammaType = dyn_cast<RankedTensorType>(op.getScale().getType());
  if (!constants.contains(op.getScale()) || !gammaType ||
      gammaType.getRank() != 1 || !gammaType.getElementType().isF32() ||
      int64_t(op.getAxis()) != type.getRank() - 1 ||
      gammaType.getDimSize(0) != type.getShape().back())
    return false;
  ChannelRegion region =
      search.grow(TransformKind::Scale, lastAxisOf(op.getResult()));
  if (!region.folds())
    return false;
  for (const AbsorbSite &site : region.sites)
    if (site.inverse ? isTied(site.constant->get())
                     : site.constant->getOwner() != op)
      return false;
  FailureOr<HostTensor> gamma = evaluateConstant(op.getScale());
  if (failed(gamma))
    return failure();
  ArrayRef<float> values = gamma->as<float>();
  bool invertible = llvm::all_of(values, [](float g) {
    return std::isfinite(g) && std::fabs(g) >= 1e-20f;
  });
  if (!invertible)
    return false;
  writer.foldScale(region, reciprocals(values));
  // The product of gamma and its reciprocal, without the rounding.
  SmallVector<float> ones(values.size(), 1);
  op.getScaleMutable().set(writer.vector(ones));
  return true;
}

/// Fewer transforms are left than without, or none.
bool Rotator::isWorthIt(const ChannelRegion &region, bool online) const {
  DenseSet<Value> restored, fed;
  for (const Blocker &blocker : region.blockers) {
    if (!blocker.use || !blocker.space.isLastAxis() ||
        blocker.space.repeat != 1)
      return false;
    restored.insert(blocker.value);
  }
  for (const AbsorbSite &site : region.sites)
    if (site.inverse && isa<LinearOp>(site.constant->getOwner()))
      fed.insert(site.space.value);
  return !fed.empty() &&
         (restored.empty() || (online && restored.size() < fed.size()));
}

/// Readers that cannot absorb the rotation read what the value was.
void Rotator::giveInverse(const ChannelRegion &region, int64_t block) {
  DenseMap<Value, Value> original;
  for (const Blocker &blocker : region.blockers) {
    Value &value = original[blocker.value];
    if (!value)
      value = writer.rotateValue(blocker.value, block, /*transposed=*/true);
    blocker.use->set(value);
  }
}

int64_t Rotator::rotateOffline(int64_t minBlock, bool online) {
  int64_t count = 0;
  for (Value value : llvm::map_to_vector(
           readers, [](const auto &entry) { return entry.first; })) {
    if (rotated.contains(value))
      continue;
    ChannelRegion region =
        search.grow(TransformKind::Rotation, lastAxisOf(value));
    bool isWhole = region.block == region.channels;
    if (region.block < (isWhole ? kLeastBlock : minBlock) ||
        !factorHadamard(region.block) || !isWorthIt(region, online))
      continue;
    writer.foldHadamard(region, region.block);
    giveInverse(region, region.block);
    for (const ChannelSpace &member : region.members)
      rotated.insert(member.value);
    ++count;
  }
  return count;
}

int64_t Rotator::rotateOnline() {
  int64_t count = 0;
  for (auto &[value, linears] : readers) {
    if (rotated.contains(value))
      continue;
    int64_t block = cast<ShapedType>(value.getType()).getShape().back();
    llvm::erase_if(linears, [&](LinearOp op) {
      return op.getInput() != value || !constants.contains(op.getWeight()) ||
             isTied(op.getWeight());
    });
    if (linears.empty())
      continue;
    if (block < kLeastBlock || !factorHadamard(block)) {
      linears.front().emitRemark()
          << "is not rotated: there is no Hadamard matrix of order " << block;
      continue;
    }
    Value turned = writer.rotateValue(value, block);
    for (LinearOp op : linears) {
      op.getInputMutable().set(turned);
      writer.rotateConstant(op.getWeightMutable(), 1, block);
    }
    ++count;
  }
  return count;
}

struct RotatePass : public quantc::impl::RotatePassBase<RotatePass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(kEntryAttr))
      return;
    FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
    if (failed(shapes))
      return signalPassFailure();
    Rotator rotator(func, *shapes);
    if (offline) {
      for (RmsNormOp op : llvm::to_vector(func.getOps<RmsNormOp>())) {
        FailureOr<bool> moved = rotator.moveGamma(op);
        if (failed(moved))
          return signalPassFailure();
        numGammas += *moved;
      }
      numOffline += rotator.rotateOffline(minBlock, online);
    }
    if (online)
      numOnline += rotator.rotateOnline();
  }
};

} // namespace
