// RUN: quant-opt %s --split-input-file --verify-diagnostics -o /dev/null

func.func @too_few_arguments(%x: tensor<3xf32>) {
  // expected-error @+1 {{expected a region with 2 arguments, got 1}}
  %0 = qnn.compute(%x) {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>}
      : (tensor<3xf32>) -> tensor<3xf32> {
  ^bb0(%i: index):
    %c = arith.constant 0.0 : f32
    qnn.yield %c : f32
  }
  return
}

// -----

func.func @index_type(%x: tensor<3xf32>) {
  // expected-error @+1 {{expected region argument 0 of type index, got 'i64'}}
  %0 = qnn.compute(%x) {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>}
      : (tensor<3xf32>) -> tensor<3xf32> {
  ^bb0(%i: i64, %t: tensor<3xf32>):
    %c = arith.constant 0.0 : f32
    qnn.yield %c : f32
  }
  return
}

// -----

func.func @operand_type(%x: tensor<3xf32>) {
  // expected-error @+1 {{expected region argument 1 of the kind 'tensor<3xf32>', got 'tensor<3xi32>'}}
  %0 = qnn.compute(%x) {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>}
      : (tensor<3xf32>) -> tensor<3xf32> {
  ^bb0(%i: index, %t: tensor<3xi32>):
    %c = arith.constant 0.0 : f32
    qnn.yield %c : f32
  }
  return
}

// -----

// Values are compute scalars: f32 for f16.
func.func @yielded_type() {
  // expected-error @+1 {{expected a value of type 'f32' for elements of 'f16', got 'f16'}}
  %0 = qnn.compute() {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>}
      : () -> tensor<3xf16> {
  ^bb0(%i: index):
    %c = arith.constant 0.0 : f16
    qnn.yield %c : f16
  }
  return
}

// -----

func.func @sequential() {
  // expected-error @+1 {{expected 'sequential' in [0, 1], got 2}}
  %0 = qnn.compute() {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>, sequential = 2 : i64}
      : () -> tensor<3xf32> {
  ^bb0(%i: index, %self: tensor<3xf32>):
    %c = arith.constant 0.0 : f32
    qnn.yield %c : f32
  }
  return
}

// -----

func.func @negative_shape() {
  // expected-error @+1 {{expected 'shape' without negative entries, got [-1]}}
  %0 = qnn.compute() {shape = affine_map<() -> (-1)>, sizes = affine_map<() -> ()>}
      : () -> tensor<?xf32> {
  ^bb0(%i: index):
    %c = arith.constant 0.0 : f32
    qnn.yield %c : f32
  }
  return
}

// -----

func.func @foreign_operation(%x: tensor<3xf32>) {
  %0 = qnn.compute(%x) {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>}
      : (tensor<3xf32>) -> tensor<3xf32> {
  ^bb0(%i: index, %t: tensor<3xf32>):
    // expected-error @+1 {{is no part of a scalar program}}
    %v = tensor.extract %t[%i] : tensor<3xf32>
    qnn.yield %v : f32
  }
  return
}

// -----

func.func @element_rank(%x: tensor<3x2xf32>) {
  %0 = qnn.compute(%x) {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>}
      : (tensor<3x2xf32>) -> tensor<3xf32> {
  ^bb0(%i: index, %t: tensor<3x2xf32>):
    // expected-error @+1 {{expected 2 indices, got 1}}
    %v = qnn.element %t[%i] : tensor<3x2xf32> -> f32
    qnn.yield %v : f32
  }
  return
}
