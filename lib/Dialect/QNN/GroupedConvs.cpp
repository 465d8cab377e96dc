// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Joins groups of channels.  The zeros come from a selection by a constant mask
// [together, together], a lazy expression like all that is done to weights.

#include "quantc/Dialect/QNN/GroupedConvs.h"

using namespace mlir;

namespace quantc::qnn {

/// Output channels that kernels compute together, and the most groups that are
/// joined for it: more would mostly multiply zeros.
static constexpr int64_t kColumns = 16;
static constexpr int64_t kMostTogether = 16;

int64_t getGroupsTogether(ConvOp op) {
  int64_t groups = op.getGroups();
  if (groups == 1 || op.isDepthwise())
    return 1;
  ArrayRef<int64_t> shape = op.getPackedFrom().value_or(
      cast<ShapedType>(op.getWeight().getType()).getShape());
  if (llvm::is_contained(shape, 0))
    return 0;
  int64_t outputs = shape.front() / groups;
  for (int64_t together = 1; together <= kMostTogether; ++together)
    if (together == groups ||
        (groups % together == 0 && together * outputs % kColumns == 0))
      return together;
  return 0;
}

static Value reshape(OpBuilder &builder, Location loc, Value value,
                     ArrayRef<int64_t> shape) {
  SmallVector<AffineExpr> dims;
  for (int64_t extent : shape)
    dims.push_back(builder.getAffineConstantExpr(extent));
  Type element = cast<ShapedType>(value.getType()).getElementType();
  return ReshapeOp::create(builder, loc, RankedTensorType::get(shape, element),
                           value,
                           AffineMap::get(0, 0, dims, builder.getContext()));
}

Value spreadGroups(OpBuilder &builder, Location loc, Value codes,
                   int64_t groups, int64_t together) {
  auto type = cast<RankedTensorType>(codes.getType());
  ArrayRef<int64_t> shape = type.getShape();
  int64_t taps = llvm::product_of(shape.drop_front().drop_back());
  // [products, groups of one, outputs, taps, groups of one, channels].
  SmallVector<int64_t> split = {
      groups / together, together, shape.front() / groups, taps, 1,
      shape.back()};
  Value narrow = reshape(builder, loc, codes, split);
  split[4] = together;
  SmallVector<bool> isOwn;
  for (int64_t i = 0; i < together * together; ++i)
    isOwn.push_back(i / together == i % together);
  auto maskType = RankedTensorType::get({1, together, 1, 1, together, 1},
                                        builder.getI1Type());
  Value mask = ConstantOp::create(builder, loc, maskType,
                                  DenseElementsAttr::get(maskType, isOwn));
  auto scalar = RankedTensorType::get({}, type.getElementType());
  Value zero = ConstantOp::create(
      builder, loc, scalar, cast<ElementsAttr>(builder.getZeroAttr(scalar)));
  Value wide = WhereOp::create(
      builder, loc, RankedTensorType::get(split, type.getElementType()), mask,
      narrow, zero);
  SmallVector<int64_t> spread(shape);
  spread.back() *= together;
  return reshape(builder, loc, wide, spread);
}

} // namespace quantc::qnn
