// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading program tables out of library files.  It shares the validator and
// the expression evaluator with the runtime, so the two cannot disagree.

#include "quantc/Driver/ProgramFile.h"
#include "Runtime/ProgramView.h"
#include "quantc/Runtime/Features.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include <cstring>

using namespace llvm;

namespace quantc {

namespace program = runtime::program;
using runtime::EntryView;

namespace {

constexpr size_t kMessageBytes = 1024;

/// The program starts at a multiple of its alignment in memory, and so in the
/// file, whose pages are mapped as they are.
const program::Header *findProgram(ArrayRef<char> bytes) {
  for (size_t at = 0; at + sizeof(program::Header) <= bytes.size();
       at += program::kAlignment) {
    const char *start = bytes.data() + at;
    if (std::memcmp(start, program::kMagic, sizeof(program::kMagic)))
      continue;
    const auto *header = reinterpret_cast<const program::Header *>(start);
    if (header->totalBytes <= bytes.size() - at &&
        program::validateProgram(start, header->totalBytes, nullptr, 0))
      return header;
  }
  return nullptr;
}

} // namespace

std::optional<Error> ProgramFile::open(llvm::StringRef path,
                                       std::unique_ptr<ProgramFile> &file) {
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(path, status))
    return Error{Status::IO,
                 "cannot read '" + path.str() + "': " + code.message()};
  if (status.type() != sys::fs::file_type::regular_file)
    return Error{Status::IO, "cannot read '" + path.str() + "': not a file"};
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return Error{Status::IO, "cannot read '" + path.str() +
                                 "': " + buffer.getError().message()};
  std::unique_ptr<ProgramFile> opened(new ProgramFile());
  opened->path = path.str();
  opened->buffer = std::move(*buffer);
  llvm::StringRef bytes = opened->buffer->getBuffer();
  if (bytes.starts_with("\x7f"
                        "ELF"))
    opened->header = findProgram({bytes.data(), bytes.size()});
  if (!opened->header)
    return Error{Status::Refused, "'" + path.str() +
                                      "' is not a library compiled by "
                                      "this version of quantc"};
  file = std::move(opened);
  return std::nullopt;
}

/// The symbols but for the capacities of caches and those that a run binds,
/// which no dimension gives.
static std::vector<uint32_t> dimensionsOf(const EntryView &view) {
  std::vector<uint32_t> symbols;
  ArrayRef<program::Alias> aliases(view.aliases, view.entry->aliases.count);
  for (uint32_t s = 0; s < view.entry->symbols.count; ++s)
    if (!view.symbols[s].phase &&
        none_of(aliases, [&](const program::Alias &alias) {
          return alias.axis != program::kNone && alias.capacity == s;
        }))
      symbols.push_back(s);
  return symbols;
}

std::vector<ValueSpec> ProgramFile::getValues(size_t entry, bool inputs) const {
  EntryView view({header}, entry);
  std::vector<ValueSpec> specs;
  program::Range range = inputs ? view.entry->inputs : view.entry->outputs;
  for (uint32_t v = 0; v < range.count; ++v) {
    const program::Value &value = (inputs ? view.inputs : view.outputs)[v];
    ValueSpec spec;
    spec.name = view.string(value.name);
    spec.kind = int32_t(value.kind);
    for (uint32_t t = 0; t < value.count; ++t) {
      const program::Tensor &tensor =
          (inputs ? view.inputTensors
                  : view.outputTensors)[value.firstTensor + t];
      TensorSpec described;
      described.dtype = {tensor.dtype.code, tensor.dtype.bits,
                         tensor.dtype.lanes};
      for (uint32_t axis = 0; axis < tensor.rank; ++axis) {
        uint32_t expr = view.dims[tensor.firstDim + axis];
        char text[kMessageBytes];
        runtime::Error out(text, sizeof(text));
        runtime::describe(view, expr, out);
        described.dims.push_back(text);
        described.extents.push_back(view.exprs[expr].op == program::Op::Const
                                        ? view.exprs[expr].value
                                        : -1);
      }
      spec.tensors.push_back(std::move(described));
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

std::vector<CacheSpec> ProgramFile::getCaches(size_t entry) const {
  EntryView view({header}, entry);
  auto nameOf = [&](const program::Value *values, uint32_t tensor) {
    while (tensor - values->firstTensor >= values->count)
      ++values;
    return std::string(view.string(values->name));
  };
  std::vector<CacheSpec> caches;
  for (uint32_t i = 0; i < view.entry->aliases.count; ++i) {
    const program::Alias &alias = view.aliases[i];
    if (alias.axis != program::kNone)
      caches.push_back({nameOf(view.inputs, alias.input),
                        nameOf(view.outputs, alias.output), alias.axis});
  }
  return caches;
}

std::vector<EntrySpec> ProgramFile::getEntries() const {
  std::vector<EntrySpec> entries;
  for (size_t e = 0; e < header->entries.count; ++e) {
    EntryView view({header}, e);
    entries.push_back({view.string(view.entry->name), getValues(e, true),
                       getValues(e, false), getCaches(e)});
  }
  return entries;
}

std::vector<std::string> ProgramFile::getSymbols(size_t entry) const {
  EntryView view({header}, entry);
  std::vector<std::string> names;
  for (uint32_t s : dimensionsOf(view))
    names.push_back(view.string(view.symbols[s].name));
  return names;
}

std::vector<std::pair<std::string, std::string>>
ProgramFile::getMetadata() const {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto *records = at<program::Metadata>(header->metadata);
  for (size_t i = 0; i < header->metadata.count; ++i)
    pairs.push_back({string(records[i].key), string(records[i].value)});
  return pairs;
}

std::vector<std::string> ProgramFile::getFeatures() const {
  std::vector<std::string> names;
#define QUANTC_NAME(number, name, leaf, subleaf, reg, bit, state)              \
  if (header->features[number / 64] >> (number % 64) & 1)                      \
    names.push_back(name);
  QUANTC_X86_FEATURES(QUANTC_NAME)
#undef QUANTC_NAME
  return names;
}

std::optional<Error>
ProgramFile::inputShapes(size_t entry, ArrayRef<int64_t> symbols,
                         std::vector<std::vector<int64_t>> &shapes) const {
  EntryView view({header}, entry);
  std::vector<int64_t> values(view.entry->exprs.count);
  std::vector<int64_t> all(view.entry->symbols.count); // capacities stay 0
  for (auto [s, value] : zip_equal(dimensionsOf(view), symbols))
    all[s] = value;
  uint32_t evaluated = 0;
  char text[kMessageBytes];
  runtime::Error message(text, sizeof(text));
  // A size that does not fit may be one that no input needs.
  quantc_status status = runtime::evaluate(view, /*phase=*/0, all.data(),
                                           values.data(), evaluated, message);
  shapes.clear();
  for (uint32_t t = 0; t < view.entry->inputTensors.count; ++t) {
    const program::Tensor &tensor = view.inputTensors[t];
    std::vector<int64_t> shape;
    for (uint32_t axis = 0; axis < tensor.rank; ++axis) {
      uint32_t expr = view.dims[tensor.firstDim + axis];
      if (status != QUANTC_OK && expr >= evaluated)
        return Error{Status::Limit, text};
      if (values[expr] < 0)
        return Error{Status::Refused, "dimension " + std::to_string(axis) +
                                          " of an input would be " +
                                          std::to_string(values[expr])};
      shape.push_back(values[expr]);
    }
    shapes.push_back(std::move(shape));
  }
  return std::nullopt;
}

} // namespace quantc
