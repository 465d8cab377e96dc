// RUN: quant-opt %s --split-input-file --tile-kernels | FileCheck %s

// The linear is a result itself and has an epilogue: loops are over tiles of
// whole panels, none over single elements, which a packed weight could not be
// read in.
// CHECK-LABEL: @linear_and_epilogue
// CHECK: scf.forall {{.*}} step (48, 64)
// CHECK: lowbit.matmul
// CHECK-NOT: scf.forall {{.*}} in (
func.func private @linear_and_epilogue(
    %x: tensor<?x6xf32> {qnn.shape = affine_map<()[s0] -> (s0, 6)>},
    %w: tensor<1x6x16xf32> {qnn.shape = affine_map<()[s0] -> (1, 6, 16)>})
    -> (tensor<?x8xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8)>},
        tensor<?x8xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8)>})
    attributes {qnn.kernel, qnn.symbols = ["d0"]} {
  %d = qnn.symbol_value 0
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty(%d) : tensor<?x8xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  %0 = lowbit.matmul packed ins(%x, %w : tensor<?x6xf32>, tensor<1x6x16xf32>)
      outs(%start : tensor<?x8xf32>) -> tensor<?x8xf32>
  %out = tensor.empty(%d) : tensor<?x8xf32>
  %1 = linalg.generic {
      indexing_maps = [affine_map<(m, n) -> (m, n)>,
                       affine_map<(m, n) -> (m, n)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<?x8xf32>) outs(%out : tensor<?x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %2 = arith.negf %a : f32
    linalg.yield %2 : f32
  } -> tensor<?x8xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// An epilogue alone has no say: the linear is tiled by rows and columns.
// CHECK-LABEL: @linear_alone
// CHECK: scf.forall {{.*}} step (48, 64)
// CHECK-NOT: scf.forall (
func.func private @linear_alone(
    %x: tensor<?x6xf32> {qnn.shape = affine_map<()[s0] -> (s0, 6)>},
    %w: tensor<1x6x16xf32> {qnn.shape = affine_map<()[s0] -> (1, 6, 16)>})
    -> (tensor<?x8xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8)>})
    attributes {qnn.kernel, qnn.symbols = ["d0"]} {
  %d = qnn.symbol_value 0
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty(%d) : tensor<?x8xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  %0 = lowbit.matmul packed ins(%x, %w : tensor<?x6xf32>, tensor<1x6x16xf32>)
      outs(%start : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
