// The stages of a compilation on one small model, each started from the text of
// the one before; docs/pipeline.md quotes what they print.

// RUN: quant-opt %s --mlir-print-local-scope --normalize --canonicalize --cse \
// RUN:   -o %t.normal.mlir
// RUN: FileCheck %s --check-prefix=NORMAL --input-file=%t.normal.mlir
// RUN: quant-opt %t.normal.mlir --mlir-print-local-scope --flatten-rows \
// RUN:   --canonicalize --cse --pack-weights --canonicalize --cse \
// RUN:   -o %t.packed.mlir
// RUN: FileCheck %s --check-prefix=PACKED --input-file=%t.packed.mlir
// RUN: quant-opt %t.packed.mlir --mlir-print-local-scope --form-kernels \
// RUN:   -o %t.kernels.mlir
// RUN: FileCheck %s --check-prefix=KERNELS --input-file=%t.kernels.mlir
// RUN: quant-opt %t.kernels.mlir --mlir-print-local-scope \
// RUN:   --convert-qnn-to-linalg --canonicalize --cse -o %t.linalg.mlir
// RUN: FileCheck %s --check-prefix=LINALG --input-file=%t.linalg.mlir
// RUN: quant-opt %t.linalg.mlir --mlir-print-local-scope --tile-kernels \
// RUN:   --canonicalize --cse -o %t.tiled.mlir
// RUN: FileCheck %s --check-prefix=TILED --input-file=%t.tiled.mlir
// RUN: quant-opt %t.tiled.mlir --mlir-print-local-scope --bufferize-kernels \
// RUN:   --canonicalize --cse --canonicalize -o %t.buffers.mlir
// RUN: FileCheck %s --check-prefix=BUFFERS --input-file=%t.buffers.mlir
// RUN: quant-opt %t.buffers.mlir --mlir-print-local-scope \
// RUN:   --convert-lowbit-to-vector --fold-memref-alias-ops --canonicalize \
// RUN:   --cse --reuse-buffers --vectorize-rows --convert-linalg-to-loops \
// RUN:   --fold-memref-alias-ops --canonicalize --cse \
// RUN:   --loop-invariant-code-motion -o %t.vectors.mlir
// RUN: FileCheck %s --check-prefix=VECTORS --input-file=%t.vectors.mlir
// RUN: quant-opt %t.vectors.mlir --mlir-print-local-scope --expand-math \
// RUN:   --lower-vectors --canonicalize --cse --outline-steps -o %t.steps.mlir
// RUN: FileCheck %s --check-prefix=STEPS --input-file=%t.steps.mlir
// RUN: quant-opt %t.steps.mlir \
// RUN:   --pass-pipeline='builtin.module(builtin.module(kernel-lowering))' \
// RUN:   | FileCheck %s --check-prefix=LLVM

// The other recipe leaves the same way after one more pass.
// RUN: quant-opt %t.normal.mlir --mlir-print-local-scope --assign-formats \
// RUN:   --canonicalize --cse -o %t.encoded.mlir
// RUN: FileCheck %s --check-prefix=ENCODED --input-file=%t.encoded.mlir
// RUN: quant-opt %t.encoded.mlir --mlir-print-local-scope --expand-encoded \
// RUN:   --canonicalize --cse --flatten-rows --canonicalize --cse \
// RUN:   --pack-weights --canonicalize --cse --form-kernels -o %t.int8.mlir
// RUN: FileCheck %s --check-prefix=INT8 --input-file=%t.int8.mlir

// The product with a constant is a linear whose weight is [out, in]; above the
// folding budget the transpose stays a lazy expression.
// NORMAL-LABEL: func.func @main
// NORMAL: %[[W:.+]] = qnn.transpose %{{.+}} -> tensor<192x128xf32>
// NORMAL: qnn.linear %{{.+}}, %[[W]] bias
// NORMAL-NEXT: qnn.gelu
// NORMAL-NEXT: qnn.layer_norm

