// RUN: quant-opt %s --expand-math | FileCheck %s

// docs/numerics.md §3.1: NaN passes the two selects, 2^n comes from the bits.
// CHECK-LABEL: func.func @exp
// CHECK: arith.cmpf olt
// CHECK: arith.select
// CHECK: arith.cmpf ogt
// CHECK: arith.select
// CHECK-COUNT-9: math.fma
// CHECK: arith.shli
// CHECK: arith.mulf
// CHECK-NOT: math.exp
func.func @exp(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.exp %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// Large arguments are reduced in integers, only where some lane needs it.
// CHECK-LABEL: func.func @sin
// CHECK: scf.if
// CHECK: arith.muli {{.+}} : vector<16xi64>
// CHECK-NOT: math.sin
func.func @sin(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.sin %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// CHECK-LABEL: func.func @tree
// CHECK-COUNT-4: arith.addf
// CHECK: vector.extract
// CHECK-NOT: vector.reduction
func.func @tree(%x: vector<16xf32>) -> f32 {
  %0 = vector.reduction <add>, %x : vector<16xf32> into f32
  return %0 : f32
}

// In f64 lanes, with the special cases as selects.
// CHECK-LABEL: func.func @pow
// CHECK: arith.extf %{{.+}} : vector<16xf32> to vector<16xf64>
// CHECK-COUNT-13: math.fma %{{.+}} : vector<16xf64>
// CHECK: arith.truncf %{{.+}} : vector<16xf64> to vector<16xf32>
// CHECK-NOT: math.powf
func.func @pow(%x: vector<16xf32>, %y: vector<16xf32>) -> vector<16xf32> {
  %0 = math.powf %x, %y : vector<16xf32>
  return %0 : vector<16xf32>
}

// What is left for call-math is scalar.
// CHECK-LABEL: func.func @lanes
// CHECK-COUNT-2: math.powf %{{.+}}, %{{.+}} : f64
// CHECK-NOT: math.powf
// CHECK-COUNT-2: math.tan %{{.+}} : f64
// CHECK-COUNT-2: arith.remf %{{.+}}, %{{.+}} : f32
// CHECK: return
func.func @lanes(%x: vector<2xf64>, %y: vector<2xf32>) -> (vector<2xf64>, vector<2xf64>, vector<2xf32>) {
  %0 = math.powf %x, %x : vector<2xf64>
  %1 = math.tan %x : vector<2xf64>
  %2 = arith.remf %y, %y : vector<2xf32>
  return %0, %1, %2 : vector<2xf64>, vector<2xf64>, vector<2xf32>
}
