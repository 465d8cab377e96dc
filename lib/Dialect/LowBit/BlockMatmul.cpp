// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lowbit.block_matmul: verification and tiling.  Rows and columns of C are
// parallel; groups and the reduction inside them stay whole.

#include "Slices.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "quantc/Dialect/Fmt/PackLines.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace quantc::lowbit;

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// Fails when a known extent of `value` differs from the expected one.
static LogicalResult verifyOperand(BlockMatmulOp op, StringRef name,
                                   Value value, ArrayRef<int64_t> expected) {
  auto type = cast<ShapedType>(value.getType());
  bool agrees = type.getRank() == int64_t(expected.size());
  for (size_t i = 0; agrees && i < expected.size(); ++i)
    agrees = type.isDynamicDim(i) || ShapedType::isDynamic(expected[i]) ||
             type.getDimSize(i) == expected[i];
  if (agrees)
    return success();
  return op.emitOpError("expected ")
         << name << " of shape [" << expected << "], got " << value.getType();
}

static LogicalResult verifyElements(BlockMatmulOp op) {
  Type a = op.getAType().getElementType();
  Type b = getElementTypeOrSelf(op.getB());
  if (!(a.isF32() || a.isBF16() || a.isInteger(8)) || !b.isInteger(8) ||
      !op.getCType().getElementType().isF32())
    return op.emitOpError("expected A of i8, bf16 or f32, B of i8 and C of "
                          "f32, got ")
           << a << ", " << b << " and " << op.getCType().getElementType();
  auto isScale = [](Type type) { return type.isF32() || type.isF16(); };
  Type offset = op.getOffsetType();
  if (!isScale(getElementTypeOrSelf(op.getScales())) ||
      (offset && !isScale(offset) && !offset.isInteger(8)))
    return op.emitOpError("expected scales of f16 or f32, and offsets of f16, "
                          "f32 or i8");
  if (op.isInteger() != bool(op.getSums()))
    return op.emitOpError("expected 'sums' with A of i8 and only then");
  if (!op.getSums())
    return success();
  bool isFloat = offset && isScale(offset);
  Type sums = getElementTypeOrSelf(op.getSums());
  if (isFloat ? sums.isF32() : sums.isInteger(32))
    return success();
  return op.emitOpError("expected 'sums' of f32 with float offsets and of i32 "
                        "otherwise, got ")
         << sums;
}

/// Fails unless the attributes describe one kind of codes.
static LogicalResult verifyCodes(BlockMatmulOp op) {
  int64_t bits = op.getBits();
  std::optional<uint64_t> exponent = op.getExponent();
  int64_t least = exponent ? 5 : 1, most = exponent ? 8 : 4;
  if (bits < least || bits > most || int64_t(op.getGroup()) < 1)
    return op.emitOpError("expected ")
           << least << " to " << most << " bits and groups of 1 or more, got "
           << bits << " and " << op.getGroup();
  if (op.getTernary() + exponent.has_value() + op.getValues().has_value() > 1)
    return op.emitOpError("expected one of 'ternary', 'exponent' and 'values'");
  if (op.getTernary() && bits != 2)
    return op.emitOpError("expected 2 bits for 'ternary', got ") << bits;
  if (exponent && (int64_t(*exponent) < 2 || int64_t(*exponent) > bits - 2))
    return op.emitOpError("expected an exponent of 2 to ")
           << bits - 2 << " bits, got " << *exponent;
  if (auto values = op.getValues();
      values && (values->empty() || int64_t(values->size()) > 1 << bits))
    return op.emitOpError("expected 1 to ")
           << (1 << bits) << " values, got " << values->size();
  if (op.hasFloatCodes() && (op.isInteger() || op.isBf16() || op.getOffsets()))
    return op.emitOpError("expected A of f32 and no offsets with codes that "
                          "stand for floats");
  if (op.getTernary() && op.getOffsets())
    return op.emitOpError("expected no offsets with 'ternary'");
  return success();
}

