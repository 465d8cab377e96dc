// RUN: quant-opt %s | quant-opt | FileCheck %s
// RUN: quant-opt %s --qnn-fold-constants | FileCheck %s --check-prefix=FOLD

// Each element is the sum of all elements up to it.
// CHECK-LABEL: func.func @running_sum
// CHECK: qnn.compute(%{{.+}}) {shape = #{{.+}}, sizes = #{{.+}}} : (tensor<4xi32>) -> tensor<4xi32> {
// CHECK-NEXT: ^bb0(%[[I:.+]]: index, %[[T:.+]]: tensor<4xi32>):
// CHECK: qnn.element %[[T]][%{{.+}}] : tensor<4xi32> -> i32
// CHECK: qnn.yield %{{.+}} : i32
// FOLD-LABEL: func.func @running_sum
// FOLD: qnn.constant dense<[1, 3, 6, 10]>
func.func @running_sum() -> tensor<4xi32> {
  %x = qnn.constant dense<[1, 2, 3, 4]> : tensor<4xi32> -> tensor<4xi32>
  %0 = qnn.compute(%x) {shape = affine_map<() -> (4)>, sizes = affine_map<() -> ()>}
      : (tensor<4xi32>) -> tensor<4xi32> {
  ^bb0(%i: index, %t: tensor<4xi32>):
    %zero = arith.constant 0 : i32
    %first = arith.constant 0 : index
    %one = arith.constant 1 : index
    %end = arith.addi %i, %one : index
    %sum = scf.for %k = %first to %end step %one iter_args(%acc = %zero) -> (i32) {
      %v = qnn.element %t[%k] : tensor<4xi32> -> i32
      %next = arith.addi %acc, %v : i32
      scf.yield %next : i32
    }
    qnn.yield %sum : i32
  }
  return %0 : tensor<4xi32>
}

// A recurrence reads what it has computed: 1, 1, 2, 3, 5.
// FOLD-LABEL: func.func @fibonacci
// FOLD: qnn.constant dense<[1, 1, 2, 3, 5]>
func.func @fibonacci() -> tensor<5xi64> {
  %0 = qnn.compute() {shape = affine_map<() -> (5)>, sizes = affine_map<() -> ()>,
                      sequential = 1 : i64} : () -> tensor<5xi64> {
  ^bb0(%i: index, %self: tensor<5xi64>):
    %one = arith.constant 1 : index
    %two = arith.constant 2 : index
    %start = arith.constant 1 : i64
    %known = arith.cmpi slt, %i, %two : index
    %value = scf.if %known -> (i64) {
      scf.yield %start : i64
    } else {
      %a = arith.subi %i, %one : index
      %b = arith.subi %i, %two : index
      %x = qnn.element %self[%a] : tensor<5xi64> -> i64
      %y = qnn.element %self[%b] : tensor<5xi64> -> i64
      %sum = arith.addi %x, %y : i64
      scf.yield %sum : i64
    }
    qnn.yield %value : i64
  }
  return %0 : tensor<5xi64>
}

// Reads are clamped into the operand, booleans are i1, narrow floats f32, and a
// division by zero is 0.
// FOLD-LABEL: func.func @edges
// FOLD: qnn.constant dense<[true, false, false]>
// FOLD: qnn.constant dense<[7, 9]> : tensor<2xui8>
// FOLD: qnn.constant dense<0> : tensor<1xi32>
func.func @edges() -> (tensor<3xi1>, tensor<2xui8>, tensor<1xi32>) {
  %b = qnn.constant dense<[false, true]> : tensor<2xi1> -> tensor<2xi1>
  %u = qnn.constant dense<[9, 7]> : tensor<2xui8> -> tensor<2xui8>
  %0 = qnn.compute(%b) {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>}
      : (tensor<2xi1>) -> tensor<3xi1> {
  ^bb0(%i: index, %t: tensor<2xi1>):
    %one = arith.constant 1 : index
    %at = arith.subi %one, %i : index
    %v = qnn.element %t[%at] : tensor<2xi1> -> i1
    qnn.yield %v : i1
  }
  %1 = qnn.compute(%u) {shape = affine_map<() -> (2)>, sizes = affine_map<() -> ()>}
      : (tensor<2xui8>) -> tensor<2xui8> {
  ^bb0(%i: index, %t: tensor<2xui8>):
    %one = arith.constant 1 : index
    %at = arith.subi %one, %i : index
    %v = qnn.element %t[%at] : tensor<2xui8> -> i8
    qnn.yield %v : i8
  }
  %2 = qnn.compute() {shape = affine_map<() -> (1)>, sizes = affine_map<() -> (0)>}
      : () -> tensor<1xi32> {
  ^bb0(%i: index, %size: index):
    %seven = arith.constant 7 : i32
    %zero = arith.index_cast %size : index to i32
    %v = arith.divsi %seven, %zero : i32
    qnn.yield %v : i32
  }
  return %0, %1, %2 : tensor<3xi1>, tensor<2xui8>, tensor<1xi32>
}

