// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantc run: one run of a compiled model on arrays from files.

#include "Commands.h"
#include "Progress.h"
#include "quantc/Driver/Executable.h"
#include "quantc/Driver/Npy.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace quantc {

namespace {

std::optional<Error> makeFolder(StringRef folder) {
  if (std::error_code code = sys::fs::create_directories(folder))
    return Error{Status::IO, "cannot make folder '" + folder.str() +
                                 "': " + code.message()};
  return std::nullopt;
}

/// File names without folders; refuses two outputs that would share one.
std::optional<Error> nameFiles(ArrayRef<NamedArray> outputs, StringRef folder,
                               std::vector<std::string> &paths) {
  StringSet<> taken;
  for (const NamedArray &output : outputs) {
    std::string name = output.name;
    std::replace(name.begin(), name.end(), '/', '_');
    if (!taken.insert(name).second)
      return Error{Status::Refused,
                   "two outputs would be written to '" + name + ".npy'"};
    SmallString<256> path(folder);
    sys::path::append(path, name + ".npy");
    paths.push_back(std::string(path));
  }
  return std::nullopt;
}

std::optional<Error> run(const Arguments &arguments) {
  int64_t threads = 0;
  if (auto error = arguments.getNumber("--threads", 1, 4096, threads))
    return error;
  std::unique_ptr<Executable> executable;
  if (auto error =
          Executable::open(arguments.operands()[0], arguments.get("--entry"),
                           unsigned(threads), executable))
    return error;
  std::vector<NamedArray> inputs, outputs;
  if (auto error =
          readInputs(arguments.all("--input"), executable->getEntry(), inputs))
    return error;
  StringRef folder = arguments.get("--output-dir", ".");
  if (auto error = makeFolder(folder))
    return error;
  {
    Progress progress("running");
    if (auto error = executable->run(inputs, outputs))
      return error;
  }
  std::vector<std::string> paths;
  if (auto error = nameFiles(outputs, folder, paths))
    return error;
  for (auto [output, path] : zip(outputs, paths)) {
    if (auto error = writeNpy(path, output.array))
      return error;
    outs() << path << ": " << typeName(output.array.getType())
           << shapeText(output.array.getShape()) << "\n";
  }
  return finishOutput();
}

} // namespace

const Command kRunCommand = {
    "run",
    "run a model on arrays from .npy files",
    {"FILE"},
    {{"--input", "NAME=FILE.npy",
      "an input; also FILE.npz with arrays by input name, or FILE.npy if the "
      "model has one input",
      true},
     {"--output-dir", "DIR",
      "where OUTPUT-NAME.npy is written, `/` in a name as `_` (default .)"},
     {"--entry", "NAME", "the entry point (default: the first)"},
     {"--threads", "N", "threads of the run (default: all CPUs)"}},
    {},
    "FILE is a compiled library, whose code runs in this process (only run "
    "what "
    "you\ntrust), or a model file, which the slow reference interpreter runs.",
    "quantc run minilm.so --input input_ids=ids.npy "
    "--input attention_mask=mask.npy --output-dir out",
    run};

} // namespace quantc
