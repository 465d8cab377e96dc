// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantc compare: how far the outputs of two models lie apart on real data.

#include "Commands.h"
#include "Progress.h"
#include "quantc/Driver/Data.h"
#include "quantc/Driver/Executable.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include <cmath>
#include <limits>

using namespace llvm;

namespace quantc {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The distances of one output, the worst or the mean over all samples.
struct Distance {
  std::string name;
  double maxAbsolute = 0;
  double maxRelative = 0; // of the largest minus the smallest reference value
  double cosineSum = 0;
  double cosineMin = kInfinity;
  bool identical = true;
};

class Comparison {
public:
  std::optional<Error> add(ArrayRef<NamedArray> reference,
                           ArrayRef<NamedArray> candidate);
  void print() const;
  void printJson(StringRef reference, StringRef candidate) const;

private:
  std::optional<Error> addOutput(const NamedArray &reference,
                                 const NamedArray &candidate,
                                 Distance &distance);

  std::vector<Distance> distances;
  int64_t samples = 0;
};

std::optional<Error> Comparison::addOutput(const NamedArray &reference,
                                           const NamedArray &candidate,
                                           Distance &distance) {
  const Array &a = reference.array, &b = candidate.array;
  if (a.getShape() != b.getShape())
    return Error{Status::Refused, "expected output '" + reference.name +
                                      "' to have shape " +
                                      shapeText(a.getShape()) + ", got " +
                                      shapeText(b.getShape())};
  if (!isNumeric(a.getType()) || !isNumeric(b.getType()))
    return Error{Status::Refused, "output '" + reference.name + "' of type " +
                                      typeName(a.getType()) +
                                      " cannot be compared"};
  double low = kInfinity, high = -kInfinity, worst = 0;
  double dot = 0, normA = 0, normB = 0;
  for (int64_t i = 0; i < a.getNumElements(); ++i) {
    double x = a.getNumber(i), y = b.getNumber(i);
    low = std::min(low, x), high = std::max(high, x);
    bool same = x == y || (std::isnan(x) && std::isnan(y));
    distance.identical &= same;
    if (!same) {
      double apart = std::fabs(x - y);
      worst = std::max(worst, std::isnan(apart) ? kInfinity : apart);
    }
    dot += x * y, normA += x * x, normB += y * y;
  }
  double range = high > low ? high - low : 1;
  double cosine = normA == normB && worst == 0
                      ? 1
                      : dot / std::sqrt(std::max(normA * normB, 1e-300));
  distance.maxAbsolute = std::max(distance.maxAbsolute, worst);
  distance.maxRelative = std::max(distance.maxRelative, worst / range);
  distance.cosineSum += cosine;
  distance.cosineMin = std::min(distance.cosineMin, cosine);
  return std::nullopt;
}

std::optional<Error> Comparison::add(ArrayRef<NamedArray> reference,
                                     ArrayRef<NamedArray> candidate) {
  if (distances.empty())
    for (const NamedArray &output : reference)
      distances.push_back({output.name});
  for (auto [output, distance] : zip(reference, distances)) {
    const auto *it =
        find_if(candidate, [&, &output = output](const NamedArray &other) {
          return other.name == output.name;
        });
    if (it == candidate.end())
      return Error{Status::Refused,
                   "the candidate has no output '" + output.name + "'"};
    if (auto error = addOutput(output, *it, distance))
      return error;
  }
  ++samples;
  return std::nullopt;
}

void Comparison::print() const {
  outs() << samples << (samples == 1 ? " sample\n" : " samples\n")
         << "max abs diff  of range   cosine mean  cosine min  output\n";
  for (const Distance &distance : distances)
    outs() << format("%12.4e  %9.2e  %11.8f  %10.8f  ", distance.maxAbsolute,
                     distance.maxRelative, distance.cosineSum / double(samples),
                     distance.cosineMin)
           << distance.name << (distance.identical ? " (identical)" : "")
           << "\n";
}

/// JSON has no infinity.
json::Value number(double value) {
  if (std::isfinite(value))
    return value;
  return nullptr;
}

void Comparison::printJson(StringRef reference, StringRef candidate) const {
  json::OStream os(outs(), 2);
  os.object([&] {
    os.attribute("reference", json::fixUTF8(reference));
    os.attribute("candidate", json::fixUTF8(candidate));
    os.attribute("samples", samples);
    os.attributeArray("outputs", [&] {
      for (const Distance &distance : distances)
        os.object([&] {
          os.attribute("name", json::fixUTF8(distance.name));
          os.attribute("identical", distance.identical);
          os.attribute("max_abs_diff", number(distance.maxAbsolute));
          os.attribute("max_diff_of_range", number(distance.maxRelative));
          os.attribute("cosine_mean",
                       number(distance.cosineSum / double(samples)));
          os.attribute("cosine_min", number(distance.cosineMin));
        });
    });
  });
  outs() << "\n";
}

std::optional<Error> run(const Arguments &arguments) {
  int64_t threads = 0;
  if (auto error = arguments.getNumber("--threads", 1, 4096, threads))
    return error;
  StringRef referencePath = arguments.operands()[0];
  StringRef candidatePath = arguments.operands()[1];
  std::unique_ptr<Executable> reference, candidate;
  StringRef entry = arguments.get("--entry");
  if (auto error =
          Executable::open(referencePath, entry, unsigned(threads), reference))
    return error;
  if (auto error =
          Executable::open(candidatePath, entry, unsigned(threads), candidate))
    return error;
  Comparison comparison;
  auto compareSample =
      [&](std::vector<NamedArray> &sample) -> std::optional<Error> {
    std::vector<NamedArray> expected, got;
    if (auto error = reference->run(sample, expected))
      return error;
    if (auto error = candidate->run(sample, got))
      return error;
    return comparison.add(expected, got);
  };
  {
    Progress progress("comparing");
    if (auto error = forEachSample(arguments.get("--data"),
                                   reference->getEntry(), compareSample))
      return error;
  }
  if (arguments.has("--json"))
    comparison.printJson(referencePath, candidatePath);
  else
    comparison.print();
  return finishOutput();
}

} // namespace

const Command kCompareCommand = {
    "compare",
    "compare the outputs of two models on data",
    {"REFERENCE", "CANDIDATE"},
    {{"--data", "DATA",
      ".npz with arrays by input name, .npy for one input, or a folder of "
      "them; "
      "the leading axis counts samples",
      false, true},
     {"--entry", "NAME", "the entry point (default: the first)"},
     {"--threads", "N", "threads of a run (default: all CPUs)"},
     {"--json", "", "for machines"}},
    {"--per-layer"},
    "Both are libraries, or models that the reference interpreter runs.",
    "quantc compare fp32.so w8a8.so --data sentences.npz --json",
    run};

} // namespace quantc