// Where a program writes elements itself the result starts as an operand; what
// is outside is not written, and what was written is read: 1 + 3 + 5 at 2.
// CHECK-LABEL: func.func @scatter
// CHECK: qnn.compute(%{{.+}}) {domain = #{{.+}}, shape = #{{.+}}, sizes = #{{.+}}, start = 0 : i64}
// CHECK: qnn.write %{{.+}}, %{{.+}}[%{{.+}}] : i32, tensor<3xi32>
// CHECK-NEXT: qnn.yield
// CHECK-NEXT: }
// FOLD-LABEL: func.func @scatter
// FOLD: qnn.constant dense<[7, 8, 9]>
func.func @scatter() -> tensor<3xi32> {
  %x = qnn.constant dense<[7, 8, 1]> : tensor<3xi32> -> tensor<3xi32>
  %where = qnn.constant dense<[2, 3, -1, 2]> : tensor<4xi64> -> tensor<4xi64>
  %what = qnn.constant dense<[3, 100, 200, 5]> : tensor<4xi32> -> tensor<4xi32>
  %0 = qnn.compute(%x, %where, %what)
      {shape = affine_map<() -> (3)>, sizes = affine_map<() -> ()>,
       domain = affine_map<() -> (4)>, start = 0 : i64}
      : (tensor<3xi32>, tensor<4xi64>, tensor<4xi32>) -> tensor<3xi32> {
  ^bb0(%i: index, %t: tensor<3xi32>, %w: tensor<4xi64>, %u: tensor<4xi32>, %self: tensor<3xi32>):
    %a = qnn.element %w[%i] : tensor<4xi64> -> i64
    %at = arith.index_cast %a : i64 to index
    %old = qnn.element %self[%at] : tensor<3xi32> -> i32
    %add = qnn.element %u[%i] : tensor<4xi32> -> i32
    %new = arith.addi %old, %add : i32
    qnn.write %new, %self[%at] : i32, tensor<3xi32>
    qnn.yield
  }
  return %0 : tensor<3xi32>
}

// Without `start` it is zeros; one evaluation may write any number of elements,
// in loops, and none over an empty domain.
// FOLD-LABEL: func.func @loops
// FOLD-DAG: qnn.constant dense<{{\[\[}}3, 2, 1], [0, 0, 0]]>
// FOLD-DAG: qnn.constant dense<false> : tensor<2xi1>
func.func @loops() -> (tensor<2x3xi8>, tensor<2xi1>) {
  %0 = qnn.compute() {shape = affine_map<() -> (2, 3)>, sizes = affine_map<() -> ()>,
                      domain = affine_map<() -> ()>} : () -> tensor<2x3xi8> {
  ^bb0(%self: tensor<2x3xi8>):
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %end = arith.constant 4 : index
    %two = arith.constant 2 : index
    scf.for %i = %one to %end step %one {
      %value = arith.index_cast %i : index to i8
      %j = arith.subi %two, %i : index
      %k = arith.addi %j, %one : index
      qnn.write %value, %self[%zero, %k] : i8, tensor<2x3xi8>
    }
    qnn.yield
  }
  %1 = qnn.compute() {shape = affine_map<() -> (2)>, sizes = affine_map<() -> ()>,
                      domain = affine_map<() -> (5, 0)>} : () -> tensor<2xi1> {
  ^bb0(%i: index, %j: index, %self: tensor<2xi1>):
    %true = arith.constant true
    qnn.write %true, %self[%j] : i1, tensor<2xi1>
    qnn.yield
  }
  return %0, %1 : tensor<2x3xi8>, tensor<2xi1>
}

// What is read from the result stays in order with what is written.
// CHECK-LABEL: func.func @swap
// CHECK: qnn.element
// CHECK: qnn.write
// CHECK: qnn.element
// CHECK: qnn.write
// FOLD-LABEL: func.func @swap
// FOLD: qnn.constant dense<2> : tensor<2xi32>
func.func @swap() -> tensor<2xi32> {
  %x = qnn.constant dense<[1, 2]> : tensor<2xi32> -> tensor<2xi32>
  %0 = qnn.compute(%x) {shape = affine_map<() -> (2)>, sizes = affine_map<() -> ()>,
                        domain = affine_map<() -> (1)>, start = 0 : i64}
      : (tensor<2xi32>) -> tensor<2xi32> {
  ^bb0(%i: index, %t: tensor<2xi32>, %self: tensor<2xi32>):
    %one = arith.constant 1 : index
    %b = qnn.element %self[%one] : tensor<2xi32> -> i32
    qnn.write %b, %self[%i] : i32, tensor<2xi32>
    %a = qnn.element %self[%i] : tensor<2xi32> -> i32
    qnn.write %a, %self[%one] : i32, tensor<2xi32>
    qnn.yield
  }
  return %0 : tensor<2xi32>
}
