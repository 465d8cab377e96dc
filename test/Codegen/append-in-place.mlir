// RUN: quant-opt %s --split-input-file --append-in-place | FileCheck %s
// RUN: quant-opt %s --split-input-file --append-in-place --form-kernels \
// RUN:   | FileCheck %s --check-prefix=KERNELS

#query = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 32)>
#new = affine_map<()[s0, s1, s2] -> (s0, 2, s1, 32)>
#past = affine_map<()[s0, s1, s2] -> (s0, 2, s2, 32)>

// The cache is the output's buffer with room; attention reads a slice of it as
// part of its kernel.
// CHECK-DAG: #[[CAPACITY:.+]] = affine_map<()[s0, s1, s2, s3] -> (s3)>
// CHECK-DAG: #[[INUSE:.+]] = affine_map<()[s0, s1, s2, s3] -> (s0, 2, s1 + s2, 32)>
// CHECK-LABEL: func.func @cache
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<?x8x?x32xf32>
// CHECK-SAME: %[[K:[a-z0-9]+]]: tensor<?x2x?x32xf32>
// CHECK-SAME: %[[PAST:[a-z0-9]+]]: tensor<?x2x?x32xf32>
// CHECK-SAME: qnn.alias = 2
// CHECK-SAME: qnn.symbols = ["batch", "sequence", "past", "capacity of present"]
// CHECK: %[[PRESENT:.+]], %[[BUFFER:.+]] = qnn.append %[[PAST]], %[[K]] {axis = 2 : i64, capacity = #[[CAPACITY]]}
// CHECK: %[[VALUE:.+]] = qnn.slice %[[BUFFER]] {sizes = #[[INUSE]]
// CHECK: %[[KEY:.+]] = qnn.slice %[[BUFFER]] {sizes = #[[INUSE]]
// CHECK: qnn.attention %[[Q]], %[[KEY]], %[[VALUE]]
// CHECK: return %{{.+}}, %[[PRESENT]]
//
// KERNELS-LABEL: func.func @cache
// KERNELS: %[[PRESENT:.+]], %[[BUFFER:.+]] = qnn.append
// KERNELS-NEXT: qnn.launch @kernel_0(%[[BUFFER]], %{{.+}})
// KERNELS-NEXT: return %{{.+}}, %[[PRESENT]]
// KERNELS: func.func private @kernel_0
// KERNELS: qnn.slice
// KERNELS: qnn.attention
func.func @cache(%q: tensor<?x8x?x32xf32> {qnn.shape = #query},
                 %k: tensor<?x2x?x32xf32> {qnn.shape = #new},
                 %past: tensor<?x2x?x32xf32> {qnn.shape = #past})
    -> (tensor<?x8x?x32xf32>,
        tensor<?x2x?x32xf32> {qnn.alias = 2 : i64, qnn.name = "present"})
    attributes {qnn.entry, qnn.symbols = ["batch", "sequence", "past"]} {
  %0 = qnn.concat %past, %k {axis = 2 : i64}
      : (tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>) -> tensor<?x2x?x32xf32>
  %1 = qnn.attention %q, %0, %0 {causal = true, key_transposed = false, scale = 1.0 : f32}
      : (tensor<?x8x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>)
      -> tensor<?x8x?x32xf32>
  return %1, %0 : tensor<?x8x?x32xf32>, tensor<?x2x?x32xf32>
}

// -----

#new = affine_map<()[s0, s1] -> (s0, 4)>
#past = affine_map<()[s0, s1] -> (s1, 4)>

// A reader that cannot work on a slice gets a copy of the rows in use.
// CHECK-LABEL: func.func @other_reader
// CHECK: %[[PRESENT:.+]], %[[BUFFER:.+]] = qnn.append
// CHECK: %[[SLICE:.+]] = qnn.slice %[[BUFFER]]
// CHECK: qnn.exp %[[SLICE]]
// CHECK: return %[[PRESENT]]
//
// KERNELS-LABEL: func.func @other_reader
// KERNELS: %[[PRESENT:.+]], %[[BUFFER:.+]] = qnn.append
// KERNELS: %[[COPY:.+]] = qnn.launch @kernel_1(%[[BUFFER]])
// KERNELS: qnn.launch @kernel_2(%[[COPY]])
// KERNELS: func.func private @kernel_1
// KERNELS: qnn.slice
func.func @other_reader(%new: tensor<?x4xf32> {qnn.shape = #new},
                        %past: tensor<?x4xf32> {qnn.shape = #past})
    -> (tensor<?x4xf32> {qnn.alias = 1 : i64}, tensor<?x4xf32>)
    attributes {qnn.entry, qnn.symbols = ["n", "past"]} {
  %0 = qnn.neg %new : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = qnn.concat %past, %0 {axis = 0 : i64}
      : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = qnn.exp %1 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %1, %2 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

#new = affine_map<()[s0, s1] -> (s0, 4)>
#past = affine_map<()[s0, s1] -> (s1, 4)>

// Not declared: the concatenation is a kernel that copies both.
// CHECK-LABEL: func.func @not_declared
// CHECK-NOT: qnn.append
// CHECK: qnn.concat
//
// KERNELS-LABEL: func.func @not_declared
// KERNELS: qnn.launch @kernel_0
// KERNELS: func.func private @kernel_0
// KERNELS: qnn.concat
func.func @not_declared(%new: tensor<?x4xf32> {qnn.shape = #new},
                        %past: tensor<?x4xf32> {qnn.shape = #past})
    -> tensor<?x4xf32> attributes {qnn.entry, qnn.symbols = ["n", "past"]} {
  %0 = qnn.concat %past, %new {axis = 0 : i64}
      : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

#new = affine_map<()[s0, s1] -> (s0, 4)>
#past = affine_map<()[s0, s1] -> (s1, 4)>

// The past is read as a whole, in the caller's strides: the declaration goes.
// CHECK-LABEL: func.func @past_is_read
// CHECK-NOT: qnn.alias
// CHECK-NOT: qnn.append
// CHECK: qnn.concat
func.func @past_is_read(%new: tensor<?x4xf32> {qnn.shape = #new},
                        %past: tensor<?x4xf32> {qnn.shape = #past})
    -> (tensor<?x4xf32> {qnn.alias = 1 : i64}, tensor<?x4xf32>)
    attributes {qnn.entry, qnn.symbols = ["n", "past"]} {
  %0 = qnn.concat %past, %new {axis = 0 : i64}
      : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = qnn.neg %past : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

#new = affine_map<()[s0, s1] -> (s0, 4)>
#past = affine_map<()[s0, s1] -> (s1, 4)>

// Returned twice: one buffer cannot be both.
// CHECK-LABEL: func.func @returned_twice
// CHECK-NOT: qnn.alias
// CHECK-NOT: qnn.append
func.func @returned_twice(%new: tensor<?x4xf32> {qnn.shape = #new},
                          %past: tensor<?x4xf32> {qnn.shape = #past})
    -> (tensor<?x4xf32> {qnn.alias = 1 : i64}, tensor<?x4xf32>)
    attributes {qnn.entry, qnn.symbols = ["n", "past"]} {
  %0 = qnn.concat %past, %new {axis = 0 : i64}
      : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0, %0 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// Bits do not fill bytes row by row.
// CHECK-LABEL: func.func @bits
// CHECK-NOT: qnn.append
func.func @bits(%new: tensor<?x3xi1>, %past: tensor<?x3xi1>)
    -> (tensor<?x3xi1> {qnn.alias = 1 : i64}) attributes {qnn.entry} {
  %0 = qnn.concat %past, %new {axis = 0 : i64}
      : (tensor<?x3xi1>, tensor<?x3xi1>) -> tensor<?x3xi1>
  return %0 : tensor<?x3xi1>
}
