// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A fixture that parses a function of qnn operations and evaluates it.

#ifndef QUANTC_TEST_UNIT_QNN_EVALUATE_H
#define QUANTC_TEST_UNIT_QNN_EVALUATE_H

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include <gtest/gtest.h>

namespace quantc::qnn {

class EvaluateTest : public ::testing::Test {
protected:
  EvaluateTest() {
    mlir::DialectRegistry registry;
    registry.insert<mlir::func::FuncDialect, QNNDialect>();
    registerReferenceModels(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    handler = std::make_unique<mlir::ScopedDiagnosticHandler>(
        &context, [this](mlir::Diagnostic &diagnostic) {
          if (error.empty())
            error = diagnostic.str();
          return mlir::success();
        });
  }

  mlir::Type type(llvm::StringRef text) {
    return mlir::parseType(text, &context);
  }

  template <typename T>
  HostTensor tensor(llvm::StringRef elementType, llvm::ArrayRef<int64_t> shape,
                    llvm::ArrayRef<T> values) {
    HostTensor result = *HostTensor::allocate(type(elementType), shape);
    for (auto [i, value] : llvm::enumerate(values)) {
      if constexpr (std::is_integral_v<T>)
        result.setInt(i, value);
      else
        result.setFloat(i, value);
    }
    return result;
  }

  /// f32 values that look random but are the same everywhere.
  HostTensor random(llvm::ArrayRef<int64_t> shape, uint32_t seed = 1) {
    HostTensor result = *HostTensor::allocate(type("f32"), shape);
    for (int64_t i = 0; i < result.getNumElements(); ++i) {
      seed = seed * 1664525u + 1013904223u;
      result.setFloat(i, (int32_t(seed >> 8) - (1 << 23)) * 0x1p-22);
    }
    return result;
  }

  /// Evaluates the only function of a module; empty after an error, whose first
  /// message is in `error`.
  llvm::SmallVector<HostTensor> run(llvm::StringRef text,
                                    llvm::ArrayRef<HostTensor> inputs) {
    error.clear();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      return {};
    auto funcs = module->getOps<mlir::func::FuncOp>();
    auto results = evaluateFunction(*funcs.begin(), inputs);
    return mlir::succeeded(results) ? *results
                                    : llvm::SmallVector<HostTensor>();
  }

  /// One operation: `run("qnn.add", "tensor<f32>, …", inputs, "tensor<f32>")`.
  llvm::SmallVector<HostTensor> apply(const std::string &op,
                                      llvm::ArrayRef<HostTensor> inputs,
                                      const std::string &attributes,
                                      const std::string &resultType) {
    std::string arguments, names, types, text;
    llvm::raw_string_ostream stream(arguments), typeStream(types);
    for (auto [i, input] : llvm::enumerate(inputs)) {
      stream << (i ? ", %a" : "%a") << i << ": ";
      auto tensorType =
          mlir::RankedTensorType::get(input.getShape(), input.getElementType());
      stream << tensorType;
      typeStream << (i ? ", " : "") << tensorType;
      names += (i ? ", %a" : "%a") + std::to_string(i);
    }
    text = "func.func @f(" + arguments + ") -> " + resultType + " { %r = \"" +
           op + "\"(" + names + ") " +
           (attributes.empty() ? "" : "<{" + attributes + "}>") + " : (" +
           types + ") -> " + resultType + " return %r : " + resultType + " }";
    return run(text, inputs);
  }

  mlir::MLIRContext context;
  std::unique_ptr<mlir::ScopedDiagnosticHandler> handler;
  std::string error;
};

} // namespace quantc::qnn

#endif // QUANTC_TEST_UNIT_QNN_EVALUATE_H
