// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantc inspect: what a file takes, gives and holds.  Libraries are read, not
// loaded, so the file need be neither trusted nor for this CPU.

#include "Commands.h"
#include "InspectModel.h"
#include "quantc/Driver/LoadModule.h"
#include "quantc/Driver/ProgramFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace quantc {

using json::OStream;
using runtime::program::WeightSource;

void writeValues(OStream &os, StringRef key, ArrayRef<ValueSpec> values) {
  os.attributeArray(key, [&] {
    for (const ValueSpec &value : values)
      os.object([&] {
        os.attribute("name", json::fixUTF8(value.name));
        if (value.kind != QUANTC_TENSOR)
          os.attribute("kind",
                       value.kind == QUANTC_OPTIONAL ? "optional" : "sequence");
        if (value.tensors.empty())
          return;
        os.attribute("type", typeName(value.tensors[0].dtype));
        os.attributeArray("shape", [&] {
          for (auto [dim, extent] :
               zip(value.tensors[0].dims, value.tensors[0].extents)) {
            if (extent >= 0)
              os.value(extent);
            else
              os.value(json::fixUTF8(dim));
          }
        });
      });
  });
}

void printValues(StringRef title, ArrayRef<ValueSpec> values) {
  for (const ValueSpec &value : values) {
    outs() << "  " << title << " " << value.name << ": ";
    if (value.kind != QUANTC_TENSOR)
      outs() << (value.kind == QUANTC_OPTIONAL ? "optional " : "sequence of ");
    if (!value.tensors.empty())
      outs() << specText(value.tensors[0]);
    outs() << "\n";
  }
}

namespace {

std::string metadataOf(const ProgramFile &file, StringRef key) {
  for (const auto &[name, value] : file.getMetadata())
    if (name == key)
      return value;
  return "";
}

/// A number if the text is one, else null.
void writeNumber(OStream &os, StringRef key, StringRef text) {
  double number = 0;
  if (text.empty() || text.getAsDouble(number))
    os.attribute(key, nullptr);
  else
    os.attribute(key, number);
}

const char *sourceName(WeightSource source) {
  return source == WeightSource::Embedded ? "embedded"
         : source == WeightSource::File   ? "file"
                                          : "none";
}

void writeJson(StringRef path, const ProgramFile &file) {
  OStream os(outs(), 2);
  os.object([&] {
    os.attribute("file", json::fixUTF8(path));
    os.attribute("kind", "artifact");
    os.attribute("file_bytes", int64_t(file.getFileSize()));
    os.attributeObject("weights", [&] {
      os.attribute("where", sourceName(file.getWeights().source));
      os.attribute("bytes", int64_t(file.getWeights().bytes));
      if (file.getWeights().source == WeightSource::File)
        os.attribute("file", json::fixUTF8(file.getWeightsFile()));
      os.attribute("sha256", toHex(ArrayRef(file.getWeights().hash), true));
    });
    os.attributeObject("stored_bits_per_weight", [&] {
      writeNumber(os, "all", metadataOf(file, "quantc.stored_bits_all"));
      writeNumber(os, "linears",
                  metadataOf(file, "quantc.stored_bits_linears"));
    });
    os.attribute("kernels", int64_t(file.getKernelCount()));
    os.attribute("steps", int64_t(file.getStepCount()));
    os.attributeArray("cpu_features", [&] {
      for (const std::string &feature : file.getFeatures())
        os.value(feature);
    });
    os.attributeArray("entries", [&] {
      for (auto [index, entry] : enumerate(file.getEntries()))
        os.object([&, index = index, &entry = entry] {
          os.attribute("name", json::fixUTF8(entry.name));
          os.attributeArray("symbols", [&] {
            for (const std::string &symbol : file.getSymbols(index))
              os.value(json::fixUTF8(symbol));
          });
          writeValues(os, "inputs", entry.inputs);
          writeValues(os, "outputs", entry.outputs);
          os.attributeArray("caches", [&, &entry = entry] {
            for (const CacheSpec &cache : entry.caches)
              os.object([&] {
                os.attribute("input", json::fixUTF8(cache.input));
                os.attribute("output", json::fixUTF8(cache.output));
                os.attribute("axis", int64_t(cache.axis));
              });
          });
        });
    });
    os.attributeObject("metadata", [&] {
      StringSet<> written;
      for (const auto &[key, value] : file.getMetadata())
        if (written.insert(key).second)
          os.attribute(json::fixUTF8(key), json::fixUTF8(value));
    });
  });
  outs() << "\n";
}

void printText(StringRef path, const ProgramFile &file) {
  outs() << path << ": compiled model, " << sizeText(file.getFileSize())
         << "\n";
  for (auto [index, entry] : enumerate(file.getEntries())) {
    outs() << "entry " << entry.name;
    std::vector<std::string> symbols = file.getSymbols(index);
    if (!symbols.empty())
      outs() << " (" << join(symbols, ", ") << ")";
    outs() << "\n";
    printValues("input ", entry.inputs);
    printValues("output", entry.outputs);
    for (const CacheSpec &cache : entry.caches)
      outs() << "  cache  " << cache.input << " -> " << cache.output
             << ": appended in place along dimension " << cache.axis << "\n";
  }
  outs() << "weights: " << sizeText(file.getWeights().bytes);
  if (file.getWeights().source == WeightSource::File)
    outs() << " in " << file.getWeightsFile();
  std::string all = metadataOf(file, "quantc.stored_bits_all");
  if (!all.empty())
    outs() << ", stored bits per weight: " << all
           << " (linears: " << metadataOf(file, "quantc.stored_bits_linears")
           << ")";
  outs() << "\nkernels: " << file.getKernelCount()
         << ", steps: " << file.getStepCount()
         << "\ncpu features: " << join(file.getFeatures(), " ") << "\n";
  for (const auto &[key, value] : file.getMetadata())
    outs() << key << ": " << value << "\n";
}

std::optional<Error> run(const Arguments &arguments) {
  StringRef path = arguments.operands()[0];
  bool asJson = arguments.has("--json");
  if (isModelFile(path))
    return inspectModel(path, asJson);
  std::unique_ptr<ProgramFile> file;
  if (auto error = ProgramFile::open(path, file))
    return error;
  if (asJson)
    writeJson(path, *file);
  else
    printText(path, *file);
  return finishOutput();
}

} // namespace

const Command kInspectCommand = {
    "inspect",
    "show inputs, outputs, sizes and origin of a model or library",
    {"FILE"},
    {{"--json", "", "for machines"}},
    {},
    "FILE is a compiled library, or a .onnx, .onnxtxt, .mlir or .mlirbc file.",
    "quantc inspect model.so --json",
    run};

} // namespace quantc
