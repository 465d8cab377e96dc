// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The elementwise table: the scalar reference function of every elementwise
// operation, by operation name.  Code generation keeps the scalar IR builder of
// the same operations under the same names, and is tested against this.
// `qnn.where`, `qnn.cast`, `qnn.to_codes` and `qnn.from_codes` are not in it:
// they copy and convert bits.

#ifndef QUANTC_DIALECT_QNN_ELEMENTWISE_H
#define QUANTC_DIALECT_QNN_ELEMENTWISE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace quantc::qnn {

/// The numeric attributes of an operation, in the order of its definition:
/// alpha, beta of leaky_relu and hard_sigmoid; min, max of clip.
struct ElementwiseParameters {
  double first = 0, second = 0;
};

/// How an integer element is to be read.  Values are passed sign or zero
/// extended in int64_t; results are stored wrapped to the width.
struct IntegerElement {
  unsigned width;
  bool isUnsigned;
};

struct ElementwiseFunction {
  llvm::StringLiteral name;
  unsigned arity;
  /// Null where the operation is not defined on the type.  Results that are
  /// booleans are 0 or 1.
  float (*f32)(const float *, const ElementwiseParameters &);
  double (*f64)(const double *, const ElementwiseParameters &);
  int64_t (*integer)(const int64_t *, const ElementwiseParameters &,
                     IntegerElement);
};

/// The entry of an operation name such as "qnn.add"; null when there is none.
/// gelu's tanh form is "qnn.gelu.tanh".
const ElementwiseFunction *lookupElementwise(llvm::StringRef name);

llvm::ArrayRef<ElementwiseFunction> elementwiseTable();

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_ELEMENTWISE_H
