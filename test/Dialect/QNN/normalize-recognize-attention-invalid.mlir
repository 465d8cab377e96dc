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

// The guard looks at another mask, so it hides rows that have keys.
func.func @guard_of_another_mask(%q: tensor<2x3x4x8xf32>, %kt: tensor<2x3x8x6xf32>, %v: tensor<2x3x6x8xf32>, %mask: tensor<4x6xf32>, %other: tensor<4x6xf32>) -> tensor<2x3x4x8xf32> {
  %inf = qnn.constant dense<0xFF800000> : tensor<1xf32> -> tensor<1xf32>
  %zero = qnn.constant dense<0.0> : tensor<1xf32> -> tensor<1xf32>
  %s = qnn.matmul %q, %kt : (tensor<2x3x4x8xf32>, tensor<2x3x8x6xf32>) -> tensor<2x3x4x6xf32>
  %m = qnn.add %s, %mask : (tensor<2x3x4x6xf32>, tensor<4x6xf32>) -> tensor<2x3x4x6xf32>
  %p = qnn.softmax %m {axis = 3 : i64} : (tensor<2x3x4x6xf32>) -> tensor<2x3x4x6xf32>
  %most = qnn.reduce max %other {axes = array<i64: 1>, keep_dims = true} : (tensor<4x6xf32>) -> tensor<4x1xf32>
  %hidden = qnn.equal %most, %inf : (tensor<4x1xf32>, tensor<1xf32>) -> tensor<4x1xi1>
  %g = qnn.where %hidden, %zero, %p : (tensor<4x1xi1>, tensor<1xf32>, tensor<2x3x4x6xf32>) -> tensor<2x3x4x6xf32>
  %y = qnn.matmul %g, %v : (tensor<2x3x4x6xf32>, tensor<2x3x6x8xf32>) -> tensor<2x3x4x8xf32>
  return %y : tensor<2x3x4x8xf32>
}

// A guard that holds for some rows.
func.func @guard_of_some_rows(%q: tensor<2x3x2x8xf32>, %kt: tensor<2x3x8x6xf32>, %v: tensor<2x3x6x8xf32>) -> tensor<2x3x2x8xf32> {
  %zero = qnn.constant dense<0.0> : tensor<1xf32> -> tensor<1xf32>
  %some = qnn.constant dense<[[true], [false]]> : tensor<2x1xi1> -> tensor<2x1xi1>
  %s = qnn.matmul %q, %kt : (tensor<2x3x2x8xf32>, tensor<2x3x8x6xf32>) -> tensor<2x3x2x6xf32>
  %p = qnn.softmax %s {axis = 3 : i64} : (tensor<2x3x2x6xf32>) -> tensor<2x3x2x6xf32>
  %g = qnn.where %some, %zero, %p : (tensor<2x1xi1>, tensor<1xf32>, tensor<2x3x2x6xf32>) -> tensor<2x3x2x6xf32>
  %y = qnn.matmul %g, %v : (tensor<2x3x2x6xf32>, tensor<2x3x6x8xf32>) -> tensor<2x3x2x8xf32>
  return %y : tensor<2x3x2x8xf32>
}