LogicalResult BlockMatmulOp::verify() {
  if (getAType().getRank() != 2 || getAType().isDynamicDim(1) ||
      getCType().getRank() != 2)
    return emitOpError("expected matrices A and C, and A of static depth, got ")
           << getAType() << " and " << getCType();
  if (failed(verifyElements(*this)) || failed(verifyCodes(*this)))
    return failure();
  constexpr int64_t dynamic = ShapedType::kDynamic;
  int64_t m = getCType().getDimSize(0), n = getCType().getDimSize(1);
  int64_t depth = getDepth(), groups = llvm::divideCeil(depth, getGroup());
  int64_t panels = ShapedType::isDynamic(n)
                       ? dynamic
                       : int64_t(llvm::divideCeil(n, kLineColumns));
  auto lines = fmt::getLineShape(getBits(), 1, depth, getGroup(), getTernary());
  if (!lines)
    return emitOpError("expected a depth whose packed lines can be counted, "
                       "got ")
           << depth;
  SmallVector<int64_t> scales = {panels, groups, kLineColumns};
  if (failed(verifyOperand(*this, "A", getA(), {m, depth})) ||
      failed(verifyOperand(*this, "B", getB(),
                           {panels, (*lines)[1], kLineColumns, kLineDepth})) ||
      failed(verifyOperand(*this, "scales", getScales(), scales)) ||
      (getOffsets() &&
       failed(verifyOperand(*this, "offsets", getOffsets(), scales))) ||
      (getSums() &&
       failed(verifyOperand(*this, "sums", getSums(), {m, groups}))))
    return failure();
  return verifyDestinationStyle(*this);
}

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> BlockMatmulOp::getLoopIteratorTypes() {
  return {utils::IteratorType::parallel, utils::IteratorType::parallel};
}

FailureOr<TilingResult>
BlockMatmulOp::getTiledImplementation(OpBuilder &b,
                                      ArrayRef<OpFoldResult> offsets,
                                      ArrayRef<OpFoldResult> sizes) {
  std::optional<int64_t> column = getConstantIntValue(offsets[1]);
  if (column && *column % kLineColumns)
    return failure();
  Location loc = getLoc();
  SmallVector<Operation *> slices;
  auto take = [&](Value value, const Slice &slice) {
    Value taken = takeSlice(b, loc, value, slice);
    slices.push_back(taken.getDefiningOp());
    return taken;
  };
  auto addWhole = [&](Slice &slice, Value value, int64_t dim) {
    slice.add(b.getIndexAttr(0), getExtent(b, loc, value, dim));
  };
  auto takeRows = [&](Value value) {
    Slice slice;
    slice.add(offsets[0], sizes[0]);
    addWhole(slice, value, 1);
    return take(value, slice);
  };
  auto takePanels = [&](Value value) {
    Slice slice;
    addPanels(b, loc, slice, offsets[1], sizes[1]);
    for (int64_t i = 1; i < cast<ShapedType>(value.getType()).getRank(); ++i)
      addWhole(slice, value, i);
    return take(value, slice);
  };
  Value a = takeRows(getA()), lines = takePanels(getB());
  Value scales = takePanels(getScales());
  Value zeros = getOffsets() ? takePanels(getOffsets()) : Value();
  Value sums = getSums() ? takeRows(getSums()) : Value();
  Value c = take(getC(), Slice(offsets, sizes));
  SmallVector<Type> types;
  if (isa<TensorType>(c.getType()))
    types.push_back(c.getType());
  auto tiled = BlockMatmulOp::create(
      b, loc, types, a, lines, scales, zeros, sums, c, getBits(), getGroup(),
      getTernary(), getExponentAttr(), getValuesAttr());
  tiled->setDiscardableAttrs(getOperation()->getDiscardableAttrDictionary());
  return TilingResult{{tiled}, SmallVector<Value>(tiled->getResults()), slices};
}
