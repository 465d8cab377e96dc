// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantc: the command line of the compiler.  Each command is a table entry with
// its own file; this one finds the command and reports its outcome.

#include "Commands.h"
#include "Guard.h"
#include "quantc/Driver/Compile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Format.h"
#include <exception>

using namespace llvm;
using namespace quantc;

namespace {

const Command *const kCommands[] = {&kCompileCommand, &kCalibrateCommand,
                                    &kRunCommand,     &kBenchCommand,
                                    &kCompareCommand, &kInspectCommand};

int report(const quantc::Error &error) {
  outs().flush();
  errs() << "quantc: error: " << oneLine(error.message) << "\n";
  return error.exitStatus();
}

int finish(std::optional<quantc::Error> error) {
  return error ? report(*error) : 0;
}

const Command *findCommand(StringRef name) {
  const auto *it = find_if(
      kCommands, [&](const Command *command) { return command->name == name; });
  return it == std::end(kCommands) ? nullptr : *it;
}

int printUsage() {
  outs() << "quantc: compiles ONNX models to small, fast native libraries\n\n"
            "usage: quantc COMMAND ...\n\n";
  for (const Command *command : kCommands)
    outs() << format("  %-10s", command->name.str().c_str()) << command->summary
           << "\n";
  outs() << "\nquantc COMMAND --help shows a command's options and an example."
            "\nExit status: 0 done, 1 input refused, 2 usage, 3 resource limit,"
            "\n4 I/O or environment, 70 a bug of quantc.\n"
            "\nexample:\n  "
         << kCompileCommand.example << "\n";
  return finish(finishOutput());
}

int printVersion() {
  outs() << "quantc " QUANTC_VERSION " (LLVM " LLVM_VERSION_STRING ")\n";
  return finish(finishOutput());
}

int unknownCommand(StringRef name) {
  std::vector<StringRef> names;
  for (const Command *command : kCommands)
    names.push_back(command->name);
  std::string hint = suggestion(name, names);
  return report(
      {Status::Usage, "unknown command '" + name.str() + "'" +
                          (hint.empty() ? "; see quantc --help" : hint)});
}

int runCommand(const Command &command, ArrayRef<StringRef> words) {
  if (is_contained(words, "--help") || is_contained(words, "-h")) {
    printHelp(command, outs());
    return finish(finishOutput());
  }
  Arguments arguments;
  if (auto error = parseArguments(command, words, arguments))
    return report(*error);
  return finish(command.run(arguments));
}

} // namespace

int main(int argc, char **argv) {
  installGuards();
  SmallVector<StringRef> words(argv + std::min(argc, 1), argv + argc);
  if (words.empty())
    return report({Status::Usage, "missing command; see quantc --help"});
  StringRef name = words.front();
  if (name == "help" && words.size() > 1)
    words = {words[1], "--help"}, name = words.front();
  if (name == "--help" || name == "-h" || name == "help")
    return printUsage();
  if (name == "--version")
    return printVersion();
  const Command *command = findCommand(name);
  if (!command)
    return unknownCommand(name);
  try {
    return runCommand(*command, ArrayRef(words).drop_front());
  } catch (const std::bad_alloc &) {
    return report({Status::Limit, "out of memory; use a machine with more"});
  } catch (const std::exception &exception) {
    return report({Status::Internal,
                   std::string("this is a bug of quantc, please report it: ") +
                       exception.what()});
  }
}
