// RUN: quant-opt %s --call-math --split-input-file | FileCheck %s

// CHECK: func.func private @quantc_math_exp(f64) -> f64
// CHECK-LABEL: func.func @twice
// CHECK: %[[A:.+]] = call @quantc_math_exp(%{{.+}}) : (f64) -> f64
// CHECK: call @quantc_math_exp(%[[A]])
func.func @twice(%x: f64) -> f64 {
  %0 = math.exp %x : f64
  %1 = math.exp %0 : f64
  return %1 : f64
}

// -----

// An f32 power is that of f64, rounded once.
// CHECK: func.func private @quantc_math_pow(f64, f64) -> f64
// CHECK-LABEL: func.func @power
// CHECK: %[[X:.+]] = arith.extf %{{.+}} : f32 to f64
// CHECK: %[[Y:.+]] = arith.extf %{{.+}} : f32 to f64
// CHECK: %[[P:.+]] = call @quantc_math_pow(%[[X]], %[[Y]])
// CHECK: arith.truncf %[[P]] : f64 to f32
func.func @power(%x: f32, %y: f32) -> f32 {
  %0 = math.powf %x, %y : f32
  return %0 : f32
}

// -----

// Square roots and roundings are instructions.
// CHECK-NOT: quantc_math
// CHECK-LABEL: func.func @instructions
// CHECK: math.sqrt
// CHECK: math.floor
func.func @instructions(%x: f64) -> f64 {
  %0 = math.sqrt %x : f64
  %1 = math.floor %0 : f64
  return %1 : f64
}
