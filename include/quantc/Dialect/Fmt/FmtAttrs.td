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

def Fmt_IntAttr : AttrDef<Fmt_Dialect, "Int", [
    DeclareAttrInterfaceMethods<Fmt_FormatInterface>]> {
  let mnemonic = "int";
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
  let parameters = (ins
    "unsigned":$bits,
    "::quantc::fmt::Granularity":$granularity,
    "int64_t":$axis,
    ArrayRefParameter<"int64_t">:$block,
    "::mlir::Type":$scaleType,
    "::quantc::fmt::OffsetKind":$offset,
    "bool":$narrow);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The smallest and the largest code.
    int32_t getMinCode() const;
    int32_t getMaxCode() const;
    /// i8 for signed codes, ui8 for unsigned ones.
    ::mlir::Type getCodeType() const;
  }];
}

#endif // QUANTC_DIALECT_FMT_FMTATTRS_TD
