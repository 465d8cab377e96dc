// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Det and MelWeightMatrix, which know their sizes while a model is imported.

#include "Program.h"
#include <cmath>
#include <functional>

using namespace mlir;

namespace quantc::onnx_frontend {

/// Written out by minors, for matrices of up to 4 x 4.
static LogicalResult importDet(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isFloat)))
    return failure();
  SymbolicShape dims = n.shape(x);
  int64_t size = dims.size() < 2 ? 0 : staticExtent(dims.back());
  if (size < 1 || staticExtent(dims[dims.size() - 2]) != size)
    return n.error("expected square matrices of a known size");
  if (size > 4)
    return n.unsupported("of matrices over 4 x 4");
  SymbolicShape shape(ArrayRef(dims).drop_back(2));
  Type type = n.elementType(x), f64 = n.builder().getF64Type();
  return n.result(compute(n, type, shape, {x}, [&](Program &p) {
    auto at = [&](int64_t row, int64_t column) {
      Values position = p.at();
      position.append({p.index(row), p.index(column)});
      return p.convert(p.read(0, position), type, f64);
    };
    // Expansion along the first row that is left.
    std::function<Value(int64_t, ArrayRef<int64_t>)> cofactor =
        [&](int64_t row, ArrayRef<int64_t> columns) -> Value {
      Value sum;
      for (auto [i, column] : llvm::enumerate(columns)) {
        Value term = at(row, column);
        if (columns.size() > 1) {
          SmallVector<int64_t> rest(columns);
          rest.erase(rest.begin() + i);
          term = p.mul(term, cofactor(row + 1, rest));
        }
        sum = !sum ? term : i % 2 ? p.sub(sum, term) : p.add(sum, term);
      }
      return sum;
    };
    auto columns = llvm::to_vector(llvm::seq<int64_t>(0, size));
    return p.convert(cofactor(0, columns), f64, scalarType(type));
  }));
}

/// Triangular filters on the mel scale; all sizes are known.
static LogicalResult importMelWeightMatrix(NodeImport &n) {
  auto bins = n.constantScalar(0), length = n.constantScalar(1),
       rate = n.constantScalar(2), low = n.constantScalar(3),
       high = n.constantScalar(4);
  if (!bins || !length || !rate || !low || !high)
    return n.error("an input depends on run-time data");
  Type type =
      elementTypeOf(n.intAttr("output_datatype", 1), &n.importer.context);
  if (!type || !(type.isF32() || type.isF64()))
    return n.unsupported("to this element type");
  if (!(*bins >= 1 && *bins < 1 << 16 && *length >= 1 && *length < 1 << 24 &&
        *rate >= 1 && *low >= 0 && *high > *low && *high < 1e9))
    return n.error("expected positive sizes and frequencies in order");
  int64_t count = int64_t(*bins), rows = int64_t(*length) / 2 + 1;
  if (rows * count > 1 << 24)
    return n.error("expected at most 2^24 elements", Status::Limit);
  auto mel = [](double f) { return 2595 * std::log10(1 + f / 700); };
  double first = mel(*low), step = (mel(*high) - first) / double(count + 2);
  SmallVector<int64_t> edges;
  for (int64_t i = 0; i < count + 2; ++i) {
    double hertz = 700 * (std::pow(10, (first + double(i) * step) / 2595) - 1);
    edges.push_back(int64_t(std::floor((*length + 1) * hertz / *rate)));
  }
  std::vector<double> values(rows * count, 0.0);
  for (int64_t i = 0; i < count; ++i) {
    int64_t a = edges[i], b = edges[i + 1], c = edges[i + 2];
    if (b == a && b < rows)
      values[b * count + i] = 1;
    for (int64_t j = a; b > a && j <= b && j < rows; ++j)
      values[j * count + i] = double(j - a) / double(b - a);
    for (int64_t j = b; c > b && j < c && j < rows; ++j)
      values[j * count + i] = double(c - j) / double(c - b);
  }
  std::vector<char> bytes(values.size() * type.getIntOrFloatBitWidth() / 8);
  for (auto [i, value] : llvm::enumerate(values)) {
    if (type.isF64())
      reinterpret_cast<double *>(bytes.data())[i] = value;
    else
      reinterpret_cast<float *>(bytes.data())[i] = float(value);
  }
  return n.resultEntry(n.importer.constantEntry(
      n.node.output(0), ownTensor(type, {rows, count}, std::move(bytes))));
}

void registerSignal(Registry &r) {
  r.add("Det", importDet);
  r.add("MelWeightMatrix", importMelWeightMatrix);
}

} // namespace quantc::onnx_frontend
