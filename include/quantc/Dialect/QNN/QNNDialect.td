// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qnn dialect: opset-independent tensor operations with ONNX semantics, on
// plain ranked tensors and on !qnn.encoded values.

#ifndef QUANTC_DIALECT_QNN_QNNDIALECT_TD
#define QUANTC_DIALECT_QNN_QNNDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinTypeInterfaces.td"

def QNN_Dialect : Dialect {
  let name = "qnn";
  let cppNamespace = "::quantc::qnn";
  let summary = "opset-independent neural network operations";
  let description = [{
    Importers produce qnn, rewrites and solvers work on it, and `lower` leaves
    it.  Every operation's location is its ONNX node (a NameLoc).

    Shapes: dynamic dimensions are affine expressions of the *symbols* of the
    surrounding function (attribute `qnn.symbols`, one name each).  Arguments
    name their dimensions by the argument attribute `qnn.shape`, an affine map
    without dimensions whose symbols are the function's symbols; the shapes of
    all other values follow from the operations (ShapeAnalysis).

    Function attributes: `qnn.entry` marks an entry point of the artifact,
    `qnn.kernel` a fused group that becomes one or a few parallel kernels.
    Argument and result attribute `qnn.name` is the ONNX name.
  }];
  let dependentDialects = ["::quantc::fmt::FmtDialect"];
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 0;
}

class QNN_Type<string name, string typeMnemonic, list<Trait> traits = []>
    : TypeDef<QNN_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

def QNN_EncodedType : QNN_Type<"Encoded", "encoded",
    [DeclareTypeInterfaceMethods<ShapedTypeInterface>]> {
  let summary = "a tensor stored in a number format";
  let description = [{
    `!qnn.encoded<4096x4096xf32, #fmt.int<4, block = [1, 128]>>`: the logical
    shape and element type, and the format attribute that says how the values
    are stored.  Scales, offsets and codes are payload arrays of the value, never
    part of the type.
  }];
  let parameters = (ins
    ArrayRefParameter<"int64_t">:$shape,
    "::mlir::Type":$elementType,
    "::mlir::Attribute":$format);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    ::quantc::fmt::FormatInterface getScheme() const {
      return ::llvm::cast<::quantc::fmt::FormatInterface>(getFormat());
    }
  }];
}

#endif // QUANTC_DIALECT_QNN_QNNDIALECT_TD
