// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The stages that no target has a part in: from an encoded module to kernel
// functions, and from one of these to loops over buffers; with the dialects
// that they need.  A library of its own links them without LLVM's back ends.

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/AllInterfaces.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/TensorTilingInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/Passes.h"
#include "quantc/Codegen/Passes.h"
#include "quantc/Codegen/Pipelines.h"
#include "quantc/Conversion/Passes.h"
#include "quantc/Dialect/Fmt/Fmt.h"
#include "quantc/Dialect/LowBit/LowBit.h"
#include "quantc/Dialect/QNN/QNN.h"

using namespace mlir;

void quantc::registerKernelDialects(DialectRegistry &registry) {
  registry.insert<affine::AffineDialect, arith::ArithDialect,
                  bufferization::BufferizationDialect, func::FuncDialect,
                  LLVM::LLVMDialect, linalg::LinalgDialect, math::MathDialect,
                  memref::MemRefDialect, scf::SCFDialect, tensor::TensorDialect,
                  vector::VectorDialect>();
  registry.insert<fmt::FmtDialect, lowbit::LowBitDialect, qnn::QNNDialect>();
  qnn::registerReferenceModels(registry);
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(
      registry);
  lowbit::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerAllDialectInterfaceImplementations(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerTilingInterfaceExternalModels(registry);
}

void quantc::addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void quantc::buildFormKernelsPipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createExpandEncodedPass());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createFlattenRowsPass());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createPackWeightsPass());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createAppendInPlacePass());
  pm.addPass(createFormKernelsPass());
}

void quantc::buildBufferKernelsPipeline(OpPassManager &kernels) {
  kernels.addPass(createConvertQNNToLinalgPass());
  addCleanup(kernels);
  kernels.addPass(createTileKernelsPass());
  addCleanup(kernels);
  kernels.addPass(createBufferizeKernelsPass());
  addCleanup(kernels);
}
