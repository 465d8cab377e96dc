// RUN: quant-opt %s --convert-qnn-to-linalg --split-input-file --verify-diagnostics

func.func @integer_power(%x: tensor<8xi64>) -> tensor<8xi64>
    attributes {qnn.kernel, qnn.symbols = []} {
  // expected-error @below {{has no scalar form for element type 'i64'}}
  %0 = qnn.pow %x, %x : (tensor<8xi64>, tensor<8xi64>) -> tensor<8xi64>
  return %0 : tensor<8xi64>
}

// -----

func.func @boolean_sum(%x: tensor<4x8xi1>) -> tensor<4xi1>
    attributes {qnn.kernel, qnn.symbols = []} {
  // expected-error @below {{expected a numeric operand}}
  %0 = qnn.reduce sum %x {axes = array<i64: 1>, keep_dims = false} : (tensor<4x8xi1>) -> tensor<4xi1>
  return %0 : tensor<4xi1>
}
