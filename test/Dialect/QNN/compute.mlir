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
