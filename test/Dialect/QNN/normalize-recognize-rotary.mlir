// RUN: quant-opt %s --qnn-recognize --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: func.func @halves
// CHECK-SAME: (%[[X:.+]]: tensor<?x8x?x32xf32> {{.+}}, %[[C:.+]]: tensor<?x1x?x32xf32> {{.+}}, %[[S:.+]]: tensor<?x1x?x32xf32>
func.func @halves(%x: tensor<?x8x?x32xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 32)>},
                  %cos: tensor<?x1x?x32xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, 1, s1, 32)>},
                  %sin: tensor<?x1x?x32xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, 1, s1, 32)>})
    -> tensor<?x8x?x32xf32> attributes {qnn.symbols = ["b", "s"]} {
  // CHECK: qnn.rotary %[[X]], %[[C]], %[[S]] :
  // CHECK-NEXT: return
  %a = qnn.mul %x, %cos : (tensor<?x8x?x32xf32>, tensor<?x1x?x32xf32>) -> tensor<?x8x?x32xf32>
  %low = qnn.slice %x {starts = affine_map<() -> (0, 0, 0, 0)>, sizes = affine_map<()[s0, s1] -> (s0, 8, s1, 16)>, steps = array<i64: 1, 1, 1, 1>} : (tensor<?x8x?x32xf32>) -> tensor<?x8x?x16xf32>
  %high = qnn.slice %x {starts = affine_map<() -> (0, 0, 0, 16)>, sizes = affine_map<()[s0, s1] -> (s0, 8, s1, 16)>, steps = array<i64: 1, 1, 1, 1>} : (tensor<?x8x?x32xf32>) -> tensor<?x8x?x16xf32>
  %neg = qnn.neg %high : (tensor<?x8x?x16xf32>) -> tensor<?x8x?x16xf32>
  %turned = qnn.concat %neg, %low {axis = 3 : i64} : (tensor<?x8x?x16xf32>, tensor<?x8x?x16xf32>) -> tensor<?x8x?x32xf32>
  %b = qnn.mul %turned, %sin : (tensor<?x8x?x32xf32>, tensor<?x1x?x32xf32>) -> tensor<?x8x?x32xf32>
  %y = qnn.add %a, %b : (tensor<?x8x?x32xf32>, tensor<?x8x?x32xf32>) -> tensor<?x8x?x32xf32>
  return %y : tensor<?x8x?x32xf32>
}
