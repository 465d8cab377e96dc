// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a transform of a value's channels moves through an operation.  The models
// are attached by registerEquivariantModels (lib/Rewrites/EquivariantModels*).

#ifndef QUANTC_REWRITES_EQUIVARIANTOPINTERFACE_TD
#define QUANTC_REWRITES_EQUIVARIANTOPINTERFACE_TD

include "mlir/IR/OpBase.td"

def EquivariantOpInterface : OpInterface<"EquivariantOpInterface"> {
  let cppNamespace = "::quantc";
  let description = [{
    One of the operation's values, an operand or the result, is about to carry a
    transform.  The operation says what else must change so that it still
    computes the same: other values that carry the same transform, constants
    that absorb it or its inverse.  An operation without the interface, and one
    that answers nothing, blocks the transform.
  }];
  let methods = [
    InterfaceMethod<"Answers the question that `move` asks.", "void",
                    "moveTransform", (ins "::quantc::TransformMove &":$move)>
  ];
}

#endif // QUANTC_REWRITES_EQUIVARIANTOPINTERFACE_TD
