// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See WindowRows.h.  Nothing is copied: gathering costs a store and two loads
// per element of the windows, and the copies push lines of B out of L1.

#include "WindowRows.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace quantc::lowbit {

/// Channels are read by whole vectors of zeros where there are none, and in
/// loops that are unrolled.
static constexpr int64_t kChannelUnit = 16;

MatmulOp WindowRows::findReader(PatchesOp op) {
  auto buffer = op.getOutput().getDefiningOp<memref::AllocOp>();
  auto type = cast<MemRefType>(op.getInput().getType());
  if (!buffer || !type.getElementType().isF32() ||
      type.getShape().back() % kChannelUnit != 0)
    return nullptr;
  MatmulOp reader;
  for (Operation *user : buffer->getUsers()) {
    if (user == op)
      continue;
    auto matmul = dyn_cast<MatmulOp>(user);
    if (!matmul || reader || matmul.getA() != buffer.getResult() ||
        matmul.getC() == buffer.getResult() ||
        matmul->getBlock() != op->getBlock() || matmul->isBeforeInBlock(op) ||
        matmul.getBLayout() != BLayout::Packed || matmul.getNumBatchDims() != 0)
      return nullptr;
    reader = matmul;
  }
  return reader;
}

WindowRows::WindowRows(ImplicitLocOpBuilder &b, PatchesOp op)
    : WindowEmitter(b, op) {
  int64_t channels = getChannels();
  auto row = MemRefType::get({channels}, b.getF32Type());
  Value none = memref::AllocOp::create(b, row, b.getI64IntegerAttr(64));
  auto vector = VectorType::get({kChannelUnit}, b.getF32Type());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vector));
  for (int64_t i = 0; i < channels; i += kChannelUnit)
    vector::StoreOp::create(b, zero, none, ValueRange{constant(i)});
  zeros = memref::ExtractAlignedPointerAsIndexOp::create(b, none);
  auto data = memref::ExtractStridedMetadataOp::create(b, input);
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(b, input);
  begin = add(base, mul(data.getOffset(), sizeof(float)));
  for (Value stride : data.getStrides())
    inputStrides.push_back(mul(stride, sizeof(float)));
}

WindowRows::Pixel WindowRows::getPixel(Value row) {
  Pixel pixel;
  pixel.sample = add(first, row);
  for (size_t axis = window.size(); axis-- > 0;) {
    Value extent = getOutputExtent(axis);
    Value position = rem(pixel.sample, extent);
    pixel.sample = div(pixel.sample, extent);
    pixel.starts.push_back(
        sub(mul(position, strides[axis]), constant(low[axis])));
  }
  std::reverse(pixel.starts.begin(), pixel.starts.end());
  return pixel;
}

Value WindowRows::getPointer(const Pixel &pixel, Value tap) {
  Value address = add(begin, mul(pixel.sample, inputStrides.front()));
  Value inside = arith::ConstantIntOp::create(b, 1, 1);
  for (size_t axis = window.size(); axis-- > 0;) {
    Value extent = constant(window[axis]);
    Value position =
        add(pixel.starts[axis], mul(rem(tap, extent), dilations[axis]));
    tap = div(tap, extent);
    address = add(address, mul(position, inputStrides[axis + 1]));
    inside = b.createOrFold<arith::AndIOp>(
        inside, isInside(position, getInputExtent(axis)));
  }
  address = b.createOrFold<arith::SelectOp>(inside, address, zeros);
  Value word = arith::IndexCastOp::create(b, b.getI64Type(), address);
  return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()),
                                  word);
}

Value WindowRows::load(Value pointer, Value index) {
  Value place = arith::IndexCastOp::create(b, b.getI64Type(), index);
  Value element = LLVM::GEPOp::create(b, pointer.getType(), b.getF32Type(),
                                      pointer, ValueRange{place});
  return LLVM::LoadOp::create(b, b.getF32Type(), element);
}

} // namespace quantc::lowbit
