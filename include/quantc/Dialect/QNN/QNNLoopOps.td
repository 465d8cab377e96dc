// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops whose number of iterations the run finds out.  Both operations stand in
// the body of the function, like everything that the loop repeats (Loops.h).

#ifndef QUANTC_DIALECT_QNN_QNNLOOPOPS_TD
#define QUANTC_DIALECT_QNN_QNNLOOPOPS_TD

include "quantc/Dialect/QNN/QNNBase.td"

def QNN_LoopBeginOp : QNN_Op<"loop_begin"> {
  let summary = "the head of a loop: carried values";
  let description = [{
    Results are the operands in the first iteration and, in each further one,
    what `qnn.loop_end` was given.  The first of them, an i1, says whether there
    is an iteration.  `shapes` are the results' shapes, one behind the other.
    An iteration starts by binding the function's symbols `symbols` to the
    carried scalars `bound`, whose numbers are positions; operations in the loop
    and `shapes` may use them.  A negative value refuses the run with `message`.
    Where an expression of the `guard` is 0 there is no iteration, and the
    operands need not be computed.

    An operation belongs to the loop if it reads a value or a symbol of it;
    whatever else stands between begin and end runs once, before it.

    ```mlir
    %c:3 = qnn.loop_begin %more, %i, %x {bound = array<i64>, symbols = array<i64>, shapes = …, message = "…"} : …
    ```
  }];
  let arguments = (ins Variadic<QNN_Tensor>:$inits, DenseI64ArrayAttr:$bound,
                       DenseI64ArrayAttr:$symbols, QNN_ShapeExprs:$shapes,
                       StrAttr:$message, OptionalAttr<QNN_ShapeExprs>:$guard);
  let results = (outs Variadic<QNN_Tensor>:$carried);
  let assemblyFormat =
      "$inits attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The end of this loop, or null.
    ::quantc::qnn::LoopEndOp getEnd();
  }];
}

def QNN_LoopEndOp : QNN_Op<"loop_end"> {
  let summary = "the end of a loop: what the next iteration gets";
  let description = [{
    Operands: the first result of the `qnn.loop_begin`, the carried values of
    the next iteration, and parts.  Results: the carried values that no
    iteration gets any more, then for each part all of its values, stacked along
    a new first dimension.  `bound` and `symbols` bind final values, for
    operations behind the loop and `shapes`.
  }];
  let arguments = (ins QNN_Tensor:$begin, Variadic<QNN_Tensor>:$next,
                       DenseI64ArrayAttr:$bound, DenseI64ArrayAttr:$symbols,
                       QNN_ShapeExprs:$shapes, StrAttr:$message,
                       OptionalAttr<QNN_ShapeExprs>:$guard);
  let results = (outs Variadic<QNN_Tensor>:$results);
  let assemblyFormat =
      "$begin `,` $next attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::quantc::qnn::LoopBeginOp getHead() {
      return getBegin().getDefiningOp<::quantc::qnn::LoopBeginOp>();
    }
    /// The next values of what is carried.
    ::mlir::ValueRange getCarried() {
      return getNext().take_front(getHead().getInits().size());
    }
    ::mlir::ValueRange getParts() {
      return getNext().drop_front(getHead().getInits().size());
    }
    ::mlir::ValueRange getStacks() {
      return getResults().drop_front(getHead().getInits().size());
    }
  }];
}

#endif // QUANTC_DIALECT_QNN_QNNLOOPOPS_TD
