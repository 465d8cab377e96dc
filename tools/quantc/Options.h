// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command line as a table.  A command lists its operands and options, and
// parsing, help and hints follow from the list.
//
// Rules: long options by their full name, values as `--name VALUE` or
// `--name=VALUE`, an option once unless it may repeat, `--` ends options.

#ifndef QUANTC_TOOLS_QUANTC_OPTIONS_H
#define QUANTC_TOOLS_QUANTC_OPTIONS_H

#include "quantc/Support/Error.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <optional>
#include <vector>

namespace quantc {

struct Option {
  llvm::StringRef name;  ///< `--recipe` or `-o`.
  llvm::StringRef value; ///< What the help calls its value; empty for a flag.
  llvm::StringRef help;
  bool repeats = false;
  bool required = false;
};

class Arguments {
public:
  llvm::ArrayRef<std::string> operands() const { return operandList; }
  bool has(llvm::StringRef option) const { return values.contains(option); }
  /// The value of an option, or `otherwise` if it is not given.
  llvm::StringRef get(llvm::StringRef option,
                      llvm::StringRef otherwise = "") const;
  llvm::ArrayRef<std::string> all(llvm::StringRef option) const;
  /// A whole number from `low` to `high`; `number` is left if not given.
  std::optional<Error> getNumber(llvm::StringRef option, int64_t low,
                                 int64_t high, int64_t &number) const;

private:
  friend class ArgumentParser;
  std::vector<std::string> operandList;
  llvm::StringMap<std::vector<std::string>> values;
};

struct Command {
  llvm::StringRef name;
  llvm::StringRef summary; ///< One line, no period.
  std::vector<llvm::StringRef> operands;
  std::vector<Option> options;
  /// Known options that this build does not have.
  std::vector<llvm::StringRef> unavailable;
  llvm::StringRef notes; ///< Shown below the options.
  llvm::StringRef example;
  std::optional<Error> (*run)(const Arguments &);
  bool operandRepeats = false; ///< The last operand may be given again.
};

/// Parses what follows the command's name.
std::optional<Error> parseArguments(const Command &command,
                                    llvm::ArrayRef<llvm::StringRef> words,
                                    Arguments &arguments);

void printHelp(const Command &command, llvm::raw_ostream &os);

/// `; did you mean 'NAME'?` if one of the names is near `word`, else "".
std::string suggestion(llvm::StringRef word,
                       llvm::ArrayRef<llvm::StringRef> names);

} // namespace quantc

#endif // QUANTC_TOOLS_QUANTC_OPTIONS_H
