// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What several commands share.

#include "Commands.h"
#include "quantc/Driver/Npy.h"
#include "llvm/Support/Format.h"
#include <cctype>

using namespace llvm;

namespace quantc {

namespace {

std::optional<Error> addInput(NamedArray input,
                              std::vector<NamedArray> &inputs) {
  for (const NamedArray &other : inputs)
    if (other.name == input.name)
      return Error{Status::Usage, "input '" + input.name + "' is given twice"};
  inputs.push_back(std::move(input));
  return std::nullopt;
}

} // namespace

std::optional<Error> readInputs(ArrayRef<std::string> options,
                                const EntrySpec &entry,
                                std::vector<NamedArray> &inputs) {
  for (StringRef text : options) {
    // A name may hold '=', a file name seldom does.
    auto [name, file] = text.rsplit('=');
    if (file.empty())
      file = text;
    bool named = file.size() != text.size();
    if (!named && file.ends_with(".npz")) {
      std::vector<NamedArray> arrays;
      if (auto error = readNpz(file, arrays))
        return error;
      for (NamedArray &array : arrays)
        if (auto error = addInput(std::move(array), inputs))
          return error;
      continue;
    }
    if (!file.ends_with(".npy"))
      return Error{Status::Usage, "expected --input NAME=FILE.npy or FILE.npz, "
                                  "got '" +
                                      text.str() + "'"};
    if (!named && entry.inputs.size() != 1)
      return Error{Status::Usage,
                   "the model has " + std::to_string(entry.inputs.size()) +
                       " inputs; say which by --input NAME=" + file.str()};
    NamedArray input{named ? name.str() : entry.inputs[0].name, Array()};
    if (auto error = readNpy(file, input.array))
      return error;
    if (auto error = addInput(std::move(input), inputs))
      return error;
  }
  return std::nullopt;
}

std::string sizeText(uint64_t bytes) {
  std::string text;
  raw_string_ostream os(text);
  if (bytes < 10'000)
    os << bytes << " bytes";
  else if (bytes < 1'000'000)
    os << format("%.1f kB", double(bytes) / 1e3);
  else if (bytes < 1'000'000'000)
    os << format("%.1f MB", double(bytes) / 1e6);
  else
    os << format("%.2f GB", double(bytes) / 1e9);
  return text;
}

std::optional<Error> finishOutput() {
  outs().flush();
  if (!outs().has_error())
    return std::nullopt;
  std::string reason = outs().error().message();
  outs().clear_error();
  return Error{Status::IO, "cannot write standard output: " + reason};
}

} // namespace quantc
