// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scalar functions that have no inline form become calls into the runtime.
// They are taken from the math dialect before its own lowering would make
// intrinsics of them, which end in libm.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "quantc/Codegen/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

namespace quantc {
#define GEN_PASS_DEF_CALLMATHPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;

namespace {

/// The function's name after `quantc_math_`; empty for other operations.
StringRef functionOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case([](math::ExpOp) { return "exp"; })
      .Case([](math::LogOp) { return "log"; })
      .Case([](math::ErfOp) { return "erf"; })
      .Case([](math::SinOp) { return "sin"; })
      .Case([](math::CosOp) { return "cos"; })
      .Case([](math::TanOp) { return "tan"; })
      .Case([](math::AsinOp) { return "asin"; })
      .Case([](math::AcosOp) { return "acos"; })
      .Case([](math::AtanOp) { return "atan"; })
      .Case([](math::SinhOp) { return "sinh"; })
      .Case([](math::CoshOp) { return "cosh"; })
      .Case([](math::TanhOp) { return "tanh"; })
      .Case([](math::AsinhOp) { return "asinh"; })
      .Case([](math::AcoshOp) { return "acosh"; })
      .Case([](math::AtanhOp) { return "atanh"; })
      .Case([](math::PowFOp) { return "pow"; })
      .Case([](arith::RemFOp) { return "fmod"; })
      .Default(StringRef());
}

func::FuncOp declare(ModuleOp module, StringRef name, unsigned arity) {
  std::string symbol = ("quantc_math_" + name).str();
  if (auto known = module.lookupSymbol<func::FuncOp>(symbol))
    return known;
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  Type f64 = builder.getF64Type();
  auto function = func::FuncOp::create(
      builder, module.getLoc(), symbol,
      builder.getFunctionType(SmallVector<Type>(arity, f64), f64));
  function.setPrivate();
  return function;
}

struct CallMathPass : quantc::impl::CallMathPassBase<CallMathPass> {
  void runOnOperation() override {
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (!functionOf(op).empty())
        work.push_back(op);
    });
    for (Operation *op : work) {
      Type type = op->getResult(0).getType();
      bool widens = type.isF32() && isa<math::PowFOp, arith::RemFOp>(op);
      if (!type.isF64() && !widens) {
        op->emitOpError("has no function for ") << type;
        return signalPassFailure();
      }
      replace(op, type);
    }
  }

  void replace(Operation *op, Type type) {
    OpBuilder builder(op);
    Type f64 = builder.getF64Type();
    SmallVector<Value> operands(op->getOperands());
    if (type != f64)
      for (Value &operand : operands)
        operand = arith::ExtFOp::create(builder, op->getLoc(), f64, operand);
    func::FuncOp function =
        declare(getOperation(), functionOf(op), operands.size());
    Value result =
        func::CallOp::create(builder, op->getLoc(), function, operands)
            .getResult(0);
    if (type != f64)
      result = arith::TruncFOp::create(builder, op->getLoc(), type, result);
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
  }
};

} // namespace
