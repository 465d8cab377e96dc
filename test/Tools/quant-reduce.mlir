// What the script finds interesting (a status other than 0) stays, the rest goes.
// RUN: printf '#!/bin/sh\n! grep -q dense.2 "$1"\n' > %t.sh && chmod +x %t.sh
// RUN: quant-reduce %s --reduction-tree='traversal-mode=0 test=%t.sh' | FileCheck %s

// CHECK-NOT: @unneeded
// CHECK: qnn.constant dense<2.000000e+00>
func.func @needed() -> tensor<4xf32> {
  %0 = qnn.constant dense<2.0> : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

func.func @unneeded() -> tensor<4xf32> {
  %0 = qnn.constant dense<1.0> : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
