// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lowbit.hadamard as vector code (docs/numerics.md §4.7).  A block is m chunks
// of L = 2^k elements:
//
//   1. m > 1: for every w columns of the chunks, m vectors are loaded, and the
//      m sums and differences of the base matrix are stored.
//   2. Butterflies at a distance of 256 and more go through memory.
//   3. The others happen in registers, 256 elements (16 vectors) at a time:
//      between vectors, then by shuffles inside them; at last the factor.

#include "HadamardEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "quantc/Support/Hadamard.h"
#include <cmath>

using namespace mlir;

namespace quantc::lowbit {

namespace {

constexpr int64_t kWidth = 16;      // elements of a vector
constexpr int64_t kRegisters = 256; // elements held at once

class HadamardEmitter {
public:
  HadamardEmitter(ImplicitLocOpBuilder &b, HadamardOp op)
      : b(b), op(op), order(*factorHadamard(op.getBlock())),
        width(std::min(kWidth, order.length)),
        type(VectorType::get({width}, b.getF32Type())) {}

  void emit() {
    Value rows = b.createOrFold<memref::DimOp>(op.getOutput(), 0);
    int64_t columns = op.getOutputType().getDimSize(1);
    forRange(rows, 1, [&](Value at) {
      row = at;
      forRange(constant(columns), op.getBlock(), [&](Value block) {
        source = op.getInput();
        if (order.base > 1)
          multiplyBase(block);
        for (int64_t half = order.length / 2; half >= kRegisters; half /= 2)
          passMemory(block, half);
        int64_t piece = std::min(order.length, kRegisters);
        forRange(constant(op.getBlock()), piece,
                 [&](Value at) { finish(add(block, at), piece); });
      });
    });
  }

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(x, y); }
  Value add(Value x, int64_t y) { return add(x, constant(y)); }
  void forRange(Value end, int64_t step, function_ref<void(Value)> body) {
    std::optional<int64_t> last = getConstantIntValue(end);
    if (last && *last <= step)
      return body(constant(0));
    scf::ForOp::create(b, b.getLoc(), constant(0), end, constant(step),
                       ValueRange(),
                       [&](OpBuilder &, Location, Value index, ValueRange) {
                         body(index);
                         scf::YieldOp::create(b);
                       });
  }
  Value load(Value column) {
    return vector::LoadOp::create(b, type, source, ValueRange{row, column});
  }
  void store(Value value, Value column) {
    vector::StoreOp::create(b, value, op.getOutput(), ValueRange{row, column});
  }

  void multiplyBase(Value block) {
    std::vector<int8_t> matrix = hadamardBase(order.base);
    int64_t m = order.base;
    forRange(constant(order.length), width, [&](Value l) {
      Value first = add(block, l);
      SmallVector<Value> x;
      for (int64_t i = 0; i < m; ++i)
        x.push_back(load(add(first, i * order.length)));
      for (int64_t j = 0; j < m; ++j) {
        Value sum;
        for (int64_t i = 0; i < m; ++i) {
          bool plus = matrix[op.getTransposed() ? j * m + i : i * m + j] > 0;
          if (!sum)
            sum = plus ? x[i] : arith::NegFOp::create(b, x[i]).getResult();
          else if (plus)
            sum = arith::AddFOp::create(b, sum, x[i]);
          else
            sum = arith::SubFOp::create(b, sum, x[i]);
        }
        store(sum, add(first, j * order.length));
      }
    });
    source = op.getOutput();
  }

  /// Butterflies at the distance `half` over the whole block.
  void passMemory(Value block, int64_t half) {
    forRange(constant(op.getBlock()), 2 * half, [&](Value start) {
      forRange(constant(half), width, [&](Value i) {
        Value low = add(add(block, start), i), high = add(low, half);
        Value x = load(low), y = load(high);
        store(arith::AddFOp::create(b, x, y), low);
        store(arith::SubFOp::create(b, x, y), high);
      });
    });
    source = op.getOutput();
  }

  /// All butterflies inside `piece` elements, and the factor.
  void finish(Value first, int64_t piece) {
    SmallVector<Value> x;
    for (int64_t i = 0; i < piece; i += width)
      x.push_back(load(add(first, i)));
    for (int64_t half = piece / width / 2; half >= 1; half /= 2)
      for (int64_t i = 0; i < int64_t(x.size()); ++i)
        if (i / half % 2 == 0) {
          Value low = x[i], high = x[i + half];
          x[i] = arith::AddFOp::create(b, low, high);
          x[i + half] = arith::SubFOp::create(b, low, high);
        }
    for (int64_t half = width / 2; half >= 1; half /= 2)
      for (Value &value : x)
        value = shuffled(value, half);
    float factor = float(1 / std::sqrt(double(op.getBlock())));
    Value factors = splat([&](int64_t) { return factor; });
    for (auto [i, value] : llvm::enumerate(x))
      store(arith::MulFOp::create(b, value, factors),
            add(first, int64_t(i) * width));
  }

  /// Butterflies inside a vector: the partner plus or minus the element.
  Value shuffled(Value value, int64_t half) {
    SmallVector<int64_t> partners;
    for (int64_t i = 0; i < width; ++i)
      partners.push_back(i ^ half);
    Value partner = vector::ShuffleOp::create(b, value, value, partners);
    Value signs = splat([&](int64_t i) { return i / half % 2 ? -1.0f : 1.0f; });
    return math::FmaOp::create(b, value, signs, partner);
  }

  Value splat(llvm::function_ref<float(int64_t)> element) {
    SmallVector<float> values;
    for (int64_t i = 0; i < width; ++i)
      values.push_back(element(i));
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, ArrayRef(values)));
  }

  ImplicitLocOpBuilder &b;
  HadamardOp op;
  HadamardOrder order;
  int64_t width;
  VectorType type;
  Value row, source;
};

} // namespace

void emitHadamard(ImplicitLocOpBuilder &b, HadamardOp op) {
  HadamardEmitter(b, op).emit();
}

} // namespace quantc::lowbit
