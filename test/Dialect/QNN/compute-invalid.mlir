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

// -----

func.func @start_without_domain(%x: tensor<3xf32>) {
  // expected-error @+1 {{has 'start' without 'domain'}}
  %0 = qnn.compute(%x) {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>, start = 0 : i64}
      : (tensor<3xf32>) -> tensor<3xf32> {
  ^bb0(%i: index, %t: tensor<3xf32>):
    %c = arith.constant 0.0 : f32
    qnn.yield %c : f32
  }
  return
}

// -----

func.func @start_operand(%x: tensor<3xf32>) {
  // expected-error @+1 {{expected 'start' to be one of 1 operands, got 1}}
  %0 = qnn.compute(%x) {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>,
                        domain = affine_map<() -> (2)>, start = 1 : i64}
      : (tensor<3xf32>) -> tensor<3xf32> {
  ^bb0(%i: index, %t: tensor<3xf32>, %self: tensor<3xf32>):
    qnn.yield
  }
  return
}

// -----

func.func @start_type(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected 'start' to be of the result's type 'tensor<3xf32>', got 'tensor<4xf32>'}}
  %0 = qnn.compute(%x) {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>,
                        domain = affine_map<() -> (2)>, start = 0 : i64}
      : (tensor<4xf32>) -> tensor<3xf32> {
  ^bb0(%i: index, %t: tensor<4xf32>, %self: tensor<3xf32>):
    qnn.yield
  }
  return
}

// -----

func.func @sequential_domain() {
  // expected-error @+1 {{expected 'sequential' or 'domain', got both}}
  %0 = qnn.compute() {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>,
                      domain = affine_map<() -> (2)>, sequential = 1 : i64}
      : () -> tensor<3xf32> {
  ^bb0(%i: index, %self: tensor<3xf32>):
    qnn.yield
  }
  return
}

// -----

func.func @negative_domain() {
  // expected-error @+1 {{expected 'domain' without negative entries, got [-2]}}
  %0 = qnn.compute() {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>,
                      domain = affine_map<() -> (-2)>}
      : () -> tensor<3xf32> {
  ^bb0(%i: index, %self: tensor<3xf32>):
    qnn.yield
  }
  return
}

// -----

func.func @yields_and_writes() {
  // expected-error @+1 {{expected 'qnn.yield' without a value, since 'domain' is given}}
  %0 = qnn.compute() {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>, domain = affine_map<() -> (2)>}
      : () -> tensor<3xf32> {
  ^bb0(%i: index, %self: tensor<3xf32>):
    %c = arith.constant 0.0 : f32
    qnn.yield %c : f32
  }
  return
}

// -----

func.func @yields_nothing() {
  // expected-error @+1 {{expected 'qnn.yield' with the element's value}}
  %0 = qnn.compute() {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>}
      : () -> tensor<3xf32> {
  ^bb0(%i: index):
    qnn.yield
  }
  return
}

// -----

func.func @write_operand(%x: tensor<3xf32>) {
  %0 = qnn.compute(%x) {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>, domain = affine_map<() -> (2)>}
      : (tensor<3xf32>) -> tensor<3xf32> {
  ^bb0(%i: index, %t: tensor<3xf32>, %self: tensor<3xf32>):
    %c = arith.constant 0.0 : f32
    // expected-error @+1 {{expected the result of a 'qnn.compute' with 'domain'}}
    qnn.write %c, %t[%i] : f32, tensor<3xf32>
    qnn.yield
  }
  return
}

// -----

func.func @write_in_branch(%b: tensor<i1>) {
  %0 = qnn.compute(%b) {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>, domain = affine_map<() -> (2)>}
      : (tensor<i1>) -> tensor<3xf32> {
  ^bb0(%i: index, %t: tensor<i1>, %self: tensor<3xf32>):
    %c = arith.constant 0.0 : f32
    %taken = qnn.element %t[] : tensor<i1> -> i1
    scf.if %taken {
      // expected-error @+1 {{stands in a branch; write at an index outside of the tensor where nothing is to be written}}
      qnn.write %c, %self[%i] : f32, tensor<3xf32>
    }
    qnn.yield
  }
  return
}

// -----

func.func @write_type() {
  %0 = qnn.compute() {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>, domain = affine_map<() -> (2)>}
      : () -> tensor<3xf16> {
  ^bb0(%i: index, %self: tensor<3xf16>):
    %c = arith.constant 0.0 : f16
    // expected-error @+1 {{expected a value of type 'f32', got 'f16'}}
    qnn.write %c, %self[%i] : f16, tensor<3xf16>
    qnn.yield
  }
  return
}

// -----

func.func @vectors() {
  %0 = qnn.compute() {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>}
      : () -> tensor<3xf32> {
  ^bb0(%i: index):
    // expected-error @+1 {{expected scalars in a scalar program, got 'vector<2xf32>'}}
    %v = arith.constant dense<0.0> : vector<2xf32>
    %c = arith.constant 0.0 : f32
    qnn.yield %c : f32
  }
  return
}
