// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operation whose elements are scalar programs.  What has no operation of
// its own (resizing, scattering, sorting, recurrence, odd padding, rare
// functions) is one of these: one shape function, one reference evaluation, one
// lowering for all of them.

#ifndef QUANTC_DIALECT_QNN_QNNCOMPUTEOPS_TD
#define QUANTC_DIALECT_QNN_QNNCOMPUTEOPS_TD

include "quantc/Dialect/QNN/QNNBase.td"

def QNN_ComputeOp : QNN_PureOp<"compute", [IsolatedFromAbove]> {
  let summary = "each element by a scalar program that may read all operands";
  let description = [{
    The region is evaluated once per element of the result.  Its arguments are
    the element's indices (one per entry of `shape`), the values of `sizes`
    (indices, too) and the operands, which `qnn.element` reads.  It holds
    operations of arith and math, `scf.for`, `scf.if` and `qnn.element`, on
    *compute* scalars: signless integers, i1 for booleans, f32 for f16 and bf16
    (numerics §1.5), f64 for f64, the code as i8 for float8.

    With `sequential` = n > 0 the n leading dimensions run in order, and one
    more argument is the result itself, of which the elements at lower leading
    indices may be read: a recurrence.

    With `domain` the region is evaluated once per element of that index space
    instead, in order, and writes elements of the result, its last argument,
    with `qnn.write`; it reads there what was written last, and `qnn.yield` has
    no value.  The result starts as a copy of operand `start`, or as zeros: a
    scatter, a histogram, a sort.

    ```mlir
    // The sum of all elements up to here.
    %0 = qnn.compute(%x) {shape = affine_map<()[s0] -> (s0)>,
                          sizes = affine_map<()[s0] -> ()>}
        : (tensor<?xf32>) -> tensor<?xf32> {
    ^bb0(%i: index, %t: tensor<?xf32>):
      %zero = arith.constant 0.0 : f32
      %first = arith.constant 0 : index
      %one = arith.constant 1 : index
      %end = arith.addi %i, %one : index
      %sum = scf.for %k = %first to %end step %one
          iter_args(%acc = %zero) -> (f32) {
        %v = qnn.element %t[%k] : tensor<?xf32> -> f32
        %next = arith.addf %acc, %v : f32
        scf.yield %next : f32
      }
      qnn.yield %sum : f32
    }
    ```
  }];
  let arguments = (ins Variadic<QNN_Tensor>:$inputs, QNN_ShapeExprs:$shape,
                       QNN_ShapeExprs:$sizes,
                       DefaultValuedAttr<I64Attr, "0">:$sequential,
                       OptionalAttr<QNN_ShapeExprs>:$domain,
                       OptionalAttr<I64Attr>:$start);
  let results = (outs QNN_Tensor:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `(` $inputs `)` attr-dict `:` functional-type(operands, results) $body
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// What the region is evaluated over: `domain`, or the result's elements.
    ::mlir::AffineMap getSpace();
    /// Arguments of the region, by kind.
    ::llvm::ArrayRef<::mlir::BlockArgument> getIndexArguments();
    ::llvm::ArrayRef<::mlir::BlockArgument> getSizeArguments();
    ::llvm::ArrayRef<::mlir::BlockArgument> getTensorArguments();
    /// The result as it is so far; null where it is not an argument.
    ::mlir::Value getSelfArgument();
  }];
}

def QNN_ElementOp : Op<QNN_Dialect, "element", [AlwaysSpeculatable,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "reads one element of an operand of qnn.compute";
  let description = [{
    The result is a compute scalar.  Each index is clamped into the tensor
    (never a wild read); an empty tensor reads as 0.
  }];
  let arguments = (ins AnyTensor:$tensor, Variadic<Index>:$indices);
  let results = (outs AnyType:$result);
  let assemblyFormat =
      "$tensor `[` $indices `]` attr-dict `:` type($tensor) `->` type($result)";
  let hasVerifier = 1;
}

def QNN_WriteOp : Op<QNN_Dialect, "write", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes one element of the result of qnn.compute";
  let description = [{
    Only in the region of a qnn.compute with `domain`, and not in an `scf.if`:
    what is at an index outside of the tensor is not written.
  }];
  let arguments = (ins AnyType:$value, AnyTensor:$tensor,
                       Variadic<Index>:$indices);
  let assemblyFormat = [{
    $value `,` $tensor `[` $indices `]` attr-dict
        `:` type($value) `,` type($tensor)
  }];
  let hasVerifier = 1;
}

def QNN_YieldOp : Op<QNN_Dialect, "yield",
    [Pure, Terminator, HasParent<"ComputeOp">]> {
  let summary = "the element's value";
  let arguments = (ins Optional<AnyType>:$value);
  let assemblyFormat = "attr-dict ($value^ `:` type($value))?";
}

#endif // QUANTC_DIALECT_QNN_QNNCOMPUTEOPS_TD
