// RUN: quant-opt %s --transform-interpreter --canonicalize --split-input-file | FileCheck %s

// Rows and columns of a packed contraction: lines follow the columns.
// CHECK-DAG: #[[LINE:.+]] = affine_map<(d0) -> (d0 * 2)>
// CHECK-DAG: #[[LINES:.+]] = affine_map<(d0) -> (d0 ceildiv 16)>
// CHECK-LABEL: @packed
// CHECK: scf.forall (%{{.+}}, %[[N:.+]]) in
// CHECK-DAG: affine.apply #[[LINE]](%[[N]])
// CHECK-DAG: affine.apply #[[LINES]](%{{.+}})
// CHECK-DAG: tensor.extract_slice %{{.+}}[%{{.+}}, 0] [%{{.+}}, 70]
// CHECK: tensor.extract_slice %{{.+}} tensor<3x18x16x4xi8> to tensor<?x18x16x4xi8>
// CHECK: lowbit.matmul packed
// CHECK: tensor.parallel_insert_slice
func.func @packed(%a: tensor<?x70xi8>, %b: tensor<3x18x16x4xi8>,
                  %c: tensor<?x40xi32>) -> tensor<?x40xi32> {
  %0 = lowbit.matmul packed ins(%a, %b : tensor<?x70xi8>, tensor<3x18x16x4xi8>)
      outs(%c : tensor<?x40xi32>) -> tensor<?x40xi32>
  return %0 : tensor<?x40xi32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %0 = transform.structured.match ops{["lowbit.matmul"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %1, %2 = transform.structured.tile_using_forall %0 tile_sizes [8, 32]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// A tile of a grouped convolution is a dense one of the group's channels.
// CHECK-DAG: #[[CHANNEL:.+]] = affine_map<(d0) -> (d0 * 3)>
// CHECK-DAG: #[[COLUMN:.+]] = affine_map<(d0) -> (d0 * 32)>
// CHECK-LABEL: @groups
// CHECK-SAME: %[[X:.+]]: tensor<?x8x8x6xi8>, %[[W:.+]]: tensor<4x7x16x4xi8>, %[[Z:.+]]: tensor<64xi32>
// CHECK: scf.forall (%{{.+}}, %[[G:.+]]) in (%{{.+}}, 2)
// CHECK: %[[N:.+]] = affine.apply #[[COLUMN]](%[[G]])
// CHECK: %[[C:.+]] = affine.apply #[[CHANNEL]](%[[G]])
// CHECK: %[[A:.+]] = tensor.extract_slice %[[X]][0, 0, 0, %[[C]]] [%{{.+}}, 8, 8, 3]
// CHECK: %[[B:.+]] = tensor.extract_slice %[[W]][%{{.+}}, 0, 0, 0] [2, 7, 16, 4]
// CHECK: tensor.extract_slice %[[Z]][%[[N]]] [32]
// CHECK: %[[P:.+]] = lowbit.patches ins(%[[A]] {{.+}} -> tensor<?x28xi8>
// CHECK: %[[S:.+]] = linalg.generic {{.+}} ins(%[[P]]
// CHECK: %[[I:.+]] = linalg.generic {{.+}} ins(%[[S]]
// CHECK: lowbit.matmul packed ins(%[[P]], %[[B]] : tensor<?x28xi8>, tensor<2x7x16x4xi8>) outs(%[[I]] : tensor<?x32xi32>)
func.func @groups(%x: tensor<?x8x8x6xi8>, %w: tensor<4x7x16x4xi8>, %z: tensor<64xi32>,
                  %c: tensor<?x64xi32>, %i: index) -> tensor<?x64xi32> {
  %0 = lowbit.grouped_conv ins(%x, %w : tensor<?x8x8x6xi8>, tensor<4x7x16x4xi8>) start(%z : tensor<64xi32>)
      outs(%c : tensor<?x64xi32>) from %i {groups = 2 : i64, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>} -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %0 = transform.structured.match ops{["lowbit.grouped_conv"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %1, %2 = transform.structured.tile_using_forall %0 tile_sizes [8, 32]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Fused as a producer; one slice of B serves two heads.
// CHECK-LABEL: @fused
// CHECK: scf.forall (%[[B:.+]], %[[H:.+]]) in
// CHECK: tensor.extract_slice %{{.+}}[%[[B]], 0, 0, 0] [1, 1, %{{.+}}, 64]
// CHECK: lowbit.matmul transposed {{.+}} tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>
// CHECK: linalg.generic
func.func @fused(%a: tensor<?x2x?x64xf32>, %b: tensor<?x1x?x64xf32>,
                 %c: tensor<?x2x?x?xf32>, %d: tensor<?x2x?x?xf32>)
    -> tensor<?x2x?x?xf32> {
  %0 = lowbit.matmul transposed
      ins(%a, %b : tensor<?x2x?x64xf32>, tensor<?x1x?x64xf32>)
      outs(%c : tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %1 = linalg.generic {
      indexing_maps = [affine_map<(i, j, m, n) -> (i, j, m, n)>,
                       affine_map<(i, j, m, n) -> (i, j, m, n)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%0 : tensor<?x2x?x?xf32>) outs(%d : tensor<?x2x?x?xf32>) {
    ^bb0(%x: f32, %y: f32):
      %z = arith.negf %x : f32
      linalg.yield %z : f32
  } -> tensor<?x2x?x?xf32>
  return %1 : tensor<?x2x?x?xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %0 = transform.structured.match ops{["linalg.generic"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %1, %2 = transform.structured.fuse %0 tile_sizes [1, 1] {use_forall}
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Lines, scales and offsets follow the columns in panels of 16, sums the rows.
// CHECK-LABEL: @blocks
// CHECK: scf.forall (%{{.+}}, %{{.+}}) in
// CHECK: tensor.extract_slice %{{.+}} tensor<3x9x16x4xi8> to tensor<?x9x16x4xi8>
// CHECK: tensor.extract_slice %{{.+}} tensor<3x3x16xf16> to tensor<?x3x16xf16>
// CHECK: tensor.extract_slice %{{.+}} tensor<3x3x16xi8> to tensor<?x3x16xi8>
// CHECK: tensor.extract_slice %{{.+}} tensor<?x3xi32> to tensor<?x3xi32>
// CHECK: lowbit.block_matmul bits(4) group(32)
// CHECK: tensor.parallel_insert_slice
func.func @blocks(%a: tensor<?x70xi8>, %b: tensor<3x9x16x4xi8>, %s: tensor<3x3x16xf16>,
    %o: tensor<3x3x16xi8>, %z: tensor<?x3xi32>, %c: tensor<?x40xf32>) -> tensor<?x40xf32> {
  %0 = lowbit.block_matmul bits(4) group(32) ins(%a, %b, %s : tensor<?x70xi8>, tensor<3x9x16x4xi8>, tensor<3x3x16xf16>)
      offsets(%o : tensor<3x3x16xi8>) sums(%z : tensor<?x3xi32>) outs(%c : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %0 = transform.structured.match ops{["lowbit.block_matmul"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %1, %2 = transform.structured.tile_using_forall %0 tile_sizes [8, 32]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
