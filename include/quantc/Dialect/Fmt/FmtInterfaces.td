// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the rest of the compiler may ask of a number format.

#ifndef QUANTC_DIALECT_FMT_FMTINTERFACES_TD
#define QUANTC_DIALECT_FMT_FMTINTERFACES_TD

include "mlir/IR/OpBase.td"

def Fmt_FormatInterface : AttrInterface<"FormatInterface"> {
  let cppNamespace = "::quantc::fmt";
  let description = [{
    A number format: the small static scheme by which the values of a tensor are
    stored.  Codes, scales and offsets are payload arrays, never part of the
    attribute.  Every method but `verifyShape` expects a shape that
    `verifyShape` accepts; dimensions may be dynamic where nothing is computed
    on values.

    A format with one code for each element and one scale for each block of a
    grid says what its grid and its codes are; the rest follows (Grid.h).
  }];
  let methods = [
    InterfaceMethod<[{
      Which elements share a scale.
    }], "::quantc::fmt::Grid", "getGrid">,

    InterfaceMethod<[{
      The same codes on another grid.
    }], "::quantc::fmt::FormatInterface", "withGrid",
    (ins "const ::quantc::fmt::Grid &":$grid)>,

    InterfaceMethod<[{
      The codes, and how they lie in packed lines.
    }], "::quantc::fmt::CodeScheme", "getCodes">,

    InterfaceMethod<[{
      What a code stands for under a stored scale and offset; NaN if it stands
      for nothing.
    }], "float", "decodeCode",
    (ins "int32_t":$code, "::quantc::fmt::BlockScale":$by)>,

    InterfaceMethod<[{
      Whether a tensor of this shape can be stored in the format; if not, says
      why.
    }], "::llvm::LogicalResult", "verifyShape",
    (ins "::quantc::fmt::EmitError":$emitError,
         "::llvm::ArrayRef<int64_t>":$shape),
    /*methodBody=*/"", [{
      return ::quantc::fmt::grid::verifyShape($_attr, emitError, shape);
    }]>,

    InterfaceMethod<[{
      The arrays that hold a tensor of this shape, canonical and row-major:
      `codes` first, one code per byte, then `scales` and, if the format has
      them, `offsets`.
    }], "::llvm::SmallVector<::quantc::fmt::PayloadArray>", "payload",
    (ins "::llvm::ArrayRef<int64_t>":$shape),
    /*methodBody=*/"", [{
      return ::quantc::fmt::grid::payload($_attr, shape);
    }]>,

    InterfaceMethod<[{
      Every bit that a weight of this static shape takes in an artifact: its
      codes in the packed lines of `planes`, padding included, and the other
      arrays of the payload.  Nothing if the number overflows.
    }], "std::optional<int64_t>", "storedBits",
    (ins "::llvm::ArrayRef<int64_t>":$shape),
    /*methodBody=*/"", [{
      return ::quantc::fmt::grid::storedBits($_attr, shape);
    }]>,

    InterfaceMethod<[{
      The reference encoding of an f32 tensor (docs/numerics.md §6.6).  NaN and
      Inf are errors that name the tensor.
    }], "::llvm::FailureOr<::quantc::fmt::EncodedTensor>", "encode",
    (ins "::quantc::fmt::EmitError":$emitError,
         "const ::quantc::HostTensor &":$values, "::llvm::StringRef":$name),
    /*methodBody=*/"", [{
      return ::quantc::fmt::grid::encode($_attr, emitError, values, name);
    }]>,

    InterfaceMethod<[{
      The f32 tensor that the payload stands for (§6.4).  Arrays of the wrong
      type or shape, and codes outside the format's range, are errors.
    }], "::llvm::FailureOr<::quantc::HostTensor>", "decode",
    (ins "::quantc::fmt::EmitError":$emitError,
         "const ::quantc::fmt::EncodedTensor &":$encoded),
    /*methodBody=*/"", [{
      return ::quantc::fmt::grid::decode($_attr, emitError, encoded);
    }]>,

    InterfaceMethod<[{
      Replaces the values of one block, the elements that share a scale, by what
      decoding their encoding gives.  Fails, and changes nothing, if one of them
      is NaN or Inf.
    }], "::llvm::LogicalResult", "project",
    (ins "::llvm::MutableArrayRef<float>":$block),
    /*methodBody=*/"", [{
      return ::quantc::fmt::grid::project($_attr, block);
    }]>,

    InterfaceMethod<[{
      The extents of the elements that share a scale, one per axis of a tensor
      of this rank; kWholeAxis for all of an axis.
    }], "::llvm::SmallVector<int64_t>", "getBlockExtents",
    (ins "int64_t":$rank),
    /*methodBody=*/"", [{
      return $_attr.getGrid().getBlockExtents(rank);
    }]>,

    InterfaceMethod<[{
      What a block's offset means.
    }], "::quantc::fmt::OffsetKind", "getOffsetKind",
    (ins),
    /*methodBody=*/"", [{
      return ::quantc::fmt::OffsetKind::None;
    }]>,

    InterfaceMethod<[{
      What `encode` stores for a block whose finite values lie in [low, high].
    }], "::quantc::fmt::BlockScale", "fitRange",
    (ins "float":$low, "float":$high)>,

    InterfaceMethod<[{
      The storable scale and offset nearest to the given ones; how solvers keep
      to what the payload can hold.
    }], "::quantc::fmt::BlockScale", "storeScale",
    (ins "::quantc::fmt::BlockScale":$wanted),
    /*methodBody=*/"", [{
      return ::quantc::fmt::grid::storeScale($_attr, wanted);
    }]>,

    InterfaceMethod<[{
      Rounds finite values with stored scales and offsets, one of them for all
      values or one for each: the nearest codes as `encode` computes them, and
      what they decode to.
    }], "void", "roundValues",
    (ins "::llvm::ArrayRef<float>":$values, "::llvm::ArrayRef<float>":$scales,
         "::llvm::ArrayRef<float>":$offsets,
         "::llvm::MutableArrayRef<uint8_t>":$codes,
         "::llvm::MutableArrayRef<float>":$decoded)>,

    InterfaceMethod<[{
      The planes that one 64-byte line of packed codes gives, in ascending k;
      none if codes do not stand for integers.
    }], "::llvm::SmallVector<::quantc::fmt::Plane>", "planes",
    (ins),
    /*methodBody=*/"", [{
      return {};
    }]>,

    InterfaceMethod<[{
      The format of elements [begin, begin + size) of an axis, if the arrays of
      the slice are slices of the arrays; a null attribute if not.
    }], "::quantc::fmt::FormatInterface", "slice",
    (ins "::llvm::ArrayRef<int64_t>":$shape, "int64_t":$axis,
         "int64_t":$begin, "int64_t":$size),
    /*methodBody=*/"", [{
      return ::quantc::fmt::grid::slice($_attr, shape, axis, begin, size);
    }]>,

    InterfaceMethod<[{
      The format after a reshape, if the arrays are reshaped only; a null
      attribute if not.
    }], "::quantc::fmt::FormatInterface", "reshape",
    (ins "::llvm::ArrayRef<int64_t>":$from, "::llvm::ArrayRef<int64_t>":$to),
    /*methodBody=*/"", [{
      return ::quantc::fmt::grid::reshape($_attr, from, to);
    }]>,

    InterfaceMethod<[{
      The format after result axis i was made of axis permutation[i], if the
      arrays are transposed only; a null attribute if not.
    }], "::quantc::fmt::FormatInterface", "transpose",
    (ins "::llvm::ArrayRef<int64_t>":$permutation),
    /*methodBody=*/"", [{
      return ::quantc::fmt::grid::transpose($_attr, permutation);
    }]>,

    InterfaceMethod<[{
      The format as (code - integer offset) * scale on a shape, which is what
      exporters can write; nothing if it is not of that form.
    }], "std::optional<::quantc::fmt::UniformFormat>", "asUniform",
    (ins "::llvm::ArrayRef<int64_t>":$shape),
    /*methodBody=*/"", [{
      return std::nullopt;
    }]>,

    InterfaceMethod<[{
      The format of a matrix of this static shape as the packed lines that
      kernels read; nothing if it is not of that form.
    }], "std::optional<::quantc::fmt::BlockFormat>", "asBlocks",
    (ins "::llvm::ArrayRef<int64_t>":$shape),
    /*methodBody=*/"", [{
      return ::quantc::fmt::grid::asBlocks($_attr, shape);
    }]>
  ];
}

#endif // QUANTC_DIALECT_FMT_FMTINTERFACES_TD
