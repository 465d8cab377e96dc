// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formats by their text, diagnostics as text, and values to encode.

#ifndef QUANTC_TEST_UNIT_DIALECT_FMT_FORMAT_H
#define QUANTC_TEST_UNIT_DIALECT_FMT_FORMAT_H

#include "mlir/AsmParser/AsmParser.h"
#include "quantc/Dialect/Fmt/Fmt.h"
#include "gtest/gtest.h"

namespace quantc::fmt {

class FormatTest : public testing::Test {
protected:
  FormatTest() {
    context.loadDialect<FmtDialect>();
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic &diag) {
      message = diag.str();
      return mlir::success();
    });
  }

  IntAttr format(llvm::StringRef parameters) {
    mlir::Attribute attribute =
        mlir::parseAttribute(("#fmt.int<" + parameters + ">").str(), &context);
    EXPECT_TRUE(attribute) << parameters.str() << ": " << message;
    return mlir::cast<IntAttr>(attribute);
  }

  FormatInterface parse(llvm::StringRef text) {
    mlir::Attribute attribute = mlir::parseAttribute(text, &context);
    EXPECT_TRUE(attribute) << text.str() << ": " << message;
    return mlir::cast<FormatInterface>(attribute);
  }

  /// For methods that report errors; the text is then in `message`.
  mlir::InFlightDiagnostic emit() {
    return mlir::emitError(mlir::UnknownLoc::get(&context));
  }

  HostTensor floats(llvm::ArrayRef<int64_t> shape) {
    return *HostTensor::allocate(mlir::Float32Type::get(&context), shape);
  }

  /// Values in [-1.25, 0.75), the same on every machine.
  HostTensor random(llvm::ArrayRef<int64_t> shape) {
    HostTensor tensor = floats(shape);
    uint32_t state = 7;
    for (float &x : tensor.asMutable<float>())
      x = float((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-23f -
          1.25f;
    return tensor;
  }

  mlir::MLIRContext context;
  std::string message;
};

} // namespace quantc::fmt

#endif // QUANTC_TEST_UNIT_DIALECT_FMT_FORMAT_H
