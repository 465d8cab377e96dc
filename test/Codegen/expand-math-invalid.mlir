// RUN: quant-opt %s --expand-math --verify-diagnostics

func.func @exp_f64(%x: f64) -> f64 {
  // expected-error @below {{has no expansion for 'f64'}}
  %0 = math.exp %x : f64
  return %0 : f64
}
