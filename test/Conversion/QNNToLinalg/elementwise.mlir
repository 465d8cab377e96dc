// RUN: quant-opt %s --convert-qnn-to-linalg --split-input-file | FileCheck %s

// Two elementwise operations over one space become one generic; the operand of
// lower rank broadcasts by its map.
// CHECK-LABEL: func.func @chain_broadcast
// CHECK: %[[N:.+]] = qnn.symbol_value 0
// CHECK: %[[E:.+]] = tensor.empty(%[[N]]) : tensor<?x8xf32>
// CHECK: linalg.generic
// CHECK-SAME: ins(%{{.+}}, %{{.+}} : tensor<?x8xf32>, tensor<8xf32>)
// CHECK: arith.addf
// CHECK: arith.cmpf ole
// CHECK: arith.select
// CHECK-NOT: linalg.generic
func.func @chain_broadcast(
    %x: tensor<?x8xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8)>},
    %b: tensor<8xf32>) -> tensor<?x8xf32>
    attributes {qnn.kernel, qnn.symbols = ["n"]} {
  %0 = qnn.add %x, %b : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %1 = qnn.relu %0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// -----

// A value with two readers is not computed twice.
// CHECK-LABEL: func.func @two_readers
// CHECK-COUNT-1: math.exp
// CHECK-NOT: math.exp
func.func @two_readers(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>)
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = qnn.neg %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = qnn.abs %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1, %2 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Booleans are bytes, in the signature too.
// CHECK-LABEL: func.func @booleans
// CHECK-SAME: %{{.+}}: tensor<8xi8>
// CHECK-SAME: -> tensor<8xi8>
// CHECK: arith.cmpi ne
// CHECK: arith.extui %{{.+}} : i1 to i8
func.func @booleans(%x: tensor<8xi1>) -> tensor<8xi1>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.not %x : (tensor<8xi1>) -> tensor<8xi1>
  return %0 : tensor<8xi1>
}

// -----

// A splat constant is a constant of the body, not an operand.
// CHECK-LABEL: func.func @splat
// CHECK: linalg.generic
// CHECK-SAME: ins(%{{.+}} : tensor<8xf32>)
// CHECK: arith.constant 2.500000e+00 : f32
func.func @splat(%x: tensor<8xf32>) -> tensor<8xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %c = qnn.constant dense<2.5> : tensor<f32> -> tensor<f32>
  %0 = qnn.mul %x, %c : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// Integer division never traps: the divisor is 1 where it was 0 or -1.
// CHECK-LABEL: func.func @integer_division
// CHECK: %[[S:.+]] = arith.select %{{.+}}, %{{.+}}, %{{.+}} : i64
// CHECK: arith.divsi %{{.+}}, %[[S]] : i64
func.func @integer_division(%x: tensor<8xi64>, %y: tensor<8xi64>)
    -> tensor<8xi64> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.div %x, %y : (tensor<8xi64>, tensor<8xi64>) -> tensor<8xi64>
  return %0 : tensor<8xi64>
}

// -----

// Functions that are not kernels stay as they are.
// CHECK-LABEL: func.func @not_a_kernel
// CHECK: qnn.neg
func.func @not_a_kernel(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = qnn.neg %x : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
