// RUN: quant-opt %s --qnn-recognize --mlir-print-local-scope | FileCheck %s

// CHECK-NOT: qnn.rotary

// The halves are not swapped.
func.func @not_swapped(%x: tensor<1x8x5x32xf32>, %cos: tensor<5x32xf32>, %sin: tensor<5x32xf32>) -> tensor<1x8x5x32xf32> {
  %a = qnn.mul %x, %cos : (tensor<1x8x5x32xf32>, tensor<5x32xf32>) -> tensor<1x8x5x32xf32>
  %low = qnn.slice %x {starts = affine_map<() -> (0, 0, 0, 0)>, sizes = affine_map<() -> (1, 8, 5, 16)>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x8x5x32xf32>) -> tensor<1x8x5x16xf32>
  %high = qnn.slice %x {starts = affine_map<() -> (0, 0, 0, 16)>, sizes = affine_map<() -> (1, 8, 5, 16)>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x8x5x32xf32>) -> tensor<1x8x5x16xf32>
  %neg = qnn.neg %low : (tensor<1x8x5x16xf32>) -> tensor<1x8x5x16xf32>
  %turned = qnn.concat %neg, %high {axis = 3 : i64} : (tensor<1x8x5x16xf32>, tensor<1x8x5x16xf32>) -> tensor<1x8x5x32xf32>
  %b = qnn.mul %turned, %sin : (tensor<1x8x5x32xf32>, tensor<5x32xf32>) -> tensor<1x8x5x32xf32>
  %y = qnn.add %a, %b : (tensor<1x8x5x32xf32>, tensor<1x8x5x32xf32>) -> tensor<1x8x5x32xf32>
  return %y : tensor<1x8x5x32xf32>
}

// The straight part is of another value.
func.func @other_value(%x: tensor<1x8x5x32xf32>, %z: tensor<1x8x5x32xf32>, %cos: tensor<5x32xf32>, %sin: tensor<5x32xf32>) -> tensor<1x8x5x32xf32> {
  %a = qnn.mul %z, %cos : (tensor<1x8x5x32xf32>, tensor<5x32xf32>) -> tensor<1x8x5x32xf32>
  %low = qnn.slice %x {starts = affine_map<() -> (0, 0, 0, 0)>, sizes = affine_map<() -> (1, 8, 5, 16)>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x8x5x32xf32>) -> tensor<1x8x5x16xf32>
  %high = qnn.slice %x {starts = affine_map<() -> (0, 0, 0, 16)>, sizes = affine_map<() -> (1, 8, 5, 16)>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x8x5x32xf32>) -> tensor<1x8x5x16xf32>
  %neg = qnn.neg %high : (tensor<1x8x5x16xf32>) -> tensor<1x8x5x16xf32>
  %turned = qnn.concat %neg, %low {axis = 3 : i64} : (tensor<1x8x5x16xf32>, tensor<1x8x5x16xf32>) -> tensor<1x8x5x32xf32>
  %b = qnn.mul %turned, %sin : (tensor<1x8x5x32xf32>, tensor<5x32xf32>) -> tensor<1x8x5x32xf32>
  %y = qnn.add %a, %b : (tensor<1x8x5x32xf32>, tensor<1x8x5x32xf32>) -> tensor<1x8x5x32xf32>
  return %y : tensor<1x8x5x32xf32>
}
