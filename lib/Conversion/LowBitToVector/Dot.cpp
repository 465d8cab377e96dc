// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Multiply-adds as LLVM intrinsics.
//
// For f32 each element is one chain of fused multiply-adds.  For bytes, B is
// the unsigned operand and A, four bytes broadcast as one dword, the signed
// one: `vpdpbusd` does not saturate, and neither does the pair form, in which
// even and odd bytes become 16-bit words (|255 * -128 * 2| < 2^31).  For codes
// of at most four bits `vpmaddubsw` does not saturate either.  `vdpbf16ps` adds
// two exact products with a rounding each, and flushes denormals.

#include "Dot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace quantc::lowbit {

namespace {

/// One row times the lines of one step, for one form of multiply-add.
struct RowDot {
  ImplicitLocOpBuilder &b;
  const KernelPlan &plan;

  VectorType lanesOf(int64_t perLane, Type element) {
    return VectorType::get({plan.lanes * perLane}, element);
  }
  Value call(StringRef name, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(b, lanesOf(1, b.getI32Type()),
                                         b.getStringAttr(name), operands)
        .getResult(0);
  }
  Value shift(Value words, int64_t bits, bool left, bool isSigned) {
    Value amount = arith::ConstantOp::create(
        b, DenseElementsAttr::get(cast<VectorType>(words.getType()),
                                  b.getI16IntegerAttr(bits)));
    if (left)
      return arith::ShLIOp::create(b, words, amount);
    return isSigned ? arith::ShRSIOp::create(b, words, amount).getResult()
                    : arith::ShRUIOp::create(b, words, amount).getResult();
  }

  /// The even and the odd bytes of each dword as words, so that a pair of words
  /// belongs to one column.
  std::pair<Value, Value> splitUnsigned(Value bytes) {
    VectorType type = lanesOf(2, b.getI16Type());
    Value words = vector::BitCastOp::create(b, type, bytes);
    Value mask = arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, b.getI16IntegerAttr(255)));
    return {arith::AndIOp::create(b, words, mask),
            shift(words, 8, /*left=*/false, /*isSigned=*/false)};
  }
  std::pair<Value, Value> splitSigned(Value dwords) {
    Value words =
        vector::BitCastOp::create(b, lanesOf(2, b.getI16Type()), dwords);
    Value raised = shift(words, 8, /*left=*/true, /*isSigned=*/true);
    return {shift(raised, 8, /*left=*/false, /*isSigned=*/true),
            shift(words, 8, /*left=*/false, /*isSigned=*/true)};
  }

  /// Sums of the two products of 16-bit words in each lane.
  Value multiplyPairs(Value x, Value y) {
    return call(plan.lanes == 16 ? "llvm.x86.avx512.pmaddw.d.512"
                                 : "llvm.x86.avx2.pmadd.wd",
                {x, y});
  }

  /// Sums of two products of unsigned and signed bytes as 16-bit words.
  Value addPairs(Value x, Value y) {
    StringRef name = plan.lanes == 16 ? "llvm.x86.avx512.pmaddubs.w.512"
                                      : "llvm.x86.avx2.pmadd.ub.sw";
    return LLVM::CallIntrinsicOp::create(b, lanesOf(2, b.getI16Type()),
                                         b.getStringAttr(name),
                                         ValueRange{x, y})
        .getResult(0);
  }

  void addFma(MutableArrayRef<Value> sums, Value element,
              ArrayRef<Value> lines) {
    Value all =
        vector::BroadcastOp::create(b, lanesOf(1, b.getF32Type()), element);
    for (auto [sum, line] : llvm::zip(sums, lines))
      sum = math::FmaOp::create(b, all, line, sum);
  }
  void addBytes(MutableArrayRef<Value> sums, Value element,
                ArrayRef<Value> lines) {
    Value all =
        vector::BroadcastOp::create(b, lanesOf(1, b.getI32Type()), element);
    Value bytes = vector::BitCastOp::create(b, lanesOf(4, b.getI8Type()), all);
    StringRef name = plan.lanes == 16 ? "llvm.x86.avx512.vpdpbusd.512"
                                      : "llvm.x86.avx512.vpdpbusd.256";
    for (auto [sum, line] : llvm::zip(sums, lines))
      sum = call(name, {sum, line, bytes});
  }
  void addBf16(MutableArrayRef<Value> sums, Value element,
               ArrayRef<Value> lines) {
    VectorType pairs = lanesOf(2, b.getBF16Type());
    Value all =
        vector::BroadcastOp::create(b, lanesOf(1, b.getI32Type()), element);
    all = vector::BitCastOp::create(b, pairs, all);
    for (auto [sum, line] : llvm::zip(sums, lines)) {
      Value codes = vector::BitCastOp::create(b, pairs, line);
      sum = LLVM::CallIntrinsicOp::create(
                b, sum.getType(),
                b.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"),
                ValueRange{sum, all, codes})
                .getResult(0);
    }
  }
  void addWords(MutableArrayRef<Value> sums, Value element,
                ArrayRef<std::pair<Value, Value>> lines) {
    Value all =
        vector::BroadcastOp::create(b, lanesOf(1, b.getI32Type()), element);
    auto [evenA, oddA] = splitSigned(all);
    for (auto [sum, line] : llvm::zip(sums, lines)) {
      Value pairs = arith::AddIOp::create(b, multiplyPairs(line.first, evenA),
                                          multiplyPairs(line.second, oddA));
      sum = arith::AddIOp::create(b, sum, pairs);
    }
  }
};

} // namespace

