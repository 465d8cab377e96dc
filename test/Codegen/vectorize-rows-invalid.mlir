// RUN: quant-opt %s --vectorize-rows --verify-diagnostics

// A scalar loop over a float row would add in another order than the tree.
func.func @column_sum(%x: memref<16x8xf32>, %y: memref<8xf32>) {
  // expected-error @below {{expected a row reduction over the last, contiguous dimension of its operands}}
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i)>],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<16x8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.addf %o, %a : f32
    linalg.yield %0 : f32
  }
  return
}
