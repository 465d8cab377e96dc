// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sliding windows, what convolutions are made of; part of LowBitOps.td.

#ifndef QUANTC_DIALECT_LOWBIT_LOWBITWINDOWOPS_TD
#define QUANTC_DIALECT_LOWBIT_LOWBITWINDOWOPS_TD

/// A zero point that is known when the step runs.
def LowBit_Scalar : AnyTypeOf<[0DTensorOf<[I32]>, MemRefRankOf<[I32], [0]>]>;

class LowBit_WindowOp<string mnemonic, list<Trait> traits = []>
    : LowBit_DestinationOp<mnemonic, traits, /*readsDestination=*/0> {
  code windowDeclarations = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return getOutputMutable();
    }
    ::mlir::ShapedType getInputType() {
      return ::llvm::cast<::mlir::ShapedType>(getInput().getType());
    }
    ::mlir::ShapedType getOutputType() {
      return ::llvm::cast<::mlir::ShapedType>(getOutput().getType());
    }
  }];
}

def LowBit_PatchesOp : LowBit_WindowOp<"patches"> {
  let summary = "the windows of an image as rows of a matrix";
  let description = [{
    Input [n, spatial…, c]; row r of the output holds the window of output
    position `first` + r, counted row-major over [n, output spatial…], in the
    order (k…, c).  What lies outside the input is `zero_point` (i8 only), or
    0 without it, and so are columns beyond the last tap (up to three, which
    make int8 rows a multiple of four).  With a `lowbit.matmul` this is a
    convolution.

    Tiling: rows are parallel, columns stay whole.

    Example:
    ```mlir
    %p = lowbit.patches ins(%x : tensor<?x28x28x64xf32>)
        outs(%e : tensor<?x576xf32>) from %zero {window = array<i64: 3, 3>,
        strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
        pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>}
        -> tensor<?x576xf32>
    ```
  }];
  let arguments = (ins LowBit_Operand:$input, LowBit_Operand:$output,
    Index:$first, Optional<LowBit_Scalar>:$zero_point,
    DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$dilations,
    DenseI64ArrayAttr:$pad_low, DenseI64ArrayAttr:$pad_high);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $output `:` type($output)
    `)` `from` $first (`zero_point` $zero_point^ `:` type($zero_point))?
    attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = windowDeclarations;
}

def LowBit_DepthwiseOp : LowBit_WindowOp<"depthwise"> {
  let summary = "one chain of multiply-adds over a window, for each channel";
  let description = [{
    Input [n, spatial…, c], weight [k…, c]; row r of the output [rows, c] is
    output position `first` + r, counted row-major over [n, output spatial…]:
    `acc = fma(x, w, acc)` from +0 over the taps in row-major order, with x = +0
    outside the input.  On i8 x and w are float(code - `zero_point`), which is
    in [-128, 127] and 0 without it, and float(code); the result is then the
    exact integer sum, so there may be at most 512 taps.

    Tiling: rows and channels are parallel.
  }];
  let arguments = (ins LowBit_Operand:$input, LowBit_Operand:$weight,
    LowBit_Operand:$output, Index:$first, Optional<LowBit_Scalar>:$zero_point,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
    DenseI64ArrayAttr:$pad_low, DenseI64ArrayAttr:$pad_high);
  let assemblyFormat = [{
    `ins` `(` $input `,` $weight `:` type($input) `,` type($weight) `)`
    `outs` `(` $output `:` type($output) `)` `from` $first
    (`zero_point` $zero_point^ `:` type($zero_point))? attr-dict
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = windowDeclarations # [{
    /// The extents of the window.
    ::llvm::ArrayRef<int64_t> getWindow() {
      return ::llvm::cast<::mlir::ShapedType>(getWeight().getType())
          .getShape().drop_back();
    }
  }];
}

def LowBit_GroupedConvOp
    : LowBit_WindowOp<"grouped_conv", [AttrSizedOperandSegments]> {
  let summary = "exact sums over windows of int8 codes, group by group";
  let description = [{
    Input [n, spatial…, c], of which group g has the channels from g * c/groups
    on; `weight` holds the codes [m, k… * c/groups] in the packed order of
    `lowbit.matmul`.  Element (r, m) of the output [rows, m] is `start`[m], or
    0, plus the sum of a * w over the window of output position `first` + r in
    the channels of m's group; a tap outside the input has a = `zero_point`, or
    0.  A group has a multiple of 16 output channels.

    Only on tensors: a tile is the outputs of one group for some rows, and
    becomes a dense convolution of its channels (`lowbit.patches`, the sums of
    their rows and `lowbit.matmul`).

    Example:
    ```mlir
    %s = lowbit.grouped_conv ins(%x, %w : tensor<?x9x9x8xi8>,
        tensor<2x9x16x4xi8>) outs(%e : tensor<?x32xi32>) from %zero {
        groups = 2 : i64, window = array<i64: 3, 3>,
        strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
        pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>}
        -> tensor<?x32xi32>
    ```
  }];
  let arguments = (ins TensorRankOf<[I8], [3, 4, 5, 6]>:$input,
    TensorRankOf<[I8], [4]>:$weight, Optional<TensorRankOf<[I32], [1]>>:$start,
    TensorRankOf<[I32], [2]>:$output, Index:$first,
    Optional<0DTensorOf<[I32]>>:$zero_point, I64Attr:$groups,
    DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$dilations,
    DenseI64ArrayAttr:$pad_low, DenseI64ArrayAttr:$pad_high);
  let assemblyFormat = [{
    `ins` `(` $input `,` $weight `:` type($input) `,` type($weight) `)`
    (`start` `(` $start^ `:` type($start) `)`)?
    `outs` `(` $output `:` type($output) `)` `from` $first
    (`zero_point` $zero_point^ `:` type($zero_point))? attr-dict
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = windowDeclarations # [{
    /// Input channels of a group.
    int64_t getGroupChannels() {
      return getInputType().getShape().back() / int64_t(getGroups());
    }
    /// Output channels of a group.
    int64_t getGroupColumns() {
      return getOutputType().getDimSize(1) / int64_t(getGroups());
    }
    /// Elements of a window of a group, rounded up to whole quads.
    int64_t getDepth();
  }];
}

#endif // QUANTC_DIALECT_LOWBIT_LOWBITWINDOWOPS_TD
