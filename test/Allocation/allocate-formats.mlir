// RUN: quant-opt %s --pass-pipeline='builtin.module(allocate-formats{budget=6.5bpw sensitivity=weight report=%t.json candidates={#fmt.int<8, axis = 0>},{#fmt.int<4, block = [1, 32], scale = f16>}},func.func(assign-formats))' \
// RUN:   | FileCheck %s
// RUN: FileCheck %s --check-prefix=REPORT --input-file=%t.json
// RUN: not quant-opt %s --pass-pipeline='builtin.module(allocate-formats{budget=1bpw sensitivity=weight candidates={{#fmt.int<8, axis = 0>}}})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SMALL
// RUN: not quant-opt %s --pass-pipeline='builtin.module(allocate-formats{budget=6.5bpw candidates={{#fmt.int<8, axis = 0>}}})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NONE
// RUN: not quant-opt %s --pass-pipeline='builtin.module(allocate-formats{budget=6.5bpw sensitivity=best candidates={{#fmt.int<8, axis = 0>}}})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=WHAT
// RUN: not quant-opt %s --pass-pipeline='builtin.module(allocate-formats{budget=6.5bpw})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=EMPTY

// The weight of many numbers has the finer format; a weight that is all
// one number loses nothing with few bits.
// CHECK-LABEL: func.func @main
// CHECK: qnn.linear %{{.+}} {qnn.format = #fmt.int<8, axis = 0>} : ({{.+}}, !qnn.encoded<16x32xf32, #fmt.int<8, axis = 0>>)
// CHECK: qnn.linear %{{.+}} {qnn.format = #fmt.int<4, block = [1, 32], scale = f16>} : ({{.+}}, !qnn.encoded<32x32xf32, #fmt.int<4, block = [1, 32], scale = f16>>)

// REPORT: "formats": {
// REPORT-NEXT: "mixed": "#fmt.int<8, axis = 0>"
// REPORT-NEXT: "plain": "#fmt.int<4, block = [1, 32], scale = f16>"
// REPORT: "front": [
// REPORT: "gap": 0

// SMALL: error: {{.*}}budget
// NONE: error: {{.*}}no second moment of 'x' over 1 or more rows in the statistics; calibrate on samples that reach it, or use the sensitivity 'weight' and the solver 'rtn'
// WHAT: error: there is no sensitivity 'best'; expected one of: loss, output, weight
// EMPTY: error: expected at least one candidate format

