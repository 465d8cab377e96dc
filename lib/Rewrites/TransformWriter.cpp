// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants become lazy expressions, `qnn.mul` or `qnn.hadamard` of what they
// were, which are evaluated one at a time when the artifact is written.

#include "TransformWriter.h"
#include "quantc/Rewrites/Transforms.h"
#include <cmath>

using namespace mlir;
using namespace quantc::qnn;

namespace quantc {

SmallVector<float> reciprocals(ArrayRef<float> factors) {
  return llvm::map_to_vector(factors,
                             [](float f) { return float(1 / double(f)); });
}

SmallVector<float> absMaxAlong(const HostTensor &tensor, int64_t axis) {
  ArrayRef<int64_t> shape = tensor.getShape();
  int64_t inner = 1;
  for (int64_t extent : shape.drop_front(axis + 1))
    inner *= extent;
  SmallVector<float> result(shape[axis], 0);
  ArrayRef<float> values = tensor.as<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    float &most = result[int64_t(i) / inner % shape[axis]];
    most = std::fmax(most, std::fabs(values[i]));
  }
  return result;
}

bool isTied(Value weight) {
  while (true) {
    for (Operation *user : weight.getUsers())
      if (isa<GatherOp>(user) && user->getOperand(0) == weight)
        return true;
    Operation *op = weight.getDefiningOp();
    if (!op || op->getNumOperands() == 0)
      return false;
    weight = op->getOperand(0);
  }
}

Value TransformWriter::vector(ArrayRef<float> values, int64_t trailing) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&func.front());
  SmallVector<int64_t> shape(trailing + 1, 1);
  shape[0] = values.size();
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  auto op = ConstantOp::create(builder, func.getLoc(), type,
                               DenseElementsAttr::get(type, values));
  (void)shapes.update(op);
  return op.getResult();
}

void TransformWriter::record(const ChannelSpace &member,
                             NamedAttribute transform) {
  Operation *op = member.value.getDefiningOp();
  if (!op || op->getNumResults() != 1)
    return;
  SmallVector<Attribute> all;
  if (auto before = op->getAttrOfType<ArrayAttr>(kTransformsAttr))
    llvm::append_range(all, before);
  NamedAttribute axes =
      builder.getNamedAttr("axes", builder.getDenseI64ArrayAttr(member.axes));
  all.push_back(builder.getDictionaryAttr({axes, transform}));
  op->setAttr(kTransformsAttr, builder.getArrayAttr(all));
}

void TransformWriter::scaleConstant(OpOperand &constant, int64_t axis,
                                    ArrayRef<float> factors) {
  Value old = constant.get();
  auto type = cast<RankedTensorType>(old.getType());
  Value other = vector(factors, type.getRank() - 1 - axis);
  builder.setInsertionPoint(constant.getOwner());
  auto op = MulOp::create(builder, old.getLoc(), type, old, other);
  (void)shapes.update(op);
  constant.set(op.getResult());
}

void TransformWriter::rotateConstant(OpOperand &constant, int64_t axis,
                                     int64_t block) {
  Value value = constant.get();
  Location loc = value.getLoc();
  auto type = cast<RankedTensorType>(value.getType());
  builder.setInsertionPoint(constant.getOwner());
  auto transpose = [&](Value operand) -> Value {
    SmallVector<int64_t> order =
        llvm::to_vector(llvm::seq<int64_t>(type.getRank()));
    std::swap(order[axis], order.back());
    SmallVector<int64_t> shape(
        cast<RankedTensorType>(operand.getType()).getShape());
    std::swap(shape[axis], shape.back());
    auto op =
        TransposeOp::create(builder, loc, type.clone(shape), operand, order);
    (void)shapes.update(op);
    return op.getResult();
  };
  bool inner = axis + 1 == type.getRank();
  if (!inner)
    value = transpose(value);
  auto op = HadamardOp::create(builder, loc, value.getType(), value, block,
                               /*transposed=*/false);
  (void)shapes.update(op);
  constant.set(inner ? op.getResult() : transpose(op.getResult()));
}

void TransformWriter::foldScale(const ChannelRegion &region,
                                ArrayRef<float> factors) {
  SmallVector<float> inverse = reciprocals(factors);
  auto spread = [&](const ChannelSpace &space, ArrayRef<float> values) {
    return llvm::map_to_vector(region.channelsOf(space),
                               [&](int64_t c) { return values[c]; });
  };
  for (const AbsorbSite &site : region.sites)
    scaleConstant(*site.constant, site.axis,
                  spread(site.space, site.inverse ? inverse : factors));
  for (const ChannelSpace &member : region.members) {
    SmallVector<float> own = spread(member, factors);
    auto type =
        RankedTensorType::get({int64_t(own.size())}, builder.getF32Type());
    record(member, builder.getNamedAttr(
                       "scale", DenseElementsAttr::get(type, ArrayRef(own))));
  }
}

void TransformWriter::foldHadamard(const ChannelRegion &region, int64_t block) {
  // The matrix is orthogonal: producers and consumers take the same product.
  for (const AbsorbSite &site : region.sites)
    rotateConstant(*site.constant, site.axis, block);
  for (const ChannelSpace &member : region.members)
    record(member,
           builder.getNamedAttr("hadamard", builder.getI64IntegerAttr(block)));
}

Value TransformWriter::scaleValue(Value value, ArrayRef<float> factors) {
  Value other = vector(factors);
  // An argument is followed by the start of the block, the factors are after.
  builder.setInsertionPointAfterValue(isa<BlockArgument>(value) ? other
                                                                : value);
  auto op =
      MulOp::create(builder, value.getLoc(), value.getType(), value, other);
  (void)shapes.update(op);
  int64_t last = cast<RankedTensorType>(value.getType()).getRank() - 1;
  auto type =
      RankedTensorType::get({int64_t(factors.size())}, builder.getF32Type());
  if (Operation *source = value.getDefiningOp())
    if (Attribute before = source->getAttr(kTransformsAttr))
      op->setAttr(kTransformsAttr, before);
  record({op.getResult(), {last}},
         builder.getNamedAttr("scale", DenseElementsAttr::get(type, factors)));
  return op.getResult();
}

Value TransformWriter::rotateValue(Value value, int64_t block,
                                   bool transposed) {
  builder.setInsertionPointAfterValue(value);
  auto op = HadamardOp::create(builder, value.getLoc(), value.getType(), value,
                               block, transposed);
  (void)shapes.update(op);
  if (transposed)
    return op.getResult();
  if (Operation *source = value.getDefiningOp())
    if (Attribute before = source->getAttr(kTransformsAttr))
      op->setAttr(kTransformsAttr, before);
  int64_t last = cast<RankedTensorType>(value.getType()).getRank() - 1;
  record({op.getResult(), {last}},
         builder.getNamedAttr("hadamard", builder.getI64IntegerAttr(block)));
  return op.getResult();
}

} // namespace quantc
