// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lowbit dialect: the packed contraction between linalg and the kernels.

#ifndef QUANTC_DIALECT_LOWBIT_LOWBITOPS_TD
#define QUANTC_DIALECT_LOWBIT_LOWBITOPS_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"

def LowBit_Dialect : Dialect {
  let name = "lowbit";
  let cppNamespace = "::quantc::lowbit";
  let summary = "packed contractions";
  let description = [{
    One contraction on tensors or memrefs whose right operand may be in the
    order that the kernels read (`packed`), and the two forms of sliding window
    that convolutions are made of.  There is no epilogue region:
    producers and consumers stay linalg and fuse by tiling.
  }];
  let useDefaultAttributePrinterParser = 1;
}

def LowBit_BLayout : I32Enum<"BLayout", "order of the right operand", [
    I32EnumCase<"Packed", 0, "packed">,
    I32EnumCase<"RowMajor", 1, "row_major">,
    I32EnumCase<"Transposed", 2, "transposed">]> {
  let cppNamespace = "::quantc::lowbit";
}
def LowBit_BLayoutAttr : EnumAttr<LowBit_Dialect, LowBit_BLayout, "b_layout">;

def LowBit_Operand : AnyTypeOf<[
    TensorRankOf<[F32, I8, I32], [2, 3, 4, 5, 6]>,
    Non0RankedMemRefOf<[F32, I8, I32]>]>;

// What all operations share: one destination, whose tiles are the tiles of the
// iteration domain.  `readsDestination` says whether what it held before counts.
class LowBit_DestinationOp<string mnemonic, list<Trait> traits = [],
                           bit readsDestination = 1>
    : Op<LowBit_Dialect, mnemonic, !listconcat(traits, [
    DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, [
        "reifyResultShapes"]>,
    DeclareOpInterfaceMethods<TilingInterface, [
        "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
        "getResultTilePosition", "generateResultTileValue",
        "getIterationDomainTileFromResultTile"]>])> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasVerifier = 1;
  let extraClassDefinition = [{
    void $cppClass::getEffects(
        ::llvm::SmallVectorImpl<::mlir::SideEffects::EffectInstance<
            ::mlir::MemoryEffects::Effect>> &effects) {
      getDestinationEffects(*this, /*readsDestination=*/}] #
      !if(readsDestination, "true", "false") # [{, effects);
    }
    ::llvm::LogicalResult $cppClass::reifyResultShapes(
        ::mlir::OpBuilder &b, ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      return reifyDestination(b, *this, shapes);
    }
    ::llvm::SmallVector<::mlir::Range> $cppClass::getIterationDomain(
        ::mlir::OpBuilder &b) {
      return getDestinationDomain(b, *this);
    }
    ::llvm::LogicalResult $cppClass::getResultTilePosition(
        ::mlir::OpBuilder &, unsigned,
        ::llvm::ArrayRef<::mlir::OpFoldResult> offsets,
        ::llvm::ArrayRef<::mlir::OpFoldResult> sizes,
        ::llvm::SmallVector<::mlir::OpFoldResult> &resultOffsets,
        ::llvm::SmallVector<::mlir::OpFoldResult> &resultSizes) {
      resultOffsets.assign(offsets.begin(), offsets.end());
      resultSizes.assign(sizes.begin(), sizes.end());
      return ::mlir::success();
    }
    ::mlir::FailureOr<::mlir::TilingResult> $cppClass::generateResultTileValue(
        ::mlir::OpBuilder &b, unsigned,
        ::llvm::ArrayRef<::mlir::OpFoldResult> offsets,
        ::llvm::ArrayRef<::mlir::OpFoldResult> sizes) {
      return getTiledImplementation(b, offsets, sizes);
    }
    ::llvm::LogicalResult $cppClass::getIterationDomainTileFromResultTile(
        ::mlir::OpBuilder &, unsigned,
        ::llvm::ArrayRef<::mlir::OpFoldResult> offsets,
        ::llvm::ArrayRef<::mlir::OpFoldResult> sizes,
        ::llvm::SmallVectorImpl<::mlir::OpFoldResult> &domainOffsets,
        ::llvm::SmallVectorImpl<::mlir::OpFoldResult> &domainSizes) {
      domainOffsets.assign(offsets.begin(), offsets.end());
      domainSizes.assign(sizes.begin(), sizes.end());
      return ::mlir::success();
    }
  }];
}

