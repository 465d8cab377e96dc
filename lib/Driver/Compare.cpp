// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Distances of outputs, and reports as JSON.

#include "quantc/Driver/Compare.h"
#include "quantc/Driver/Data.h"
#include "quantc/Driver/Executable.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"
#include <cmath>
#include <limits>

using namespace llvm;

namespace quantc {

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

void CompareOptions::setRecipe(StringRef recipe, StringRef calibration,
                               StringRef statistics, StringRef budget) {
  // As quantc compile: data are given to be used.
  StringRef preset = calibration.empty() ? "fp32" : "w8a8";
  compile.recipe = recipe.empty() ? preset.str() : recipe.str();
  compile.data = calibration.str();
  compile.statistics = statistics.str();
  compile.budget = budget.str();
  hasRecipe = !recipe.empty() || !calibration.empty() || !statistics.empty() ||
              !budget.empty();
}

static std::optional<Error> addOutput(const NamedArray &reference,
                                      const NamedArray &candidate,
                                      OutputDistance &distance) {
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

std::optional<Error> addOutputs(ArrayRef<NamedArray> reference,
                                ArrayRef<NamedArray> candidate,
                                ComparisonReport &report) {
  if (report.outputs.empty())
    for (const NamedArray &output : reference) {
      report.outputs.emplace_back().name = output.name;
      report.outputs.back().cosineMin = kInfinity;
    }
  for (auto [output, distance] : zip(reference, report.outputs)) {
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
  ++report.samples;
  return std::nullopt;
}

std::optional<Error> compare(const CompareOptions &options,
                             ComparisonReport &report) {
  if (options.perLayer)
    return compareLayers(options, report);
  std::unique_ptr<Executable> reference, candidate;
  if (auto error = Executable::open(options.reference, options.entry,
                                    options.threads, reference))
    return error;
  if (auto error = Executable::open(options.candidate, options.entry,
                                    options.threads, candidate))
    return error;
  return forEachSample(
      options.data, reference->getEntry(),
      [&](std::vector<NamedArray> &sample) -> std::optional<Error> {
        std::vector<NamedArray> expected, got;
        if (auto error = reference->run(sample, expected))
          return error;
        if (auto error = candidate->run(sample, got))
          return error;
        if (auto error = addOutputs(expected, got, report))
          return error;
        if (options.progress)
          options.progress(report.samples);
        return std::nullopt;
      });
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

void LayerDistance::add(double reference, double candidate) {
  if (reference == candidate ||
      (std::isnan(reference) && std::isnan(candidate))) {
    if (std::isfinite(reference)) {
      double square = reference * reference;
      energy += square, otherEnergy += square, product += square;
    }
    return;
  }
  double apart = reference - candidate;
  if (!std::isfinite(apart))
    apart = kInfinity;
  error += apart * apart;
  maxAbsolute = std::max(maxAbsolute, std::fabs(apart));
  energy += reference * reference;
  otherEnergy += candidate * candidate;
  product += reference * candidate;
}

double LayerDistance::relative() const {
  if (error == 0)
    return 0;
  return energy > 0 ? error / energy : kInfinity;
}

double LayerDistance::decibels() const { return -10 * std::log10(relative()); }

double LayerDistance::cosine() const {
  if (error == 0)
    return 1;
  return product / std::sqrt(std::max(energy * otherEnergy, 1e-300));
}

int64_t LayerReport::getElements() const {
  int64_t elements = 1;
  for (int64_t extent : shape)
    elements *= extent;
  return elements;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

/// JSON has no infinity.
static json::Value number(double value) {
  if (std::isfinite(value))
    return value;
  return nullptr;
}

static void writeDistance(json::OStream &os, const LayerDistance &distance) {
  os.attribute("relative_error", number(distance.relative()));
  os.attribute("sqnr_db", number(distance.decibels()));
  os.attribute("max_abs_diff", number(distance.maxAbsolute));
  os.attribute("cosine", number(distance.cosine()));
}

static void writeLayer(json::OStream &os, const LayerReport &layer) {
  os.attribute("name", json::fixUTF8(layer.name));
  os.attribute("kind", layer.kind);
  os.attributeArray("shape", [&] {
    for (int64_t extent : layer.shape)
      os.value(extent);
  });
  os.attribute("stored_bits", layer.storedBits);
  os.attribute("bits_per_weight",
               double(layer.storedBits) /
                   double(std::max<int64_t>(layer.getElements(), 1)));
  os.attribute("weights", layer.weights);
  os.attribute("solved", layer.solved);
  if (!layer.activations.empty()) {
    os.attribute("activations", layer.activations);
    os.attribute("static", layer.staticRange);
  }
  os.attributeArray("rewrites", [&] {
    for (const std::string &rewrite : layer.rewrites)
      os.value(rewrite);
  });
  os.attributeObject("total", [&] { writeDistance(os, layer.total); });
  if (layer.own)
    os.attributeObject("own", [&] { writeDistance(os, *layer.own); });
}

std::string toJson(const CompareOptions &options,
                   const ComparisonReport &report) {
  std::string text;
  raw_string_ostream stream(text);
  json::OStream os(stream, 2);
  os.object([&] {
    os.attribute("reference", json::fixUTF8(options.reference));
    os.attribute("candidate", json::fixUTF8(options.candidate));
    os.attribute("samples", report.samples);
    os.attributeArray("outputs", [&] {
      for (const OutputDistance &distance : report.outputs)
        os.object([&] {
          os.attribute("name", json::fixUTF8(distance.name));
          os.attribute("identical", distance.identical);
          os.attribute("max_abs_diff", number(distance.maxAbsolute));
          os.attribute("max_diff_of_range", number(distance.maxRelative));
          os.attribute("cosine_mean",
                       number(distance.cosineSum / double(report.samples)));
          os.attribute("cosine_min", number(distance.cosineMin));
        });
    });
    if (!options.perLayer)
      return;
    os.attributeArray("layers", [&] {
      for (const LayerReport &layer : report.layers)
        os.object([&] { writeLayer(os, layer); });
    });
    os.attributeArray("unmatched", [&] {
      for (const std::string &name : report.unmatched)
        os.value(json::fixUTF8(name));
    });
  });
  return text;
}

} // namespace quantc
