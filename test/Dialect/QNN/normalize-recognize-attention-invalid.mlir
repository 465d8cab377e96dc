// RUN: quant-opt %s --qnn-recognize --mlir-print-local-scope | FileCheck %s

// CHECK-NOT: qnn.attention

// The weights are an output of the model.
func.func @weights_used(%q: tensor<1x8x5x32xf32>, %kt: tensor<1x8x32x7xf32>, %v: tensor<1x8x7x32xf32>) -> (tensor<1x8x5x32xf32>, tensor<1x8x5x7xf32>) {
  %s = qnn.matmul %q, %kt : (tensor<1x8x5x32xf32>, tensor<1x8x32x7xf32>) -> tensor<1x8x5x7xf32>
  %p = qnn.softmax %s {axis = 3 : i64} : (tensor<1x8x5x7xf32>) -> tensor<1x8x5x7xf32>
  %y = qnn.matmul %p, %v : (tensor<1x8x5x7xf32>, tensor<1x8x7x32xf32>) -> tensor<1x8x5x32xf32>
  return %y, %p : tensor<1x8x5x32xf32>, tensor<1x8x5x7xf32>
}

// The softmax runs over the queries.
func.func @other_axis(%q: tensor<1x8x5x32xf32>, %kt: tensor<1x8x32x5xf32>, %v: tensor<1x8x5x32xf32>) -> tensor<1x8x5x32xf32> {
  %s = qnn.matmul %q, %kt : (tensor<1x8x5x32xf32>, tensor<1x8x32x5xf32>) -> tensor<1x8x5x5xf32>
  %p = qnn.softmax %s {axis = 2 : i64} : (tensor<1x8x5x5xf32>) -> tensor<1x8x5x5xf32>
  %y = qnn.matmul %p, %v : (tensor<1x8x5x5xf32>, tensor<1x8x5x32xf32>) -> tensor<1x8x5x32xf32>
  return %y : tensor<1x8x5x32xf32>
}

// A selected value of small magnitude is not a mask: rows where nothing is seen
// would change.
func.func @small_fill(%q: tensor<1x8x5x32xf32>, %kt: tensor<1x8x32x7xf32>, %v: tensor<1x8x7x32xf32>, %seen: tensor<1x1x1x7xi1>) -> tensor<1x8x5x32xf32> {
  %fill = qnn.constant dense<-1.0e4> : tensor<f32> -> tensor<f32>
  %s = qnn.matmul %q, %kt : (tensor<1x8x5x32xf32>, tensor<1x8x32x7xf32>) -> tensor<1x8x5x7xf32>
  %m = qnn.where %seen, %s, %fill : (tensor<1x1x1x7xi1>, tensor<1x8x5x7xf32>, tensor<f32>) -> tensor<1x8x5x7xf32>
  %p = qnn.softmax %m {axis = 3 : i64} : (tensor<1x8x5x7xf32>) -> tensor<1x8x5x7xf32>
  %y = qnn.matmul %p, %v : (tensor<1x8x5x7xf32>, tensor<1x8x7x32xf32>) -> tensor<1x8x5x32xf32>
  return %y : tensor<1x8x5x32xf32>
}

// Keys of one batch for queries of three.
func.func @batch_broadcast(%q: tensor<3x8x5x32xf32>, %kt: tensor<1x8x32x7xf32>, %v: tensor<1x8x7x32xf32>) -> tensor<3x8x5x32xf32> {
  %s = qnn.matmul %q, %kt : (tensor<3x8x5x32xf32>, tensor<1x8x32x7xf32>) -> tensor<3x8x5x7xf32>
  %p = qnn.softmax %s {axis = 3 : i64} : (tensor<3x8x5x7xf32>) -> tensor<3x8x5x7xf32>
  %y = qnn.matmul %p, %v : (tensor<3x8x5x7xf32>, tensor<1x8x7x32xf32>) -> tensor<3x8x5x32xf32>
  return %y : tensor<3x8x5x32xf32>
}

// Attention accumulates in f32.
func.func @doubles(%q: tensor<1x8x5x32xf64>, %kt: tensor<1x8x32x7xf64>, %v: tensor<1x8x7x32xf64>) -> tensor<1x8x5x32xf64> {
  %s = qnn.matmul %q, %kt : (tensor<1x8x5x32xf64>, tensor<1x8x32x7xf64>) -> tensor<1x8x5x7xf64>
  %p = qnn.softmax %s {axis = 3 : i64} : (tensor<1x8x5x7xf64>) -> tensor<1x8x5x7xf64>
  %y = qnn.matmul %p, %v : (tensor<1x8x5x7xf64>, tensor<1x8x7x32xf64>) -> tensor<1x8x5x32xf64>
  return %y : tensor<1x8x5x32xf64>
}
