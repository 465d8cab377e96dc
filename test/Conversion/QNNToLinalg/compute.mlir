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

// A tensor that may be empty where the result is not reads as 0, at the place
// that every buffer has.
// CHECK-LABEL: func.func @maybe_empty
// CHECK-SAME: %[[X:.+]]: tensor<?xf16>
// CHECK: linalg.generic
// CHECK: %[[SOME:.+]] = arith.cmpi sge
// CHECK: %[[AT:.+]] = arith.select %[[SOME]], %{{.+}}, %{{.+}} : index
// CHECK: tensor.extract %[[X]][%[[AT]]]
// CHECK: arith.select %[[SOME]], %{{.+}}, %{{.+}} : f32
func.func @maybe_empty(%x: tensor<?xf16> {qnn.shape = affine_map<()[s0] -> (s0)>}) -> tensor<4xf16>
    attributes {qnn.kernel, qnn.symbols = ["n"]} {
  %0 = qnn.compute(%x) {shape = affine_map<()[s0] -> (4)>, sizes = affine_map<()[s0] -> ()>}
      : (tensor<?xf16>) -> tensor<4xf16> {
  ^bb0(%i: index, %t: tensor<?xf16>):
    %v = qnn.element %t[%i] : tensor<?xf16> -> f32
    qnn.yield %v : f32
  }
  return %0 : tensor<4xf16>
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

// -----

// An index that is known to be inside of the tensor is not clamped.
// CHECK-LABEL: func.func @inside
// CHECK: linalg.generic
// CHECK-NOT: arith.maxsi
// CHECK: tensor.extract
// CHECK-NOT: arith.maxsi
// CHECK: tensor.extract
// CHECK: arith.maxsi
// CHECK: tensor.extract
// CHECK: linalg.yield
func.func @inside(%x: tensor<?x8xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8)>}) -> tensor<?x4xf32>
    attributes {qnn.kernel, qnn.symbols = ["n"]} {
  %0 = qnn.compute(%x) {shape = affine_map<()[s0] -> (s0, 4)>, sizes = affine_map<()[s0] -> (s0)>}
      : (tensor<?x8xf32>) -> tensor<?x4xf32> {
  ^bb0(%i: index, %j: index, %n: index, %t: tensor<?x8xf32>):
    %one = arith.constant 1 : index
    %two = arith.constant 2 : index
    %twice = arith.muli %j, %two : index
    %next = arith.addi %twice, %one : index
    %a = qnn.element %t[%i, %next] : tensor<?x8xf32> -> f32
    %last = arith.subi %n, %one : index
    %mirror = arith.subi %last, %i : index
    %b = qnn.element %t[%mirror, %j] : tensor<?x8xf32> -> f32
    %c = qnn.element %t[%i, %n] : tensor<?x8xf32> -> f32
    %d = arith.addf %a, %b : f32
    %e = arith.addf %d, %c : f32
    qnn.yield %e : f32
  }
  return %0 : tensor<?x4xf32>
}

// -----

// The dimensions that do not run in order are a parallel generic of each step.
// CHECK-LABEL: func.func @recurrence_of_rows
// CHECK: scf.for %[[I:.+]] = %{{.+}} iter_args(%[[SELF:.+]] = %{{.+}})
// CHECK: %[[ROW:.+]] = linalg.generic {{.*}}iterator_types = ["parallel"]
// CHECK: tensor.extract %[[SELF]]
// CHECK: linalg.yield
// CHECK: %[[NEXT:.+]] = tensor.insert_slice %[[ROW]] into %[[SELF]][%[[I]], 0] [1, 5] [1, 1]
// CHECK: scf.yield %[[NEXT]]
func.func @recurrence_of_rows() -> tensor<4x5xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.compute() {shape = affine_map<() -> (4, 5)>, sizes = affine_map<() -> ()>, sequential = 1 : i64}
      : () -> tensor<4x5xf32> {
  ^bb0(%i: index, %j: index, %self: tensor<4x5xf32>):
    %one = arith.constant 1 : index
    %before = arith.subi %i, %one : index
    %old = qnn.element %self[%before, %j] : tensor<4x5xf32> -> f32
    qnn.yield %old : f32
  }
  return %0 : tensor<4x5xf32>
}

