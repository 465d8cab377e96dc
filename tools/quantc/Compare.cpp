// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantc compare: how far two models lie apart on real data, at their outputs
// and layer by layer.

#include "quantc/Driver/Compare.h"
#include "Commands.h"
#include "Progress.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include <cmath>

using namespace llvm;

namespace quantc {

namespace {

void printOutputs(const ComparisonReport &report) {
  outs() << report.samples << (report.samples == 1 ? " sample\n" : " samples\n")
         << "max abs diff  of range   cosine mean  cosine min  output\n";
  for (const OutputDistance &distance : report.outputs)
    outs() << format("%12.4e  %9.2e  %11.8f  %10.8f  ", distance.maxAbsolute,
                     distance.maxRelative,
                     distance.cosineSum / double(report.samples),
                     distance.cosineMin)
           << distance.name << (distance.identical ? " (identical)" : "")
           << "\n";
}

/// `linear 384x1536: int<4, …> solved, input int<8, per_row> while running`.
std::string describe(const LayerReport &layer) {
  std::string text = layer.kind;
  raw_string_ostream os(text);
  for (size_t i = 0; i < layer.shape.size(); ++i)
    os << (i ? "x" : " ") << layer.shape[i];
  os << ": " << layer.weights << (layer.solved ? " solved" : "");
  if (!layer.activations.empty()) {
    os << ", input " << layer.activations;
    if (layer.activations != "float")
      os << (layer.staticRange ? " static" : " while running");
  }
  for (const std::string &rewrite : layer.rewrites)
    os << ", " << rewrite;
  return text;
}

void printLayers(const ComparisonReport &report) {
  outs()
      << "\nown error  with inherited     dB  max abs diff    cosine   bits  "
         "layer\n";
  for (const LayerReport &layer : report.layers) {
    if (layer.own)
      outs() << format("%9.2e", layer.own->relative());
    else
      outs() << "        ?";
    outs() << format("  %14.2e  %5.1f  %12.4e  %8.6f  %5.2f  ",
                     layer.total.relative(),
                     std::fmin(layer.total.decibels(), 999.9),
                     layer.total.maxAbsolute, layer.total.cosine(),
                     double(layer.storedBits) /
                         double(std::max<int64_t>(layer.getElements(), 1)))
           << layer.name << " (" << describe(layer) << ")\n";
  }
  if (!report.unmatched.empty())
    outs() << "not in the reference: " << join(report.unmatched, ", ") << "\n";
}

std::optional<Error> readOptions(const Arguments &arguments,
                                 CompareOptions &options) {
  int64_t threads = 0;
  if (auto error = arguments.getNumber("--threads", 1, 4096, threads))
    return error;
  options.reference = arguments.operands()[0];
  options.candidate = arguments.operands()[1];
  options.data = arguments.get("--data").str();
  options.entry = arguments.get("--entry").str();
  options.threads = unsigned(threads);
  options.perLayer = arguments.has("--per-layer");
  for (StringRef name : {"--recipe", "--calib", "--stats", "--budget"})
    if (arguments.has(name) && !options.perLayer)
      return Error{Status::Usage,
                   name.str() + " says how the candidate is compiled for "
                                "--per-layer; without it compile the candidate "
                                "first and give the library"};
  options.setRecipe(arguments.get("--recipe"), arguments.get("--calib"),
                    arguments.get("--stats"), arguments.get("--budget"));
  return std::nullopt;
}

std::optional<Error> run(const Arguments &arguments) {
  CompareOptions options;
  if (auto error = readOptions(arguments, options))
    return error;
  ComparisonReport report;
  {
    Progress progress("comparing");
    options.progress = [&](int64_t samples) {
      progress.count(samples, "samples");
    };
    if (auto error = compare(options, report))
      return error;
  }
  if (arguments.has("--json")) {
    outs() << toJson(options, report) << "\n";
    return finishOutput();
  }
  printOutputs(report);
  if (options.perLayer)
    printLayers(report);
  return finishOutput();
}

} // namespace

const Command kCompareCommand = {
    "compare",
    "compare two models on data, by outputs or layer by layer",
    {"REFERENCE", "CANDIDATE"},
    {{"--data", "DATA",
      ".npz with arrays by input name, .npy for one input, or a folder of "
      "them; "
      "the leading axis counts samples",
      false, true},
     {"--per-layer", "",
      "compare every linear, convolution and table too; REFERENCE and "
      "CANDIDATE are models, not libraries"},
     {"--recipe", "NAME",
      "with --per-layer: what the candidate is compiled with, as for compile"},
     {"--calib", "DATA", "with --per-layer: samples for that recipe"},
     {"--stats", "FILE", "with --per-layer: statistics in place of samples"},
     {"--budget", "BUDGET", "with --per-layer: for the recipe auto"},
     {"--entry", "NAME", "the entry point (default: the first)"},
     {"--threads", "N", "threads of a run (default: all CPUs)"},
     {"--json", "", "for machines"}},
    {},
    "Both are libraries, or models that the reference interpreter runs.  With\n"
    "--per-layer both are compiled, into one program, and layers are listed by "
    "the\nerror that they add themselves; docs/compare.md has the columns.",
    "quantc compare model.onnx model.onnx --recipe w4a8 --calib train.npz \\\n"
    "      --data test.npz --per-layer",
    run};

} // namespace quantc
