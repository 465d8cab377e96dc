// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantc calibrate: statistics of the values inside a model on real data, and
// the sum of statistics that were measured in parts.

#include "quantc/Driver/Calibrate.h"
#include "Commands.h"
#include "Progress.h"
#include "quantc/Calibration/Observers.h"
#include "quantc/Support/AtomicFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace quantc {

namespace {

std::string kindNames() {
  SmallVector<StringRef> names;
  for (const ObserverKind &kind : observerKinds())
    names.push_back(kind.name);
  return join(names, ", ");
}

std::optional<Error> readOptions(const Arguments &arguments,
                                 CalibrateOptions &options) {
  if (arguments.operands().size() > 1)
    return Error{Status::Usage,
                 "expected one model; several files are for --merge"};
  if (!arguments.has("--calib"))
    return Error{Status::Usage,
                 "missing --calib DATA: .npz, .npy, a folder, or synthetic"};
  int64_t threads = 0;
  if (auto error = arguments.getNumber("--threads", 1, 4096, threads))
    return error;
  if (auto error = arguments.getNumber("--samples", 1, int64_t(1) << 31,
                                       options.samples))
    return error;
  options.input = arguments.operands()[0];
  options.data = arguments.get("--calib").str();
  options.recipe = arguments.get("--recipe", "fp32").str();
  options.entry = arguments.get("--entry").str();
  options.threads = unsigned(threads);
  for (StringRef name : split(arguments.get("--observers"), ',')) {
    if (!arguments.has("--observers"))
      break;
    if (!findObserverKind(name))
      return Error{Status::Usage, "expected --observers to be some of " +
                                      kindNames() + ", got '" + name.str() +
                                      "'"};
    options.observers.push_back(name.str());
  }
  return std::nullopt;
}

std::optional<Error> checkOutput(const Arguments &arguments) {
  StringRef output = arguments.get("-o");
  if (!output.ends_with(".safetensors"))
    return Error{Status::Usage, "cannot write '" + output.str() +
                                    "': expected a name ending in "
                                    ".safetensors"};
  // An output that cannot be written is known before any work.
  Error error;
  if (!AtomicFile::create(output, error))
    return error;
  return std::nullopt;
}

void printSummary(StringRef output, const Statistics &statistics) {
  uint64_t bytes = 0;
  sys::fs::file_size(output, bytes);
  outs() << output << ": " << sizeText(bytes) << ", "
         << statistics.getPoints().size() << " points, " << statistics.samples
         << (statistics.samples == 1 ? " sample\n" : " samples\n");
}

void printJson(StringRef output, const Statistics &statistics) {
  json::OStream os(outs(), 2);
  os.object([&] {
    os.attribute("output", json::fixUTF8(output));
    os.attribute("samples", statistics.samples);
    os.attribute("model_sha256", statistics.modelHash);
    os.attributeArray("points", [&] {
      for (const auto &point : statistics.getPoints())
        os.object([&] {
          os.attribute("name", point->name);
          os.attribute("key", point->key);
          os.attributeArray("observers", [&] {
            for (const auto &observer : point->observers)
              os.value(observer->getName());
          });
          if (const auto *range = point->get<MinMax>()) {
            os.attribute("min", range->getMin());
            os.attribute("max", range->getMax());
            os.attribute("count", range->getCount());
          }
        });
    });
  });
  outs() << "\n";
}

std::optional<Error> run(const Arguments &arguments) {
  Statistics statistics;
  StringRef output = arguments.get("-o");
  if (auto error = checkOutput(arguments))
    return error;
  if (arguments.has("--merge")) {
    Progress progress("merging");
    if (auto error = mergeStatistics(arguments.operands(), statistics))
      return error;
    if (auto error = statistics.save(output))
      return error;
  } else {
    CalibrateOptions options;
    if (auto error = readOptions(arguments, options))
      return error;
    Progress progress("calibrating " + options.input);
    options.progress = [&](int64_t samples) {
      progress.count(samples, "samples");
    };
    if (auto error = calibrate(options, statistics))
      return error;
    if (auto error = statistics.save(output))
      return error;
  }
  if (arguments.has("--json"))
    printJson(output, statistics);
  else
    printSummary(output, statistics);
  return finishOutput();
}

} // namespace

const Command kCalibrateCommand = {
    "calibrate",
    "measure the values inside a model on data",
    {"FILE"},
    {{"-o", "STATS", "what is written: a name ending in .safetensors", false,
      true},
     {"--calib", "DATA",
      ".npz with arrays by input name, .npy for one input, a folder of them or "
      "of test_data_set_* folders, or synthetic[:SEED]; the leading axis "
      "counts samples"},
     {"--recipe", "NAME",
      "a recipe or its .yaml file, whose rewrites come before the measurement"},
     {"--samples", "N", "use the first N samples (default: all)"},
     {"--observers", "LIST",
      "only these statistics: channel-absmax, histogram, min-max, "
      "second-moment"},
     {"--entry", "NAME", "the entry point (default: the first)"},
     {"--threads", "N",
      "threads (default: all CPUs); results do not depend on it"},
     {"--merge", "",
      "FILE ... are statistics of parts of the data, which are added up"},
     {"--json", "", "for machines"}},
    {},
    "FILE is a .onnx, .onnxtxt, .mlir or .mlirbc file.  NaN, infinities and\n"
    "numbers beyond 1e30 are refused.  docs/calibration.md has the formats.",
    "quantc calibrate model.onnx --calib data.npz -o model.safetensors",
    run,
    /*operandRepeats=*/true};

} // namespace quantc