void multiplyAdd(ImplicitLocOpBuilder &b, const KernelPlan &plan,
                 MutableArrayRef<Value> sums, ArrayRef<Value> elements,
                 ArrayRef<Value> lines) {
  RowDot dot{b, plan};
  SmallVector<std::pair<Value, Value>> words;
  if (plan.dot == Dot::Words)
    for (Value line : lines)
      words.push_back(dot.splitUnsigned(line));
  for (auto [row, element] : llvm::enumerate(elements)) {
    auto rowSums = sums.slice(row * lines.size(), lines.size());
    switch (plan.dot) {
    case Dot::Fma:
      dot.addFma(rowSums, element, lines);
      break;
    case Dot::Bytes:
      dot.addBytes(rowSums, element, lines);
      break;
    case Dot::Words:
      dot.addWords(rowSums, element, words);
      break;
    case Dot::Bf16:
      dot.addBf16(rowSums, element, lines);
      break;
    case Dot::Pairs:
      llvm_unreachable("pairs are added by multiplyAddPairs");
    }
  }
}

void multiplyAddPairs(ImplicitLocOpBuilder &b, const KernelPlan &plan,
                      MutableArrayRef<Value> sums,
                      ArrayRef<SmallVector<Value>> elements,
                      ArrayRef<SmallVector<Value>> lines) {
  RowDot dot{b, plan};
  VectorType wordsType = dot.lanesOf(2, b.getI16Type());
  Value ones = arith::ConstantOp::create(
      b, DenseElementsAttr::get(wordsType, b.getI16IntegerAttr(1)));
  size_t width = lines.front().size();
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value words;
    for (auto [ofRows, ofLines] : llvm::zip(elements, lines)) {
      Value bytes = vector::BroadcastOp::create(
          b, dot.lanesOf(1, b.getI32Type()), ofRows[i / width]);
      bytes =
          vector::BitCastOp::create(b, dot.lanesOf(4, b.getI8Type()), bytes);
      Value more = dot.addPairs(ofLines[i % width], bytes);
      words = words ? arith::AddIOp::create(b, words, more).getResult() : more;
    }
    sum = arith::AddIOp::create(b, sum, dot.multiplyPairs(words, ones));
  }
}

Value multiplyWords(ImplicitLocOpBuilder &b, const KernelPlan &plan, Value x,
                    Value y) {
  RowDot dot{b, plan};
  VectorType words = dot.lanesOf(2, b.getI16Type());
  return dot.multiplyPairs(vector::BitCastOp::create(b, words, x),
                           vector::BitCastOp::create(b, words, y));
}

} // namespace quantc::lowbit
