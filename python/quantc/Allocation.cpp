// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bit allocation for Python: candidates as tuples, points as tuples.

#include "Core.h"
#include "quantc/Allocation/BitAllocation.h"
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace quantc;

namespace {

/// (format, bytes, loss)
using CandidateTuple = std::tuple<std::string, int64_t, double>;
/// (name, weights, candidates)
using TensorTuple =
    std::tuple<std::string, int64_t, std::vector<CandidateTuple>>;
/// (choices, bytes, loss, bound, gap)
using PointTuple =
    std::tuple<std::vector<int64_t>, int64_t, double, double, double>;

std::vector<AllocatedTensor>
readTensors(const std::vector<TensorTuple> &tuples) {
  std::vector<AllocatedTensor> tensors;
  for (const auto &[name, weights, candidates] : tuples) {
    AllocatedTensor &tensor = tensors.emplace_back();
    tensor.name = name;
    tensor.numWeights = weights;
    for (const auto &[format, bytes, loss] : candidates)
      tensor.candidates.push_back({format, bytes, loss});
  }
  return tensors;
}

PointTuple toTuple(const Allocation &point) {
  return {point.choices, point.bytes, point.loss, point.bound, point.gap};
}

PointTuple allocate(const std::vector<TensorTuple> &tuples, int64_t budget,
                    int64_t maxNodes) {
  std::vector<AllocatedTensor> tensors = readTensors(tuples);
  nb::gil_scoped_release release;
  AllocationOptions options;
  options.maxNodes = maxNodes;
  Allocation point;
  check(allocateBits(tensors, budget, options, point));
  return toTuple(point);
}

std::vector<PointTuple> front(const std::vector<TensorTuple> &tuples,
                              int64_t count, int64_t maxNodes) {
  std::vector<AllocatedTensor> tensors = readTensors(tuples);
  nb::gil_scoped_release release;
  AllocationOptions options;
  options.maxNodes = maxNodes;
  std::vector<Allocation> points;
  check(traceFront(tensors, count, options, points));
  std::vector<PointTuple> result;
  for (const Allocation &point : points)
    result.push_back(toTuple(point));
  return result;
}

int64_t budgetBytes(const std::string &text, int64_t weights) {
  int64_t bytes = 0;
  check(parseBudget(text, weights, bytes));
  return bytes;
}

} // namespace

void quantc::bindAllocation(nb::module_ &m) {
  m.def("allocate", allocate);
  m.def("allocation_front", front);
  m.def("budget_bytes", budgetBytes);
}
