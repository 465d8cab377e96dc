// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Region growth: from a seed through all operations that define or read a
// member, until every edge absorbs or blocks.

#include "quantc/Rewrites/Regions.h"
#include <numeric>

#include "quantc/Rewrites/EquivariantOpInterface.cpp.inc"

using namespace mlir;

namespace quantc {

//===----------------------------------------------------------------------===//
// Spaces and answers
//===----------------------------------------------------------------------===//

int64_t ChannelSpace::size() const {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t size = 1;
  for (int64_t axis : axes)
    size *= type.getDimSize(axis);
  return size;
}

bool ChannelSpace::isLastAxis() const {
  auto type = cast<RankedTensorType>(value.getType());
  return axes.size() == 1 && axes[0] == type.getRank() - 1;
}

/// Axes of static extent of a tensor.
static bool areStatic(Value value, ArrayRef<int64_t> axes) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && !axes.empty() && llvm::all_of(axes, [&](int64_t axis) {
           return axis >= 0 && axis < type.getRank() &&
                  !type.isDynamicDim(axis);
         });
}

void TransformMove::carryResult(Value result, ArrayRef<int64_t> axes,
                                int64_t repeat) {
  if (!areStatic(result, axes))
    return block("has channels of dynamic extent");
  carried.push_back(
      {result, llvm::to_vector<2>(axes), repeat ? repeat : space.repeat});
}

void TransformMove::carryOperand(OpOperand &operand, ArrayRef<int64_t> axes,
                                 int64_t repeat) {
  if (!isConstant(operand.get()))
    return carryResult(operand.get(), axes, repeat);
  if (axes.size() != 1)
    return block("has a constant with several axes of channels");
  absorb(operand, axes[0]);
}

void TransformMove::absorb(OpOperand &constant, int64_t axis, bool inverse) {
  auto type = dyn_cast<RankedTensorType>(constant.get().getType());
  if (!type || !type.getElementType().isF32() || !isConstant(constant.get()))
    return block("has an operand that is not a float32 constant");
  if (axis < 0 || axis >= type.getRank() ||
      type.getDimSize(axis) != space.size())
    return block("has a constant that does not vary with the channels alone");
  sites.push_back({&constant, axis, inverse});
}

void TransformMove::limitBlock(int64_t size) {
  blockSize = std::gcd(blockSize, size);
}

//===----------------------------------------------------------------------===//
// Growth
//===----------------------------------------------------------------------===//

class RegionSearch::Growth {
public:
  Growth(RegionSearch &search, TransformKind kind) : search(search) {
    region.kind = kind;
  }

  /// Returns by how much more the seed's heads must be shared; 1 when done.
  int64_t run(const ChannelSpace &seed) {
    region.channels = seed.size() / seed.repeat;
    add(seed);
    for (size_t next = 0; next < region.members.size(); ++next) {
      ChannelSpace space = region.members[next];
      visit(space, space.value.getDefiningOp(), nullptr);
      for (OpOperand &use : space.value.getUses())
        visit(space, use.getOwner(), &use);
      if (shared > 1)
        return shared;
    }
    finish();
    return 1;
  }

  ChannelRegion region;

private:
  void add(const ChannelSpace &space) {
    auto [it, isNew] = known.try_emplace(space.value, region.members.size());
    if (isNew)
      region.members.push_back(space);
    const ChannelSpace &member = region.members[it->second];
    if (member.axes != space.axes || member.repeat != space.repeat)
      block(space, nullptr, "carries two transforms");
    else if (space.size() != region.channels * space.repeat)
      block(space, nullptr, "has another number of channels");
  }

  void block(const ChannelSpace &space, OpOperand *use, StringRef reason) {
    region.blockers.push_back({space.value, use, reason.str(), space});
  }

  void visit(const ChannelSpace &space, Operation *op, OpOperand *use) {
    if (!op)
      return block(space, use, "is an input");
    auto equivariant = dyn_cast<EquivariantOpInterface>(op);
    if (!equivariant)
      return block(space, use,
                   op->hasTrait<OpTrait::IsTerminator>()
                       ? std::string("is an output")
                       : op->getName().getStringRef().str() + " blocks");
    TransformMove move(region.kind, space, use, search.shapes,
                       search.constants);
    equivariant.moveTransform(move);
    if (move.reason.empty() && move.carried.empty() && move.sites.empty())
      move.block("blocks");
    if (!move.reason.empty())
      return block(space, use,
                   op->getName().getStringRef().str() + " " + move.reason);
    if (move.shared > 1)
      shared = move.shared;
    if (move.blockSize)
      region.block = std::gcd(region.block, move.blockSize);
    if (move.head && region.head && region.head != move.head)
      return block(space, use, "has heads of another size");
    if (move.head)
      region.head = move.head;
    for (const TransformMove::Site &site : move.sites)
      if (sites.insert({site.constant, site.axis}).second)
        region.sites.push_back({site.constant, site.axis, site.inverse, space});
    for (const ChannelSpace &other : move.carried)
      add(other);
  }

  void finish() {
    if (region.block == 0)
      region.block = region.channels;
    // A head that is repeated is one block.
    for (const ChannelSpace &member : region.members)
      if (member.repeat > 1)
        region.block = std::gcd(region.block, region.head);
  }

  RegionSearch &search;
  DenseMap<Value, size_t> known;
  DenseSet<std::pair<OpOperand *, int64_t>> sites;
  int64_t shared = 1;
};

ChannelRegion RegionSearch::grow(TransformKind kind, ChannelSpace seed) {
  while (true) {
    Growth growth(*this, kind);
    int64_t shared = growth.run(seed);
    if (shared == 1)
      return std::move(growth.region);
    seed.repeat *= shared;
  }
}

//===----------------------------------------------------------------------===//
// ChannelRegion
//===----------------------------------------------------------------------===//

SmallVector<int64_t>
ChannelRegion::channelsOf(const ChannelSpace &member) const {
  SmallVector<int64_t> result(member.size());
  for (auto [i, channel] : llvm::enumerate(result))
    channel = member.repeat == 1 ? int64_t(i)
                                 : int64_t(i) / head / member.repeat * head +
                                       int64_t(i) % head;
  return result;
}

bool ChannelRegion::contains(Value value) const {
  return llvm::any_of(members,
                      [&](const ChannelSpace &m) { return m.value == value; });
}

} // namespace quantc
