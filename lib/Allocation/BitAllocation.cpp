// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From tensors and a budget to an integer program and back.  Candidates that
// another one of the same tensor beats in both bytes and loss are left out,
// greedy steps along the convex hulls give a first solution, and its loss
// scales the program's costs: an optimum near 1 is one that tolerances suit.

#include "quantc/Allocation/BitAllocation.h"
#include "IntegerProgram.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include <cmath>
#include <numeric>

namespace quantc {

using llvm::ArrayRef;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Budgets
//===----------------------------------------------------------------------===//

/// A latency or a loss.
static bool isOther(StringRef text) {
  double value;
  for (StringRef unit : {"ms", "us", "ns", "s", "%"})
    if (StringRef number = text; number.consume_back(unit))
      return llvm::to_float(number.trim(), value);
  return false;
}

std::optional<Error> parseBudget(StringRef text, int64_t numWeights,
                                 int64_t &bytes) {
  struct Unit {
    StringRef name;
    double bytes;
  };
  const Unit units[] = {{"bpw", double(numWeights) / 8},
                        {"KiB", 0x1p10},
                        {"MiB", 0x1p20},
                        {"GiB", 0x1p30},
                        {"kB", 1e3},
                        {"MB", 1e6},
                        {"GB", 1e9},
                        {"B", 1}};
  for (const Unit &unit : units) {
    StringRef number = text;
    double value;
    if (!number.consume_back(unit.name))
      continue;
    number = number.trim();
    if (number.empty() || !llvm::to_float(number, value) || !(value >= 0) ||
        value * unit.bytes > 0x1p62)
      break;
    bytes = int64_t(value * unit.bytes);
    return std::nullopt;
  }
  if (isOther(text))
    return Error{
        Status::Usage,
        "budgets of latency (8ms) and of loss (0.5%) are not built, "
        "got '" +
            text.str() +
            "'; give bytes or bits per weight, such as 25MB or 4.2bpw"};
  return Error{Status::Usage, "expected a budget such as 25MB, 25MiB or 4.2bpw "
                              "(bits per weight), got '" +
                                  text.str() + "'"};
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

namespace {

/// A tensor's candidates in ascending bytes and descending loss.
using Ladder = std::vector<int64_t>;

/// The problem without what cannot be part of an answer.
struct Reduced {
  std::vector<Ladder> ladders;
  /// Sums over the least bytes and over the least losses of all tensors.
  int64_t leastBytes = 0, mostBytes = 0;
  double leastLoss = 0;
};

} // namespace

static std::optional<Error> checkTensor(const AllocatedTensor &tensor) {
  if (tensor.candidates.empty())
    return Error{Status::Refused, "expected one or more candidate formats for "
                                  "tensor '" +
                                      tensor.name + "', got none"};
  for (const FormatCandidate &candidate : tensor.candidates)
    if (!std::isfinite(candidate.loss) || candidate.bytes < 0)
      return Error{Status::Refused,
                   "expected a finite loss and a size for tensor '" +
                       tensor.name + "' in format '" + candidate.format +
                       "', got a loss of " + std::to_string(candidate.loss) +
                       " and " + std::to_string(candidate.bytes) + " bytes"};
  return std::nullopt;
}

static Ladder makeLadder(const AllocatedTensor &tensor) {
  Ladder all(tensor.candidates.size()), ladder;
  std::iota(all.begin(), all.end(), 0);
  llvm::sort(all, [&](int64_t a, int64_t b) {
    const FormatCandidate &x = tensor.candidates[a], &y = tensor.candidates[b];
    return std::tuple(x.bytes, x.loss, a) < std::tuple(y.bytes, y.loss, b);
  });
  for (int64_t i : all)
    if (ladder.empty() ||
        tensor.candidates[i].loss < tensor.candidates[ladder.back()].loss)
      ladder.push_back(i);
  return ladder;
}

static std::optional<Error> reduce(ArrayRef<AllocatedTensor> tensors,
                                   Reduced &reduced) {
  for (const AllocatedTensor &tensor : tensors) {
    if (std::optional<Error> error = checkTensor(tensor))
      return error;
    Ladder ladder = makeLadder(tensor);
    std::optional<int64_t> most = llvm::checkedAdd(
        reduced.mostBytes, tensor.candidates[ladder.back()].bytes);
    // Sums of bytes must be exact in double.
    if (!most || *most > int64_t(1) << 52)
      return Error{Status::Limit, "the sizes of all tensors add up to more "
                                  "than 2^52 bytes"};
    reduced.mostBytes = *most;
    reduced.leastBytes += tensor.candidates[ladder.front()].bytes;
    reduced.leastLoss += tensor.candidates[ladder.back()].loss;
    reduced.ladders.push_back(std::move(ladder));
  }
  return std::nullopt;
}

static void measure(ArrayRef<AllocatedTensor> tensors, Allocation &point) {
  point.bytes = 0;
  point.loss = 0;
  for (auto [tensor, choice] : llvm::zip_equal(tensors, point.choices)) {
    point.bytes += tensor.candidates[choice].bytes;
    point.loss += tensor.candidates[choice].loss;
  }
}

//===----------------------------------------------------------------------===//
// Greedy solution
//===----------------------------------------------------------------------===//

namespace {
/// A step up a ladder.
struct Step {
  size_t tensor, position;
  int64_t bytes;
  double gain;
};
} // namespace

/// The step from `position` that gains most for its bytes.
static std::optional<Step> bestStep(const AllocatedTensor &tensor,
                                    const Ladder &ladder, size_t index,
                                    size_t position, int64_t room) {
  std::optional<Step> best;
  const FormatCandidate &from = tensor.candidates[ladder[position]];
  for (size_t next = position + 1; next < ladder.size(); ++next) {
    const FormatCandidate &to = tensor.candidates[ladder[next]];
    Step step{index, next, to.bytes - from.bytes, from.loss - to.loss};
    if (step.bytes <= room && (!best || step.gain * double(best->bytes) >
                                            best->gain * double(step.bytes)))
      best = step;
  }
  return best;
}

/// Positions on the ladders: always the step that gains most for its bytes.
static std::vector<size_t> climb(ArrayRef<AllocatedTensor> tensors,
                                 const Reduced &reduced, int64_t budget) {
  std::vector<size_t> positions(tensors.size(), 0);
  int64_t room = budget - reduced.leastBytes;
  while (true) {
    std::optional<Step> best;
    for (size_t i = 0; i < tensors.size(); ++i) {
      std::optional<Step> step =
          bestStep(tensors[i], reduced.ladders[i], i, positions[i], room);
      if (step && (!best || step->gain * double(best->bytes) >
                                best->gain * double(step->bytes)))
        best = step;
    }
    if (!best)
      return positions;
    positions[best->tensor] = best->position;
    room -= best->bytes;
  }
}

//===----------------------------------------------------------------------===//
// Integer program
//===----------------------------------------------------------------------===//

/// Costs above the least loss, in units of what the first solution costs.
static ChoiceProgram makeProgram(ArrayRef<AllocatedTensor> tensors,
                                 const Reduced &reduced, ArrayRef<size_t> start,
                                 int64_t budget, double unit) {
  ChoiceProgram program;
  int64_t divisor = 0;
  for (auto [tensor, ladder] : llvm::zip_equal(tensors, reduced.ladders))
    for (int64_t i : ladder)
      divisor = std::gcd(divisor, tensor.candidates[i].bytes -
                                      tensor.candidates[ladder.front()].bytes);
  divisor = std::max<int64_t>(divisor, 1);
  program.capacity = (budget - reduced.leastBytes) / divisor;
  for (auto [tensor, ladder, first] :
       llvm::zip_equal(tensors, reduced.ladders, start)) {
    const FormatCandidate &small = tensor.candidates[ladder.front()];
    const FormatCandidate &good = tensor.candidates[ladder.back()];
    auto &group = program.groups.emplace_back();
    for (int64_t i : ladder)
      group.push_back({(tensor.candidates[i].loss - good.loss) / unit,
                       (tensor.candidates[i].bytes - small.bytes) / divisor});
    program.start.push_back(int64_t(first));
  }
  return program;
}

std::optional<Error> allocateBits(ArrayRef<AllocatedTensor> tensors,
                                  int64_t budget,
                                  const AllocationOptions &options,
                                  Allocation &result) {
  Reduced reduced;
  if (std::optional<Error> error = reduce(tensors, reduced))
    return error;
  if (budget < reduced.leastBytes)
    return Error{Status::Refused,
                 "expected a budget of " + std::to_string(reduced.leastBytes) +
                     " bytes or more, which all tensors take in their "
                     "smallest formats, got " +
                     std::to_string(budget)};
  std::vector<size_t> start = climb(tensors, reduced, budget);
  auto choose = [&](auto positions) {
    result.choices.clear();
    for (auto [ladder, position] : llvm::zip_equal(reduced.ladders, positions))
      result.choices.push_back(ladder[size_t(position)]);
    measure(tensors, result);
  };
  choose(ArrayRef(start));
  result.bound = reduced.leastLoss;
  if (result.loss > reduced.leastLoss) {
    double unit = result.loss - reduced.leastLoss;
    ChoiceProgram program = makeProgram(tensors, reduced, start, budget, unit);
    program.maxNodes = options.maxNodes;
    program.maxGap = options.maxGap;
    ChoiceSolution solution;
    if (std::string problem = solveChoices(program, solution); !problem.empty())
      return Error{Status::Internal, "bit allocation: " + problem};
    Allocation greedy = result;
    choose(ArrayRef(solution.choices));
    // The start is a solution too; tolerances must not give what does not fit.
    if (result.bytes > budget || result.loss > greedy.loss)
      result = greedy;
    result.bound = reduced.leastLoss + solution.bound * unit;
  }
  result.bound = std::min(result.bound, result.loss);
  result.gap = result.loss == result.bound
                   ? 0
                   : (result.loss - result.bound) / std::fabs(result.loss);
  return std::nullopt;
}

std::optional<Error> traceFront(ArrayRef<AllocatedTensor> tensors,
                                int64_t count, const AllocationOptions &options,
                                std::vector<Allocation> &front) {
  front.clear();
  Reduced reduced;
  if (std::optional<Error> error = reduce(tensors, reduced))
    return error;
  int64_t span = reduced.mostBytes - reduced.leastBytes;
  for (int64_t i = 0; i < count; ++i) {
    double share = count > 1 ? double(i) / double(count - 1) : 1;
    int64_t budget =
        reduced.leastBytes + int64_t(std::llround(share * double(span)));
    Allocation point;
    if (std::optional<Error> error =
            allocateBits(tensors, budget, options, point))
      return error;
    if (front.empty() || point.loss < front.back().loss)
      front.push_back(std::move(point));
  }
  return std::nullopt;
}

llvm::json::Object toJson(ArrayRef<AllocatedTensor> tensors,
                          const Allocation &point, bool withFormats) {
  int64_t numWeights = 0;
  llvm::json::Object formats;
  for (auto [tensor, choice] : llvm::zip_equal(tensors, point.choices)) {
    numWeights += tensor.numWeights;
    formats[tensor.name] = tensor.candidates[choice].format;
  }
  llvm::json::Object json{
      {"bytes", point.bytes},
      {"bits_per_weight",
       numWeights ? 8.0 * double(point.bytes) / double(numWeights) : 0.0},
      {"loss", point.loss},
      {"bound", point.bound},
      {"gap", point.gap}};
  if (withFormats)
    json["formats"] = std::move(formats);
  return json;
}

} // namespace quantc