def LowBit_MatmulOp : LowBit_DestinationOp<"matmul"> {
  let summary = "C[…, m, n] += sum over ascending k of A[…, m, k] * B[…, k, n]";
  let description = [{
    A is `[batch…, M, K]`, C is `[batch…, M, N]`.  B has the order `b_layout`:

    - `packed`: `[N'/16, K, 16]` of f32, or `[N'/16, K'/4, 16, 4]` of i8 where
      N' and K' are N and K rounded up.  One 64-byte line holds 16 columns, of
      one k (f32) or of four consecutive k (i8).  i8 lines hold the unsigned
      bytes w + 128.  Missing columns and missing k have weight zero, that is
      0.0 or the byte 128.
    - `row_major`: `[K, N]` of f32.
    - `transposed`: `[N, K]` of f32.

    B may have the batch dimensions of A, with a static extent of 1 where one
    slice of B serves all of A, or none at all.

    Element types: f32 x f32 -> f32, one chain of fused multiply-adds in
    ascending k that starts from C; i8 (signed) x packed i8 -> i32, exact:
    `C += sum(a * byte)`.  As the bytes are w + 128, the producer of C starts it
    at -128 times the sum of the row of A.

    Tiling: one parallel loop per dimension of C.  With a packed B a tile must
    begin at a column that is a multiple of 16; a constant offset that is not
    is refused, a dynamic one is the caller's promise.

    Example:
    ```mlir
    %r = lowbit.matmul packed
        ins(%a, %b : tensor<?x384xi8>, tensor<24x96x16x4xi8>)
        outs(%c : tensor<?x384xi32>) -> tensor<?x384xi32>
    ```
  }];
  let arguments = (ins LowBit_BLayoutAttr:$b_layout, LowBit_Operand:$a,
                       LowBit_Operand:$b, LowBit_Operand:$c);
  let assemblyFormat = [{
    custom<Layout>($b_layout) `ins` `(` $a `,` $b `:` type($a) `,` type($b) `)`
    `outs` `(` $c `:` type($c) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getCMutable(); }
    ::mlir::ShapedType getAType() {
      return ::llvm::cast<::mlir::ShapedType>(getA().getType());
    }
    ::mlir::ShapedType getBType() {
      return ::llvm::cast<::mlir::ShapedType>(getB().getType());
    }
    ::mlir::ShapedType getCType() {
      return ::llvm::cast<::mlir::ShapedType>(getC().getType());
    }
    /// Number of leading batch dimensions of A and C.
    int64_t getNumBatchDims() { return getCType().getRank() - 2; }
    /// Number of trailing dimensions of B that are not batch dimensions.
    int64_t getNumBMatrixDims();
    /// Number of leading batch dimensions of B: getNumBatchDims() or none.
    int64_t getNumBBatchDims() {
      return getBType().getRank() - getNumBMatrixDims();
    }
    /// Whether all of A's slices along batch dimension `dim` use the same B.
    bool isBroadcastInB(int64_t dim) {
      return getNumBBatchDims() == 0 || (getBType().getDimSize(dim) == 1 &&
                                         getCType().getDimSize(dim) != 1);
    }
    bool isInteger() { return getCType().getElementType().isInteger(32); }
  }];
}

def LowBit_HadamardOp : LowBit_DestinationOp<"hadamard"> {
  let summary = "Hadamard transform of blocks of every row";
  let description = [{
    qnn.hadamard on rows `[M, N]` of f32, N static.  Tiling: whole rows.

    ```mlir
    %r = lowbit.hadamard ins(%x : tensor<?x384xf32>)
        outs(%y : tensor<?x384xf32>) {block = 384 : i64} -> tensor<?x384xf32>
    ```
  }];
  let arguments = (ins LowBit_Operand:$input, LowBit_Operand:$output,
                       I64Attr:$block, UnitAttr:$transposed);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $output `:`
    type($output) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return getOutputMutable();
    }
    ::mlir::ShapedType getOutputType() {
      return ::llvm::cast<::mlir::ShapedType>(getOutput().getType());
    }
  }];
}

