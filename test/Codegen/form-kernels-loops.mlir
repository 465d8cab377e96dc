// RUN: quant-opt %s --form-kernels --split-input-file --verify-diagnostics | FileCheck %s

// An operation joins others that run as often: %a, which reads nothing of the
// loop, and %b, which does, are two kernels although one could be.
// CHECK-LABEL: func.func @main
// CHECK: qnn.loop_begin
// CHECK-NEXT: %[[A:.+]] = qnn.launch @[[KA:.+]](%arg2)
// CHECK-NEXT: %[[B:.+]] = qnn.launch @{{.+}}(%[[A]], %
// CHECK: qnn.loop_end
// CHECK: func.func private @[[KA]](
// CHECK-NEXT: qnn.exp
// CHECK-NEXT: return
func.func @main(%f: tensor<i1>, %n: tensor<i64>, %x: tensor<4xf32>) -> tensor<4xf32>
    attributes {qnn.entry, qnn.symbols = []} {
  %c:2 = qnn.loop_begin %f, %x {bound = array<i64>, symbols = array<i64>, shapes = affine_map<() -> (4)>, message = "m"}
      : (tensor<i1>, tensor<4xf32>) -> (tensor<i1>, tensor<4xf32>)
  %a = qnn.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  %b = qnn.add %a, %c#1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e:2 = qnn.loop_end %c#0, %c#0, %b {bound = array<i64>, symbols = array<i64>, shapes = affine_map<() -> (4)>, message = "m"}
      : (tensor<i1>, tensor<i1>, tensor<4xf32>) -> (tensor<i1>, tensor<4xf32>)
  return %e#1 : tensor<4xf32>
}

// -----

func.func @escapes(%f: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32>
    attributes {qnn.entry, qnn.symbols = []} {
  %c:2 = qnn.loop_begin %f, %x {bound = array<i64>, symbols = array<i64>, shapes = affine_map<() -> (4)>, message = "m"}
      : (tensor<i1>, tensor<4xf32>) -> (tensor<i1>, tensor<4xf32>)
  %b = qnn.add %c#1, %c#1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e:2 = qnn.loop_end %c#0, %c#0, %b {bound = array<i64>, symbols = array<i64>, shapes = affine_map<() -> (4)>, message = "m"}
      : (tensor<i1>, tensor<i1>, tensor<4xf32>) -> (tensor<i1>, tensor<4xf32>)
  // expected-error @+1 {{uses a value or symbol of a loop behind its end}}
  %y = qnn.add %b, %e#1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @open(%f: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32>
    attributes {qnn.entry, qnn.symbols = []} {
  // expected-error @+1 {{expected a qnn.loop_end in the same body}}
  %c:2 = qnn.loop_begin %f, %x {bound = array<i64>, symbols = array<i64>, shapes = affine_map<() -> (4)>, message = "m"}
      : (tensor<i1>, tensor<4xf32>) -> (tensor<i1>, tensor<4xf32>)
  return %x : tensor<4xf32>
}
