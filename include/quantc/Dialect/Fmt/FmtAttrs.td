// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fmt dialect: number formats as attributes.

#ifndef QUANTC_DIALECT_FMT_FMTATTRS_TD
#define QUANTC_DIALECT_FMT_FMTATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "quantc/Dialect/Fmt/FmtInterfaces.td"

def Fmt_Dialect : Dialect {
  let name = "fmt";
  let cppNamespace = "::quantc::fmt";
  let summary = "number formats";
  let description = [{
    A format attribute holds a small static scheme; scales, offsets and codes
    are payload arrays of the value that is stored in it.  "Dynamic" is a
    property of the operation that quantizes, not of the format.
  }];
  let useDefaultAttributePrinterParser = 1;
}

def Fmt_Granularity : I32Enum<"Granularity", "which elements share a scale", [
    I32EnumCase<"Tensor", 0, "tensor">,
    I32EnumCase<"Axis", 1, "axis">,
    I32EnumCase<"Row", 2, "per_row">,
    I32EnumCase<"Block", 3, "block">]> {
  let cppNamespace = "::quantc::fmt";
}

def Fmt_OffsetKind : I32Enum<"OffsetKind", "what is added to scaled codes", [
    I32EnumCase<"None", 0, "none">,
    I32EnumCase<"Integer", 1, "integer">,
    I32EnumCase<"Float", 2, "float">]> {
  let cppNamespace = "::quantc::fmt";
}

/// A format whose scales lie on a grid (Grid.h): `own` parameters, then which
/// elements share a scale and the type of scales, then `options`.
class Fmt_GridFormat<string name, string syntax, dag own, dag options,
                     list<string> methods = []>
    : AttrDef<Fmt_Dialect, name, [
          DeclareAttrInterfaceMethods<Fmt_FormatInterface, methods>]> {
  let mnemonic = syntax;
  let parameters = !con(own, (ins
    "::quantc::fmt::Granularity":$granularity,
    "int64_t":$axis,
    ArrayRefParameter<"int64_t">:$block,
    "::mlir::Type":$scaleType), options);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Fmt_IntAttr : Fmt_GridFormat<"Int", "int", (ins "unsigned":$bits), (ins
    "::quantc::fmt::OffsetKind":$offset,
    "bool":$narrow), [
    "getOffsetKind", "storeScale", "planes", "asUniform"]> {
  let summary = "integer codes of 1 to 8 bits";
  let description = [{
    `#fmt.int<8, axis = 0>`, `#fmt.int<8, per_row>`,
    `#fmt.int<4, block = [1, 128], scale = f16, offset = integer>`.

    After the width stands what shares a scale: the whole `tensor`, a slice of
    one `axis`, a row (`per_row`: all elements that differ in the last axis
    only), or a `block` of the given extents, one per axis; the last block of an
    axis may be partial.

    - `scale`: `f32` (default) or `f16`, the type scales are stored in, and
      float offsets too.
    - `offset`: `none` (default): value = code * scale, codes are signed.
      `integer`: value = (code - offset) * scale.  `float`: value = code * scale
      + offset.  With an offset codes are unsigned.
    - `narrow`: whether the lowest signed code is left out, so that codes are
      symmetric; by default `true` for 8 bits and `false` below.  Only without
      offset.
  }];
  let extraClassDeclaration = [{
    /// The smallest and the largest code.
    int32_t getMinCode() const;
    int32_t getMaxCode() const;
    /// i8 for signed codes, ui8 for unsigned ones.
    ::mlir::Type getCodeType() const;
  }];
}

def Fmt_SmallFloatAttr : Fmt_GridFormat<"SmallFloat", "float", (ins
    "unsigned":$exponentBits, "unsigned":$mantissaBits), (ins)> {
  let summary = "floats of 4 to 8 bits";
  let description = [{
    `#fmt.float<E4M3, axis = 0>`: a sign, exponent bits and mantissa bits, with
    subnormals; value = float * scale.  Codes are the bit patterns, unsigned.
    All patterns are finite, except that E4M3 has NaN where all bits below the
    sign are set (ml_dtypes' float8_e4m3fn), and other formats of 8 bits have
    infinities and NaN as IEEE 754 does.  These are no codes.
  }];
}

def Fmt_CodebookAttr : Fmt_GridFormat<"Codebook", "codebook", (ins
    "::mlir::DenseF32ArrayAttr":$values), (ins)> {
  let summary = "indices into a table of 2 to 16 values";
  let description = [{
    `#fmt.codebook<nf4, block = [1, 64]>`,
    `#fmt.codebook<[-1.0, -0.25, 0.0, 0.5], axis = 0>`: value = table[code] *
    scale.  The table is ascending.
  }];
}

def Fmt_TernaryAttr : Fmt_GridFormat<"Ternary", "ternary", (ins), (ins), [
    "planes", "asUniform"]> {
  let summary = "-1, 0 and 1, five to a byte";
  let description = [{
    `#fmt.ternary<block = [1, 160]>`: value = code * scale.
  }];
}

#endif // QUANTC_DIALECT_FMT_FMTATTRS_TD
