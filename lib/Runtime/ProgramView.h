// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Typed access to a program table that has been validated.  Nothing is copied:
// the arrays of an entry point start where its ids count from.
#ifndef QUANTC_LIB_RUNTIME_PROGRAMVIEW_H
#define QUANTC_LIB_RUNTIME_PROGRAMVIEW_H

#include "quantc/Runtime/Program.h"

#include "Support.h"

namespace quantc::runtime {

/// Bounds that keep the sums of sizes in the runtime far from overflow.
inline constexpr int64_t kMaxBytes = int64_t(1) << 46;

struct ProgramView {
  const program::Header *header = nullptr;

  template <typename T> const T *at(const program::Section &section) const {
    return reinterpret_cast<const T *>(reinterpret_cast<const char *>(header) +
                                       section.offset);
  }
  const char *string(program::StringRef ref) const {
    return at<char>(header->strings) + ref;
  }
};

struct EntryView {
  ProgramView program;
  const program::Entry *entry;
  const program::Symbol *symbols;
  const program::Value *inputs, *outputs;
  const program::Tensor *inputTensors, *outputTensors;
  const uint32_t *dims;
  const program::Alias *aliases;
  const program::Expr *exprs;
  const program::Check *checks;
  const program::Buffer *buffers;
  const program::Step *steps;
  const uint32_t *operands;

  EntryView(ProgramView view, size_t index) : program(view) {
    const program::Header &h = *view.header;
    entry = view.at<program::Entry>(h.entries) + index;
    symbols = view.at<program::Symbol>(h.symbols) + entry->symbols.first;
    const auto *values = view.at<program::Value>(h.values);
    inputs = values + entry->inputs.first;
    outputs = values + entry->outputs.first;
    const auto *tensors = view.at<program::Tensor>(h.tensors);
    inputTensors = tensors + entry->inputTensors.first;
    outputTensors = tensors + entry->outputTensors.first;
    dims = view.at<uint32_t>(h.dims);
    aliases = view.at<program::Alias>(h.aliases) + entry->aliases.first;
    exprs = view.at<program::Expr>(h.exprs) + entry->exprs.first;
    checks = view.at<program::Check>(h.checks) + entry->checks.first;
    buffers = view.at<program::Buffer>(h.buffers) + entry->buffers.first;
    steps = view.at<program::Step>(h.steps) + entry->steps.first;
    operands = view.at<uint32_t>(h.operands);
  }
  const char *string(program::StringRef ref) const {
    return program.string(ref);
  }
};

/// Checks all of `bytes`; `size` 0 means as many as the header says.  The
/// message names what is wrong.
bool validate(const void *bytes, size_t size, Error &error);

/// Evaluates the expressions of one phase of an entry point; those of earlier
/// phases are there.  Of `values`, those below `evaluated` are set; all of them
/// if it succeeds.
quantc_status evaluate(const EntryView &entry, uint32_t phase,
                       const int64_t *symbols, int64_t *values,
                       uint32_t &evaluated, Error &error);

/// Writes an expression as text: `4`, `batch`, `(past + seq)`.
void describe(const EntryView &entry, uint32_t expr, Error &text);

/// Bytes of `count` packed elements; false on overflow.
bool elementBytes(program::DType dtype, int64_t count, int64_t &bytes);

} // namespace quantc::runtime

#endif // QUANTC_LIB_RUNTIME_PROGRAMVIEW_H
