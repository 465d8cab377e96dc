// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command line's grammar, and a hint for every way to get it wrong.

#include "Options.h"
#include <gtest/gtest.h>

namespace quantc {
namespace {

const Command kCommand = {"bake",
                          "bake a cake",
                          {"CAKE"},
                          {{"-o", "FILE", "where to"},
                           {"--layers", "N", "how many"},
                           {"--fruit", "NAME=N", "which", true},
                           {"--quiet", "", "no noise"}},
                          {"--frosting"},
                          "Cakes are round.",
                          "quantc bake sponge -o cake",
                          nullptr};

struct Parsed {
  explicit Parsed(std::vector<llvm::StringRef> words)
      : error(parseArguments(kCommand, words, arguments)) {}
  std::string message() const { return error ? error->message : ""; }

  Arguments arguments;
  std::optional<Error> error;
};

TEST(Options, TakesOperandsAndOptionsInAnyOrder) {
  Parsed parsed({"--layers", "3", "sponge", "-o=cake", "--quiet"});
  ASSERT_EQ(parsed.message(), "");
  EXPECT_EQ(parsed.arguments.operands()[0], "sponge");
  EXPECT_EQ(parsed.arguments.get("--layers"), "3");
  EXPECT_EQ(parsed.arguments.get("-o"), "cake");
  EXPECT_TRUE(parsed.arguments.has("--quiet"));
  EXPECT_FALSE(parsed.arguments.has("--fruit"));
  EXPECT_EQ(parsed.arguments.get("--fruit", "plum"), "plum");
}

TEST(Options, RepeatsWhatMayRepeat) {
  Parsed parsed({"x", "--fruit", "plum=1", "--fruit=fig=2"});
  ASSERT_EQ(parsed.message(), "");
  EXPECT_EQ(parsed.arguments.all("--fruit").vec(),
            (std::vector<std::string>{"plum=1", "fig=2"}));
}

TEST(Options, EndsOptionsAtTwoDashes) {
  Parsed parsed({"--", "--quiet"});
  ASSERT_EQ(parsed.message(), "");
  EXPECT_EQ(parsed.arguments.operands()[0], "--quiet");
  EXPECT_FALSE(parsed.arguments.has("--quiet"));
}

TEST(Options, TakesALoneDashForAnOperand) {
  EXPECT_EQ(Parsed({"-"}).message(), "");
}

TEST(Options, RefusesWithAHint) {
  const std::string see = "; see quantc bake --help";
  EXPECT_EQ(Parsed({}).message(), "missing CAKE" + see);
  EXPECT_EQ(Parsed({"a", "b"}).message(), "unexpected argument 'b'" + see);
  EXPECT_EQ(Parsed({"a", "--layer", "1"}).message(),
            "unknown option '--layer'; did you mean '--layers'?");
  EXPECT_EQ(Parsed({"a", "--volcano"}).message(),
            "unknown option '--volcano'" + see);
  EXPECT_EQ(Parsed({"a", "--layers"}).message(),
            "option '--layers' needs a value N" + see);
  EXPECT_EQ(Parsed({"a", "--layers="}).message(),
            "option '--layers' needs a value N" + see);
  EXPECT_EQ(Parsed({"a", "--quiet=1"}).message(),
            "option '--quiet' takes no value" + see);
  EXPECT_EQ(Parsed({"a", "-o", "b", "-o", "c"}).message(),
            "option '-o' is given twice" + see);
  EXPECT_EQ(Parsed({"a", "--frosting", "thick"}).message(),
            "option '--frosting' is not part of this build");
  EXPECT_EQ(Parsed({"a", "--frosting"}).error->status, Status::Usage);
}

TEST(Options, ReadsNumbersInRange) {
  int64_t number = 7;
  EXPECT_FALSE(Parsed({"a"}).arguments.getNumber("--layers", 1, 9, number));
  EXPECT_EQ(number, 7);
  EXPECT_FALSE(Parsed({"a", "--layers", "9"})
                   .arguments.getNumber("--layers", 1, 9, number));
  EXPECT_EQ(number, 9);
  for (const char *text : {"0", "10", "-1", "x", "3x", "99999999999999999999"})
    EXPECT_TRUE(Parsed({"a", "--layers", text})
                    .arguments.getNumber("--layers", 1, 9, number))
        << text;
}

TEST(Options, HelpNamesEverything) {
  std::string help;
  llvm::raw_string_ostream os(help);
  printHelp(kCommand, os);
  for (const char *text :
       {"usage: quantc bake CAKE [options]", "-o FILE", "--layers N",
        "(may repeat)", "Cakes are round.", "quantc bake sponge -o cake"})
    EXPECT_NE(help.find(text), std::string::npos) << text;
}

} // namespace
} // namespace quantc
