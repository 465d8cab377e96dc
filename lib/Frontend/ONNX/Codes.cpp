// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of quantized sources: elementwise conversions, whose scales and zero
// points broadcast, and constants that become #fmt.int in blocks, codes and
// parameters as they are.

#include "Codes.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"

using namespace mlir;

namespace quantc::onnx_frontend {

static bool isSingle(NodeImport &n, Value value) {
  return llvm::all_of(n.shape(value),
                      [](AffineExpr dim) { return staticExtent(dim) == 1; });
}

/// A parameter in the form that broadcasts to a tensor of `rank`.
static Value spread(NodeImport &n, Value parameter, size_t rank, int64_t axis) {
  if (!parameter)
    return {};
  if (isSingle(n, parameter))
    return n.reshape(parameter, {});
  SymbolicShape shape(rank - axis, n.expr(1));
  shape[0] = n.shape(parameter)[0];
  return n.reshape(parameter, shape);
}

Value toCodes(NodeImport &n, Value x, Value scale, Value zero, Type type,
              int64_t axis) {
  if (!x || !scale)
    return {};
  size_t rank = n.rank(x);
  zero = zero ? spread(n, zero, rank, axis) : n.scalar(type, 0);
  return n.create<qnn::ToCodesOp>(type, x, spread(n, scale, rank, axis), zero);
}

Value fromCodes(NodeImport &n, Value codes, Value scale, Value zero,
                int64_t axis) {
  if (!codes || !scale)
    return {};
  size_t rank = n.rank(codes);
  zero = zero ? spread(n, zero, rank, axis) : n.scalar(n.elementType(codes), 0);
  return n.create<qnn::FromCodesOp>(n.elementType(scale), codes,
                                    spread(n, scale, rank, axis), zero);
}

Value shiftCodes(NodeImport &n, Value codes, int64_t by, Type type) {
  Type i32 = n.builder().getI32Type();
  return n.cast(
      n.binary<qnn::AddOp>(n.cast(codes, i32), n.scalar(i32, double(by))),
      type);
}

Value fromBlocks(NodeImport &n, BlockCodes b) {
  if (!b.codes || !b.scale)
    return {};
  MLIRContext *context = &n.importer.context;
  Type f32 = n.builder().getF32Type(), i8 = n.builder().getI8Type();
  Type ui8 = IntegerType::get(context, 8, IntegerType::Unsigned);
  Type type = n.elementType(b.codes);
  bool isUnsigned = type.isUnsignedInteger();
  unsigned bits = b.bits ? b.bits : type.getIntOrFloatBitWidth();
  auto shape = cast<ShapedType>(b.codes.getType()).getShape();
  qnn::ConstantExpressions constants;
  bool isConstant = constants.contains(b.codes) &&
                    constants.contains(b.scale) &&
                    (!b.zero || constants.contains(b.zero));
  if (bits < 2 || bits > 8 || !isConstant)
    return {};
  // Stored scales are f32 or f16; bf16 becomes f32 without loss.
  bool isFloatZero = b.zero && isFloat(n.elementType(b.zero));
  if (!n.elementType(b.scale).isF16() || isFloatZero)
    b.scale = n.cast(b.scale, f32);
  int64_t half = int64_t(1) << (bits - 1);
  auto offset = fmt::OffsetKind::None;
  Value codes, zero;
  if (isFloatZero) {
    // (code - zero) * scale = code * scale - zero * scale
    offset = fmt::OffsetKind::Float;
    codes =
        isUnsigned ? n.cast(b.codes, ui8) : shiftCodes(n, b.codes, half, ui8);
    zero = n.cast(b.zero, f32);
    if (!isUnsigned)
      zero = n.binary<qnn::AddOp>(zero, n.scalar(f32, double(half)));
    zero = n.create<qnn::NegOp>(f32, n.binary<qnn::MulOp>(zero, b.scale));
  } else if (b.zero || isUnsigned) {
    // Unsigned codes and offsets; without a zero point of its own it is 0.
    offset = fmt::OffsetKind::Integer;
    codes =
        isUnsigned ? n.cast(b.codes, ui8) : shiftCodes(n, b.codes, half, ui8);
    zero = b.zero ? (isUnsigned ? n.cast(b.zero, ui8)
                                : shiftCodes(n, b.zero, half, ui8))
                  : n.broadcastTo(n.scalar(ui8, 0), n.shape(b.scale));
  } else {
    codes = n.cast(b.codes, i8);
  }
  SmallVector<int64_t> block(shape.size(), 1);
  block[b.axis] = b.block;
  SmallVector<Value> payload = {codes, b.scale};
  if (zero)
    payload.push_back(zero);
  if (llvm::is_contained(payload, Value()))
    return {};
  auto format = fmt::IntAttr::get(context, bits, fmt::Granularity::Block,
                                  /*axis=*/0, block, n.elementType(b.scale),
                                  offset, /*narrow=*/false);
  auto encoded = qnn::AssembleOp::create(
      n.builder(), n.loc, qnn::EncodedType::get(context, shape, f32, format),
      payload);
  n.importer.shapes.setShape(encoded, n.shape(b.codes));
  return n.create<qnn::DequantizeOp>(f32, encoded.getResult());
}

} // namespace quantc::onnx_frontend
