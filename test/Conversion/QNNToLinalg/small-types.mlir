// RUN: quant-opt %s --convert-qnn-to-linalg --split-input-file | FileCheck %s

// A byte holds one element of less: of an integer the value, so that it is cut
// when it is read and extended by its sign when it is written.
// CHECK-LABEL: func.func @signed
// CHECK-SAME: %{{.+}}: tensor<5xi8>
// CHECK: linalg.generic
// CHECK: %[[A:.+]] = arith.trunci %{{.+}} : i8 to i4
// CHECK: %[[B:.+]] = arith.extsi %[[A]] : i4 to i32
// CHECK: linalg.yield %[[B]]
// CHECK: %[[C:.+]] = arith.muli
// CHECK: %[[D:.+]] = arith.trunci %[[C]] : i32 to i2
// CHECK: %[[E:.+]] = arith.extsi %[[D]] : i2 to i8
// CHECK: linalg.yield %[[E]]
func.func @signed(%x: tensor<5xi4> {qnn.shape = affine_map<() -> (5)>}) -> tensor<5xi2>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.cast %x : (tensor<5xi4>) -> tensor<5xi32>
  %1 = qnn.mul %0, %0 : (tensor<5xi32>, tensor<5xi32>) -> tensor<5xi32>
  %2 = qnn.cast %1 : (tensor<5xi32>) -> tensor<5xi2>
  return %2 : tensor<5xi2>
}

// -----

// CHECK-LABEL: func.func @unsigned
// CHECK: arith.extui %{{.+}} : i4 to i8
// CHECK-NOT: arith.extsi
func.func @unsigned(%x: tensor<5xi32> {qnn.shape = affine_map<() -> (5)>}) -> tensor<5xui4>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.cast %x : (tensor<5xi32>) -> tensor<5xui4>
  return %0 : tensor<5xui4>
}

// -----

// Of a float the code; movement copies bytes.
// CHECK-LABEL: func.func @moved
// CHECK-SAME: %[[X:.+]]: tensor<2x3xi8>
// CHECK: linalg.generic
// CHECK-NOT: arith.
// CHECK: return %{{.+}} : tensor<3x2xi8>
func.func @moved(%x: tensor<2x3xf4E2M1FN> {qnn.shape = affine_map<() -> (2, 3)>}) -> tensor<3x2xf4E2M1FN>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf4E2M1FN>) -> tensor<3x2xf4E2M1FN>
  return %0 : tensor<3x2xf4E2M1FN>
}

// -----

// Constants may be words of one byte; only the bits of the type count.
// CHECK-LABEL: func.func @words
// CHECK: dense<[-1, 7, -8]> : tensor<3xi8>
func.func @words() -> tensor<3xi4> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.constant dense<[15, 7, 24]> : tensor<3xi8> -> tensor<3xi4>
  return %0 : tensor<3xi4>
}
