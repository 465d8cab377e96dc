// RUN: quant-opt %s --call-math --split-input-file --verify-diagnostics

// Rare functions are written on f64.
func.func @tan(%x: f32) -> f32 {
  // expected-error @+1 {{has no function for 'f32'}}
  %0 = math.tan %x : f32
  return %0 : f32
}