// Rows are one dimension; nothing between the two reshapes knows the batch.
// PACKED-LABEL: func.func @main
// PACKED: %[[W:.+]] = qnn.transpose
// PACKED: %[[P:.+]] = qnn.pack %[[W]] {layout = "n16"}
// PACKED-SAME: -> tensor<12x128x16xf32>
// PACKED: qnn.reshape %{{.+}} {shape = affine_map<()[s0, s1] -> (s0 * s1, 128)>}
// PACKED: qnn.linear %{{.+}}, %[[P]] bias %{{.+}} {packed_from = array<i64: 192, 128>}
// PACKED: qnn.layer_norm {{.+}} {axis = 1 : i64
// PACKED: qnn.reshape %{{.+}} {shape = affine_map<()[s0, s1] -> (s0, s1, 192)>}

// The product of the dimensions is the one symbol of both kernels.
// KERNELS-LABEL: func.func @main
// KERNELS: qnn.pack
// KERNELS: qnn.launch @kernel_0({{.+}}) {symbols = affine_map<()[s0, s1] -> (s0 * s1)>}
// KERNELS: qnn.launch @kernel_1({{.+}}) {symbols = affine_map<()[s0, s1] -> (s0 * s1)>}
// KERNELS-LABEL: func.func private @kernel_0
// KERNELS-NEXT: qnn.linear
// KERNELS-NEXT: qnn.gelu
// KERNELS-LABEL: func.func private @kernel_1
// KERNELS-NEXT: qnn.layer_norm

// The weight's expression stays in qnn; only kernel functions are converted.
// LINALG-LABEL: func.func @main
// LINALG: qnn.pack
// LINALG-LABEL: func.func private @kernel_0
// LINALG: %[[ROWS:.+]] = qnn.symbol_value 0
// LINALG: tensor.empty(%[[ROWS]]) : tensor<?x192xf32>
// LINALG: lowbit.matmul packed
// LINALG: linalg.generic
// LINALG: math.erf
// LINALG-LABEL: func.func private @kernel_1
// LINALG-NOT: qnn.layer_norm
// LINALG-COUNT-2: iterator_types = ["parallel", "reduction"]

// One loop per kernel, the contraction inside the loop of its epilogue.
// TILED-LABEL: func.func private @kernel_0
// TILED: scf.forall {{.+}} to (%{{.+}}, 192) step (48, 64)
// TILED: lowbit.matmul packed
// TILED: math.erf
// TILED: scf.forall.in_parallel
// TILED-LABEL: func.func private @kernel_1
// TILED: scf.forall {{.+}} step (42)
// TILED-NOT: scf.forall (

// The tile of C is a temporary of the loop body; the result is written in place.
// BUFFERS-LABEL: func.func private @kernel_0
// BUFFERS: scf.forall
// BUFFERS: %[[C:.+]] = memref.alloc(%{{.+}}) {{.+}} : memref<?x64xf32>
// BUFFERS: lowbit.matmul packed {{.+}} outs(%[[C]] : memref<?x64xf32>)
// BUFFERS: memref.subview %arg3
// BUFFERS-NOT: memref.copy
// BUFFERS: func.func private @kernel_1

// Accumulators are values; a row sum is the tree of docs/numerics.md §4.2.
// VECTORS-LABEL: func.func private @kernel_0
// VECTORS: scf.for {{.+}} iter_args({{.+}}) -> ({{(vector<8xf32>, )+}}
// VECTORS: math.fma {{.+}} : vector<8xf32>
// VECTORS-LABEL: func.func private @kernel_1
// VECTORS: arith.addf {{.+}} : vector<64xf32>
// VECTORS: arith.addf {{.+}} : vector<32xf32>
// VECTORS: arith.addf {{.+}} : vector<16xf32>
// VECTORS: arith.addf {{.+}} : vector<1xf32>
// VECTORS-NOT: linalg

