// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// configure-tiles: what AMX asks of a function that uses its tiles.  Setting
// the shapes takes about 200 cycles, so it is done once per call and not at
// each contraction; releasing the tiles lets the system save fewer registers.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "quantc/Conversion/Passes.h"

namespace quantc {
#define GEN_PASS_DEF_CONFIGURETILESPASS
#include "quantc/Conversion/Passes.h.inc"
} // namespace quantc

using namespace mlir;

namespace {

constexpr int64_t kTiles = 8, kTileRows = 16, kTileBytes = 64;

bool usesTiles(func::FuncOp func) {
  auto result = func.walk([](LLVM::CallIntrinsicOp op) {
    return op.getIntrin().starts_with("llvm.x86.tdp") ? WalkResult::interrupt()
                                                      : WalkResult::advance();
  });
  return result.wasInterrupted();
}

/// Palette 1; from byte 16 the bytes of a row, two bytes per tile; from byte 48
/// the rows.
SmallVector<int8_t> shapes() {
  SmallVector<int8_t> bytes(64, 0);
  bytes[0] = 1;
  for (int64_t tile = 0; tile < kTiles; ++tile) {
    bytes[16 + 2 * tile] = kTileBytes;
    bytes[48 + tile] = kTileRows;
  }
  return bytes;
}

void configure(func::FuncOp func) {
  ImplicitLocOpBuilder b(func.getLoc(), func.getContext());
  b.setInsertionPointToStart(&func.front());
  auto vector = VectorType::get({64}, b.getI8Type());
  Value memory = memref::AllocaOp::create(
      b, MemRefType::get({64}, b.getI8Type()), b.getI64IntegerAttr(64));
  Value bytes = arith::ConstantOp::create(
      b, DenseElementsAttr::get(vector, ArrayRef<int8_t>(shapes())));
  Value zero = arith::ConstantIndexOp::create(b, 0);
  vector::StoreOp::create(b, bytes, memory, ValueRange{zero});
  Value place = memref::ExtractAlignedPointerAsIndexOp::create(b, memory);
  place = arith::IndexCastOp::create(b, b.getI64Type(), place);
  Value pointer = LLVM::IntToPtrOp::create(
      b, LLVM::LLVMPointerType::get(b.getContext()), place);
  LLVM::CallIntrinsicOp::create(b, b.getStringAttr("llvm.x86.ldtilecfg"),
                                ValueRange{pointer});
  func.walk([&](func::ReturnOp end) {
    b.setInsertionPoint(end);
    LLVM::CallIntrinsicOp::create(b, b.getStringAttr("llvm.x86.tilerelease"),
                                  ValueRange());
  });
}

struct ConfigureTilesPass
    : quantc::impl::ConfigureTilesPassBase<ConfigureTilesPass> {
  void runOnOperation() override {
    getOperation()->walk([](func::FuncOp func) {
      if (usesTiles(func))
        configure(func);
    });
  }
};

} // namespace
