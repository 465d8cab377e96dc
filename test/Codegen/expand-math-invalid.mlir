// RUN: quant-opt %s --expand-math --verify-diagnostics

func.func @exp_f16(%x: f16) -> f16 {
  // expected-error @below {{has no expansion for 'f16'}}
  %0 = math.exp %x : f16
  return %0 : f16
}
