// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Base classes and type constraints of the qnn operations.

#ifndef QUANTC_DIALECT_QNN_QNNBASE_TD
#define QUANTC_DIALECT_QNN_QNNBASE_TD

include "quantc/Dialect/QNN/QNNDialect.td"
include "quantc/Dialect/QNN/QNNInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// Importers create an operation before its result shape is known (unranked
// results of the right element type), then set the inferred type.
def QNN_Tensor : AnyTypeOf<[AnyTensor]>;
def QNN_FloatTensor : TensorOf<[AnyFloat]>;
def QNN_BoolTensor : TensorOf<[I1]>;
def QNN_IntTensor : TensorOf<[AnyInteger]>;
def QNN_Value : AnyTypeOf<[AnyTensor, QNN_EncodedType]>;

def QNN_FormatAttr : Attr<CPred<"::llvm::isa<::quantc::fmt::FormatInterface>($_self)">,
                          "a number format"> {
  let storageType = "::mlir::Attribute";
  let returnType = "::quantc::fmt::FormatInterface";
  let convertFromStorage =
      "::llvm::cast<::quantc::fmt::FormatInterface>($_self)";
}

// An affine map without dimensions over the function's symbols: one result per
// entry.  `affine_map<()[s0, s1] -> (s0, s1 * 12, 32)>`.
def QNN_ShapeExprs : ConfinedAttr<AffineMapAttr, [AttrConstraint<CPred<
    "::llvm::cast<::mlir::AffineMapAttr>($_self).getValue().getNumDims() == 0">,
    "an affine map without dimensions">]>;

class QNN_Op<string mnemonic, list<Trait> traits = []>
    : Op<QNN_Dialect, mnemonic, !listconcat([
        DeclareOpInterfaceMethods<QNN_SymbolicShapeOpInterface>], traits)>;

// Pure operations; ReferenceOpInterface is attached by registerReferenceModels.
class QNN_PureOp<string mnemonic, list<Trait> traits = []>
    : QNN_Op<mnemonic, !listconcat([Pure], traits)>;

#endif // QUANTC_DIALECT_QNN_QNNBASE_TD
