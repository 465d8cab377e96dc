// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The search that all equivalence passes share.  A region is the set of values
// that must carry one transform together: the component of (value, axes) under
// the equalities that operations contribute.  At its edge are constants that
// absorb the transform, constants that absorb its inverse, and blockers.

#ifndef QUANTC_REWRITES_REGIONS_H
#define QUANTC_REWRITES_REGIONS_H

#include "quantc/Rewrites/Equivariant.h"

namespace quantc {

/// A constant operand at the edge of a region.  With `inverse` it is on the
/// consumers' side (the columns of a weight), otherwise on the producers'.
struct AbsorbSite {
  mlir::OpOperand *constant;
  int64_t axis;
  bool inverse;
  /// Of the value whose operation has the operand.
  ChannelSpace space;
};

/// Where the transform cannot pass.
struct Blocker {
  mlir::Value value;
  /// The reading operand; null if the value's own operation blocks.
  mlir::OpOperand *use;
  std::string reason;
  ChannelSpace space;
};

struct ChannelRegion {
  TransformKind kind;
  /// Channels that may be chosen freely (one of several repeated heads).
  int64_t channels = 0;
  /// A rotation is block diagonal with equal blocks of a size that divides it.
  int64_t block = 0;
  /// Channels of a head where some member repeats heads, else 0.
  int64_t head = 0;
  llvm::SmallVector<ChannelSpace> members;
  llvm::SmallVector<AbsorbSite> sites;
  llvm::SmallVector<Blocker> blockers;

  /// Every edge absorbs: nothing stays to be done while running.
  bool folds() const { return blockers.empty(); }
  /// For every channel of a member the region's channel.
  llvm::SmallVector<int64_t> channelsOf(const ChannelSpace &member) const;
  bool contains(mlir::Value value) const;
};

/// Grows regions in one function that does not change meanwhile, except by
/// operations whose shapes `shapes` knows.
class RegionSearch {
public:
  RegionSearch(const qnn::ShapeAnalysis &shapes,
               qnn::ConstantExpressions &constants)
      : shapes(shapes), constants(constants) {}

  ChannelRegion grow(TransformKind kind, ChannelSpace seed);

private:
  class Growth;
  const qnn::ShapeAnalysis &shapes;
  qnn::ConstantExpressions &constants;
};

} // namespace quantc

#endif // QUANTC_REWRITES_REGIONS_H