def LowBit_BlockOperand : AnyTypeOf<[
    RankedTensorOf<[F32, F16, BF16, I8, I32]>,
    Non0RankedMemRefOf<[F32, F16, BF16, I8, I32]>]>;

def LowBit_BlockMatmulOp : LowBit_DestinationOp<"block_matmul", [
    AttrSizedOperandSegments]> {
  let summary = "contraction with codes of few bits whose groups share a scale";
  let description = [{
    A is `[M, K]` of static K, C is `[M, N]` of f32.  Group g is the k from
    `group` * g to the next group; G of them cover K, the last may be shorter.

    - B: `[N'/16, lines, 16, 4]` of i8, the packed lines of `bits`-bit codes
      (Dialect/Fmt/PackLines.h).  Codes are integers, `ternary` ones (of 2 bits),
      small floats of 5 to 8 bits with `exponent` bits of exponent, or indices
      into `values`; the last two have no offsets and take A of f32 only.
    - `scales`: `[N'/16, G, 16]` of f16 or f32; `offsets` the same, of i8
      (integer, read unsigned), f16 or f32.

    A of i8 (docs/numerics.md §5.3): S_g is exact, then
    `C = fma(float(S_g), scale, C)` for ascending g.  `sums` `[M, G]` is what
    the offset of the codes needs:

    - no offsets (signed codes, stored with 2^(bits-1) added): i32, -2^(bits-1)
      times the sum of A over the group, the start of the sum over stored codes;
    - integer offsets: i32, minus the sum of A over the group;
    - float offsets: f32, the sum of A over the group;
      `C = fma(sum, offset, C)` follows the scale's fma.

    A of f32 (§5.6): no `sums`; h = +0, `h = fma(a, float(code - offset), h)`
    for ascending k, then as above with h for float(S_g); small floats and
    `values` stand for float(code - offset).

    A of bf16: as f32, but pairs of products are added by `vdpbf16ps`, within
    the bound of §5.6; codes are integers.  Targets need avx512bf16.

    Tiling: rows, and columns from a multiple of 16, as for lowbit.matmul.
  }];
  let arguments = (ins LowBit_BlockOperand:$a, LowBit_BlockOperand:$b,
    LowBit_BlockOperand:$scales, Optional<LowBit_BlockOperand>:$offsets,
    Optional<LowBit_BlockOperand>:$sums, LowBit_BlockOperand:$c,
    I64Attr:$bits, I64Attr:$group, UnitAttr:$ternary,
    OptionalAttr<I64Attr>:$exponent, OptionalAttr<DenseF32ArrayAttr>:$values);
  let assemblyFormat = [{
    `bits` `(` $bits `)` `group` `(` $group `)` (`ternary` $ternary^)?
    (`exponent` `(` $exponent^ `)`)? (`values` `(` $values^ `)`)?
    `ins` `(` $a `,` $b `,` $scales `:` type($a) `,` type($b) `,` type($scales)
    `)` (`offsets` `(` $offsets^ `:` type($offsets) `)`)?
    (`sums` `(` $sums^ `:` type($sums) `)`)?
    `outs` `(` $c `:` type($c) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getCMutable(); }
    ::mlir::ShapedType getAType() {
      return ::llvm::cast<::mlir::ShapedType>(getA().getType());
    }
    ::mlir::ShapedType getCType() {
      return ::llvm::cast<::mlir::ShapedType>(getC().getType());
    }
    int64_t getDepth() { return getAType().getShape().back(); }
    bool isInteger() { return getAType().getElementType().isInteger(8); }
    /// Whether pairs of bf16 are multiplied, within a bound.
    bool isBf16() { return getAType().getElementType().isBF16(); }
    /// Whether codes stand for floats.
    bool hasFloatCodes() { return getExponent() || getValues(); }
    /// Null without offsets.
    ::mlir::Type getOffsetType() {
      return getOffsets() ? ::mlir::getElementTypeOrSelf(getOffsets())
                          : ::mlir::Type();
    }
    bool hasIntegerOffsets() {
      return getOffsets() && getOffsetType().isInteger(8);
    }
  }];
}

include "quantc/Dialect/LowBit/LowBitWindowOps.td"

#endif // QUANTC_DIALECT_LOWBIT_LOWBITOPS_TD
