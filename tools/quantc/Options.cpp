// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parsing and help of the command line.

#include "Options.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"

using namespace llvm;

namespace quantc {

StringRef Arguments::get(StringRef option, StringRef otherwise) const {
  auto it = values.find(option);
  return it == values.end() ? otherwise : StringRef(it->second.back());
}

ArrayRef<std::string> Arguments::all(StringRef option) const {
  auto it = values.find(option);
  if (it == values.end())
    return {};
  return it->second;
}

std::optional<Error> Arguments::getNumber(StringRef option, int64_t low,
                                          int64_t high, int64_t &number) const {
  if (!has(option))
    return std::nullopt;
  int64_t parsed = 0;
  StringRef text = get(option);
  if (text.getAsInteger(10, parsed) || parsed < low || parsed > high)
    return Error{Status::Usage,
                 "expected " + option.str() + " to be a number from " +
                     std::to_string(low) + " to " + std::to_string(high) +
                     ", got '" + text.str() + "'"};
  number = parsed;
  return std::nullopt;
}

std::string suggestion(StringRef word, ArrayRef<StringRef> names) {
  StringRef best;
  unsigned least = 3; // more edits are another word
  for (StringRef name : names) {
    unsigned distance = word.edit_distance(name);
    if (distance < least)
      least = distance, best = name;
  }
  return best.empty() ? "" : "; did you mean '" + best.str() + "'?";
}

class ArgumentParser {
public:
  ArgumentParser(const Command &command, Arguments &arguments)
      : command(command), arguments(arguments) {}

  std::optional<Error> parse(ArrayRef<StringRef> words);

private:
  std::optional<Error> usage(const std::string &message) const {
    return Error{Status::Usage,
                 message + "; see quantc " + command.name.str() + " --help"};
  }
  const Option *find(StringRef name) const {
    const auto *it =
        find_if(ArrayRef(command.options),
                [&](const Option &option) { return option.name == name; });
    return it == ArrayRef(command.options).end() ? nullptr : it;
  }
  std::optional<Error> unknown(StringRef name) const;
  std::optional<Error> parseOption(ArrayRef<StringRef> &words);
  std::optional<Error> checkComplete() const;

  const Command &command;
  Arguments &arguments;
};

std::optional<Error> ArgumentParser::unknown(StringRef name) const {
  if (is_contained(command.unavailable, name))
    return Error{Status::Usage,
                 "option '" + name.str() + "' is not part of this build"};
  std::vector<StringRef> names;
  for (const Option &option : command.options)
    names.push_back(option.name);
  std::string hint = suggestion(name, names);
  std::string message = "unknown option '" + name.str() + "'";
  if (hint.empty())
    return usage(message);
  return Error{Status::Usage, message + hint};
}

std::optional<Error> ArgumentParser::parseOption(ArrayRef<StringRef> &words) {
  StringRef word = words.front();
  words = words.drop_front();
  auto [name, attached] = word.split('=');
  bool hasAttached = word.contains('=');
  const Option *option = find(name);
  if (!option)
    return unknown(name);
  std::vector<std::string> &values = arguments.values[name];
  if (!values.empty() && !option->repeats)
    return usage("option '" + name.str() + "' is given twice");
  if (option->value.empty()) {
    if (hasAttached)
      return usage("option '" + name.str() + "' takes no value");
    values.push_back("");
    return std::nullopt;
  }
  if (!hasAttached) {
    if (words.empty())
      return usage("option '" + name.str() + "' needs a value " +
                   option->value.str());
    attached = words.front();
    words = words.drop_front();
  }
  if (attached.empty())
    return usage("option '" + name.str() + "' needs a value " +
                 option->value.str());
  values.push_back(attached.str());
  return std::nullopt;
}

std::optional<Error> ArgumentParser::checkComplete() const {
  size_t given = arguments.operandList.size();
  if (given < command.operands.size())
    return usage("missing " + command.operands[given].str());
  if (given > command.operands.size() && !command.operandRepeats)
    return usage("unexpected argument '" +
                 arguments.operandList[command.operands.size()] + "'");
  for (const Option &option : command.options)
    if (option.required && !arguments.has(option.name))
      return usage("missing " + option.name.str() + " " + option.value.str());
  return std::nullopt;
}

std::optional<Error> ArgumentParser::parse(ArrayRef<StringRef> words) {
  bool optionsEnded = false;
  while (!words.empty()) {
    StringRef word = words.front();
    if (!optionsEnded && word == "--") {
      optionsEnded = true;
      words = words.drop_front();
    } else if (!optionsEnded && word.size() > 1 && word.starts_with("-")) {
      if (auto error = parseOption(words))
        return error;
    } else {
      arguments.operandList.push_back(word.str());
      words = words.drop_front();
    }
  }
  return checkComplete();
}

std::optional<Error> parseArguments(const Command &command,
                                    ArrayRef<StringRef> words,
                                    Arguments &arguments) {
  return ArgumentParser(command, arguments).parse(words);
}

void printHelp(const Command &command, raw_ostream &os) {
  os << "quantc " << command.name << ": " << command.summary
     << "\n\nusage: quantc " << command.name;
  for (StringRef operand : command.operands)
    os << ' ' << operand;
  if (command.operandRepeats)
    os << " ...";
  for (const Option &option : command.options)
    if (option.required)
      os << ' ' << option.name << ' ' << option.value;
  os << " [options]\n\n";
  for (const Option &option : command.options) {
    std::string left = option.name.str();
    if (!option.value.empty())
      left += " " + option.value.str();
    os << format("  %-22s ", left.c_str());
    // A long name takes the line; what it does starts on the next.
    if (left.size() > 22)
      os << "\n" << std::string(25, ' ');
    os << option.help << (option.repeats ? " (may repeat)" : "") << "\n";
  }
  if (!command.notes.empty())
    os << "\n" << command.notes << "\n";
  os << "\nexample:\n  " << command.example << "\n";
}

} // namespace quantc
