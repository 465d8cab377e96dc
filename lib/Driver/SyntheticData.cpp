// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Samples from a fixed generator, the same on every machine: no libm.

#include "SyntheticData.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

using namespace mlir;

namespace quantc {

namespace {

constexpr int64_t kExtent = 32;
constexpr uint64_t kTokens = 100;

/// splitmix64.
class Generator {
public:
  explicit Generator(uint64_t seed) : state(seed) {}
  uint64_t next() {
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  double unit() { return double(next() >> 11) * 0x1p-53; }
  /// Nearly normal: a sum of twelve.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += unit();
    return sum;
  }

private:
  uint64_t state;
};

void fill(NamedArray &input, Generator &generator) {
  Array &array = input.array;
  quantc_dtype type = array.getType();
  bool real = type.code == QUANTC_FLOAT || type.code == QUANTC_BFLOAT;
  bool mask = StringRef(input.name).contains_insensitive("mask");
  for (int64_t i = 0; i < array.getNumElements(); ++i) {
    double value = real   ? generator.normal()
                   : mask ? 1
                   : type.code == QUANTC_BOOL
                       ? double(generator.next() & 1)
                       : double(generator.next() % kTokens);
    array.setNumber(i, value);
  }
}

} // namespace

std::optional<Error> forEachSyntheticSample(func::FuncOp func,
                                            const EntrySpec &entry,
                                            uint64_t seed, int64_t count,
                                            SampleFn use) {
  auto shapes = qnn::ShapeAnalysis::compute(func);
  if (failed(shapes))
    return Error{Status::Refused, "the shapes of the inputs are not known"};
  SmallVector<int64_t> symbols(qnn::getSymbolNames(func).size(), kExtent);
  if (func.getNumArguments() != 0) {
    ArrayRef<AffineExpr> shape = shapes->getShape(func.getArgument(0));
    if (!shape.empty())
      if (auto batch = dyn_cast<AffineSymbolExpr>(shape.front()))
        symbols[batch.getPosition()] = 1;
  }
  Generator generator(seed);
  std::vector<NamedArray> sample;
  for (int64_t i = 0; i < count; ++i) {
    sample.clear();
    for (auto [argument, spec] : llvm::zip(func.getArguments(), entry.inputs)) {
      SmallVector<int64_t> extents;
      for (AffineExpr dim : shapes->getShape(argument))
        extents.push_back(evaluate(dim, symbols).value_or(-1));
      std::optional<Array> array =
          Array::allocate(spec.tensors[0].dtype, extents);
      if (!array || !isNumeric(array->getType()))
        return Error{Status::Refused, "cannot make input '" + spec.name +
                                          "' of " + specText(spec.tensors[0]) +
                                          "; give data"};
      sample.push_back({spec.name, std::move(*array)});
      fill(sample.back(), generator);
    }
    if (auto error = use(sample)) {
      error->message =
          "synthetic sample " + std::to_string(i) + ": " + error->message;
      return error;
    }
  }
  return std::nullopt;
}

} // namespace quantc