// -----

// A program that writes: loops over the domain carry the copy of the operand.
// Outside of it, which unsigned comparisons say, the old value is written.
// CHECK-LABEL: func.func @scatter
// CHECK-SAME: %[[X:.+]]: tensor<9xf32>, %[[W:.+]]: tensor<4xi64>
// CHECK: %[[COPY:.+]] = linalg.generic {{.*}} ins(%[[X]]
// CHECK: scf.for %[[I:.+]] = %{{.+}} iter_args(%[[SELF:.+]] = %[[COPY]])
// CHECK: %[[RAW:.+]] = tensor.extract %[[W]][%[[I]]]
// CHECK: %[[AT:.+]] = arith.index_cast %[[RAW]]
// CHECK: %[[IN:.+]] = arith.cmpi ule, %[[AT]]
// CHECK: %[[SAFE:.+]] = arith.select %[[IN]], %[[AT]]
// CHECK: %[[OLD:.+]] = tensor.extract %[[SELF]][%[[SAFE]]]
// CHECK: %[[NEW:.+]] = arith.select %[[IN]], %{{.+}}, %[[OLD]]
// CHECK: %[[NEXT:.+]] = tensor.insert %[[NEW]] into %[[SELF]][%[[SAFE]]]
// CHECK: scf.yield %[[NEXT]]
func.func @scatter(%x: tensor<9xf32>, %w: tensor<4xi64>) -> tensor<9xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.compute(%x, %w) {shape = affine_map<() -> (9)>, sizes = affine_map<() -> ()>,
                            domain = affine_map<() -> (4)>, start = 0 : i64}
      : (tensor<9xf32>, tensor<4xi64>) -> tensor<9xf32> {
  ^bb0(%i: index, %t: tensor<9xf32>, %u: tensor<4xi64>, %self: tensor<9xf32>):
    %raw = qnn.element %u[%i] : tensor<4xi64> -> i64
    %at = arith.index_cast %raw : i64 to index
    %one = arith.constant 1.0 : f32
    qnn.write %one, %self[%at] : f32, tensor<9xf32>
    qnn.yield
  }
  return %0 : tensor<9xf32>
}

// -----

// Loops of the program carry the result, too; what is known to be inside is
// written as it is.  Nothing is written to an empty tensor.
// CHECK-LABEL: func.func @counts
// CHECK: %[[N:.+]] = qnn.symbol_value 0
// CHECK: %[[ZEROS:.+]] = linalg.fill
// CHECK: %[[EMPTY:.+]] = arith.cmpi eq, %[[N]]
// CHECK: %[[END:.+]] = arith.select %[[EMPTY]]
// CHECK: scf.for {{.*}} to %[[END]] {{.*}} iter_args(%[[A:.+]] = %[[ZEROS]])
// CHECK: scf.for %[[K:.+]] = {{.*}} iter_args(%[[B:.+]] = %[[A]])
// CHECK-NOT: arith.cmpi
// CHECK: tensor.insert %{{.+}} into %[[B]][%[[K]]]
func.func @counts() -> tensor<?xi32> attributes {qnn.kernel, qnn.symbols = ["n"]} {
  %0 = qnn.compute() {shape = affine_map<()[s0] -> (s0)>, sizes = affine_map<()[s0] -> (s0)>,
                      domain = affine_map<() -> (1)>} : () -> tensor<?xi32> {
  ^bb0(%i: index, %n: index, %self: tensor<?xi32>):
    %first = arith.constant 0 : index
    %step = arith.constant 1 : index
    scf.for %k = %first to %n step %step {
      %v = arith.index_cast %k : index to i32
      qnn.write %v, %self[%k] : i32, tensor<?xi32>
    }
    qnn.yield
  }
  return %0 : tensor<?xi32>
}
