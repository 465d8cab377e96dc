// RUN: quant-opt %s --convert-qnn-to-linalg --split-input-file | FileCheck %s

// The program is the body of one parallel generic; reads are clamped.
// CHECK-LABEL: func.func @mirror
// CHECK-SAME: %[[X:.+]]: tensor<?xf16>
// CHECK: %[[N:.+]] = qnn.symbol_value 0
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel"]
// CHECK: %[[I:.+]] = linalg.index 0
// CHECK: %[[AT:.+]] = arith.subi %[[N]], %[[I]]
// CHECK: %[[LOW:.+]] = arith.maxsi %[[AT]]
// CHECK: %[[IN:.+]] = arith.minsi %[[LOW]]
// CHECK: %[[V:.+]] = tensor.extract %[[X]][%[[IN]]]
// CHECK: arith.extf %[[V]] : f16 to f32
// CHECK-NOT: qnn.element
func.func @mirror(%x: tensor<?xf16> {qnn.shape = affine_map<()[s0] -> (s0)>}) -> tensor<?xf16>
    attributes {qnn.kernel, qnn.symbols = ["n"]} {
  %0 = qnn.compute(%x) {shape = affine_map<()[s0] -> (s0)>, sizes = affine_map<()[s0] -> (s0)>}
      : (tensor<?xf16>) -> tensor<?xf16> {
  ^bb0(%i: index, %n: index, %t: tensor<?xf16>):
    %at = arith.subi %n, %i : index
    %v = qnn.element %t[%at] : tensor<?xf16> -> f32
    qnn.yield %v : f32
  }
  return %0 : tensor<?xf16>
}

// -----

// A recurrence is a nest of loops that carry the result.
// CHECK-LABEL: func.func @recurrence
// CHECK: %[[E:.+]] = tensor.empty() : tensor<4xf32>
// CHECK: scf.for %[[I:.+]] = %{{.+}} iter_args(%[[SELF:.+]] = %[[E]])
// CHECK: %[[OLD:.+]] = tensor.extract %[[SELF]]
// CHECK: %[[NEW:.+]] = arith.addf %[[OLD]]
// CHECK: %[[NEXT:.+]] = tensor.insert %[[NEW]] into %[[SELF]][%[[I]]]
// CHECK: scf.yield %[[NEXT]]
// CHECK-NOT: linalg.generic
func.func @recurrence() -> tensor<4xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.compute() {shape = affine_map<() -> (4)>, sizes = affine_map<() -> ()>, sequential = 1 : i64}
      : () -> tensor<4xf32> {
  ^bb0(%i: index, %self: tensor<4xf32>):
    %one = arith.constant 1 : index
    %step = arith.constant 2.0 : f32
    %before = arith.subi %i, %one : index
    %old = qnn.element %self[%before] : tensor<4xf32> -> f32
    %new = arith.addf %old, %step : f32
    qnn.yield %new : f32
  }
  return %0 : tensor<4xf32>
}

// -----

// Elements of a constant of one value need no memory, those of an empty tensor
// are 0.
// CHECK-LABEL: func.func @known_elements
// CHECK: linalg.generic
// CHECK-NOT: tensor.extract
func.func @known_elements(%e: tensor<0xf32>) -> tensor<4xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %c = qnn.constant dense<3.0> : tensor<2xf32> -> tensor<2xf32>
  %0 = qnn.compute(%c, %e) {shape = affine_map<() -> (4)>, sizes = affine_map<() -> ()>}
      : (tensor<2xf32>, tensor<0xf32>) -> tensor<4xf32> {
  ^bb0(%i: index, %t: tensor<2xf32>, %u: tensor<0xf32>):
    %a = qnn.element %t[%i] : tensor<2xf32> -> f32
    %b = qnn.element %u[%i] : tensor<0xf32> -> f32
    %sum = arith.addf %a, %b : f32
    qnn.yield %sum : f32
  }
  return %0 : tensor<4xf32>
}