func.func @main(%x: tensor<?x32xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 32)>})
    -> (tensor<?x16xf32>, tensor<?x32xf32>) attributes {qnn.entry, qnn.symbols = ["n"]} {
  %mixed = qnn.constant dense<[
      [0.1, -0.1, 0.6, 0.1, -0.5, 0.4, 1.3, 0.9, -0.7, -1.3, -0.6, 0.0, -2.3, -0.2, -1.2, -0.7,
       -0.5, -0.3, 0.4, 1.0, -0.1, 1.4, -0.7, 0.4, 0.9, 0.1, -0.7, -0.9, -0.5, 0.2, -1.0, -0.2],
      [-0.2, 0.5, 0.2, 0.4, -0.7, -0.1, 0.8, 1.5, -1.3, 1.5, 1.3, 0.8, 0.3, -0.3, 1.5, 2.0,
       1.8, 1.3, 0.4, -1.2, -0.0, 0.7, -1.3, 0.4, 0.4, 0.7, -1.2, -0.7, -0.4, -1.2, 1.7, -0.5],
      [0.3, -0.3, 1.6, 1.3, 0.6, -2.2, 0.1, 0.7, 1.0, -0.6, 1.8, -1.3, -0.7, 0.9, 0.0, 2.0,
       0.2, -0.6, -0.4, -1.1, -1.3, 0.6, 0.6, 1.3, -0.8, 1.7, -0.3, 1.6, -0.4, -0.7, 0.2, 1.0],
      [0.2, -0.6, -1.3, -1.4, 0.5, 1.0, -0.2, -1.1, 0.9, -1.3, -0.7, 0.6, -2.3, 0.4, -0.6, 0.1,
       -0.1, 0.2, 0.7, -0.8, 1.4, 0.7, 0.8, 1.2, 0.8, 0.8, 0.1, -1.4, -0.1, -0.8, -1.4, 0.3],
      [-0.6, -1.0, -1.0, 0.3, 0.4, 1.3, -0.0, 1.0, 1.4, 1.2, -2.4, 1.2, 0.3, 0.4, 0.4, 0.4,
       0.3, -0.4, -1.9, -0.1, -0.8, 1.1, -0.3, 0.1, -0.8, -0.5, -0.0, -1.5, 0.3, -0.1, -1.2, -2.4],
      [0.5, -0.3, -0.5, -0.2, 1.8, -0.0, 0.1, -1.5, 1.6, 0.9, 1.1, 0.0, 0.9, 0.4, 0.6, -0.2,
       -1.5, 1.0, -1.9, -0.2, -0.2, -1.0, 0.6, -0.2, -0.4, 0.5, -0.5, 1.4, 0.4, -0.5, -1.9, -1.3],
      [1.1, -0.1, -0.3, 1.6, -1.3, -0.6, -0.5, 0.6, -0.7, -0.6, -1.6, 0.7, 0.8, -0.5, 0.2, -1.3,
       -0.5, 1.4, 0.1, 2.3, -0.8, 0.6, -0.2, 0.6, -0.0, -0.6, -0.9, 3.1, -0.1, -2.0, -0.6, 0.7],
      [-0.5, 1.4, 1.0, -0.2, -0.5, -1.0, -0.7, -1.5, 1.2, 1.6, -1.3, -1.2, -1.8, -1.0, -3.1, -1.1,
       1.3, -0.3, 0.9, -0.5, 1.8, 0.2, -0.4, 2.6, -0.3, -1.2, 0.2, -0.0, 1.1, -0.9, 0.8, 0.9],
      [-0.7, 0.2, -0.8, 2.3, -0.7, -0.5, -1.1, -0.3, -0.0, 0.8, -0.6, -0.2, -1.4, -0.8, 2.8, 1.0,
       -0.8, -1.3, -1.0, -0.0, 0.0, -0.7, -1.3, 1.4, 0.5, -0.4, -0.2, -0.5, -2.9, 0.1, -1.1, -1.0],
      [-0.6, 0.7, -1.2, -1.4, 0.6, 0.8, -1.0, 0.6, -0.3, 0.3, -1.3, 0.8, 1.2, 0.6, 0.6, -3.8,
       0.3, -0.0, -0.1, -0.6, 0.1, 0.4, -0.3, -0.5, 1.2, -1.1, 1.0, 0.2, -0.8, -0.3, -0.9, 0.7],
      [0.3, -0.6, -1.1, 0.3, 1.0, -0.1, 0.4, -0.4, 0.1, -0.3, 0.3, -1.5, 0.6, -0.2, 0.4, -0.3,
       0.3, -1.1, 1.2, -1.7, -1.0, 0.2, 1.5, 0.3, -0.2, -1.4, -0.2, -0.0, 1.7, 0.6, -1.5, 2.0],
      [-0.4, -0.9, 1.5, -0.0, -0.4, 0.2, 0.8, 1.0, -1.4, 2.0, 0.9, -0.4, -0.8, -1.0, 0.1, -0.6,
       -0.8, 0.8, 0.4, -0.4, 0.7, 1.4, -1.1, -0.6, 0.9, 0.7, 0.2, 1.2, -1.1, -1.5, -0.9, 0.1],
      [-0.8, -0.5, -1.0, -0.6, -1.0, 0.4, 0.8, -0.5, -0.2, -0.6, 0.5, 0.1, 1.6, -1.1, 0.4, 0.4,
       -0.4, 0.6, -1.4, 2.1, -1.3, 0.9, -1.1, 1.2, -0.4, 0.2, 0.1, 1.1, -0.3, -3.0, -0.8, 0.2],
      [-0.4, 0.8, 1.0, -0.1, -1.5, 1.4, 1.1, -0.3, 2.1, -0.3, -1.1, -0.2, 1.1, -0.9, 2.0, -0.9,
       1.0, 0.5, -0.2, 1.1, -1.5, 1.4, -0.1, -0.5, 0.7, 1.1, 0.8, 2.0, 1.1, 1.3, -0.5, 0.1],
      [0.6, -0.0, 0.3, 0.4, 0.8, -0.1, -0.3, -0.8, -0.9, 1.2, -0.1, 0.8, -1.3, -1.9, -1.0, 1.1,
       1.1, 0.3, -0.8, -0.1, -0.3, -0.3, -2.5, -0.9, -0.2, 1.5, 0.2, 1.4, -0.4, -0.3, -3.9, 0.5],
      [0.5, 1.8, -0.5, 0.1, -0.7, -1.2, -0.7, -0.3, 1.4, 0.0, -0.8, 0.1, 0.2, -0.7, 1.1, -1.9,
       -0.2, 0.7, -1.3, 0.4, 1.3, 0.5, -1.7, -0.7, 1.2, 0.3, -0.0, 0.4, 0.7, -0.7, -0.3, 0.1]]> : tensor<16x32xf32> -> tensor<16x32xf32>
  %plain = qnn.constant dense<1.0> : tensor<32x32xf32> -> tensor<32x32xf32>
  %0 = qnn.linear %x, %mixed : (tensor<?x32xf32>, tensor<16x32xf32>) -> tensor<?x16xf32> loc("mixed")
  %1 = qnn.linear %x, %plain : (tensor<?x32xf32>, tensor<32x32xf32>) -> tensor<?x32xf32> loc("plain")
  return %0, %1 : tensor<?x16xf32>, tensor<?x32xf32>
}