// Trip counts and bytes of scratch are expressions of the kernel's symbols.
// STEPS-LABEL: func.func private @kernel_0
// STEPS-NEXT: qnn.step @kernel_0_code::@kernel_0_step_0
// STEPS-SAME: scratch = affine_map<()[s0] -> (12288)>
// STEPS-SAME: trip = affine_map<()[s0] -> ((s0 ceildiv 48) * 3)>
// STEPS-LABEL: func.func private @kernel_1
// STEPS-NEXT: qnn.step @kernel_1_code::@kernel_1_step_0
// STEPS: module @kernel_0_code
// STEPS: func.func @kernel_0_step_0(%{{.+}}: !llvm.ptr, %{{.+}}: !llvm.ptr, %{{.+}}: i64, %{{.+}}: i64, %{{.+}}: !llvm.ptr)
// STEPS-NOT: memref.alloc
// STEPS-NOT: math.erf

// LLVM: qnn.pack
// LLVM: llvm.func @kernel_0_step_0({{.+}}: !llvm.ptr, {{.+}}: !llvm.ptr, {{.+}}: i64, {{.+}}: i64, {{.+}}: !llvm.ptr)
// LLVM: llvm.func @kernel_1_step_0
// LLVM-NOT: unrealized_conversion_cast

// Operands are encoded values in the recipes' part of the pipeline.
// ENCODED-LABEL: func.func @main
// ENCODED-DAG: %[[A:.+]] = qnn.quantize %{{.+}} {rcp} : {{.+}}#fmt.int<8, per_row>>
// ENCODED-DAG: %[[W:.+]] = qnn.quantize %{{.+}} : {{.+}} -> !qnn.encoded<192x128xf32, #fmt.int<8, axis = 0>>
// ENCODED: qnn.linear %[[A]], %[[W]] bias

// Codes of the weight are a lazy expression, codes of the rows a kernel.
// INT8-LABEL: func.func @main
// INT8: %[[ROWS:.+]]:3 = qnn.launch @kernel_0(
// INT8: %[[W:.+]]:2 = qnn.encode %{{.+}} {format = #fmt.int<8, axis = 0>}
// INT8: %[[P:.+]] = qnn.pack %[[W]]#0 {layout = "n16"}
// INT8-SAME: -> tensor<12x32x16x4xi8>
// INT8: qnn.launch @kernel_1(%[[ROWS]]#0, %[[ROWS]]#1, %[[ROWS]]#2, %[[P]], %[[W]]#1,
// INT8-LABEL: func.func private @kernel_1
// INT8: qnn.quantized_linear
// INT8: qnn.gelu

func.func @main(
    %x: tensor<?x?x128xf32> {
      qnn.name = "x", qnn.shape = affine_map<()[s0, s1] -> (s0, s1, 128)>})
    -> (tensor<?x?x192xf32> {qnn.name = "y"})
    attributes {qnn.entry, qnn.symbols = ["batch", "sequence"]} {
  %weight = qnn.constant dense<0.5> : tensor<128x192xf32> -> tensor<128x192xf32>
  %bias = qnn.constant dense<0.25> : tensor<192xf32> -> tensor<192xf32>
  %gamma = qnn.constant dense<1.5> : tensor<192xf32> -> tensor<192xf32>
  %beta = qnn.constant dense<0.125> : tensor<192xf32> -> tensor<192xf32>
  %0 = qnn.matmul %x, %weight
      : (tensor<?x?x128xf32>, tensor<128x192xf32>) -> tensor<?x?x192xf32>
  %1 = qnn.add %0, %bias
      : (tensor<?x?x192xf32>, tensor<192xf32>) -> tensor<?x?x192xf32>
  %2 = qnn.gelu %1 : (tensor<?x?x192xf32>) -> tensor<?x?x192xf32>
  %3 = qnn.layer_norm %2, %gamma bias %beta {axis = 2 : i64, epsilon = 1.0e-5 : f32}
      : (tensor<?x?x192xf32>, tensor<192xf32>, tensor<192xf32>)
      -> tensor<?x?x192xf32>
  return %3 : tensor<?x?x192xf32>
}
