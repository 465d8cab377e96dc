// RUN: quant-opt %s --split-input-file --verify-diagnostics -o /dev/null

func.func @flag(%x: tensor<4xf32>) attributes {qnn.symbols = []} {
  // expected-error @+1 {{expected a first operand of type 'tensor<i1>'}}
  %c = qnn.loop_begin %x {bound = array<i64>, symbols = array<i64>, shapes = affine_map<() -> (4)>, message = ""} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @bound(%f: tensor<i1>, %n: tensor<i32>) attributes {qnn.symbols = ["a"]} {
  // expected-error @+1 {{expected entries of 'bound' that are numbers of carried tensor<i64> values, got 1}}
  %c:2 = qnn.loop_begin %f, %n {bound = array<i64: 1>, symbols = array<i64: 0>, shapes = affine_map<() -> ()>, message = ""} : (tensor<i1>, tensor<i32>) -> (tensor<i1>, tensor<i32>)
  return
}

// -----

func.func @symbols(%f: tensor<i1>, %n: tensor<i64>) attributes {qnn.symbols = ["a"]} {
  // expected-error @+1 {{expected entries of 'symbols' in [0, 1), got 1}}
  %c:2 = qnn.loop_begin %f, %n {bound = array<i64: 1>, symbols = array<i64: 1>, shapes = affine_map<() -> ()>, message = ""} : (tensor<i1>, tensor<i64>) -> (tensor<i1>, tensor<i64>)
  return
}

// -----

func.func @shapes(%f: tensor<i1>, %x: tensor<4xf32>) attributes {qnn.symbols = []} {
  // expected-error @+1 {{expected 'shapes' with 1 expressions, got 2}}
  %c:2 = qnn.loop_begin %f, %x {bound = array<i64>, symbols = array<i64>, shapes = affine_map<() -> (4, 4)>, message = ""} : (tensor<i1>, tensor<4xf32>) -> (tensor<i1>, tensor<4xf32>)
  return
}

// -----

func.func @results(%f: tensor<i1>, %x: tensor<4xf32>) attributes {qnn.symbols = []} {
  // expected-error @+1 {{expected results of the element types and ranks that are carried}}
  %c:2 = qnn.loop_begin %f, %x {bound = array<i64>, symbols = array<i64>, shapes = affine_map<() -> (4)>, message = ""} : (tensor<i1>, tensor<4xf32>) -> (tensor<i1>, tensor<4xf16>)
  return
}

// -----

func.func @end_alone(%f: tensor<i1>) attributes {qnn.symbols = []} {
  // expected-error @+1 {{expected the first operand to be the first result of a qnn.loop_begin}}
  %e = qnn.loop_end %f, %f {bound = array<i64>, symbols = array<i64>, shapes = affine_map<() -> (1)>, message = ""} : (tensor<i1>, tensor<i1>) -> tensor<1xi1>
  return
}

// -----

func.func @end_types(%f: tensor<i1>, %x: tensor<4xf32>, %n: tensor<4xi32>) attributes {qnn.symbols = []} {
  %c:2 = qnn.loop_begin %f, %x {bound = array<i64>, symbols = array<i64>, shapes = affine_map<() -> (4)>, message = ""} : (tensor<i1>, tensor<4xf32>) -> (tensor<i1>, tensor<4xf32>)
  // expected-error @+1 {{expected next values of the element types and ranks that are carried}}
  %e:2 = qnn.loop_end %c#0, %c#0, %n {bound = array<i64>, symbols = array<i64>, shapes = affine_map<() -> (4)>, message = ""} : (tensor<i1>, tensor<i1>, tensor<4xi32>) -> (tensor<i1>, tensor<4xf32>)
  return
}
