// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Index arithmetic that folds constants, and loops and branches that vanish
// where their bounds and conditions are constants.  The emitters of this folder
// are built on it.

#ifndef QUANTC_CONVERSION_LOWBITTOVECTOR_INDEXBUILDER_H
#define QUANTC_CONVERSION_LOWBITTOVECTOR_INDEXBUILDER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace quantc::lowbit {

class IndexBuilder {
public:
  using Value = mlir::Value;
  using Values = mlir::SmallVector<Value>;

  explicit IndexBuilder(mlir::ImplicitLocOpBuilder &b) : b(b) {}

  Value constant(int64_t value);
  Value add(Value x, Value y);
  Value add(Value x, int64_t y) { return add(x, constant(y)); }
  Value sub(Value x, Value y);
  Value mul(Value x, int64_t y);
  Value mul(Value x, Value y);
  /// Operands are not negative.
  Value div(Value x, int64_t y) { return div(x, constant(y)); }
  Value div(Value x, Value y);
  Value rem(Value x, Value y);
  Value min(Value x, Value y);
  Value max(Value x, Value y);
  Value roundDown(Value x, int64_t unit) { return mul(div(x, unit), unit); }
  Value isLess(Value x, Value y);

  void forRange(Value begin, Value end, int64_t step,
                llvm::function_ref<void(Value)> body);
  void ifElse(Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise);

  mlir::ImplicitLocOpBuilder &b;
};

} // namespace quantc::lowbit

#endif // QUANTC_CONVERSION_LOWBITTOVECTOR_INDEXBUILDER_H
