// RUN: quantc calibrate %s --calib synthetic -o %t.safetensors
// RUN: quantc calibrate %s --calib synthetic --observers min-max -o %t.some.safetensors
// RUN: quant-opt %s --pass-pipeline='builtin.module(func.func(assign-formats,correct-bias{statistics=%t.safetensors}))' | FileCheck %s
// RUN: quant-opt %s --pass-pipeline='builtin.module(func.func(correct-bias{statistics=%t.safetensors}))' | FileCheck %s --check-prefix=SAME
// RUN: quant-opt %s --pass-pipeline='builtin.module(func.func(assign-formats,correct-bias{statistics=%t.some.safetensors}))' | FileCheck %s --check-prefix=SAME
// RUN: not quant-opt %s --correct-bias 2>&1 | FileCheck %s --check-prefix=NONE

// The input is 2 everywhere.  0.5 is stored as 64 / 127, which adds 2 * (64 /
// 127 - 0.5) to the mean of the result; without a bias there is one now.
// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[B:.+]] = qnn.constant dense<0.242125{{[0-9]*}}> : tensor<1xf32>
// CHECK-DAG: %[[C:.+]] = qnn.constant dense<-0.007874{{[0-9]*}}> : tensor<1xf32>
// CHECK: qnn.linear %{{.+}}, %{{.+}} bias %[[B]]
// CHECK: qnn.linear %{{.+}}, %{{.+}} bias %[[C]]

// A float weight, or an unknown mean, changes nothing.
// SAME-LABEL: func.func @main
// SAME: %[[B:.+]] = qnn.constant dense<2.500000e-01>
// SAME: qnn.linear %{{.+}}, %{{.+}} bias %[[B]]
// SAME: qnn.linear
// SAME-NOT: bias
// SAME: return

// NONE: error: correct-bias needs statistics: give it the file that 'quantc calibrate' writes, as statistics=FILE

func.func @main(%x: tensor<?x2xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 2)>})
    -> (tensor<?x1xf32> {qnn.name = "y"}, tensor<?x1xf32> {qnn.name = "z"})
    attributes {qnn.entry, qnn.symbols = ["rows"]} {
  %zero = qnn.constant dense<0.0> : tensor<2xf32> -> tensor<2xf32>
  %two = qnn.constant dense<2.0> : tensor<2xf32> -> tensor<2xf32>
  %w = qnn.constant dense<[[1.0, 0.5]]> : tensor<1x2xf32> -> tensor<1x2xf32>
  %b = qnn.constant dense<0.25> : tensor<1xf32> -> tensor<1xf32>
  %0 = qnn.mul %x, %zero : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %1 = qnn.add %0, %two : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %y = qnn.linear %1, %w bias %b : (tensor<?x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  %z = qnn.linear %1, %w : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y, %z : tensor<?x1xf32>, tensor<?x1xf32>
}
