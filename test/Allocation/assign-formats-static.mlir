// RUN: quantc calibrate %s --calib synthetic -o %t.safetensors
// RUN: quant-opt %s -o %t.mlir --mlir-print-debuginfo \
// RUN:   --pass-pipeline='builtin.module(normalize,canonicalize,cse)'
// RUN: quant-opt %t.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{activation="#fmt.int<8, tensor, offset = integer>" static-limit=1 statistics=%t.safetensors}))' \
// RUN:   | FileCheck %s
// RUN: quant-opt %t.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{activation="#fmt.int<8, tensor>" range=full static-limit=0 statistics=%t.safetensors}))' \
// RUN:   | FileCheck %s --check-prefix=ROWS
// RUN: not quant-opt %t.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{activation="#fmt.int<8, tensor>"}))' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NONE
// RUN: not quant-opt %t.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{activation="#fmt.int<8, tensor>" range=best statistics=%t.safetensors}))' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=RULE
// RUN: sed 's/5.000000e-01/2.500000e-01/' %t.mlir > %t.other.mlir
// RUN: not quant-opt %t.other.mlir \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{activation="#fmt.int<8, tensor>" statistics=%t.safetensors}))' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=STALE

// The scale and the zero point are constants from the histogram, and the weight
// names its statistic.
// CHECK-DAG: %[[S:.+]] = qnn.constant dense<{{.+}}> : tensor<f32>
// CHECK-DAG: %[[Z:.+]] = qnn.constant dense<{{[0-9]+}}> : tensor<ui8>
// CHECK-DAG: %[[X:.+]] = qnn.quantize %{{.+}} scale %[[S]] offset %[[Z]] : {{.+}} -> !qnn.encoded<?x8xf32, #fmt.int<8, tensor, offset = integer>>
// CHECK-DAG: qnn.quantize %{{.+}} {qnn.statistic = ["{{.+}}", "{{[0-9a-f]+}}"]} : (tensor<4x8xf32>)
// CHECK: qnn.linear

// A range that is not good enough is left to the run.
// ROWS: qnn.quantize %{{.+}} {rcp} : (tensor<?x8xf32>) -> !qnn.encoded<?x8xf32, #fmt.int<8, per_row>>

// NONE: error: {{.*}}a static activation format needs statistics; calibrate, or use #fmt.int<8, per_row>
// RULE: error: {{.*}}unknown range rule 'best', expected one of full, mse, percentile
// STALE: error: {{.*}}'mul'

func.func @main(%x: tensor<?x8xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 8)>})
    -> (tensor<?x4xf32> {qnn.name = "y"}) attributes {qnn.entry, qnn.symbols = ["n"]} {
  %h = qnn.constant dense<5.000000e-01> : tensor<8xf32> -> tensor<8xf32>
  %w = qnn.constant dense<1.0> : tensor<4x8xf32> -> tensor<4x8xf32>
  %0 = qnn.mul %x, %h : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32> loc("mul")
  %1 = qnn.linear %0, %w : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32> loc("linear")
  return %1 : tensor<?x4xf32>
}
