// RUN: quantc calibrate %s --calib synthetic -o %t.safetensors
// RUN: quant-opt %s --mlir-print-debuginfo --pass-pipeline='builtin.module(normalize,canonicalize,cse)' -o %t.mlir
// RUN: quant-opt %t.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{weight="#fmt.int<4, block = [1, 4], scale = f16>" activation="" statistics=%t.safetensors}),solve-weights{statistics=%t.safetensors})' \
// RUN:   | FileCheck %s
// RUN: quant-opt %t.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats),solve-weights{solver=rtn})' \
// RUN:   | FileCheck %s --check-prefix=RTN
// RUN: quant-opt %t.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{statistics=%t.safetensors activation=""}),solve-weights{solver=rtn correct-bias=true statistics=%t.safetensors})' \
// RUN:   | FileCheck %s --check-prefix=BIAS
// RUN: not quant-opt %t.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats),solve-weights{solver=rtn correct-bias=true})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=MEAN
// RUN: not quant-opt %t.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats),solve-weights)' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NONE
// RUN: not quant-opt %t.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats),solve-weights{solver=best})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SOLVER

// CHECK: qnn.encoded_constant {codes = dense_resource<{{.+}}> : tensor<4x8xi8>, scales = dense_resource<{{.+}}> : tensor<4x2xf16>}
// CHECK-SAME: output_error = {{.+}} : f64
// CHECK-SAME: !qnn.encoded<4x8xf32, #fmt.int<4, block = [1, 4], scale = f16>>
// CHECK: qnn.linear

// Without activations only the weight's own error is known; a weight that no
// linear reads is left to its format.
// RTN-DAG: qnn.encoded_constant {{.+}} {weight_error = {{.+}} : f64} : !qnn.encoded<4x8xf32, #fmt.int<8, axis = 0>>
// RTN-DAG: qnn.quantize %{{.+}} : (tensor<9000x8xf32>)
// RTN: qnn.linear

// The mean of the outputs is kept by a bias, which only a mean can tell.
// BIAS: %[[B:.+]] = qnn.constant {{.+}} : tensor<4xf32>
// BIAS: qnn.linear %{{.+}}, %{{.+}} bias %[[B]]
// MEAN: error: {{.*}}solver 'rtn' needs the second moment of the linear's input

// NONE: error: {{.*}}solver 'gptq' needs the second moment of the linear's input; calibrate the model, or use 'rtn'
// SOLVER: error: {{.*}}'best'

func.func @main(%x: tensor<?x8xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 8)>},
                %i: tensor<?xi64> {qnn.name = "i", qnn.shape = affine_map<()[s0] -> (s0)>})
    -> (tensor<?x4xf32> {qnn.name = "y"}, tensor<?x8xf32> {qnn.name = "z"}) attributes {qnn.entry, qnn.symbols = ["n"]} {
  %w = qnn.constant dense<[[1.0, 0.3, -0.4, 2.0, 0.1, 0.7, -0.6, 0.2],
                           [0.4, 0.9, -1.4, 0.3, 1.1, 0.2, -0.3, 0.8],
                           [0.5, 0.1, -0.2, 0.6, 0.9, 0.3, -0.1, 0.4],
                           [0.2, 0.8, -0.7, 0.1, 0.3, 0.6, -0.9, 0.5]]> : tensor<4x8xf32> -> tensor<4x8xf32>
  %t = qnn.constant dense<1.0> : tensor<9000x8xf32> -> tensor<9000x8xf32>
  %0 = qnn.linear %x, %w : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32> loc("linear")
  %1 = qnn.gather %t, %i {axis = 0 : i64} : (tensor<9000x8xf32>, tensor<?xi64>) -> tensor<?x8xf32> loc("gather")
  return %0, %1 : tensor<?x4xf32>, tensor<?x8xf32>
}
