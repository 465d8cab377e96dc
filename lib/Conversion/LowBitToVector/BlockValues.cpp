// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes that are no fields of integers: five ternary ones in a byte, small
// floats, and indices into a table.

#include "BlockEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "quantc/Dialect/Fmt/Types.h"

using namespace mlir;

namespace quantc::lowbit {

/// (x + y + 1) / 2 of unsigned bytes: one instruction.
static Value average(ImplicitLocOpBuilder &b, Value x, Value y) {
  auto bytes = cast<VectorType>(x.getType());
  auto wide = VectorType::get(bytes.getShape(), b.getI16Type());
  Value one =
      arith::ConstantOp::create(b, DenseElementsAttr::get(wide, int16_t(1)));
  Value sum = arith::AddIOp::create(b, arith::ExtUIOp::create(b, wide, x),
                                    arith::ExtUIOp::create(b, wide, y));
  sum = arith::AddIOp::create(b, sum, one);
  sum = arith::ShRUIOp::create(b, sum, one);
  return arith::TruncIOp::create(b, bytes, sum);
}

// Bits 6 and 7 of the average hold code + 2 (Dialect/Fmt/PackLines.h); the next
// code comes up when the byte, a fraction in base 3, is multiplied by 3.
SmallVector<Value> BlockEmitter::decodeTernary(Value bytes, bool shiftsPlanes) {
  Value most = splat(cast<VectorType>(bytes.getType()), 252);
  Values planes;
  for (size_t i = 0; i < unit.shifts.size(); ++i) {
    if (i) {
      Value twice = arith::AddIOp::create(b, bytes, bytes);
      bytes = arith::AddIOp::create(b, twice, bytes);
    }
    Value plane = average(b, bytes, average(b, bytes, most));
    planes.push_back(shiftsPlanes ? andMask(shiftWords(plane, 6), 0x03)
                                  : andMask(plane, 0xc0));
  }
  return planes;
}

Value BlockEmitter::decodeSmallFloat(Value words, int64_t shift) {
  auto type = cast<VectorType>(words.getType());
  fmt::SmallFloatBits bits(op.getBits(), unsigned(*op.getExponent()));
  Value x = words;
  if (int64_t left = int64_t(bits.left) - shift)
    x = arith::ShLIOp::create(b, x, splat(type, left));
  x = arith::ShRSIOp::create(b, x, splat(type, bits.right));
  x = arith::AndIOp::create(b, x, splat(type, bits.mask));
  VectorType floats = lanesOf(b.getF32Type());
  x = vector::BitCastOp::create(b, floats, x);
  Value factor =
      arith::ConstantOp::create(b, DenseElementsAttr::get(floats, bits.factor));
  return arith::MulFOp::create(b, x, factor);
}

/// The entries at the codes in the lowest bits of each lane: permutations of a
/// table that does not depend on the bits above.
Value BlockEmitter::lookUp(Value codes, ArrayRef<float> values) {
  int64_t count = int64_t(1) << op.getBits();
  VectorType floats = lanesOf(b.getF32Type());
  auto permute = [&](int64_t begin, StringRef name) -> Value {
    SmallVector<float> table;
    for (int64_t i = 0; i < plan.lanes; ++i)
      table.push_back(
          values[std::min<size_t>((begin + i) % count, values.size() - 1)]);
    Value entries = arith::ConstantOp::create(b, b.getF32VectorAttr(table));
    return LLVM::CallIntrinsicOp::create(b, floats, b.getStringAttr(name),
                                         ValueRange{entries, codes})
        .getResult(0);
  };
  if (plan.lanes == 16)
    return permute(0, "llvm.x86.avx512.permvar.sf.512");
  Value low = permute(0, "llvm.x86.avx2.permps");
  if (count <= plan.lanes)
    return low;
  // Bit 3 chooses the half of the table.
  auto type = cast<VectorType>(codes.getType());
  Value top = arith::ShLIOp::create(b, codes, splat(type, 28));
  Value isHigh =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, top, splat(type, 0));
  return arith::SelectOp::create(b, isHigh, permute(8, "llvm.x86.avx2.permps"),
                                 low);
}

} // namespace quantc::lowbit
