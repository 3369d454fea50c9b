// SPDX-License-Identifier: Apache-2.0
#include "build/expand.h"

#include <gmock/gmock.h>

#include "build/test_data.h"

namespace strata::build {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const std::vector<std::string> kEnvironment{
    "B=bar", "E=", "KOR=한국어", "P=/usr/local/lib.tar.gz", "S=*?a\\b}", "SLASH=/"};

TEST(Expand, WordsAsDocker) {
  std::istringstream lines(test_data("expansions.txt"));
  size_t count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const size_t tab = line.find('\t');
    ASSERT_NE(tab, std::string::npos) << line;
    const std::string word = line.substr(0, tab);
    const Result<std::string> found = expand_word(word, look_up_in(kEnvironment));
    const std::string shown = found.ok() ? "=" + *found : "!" + found.error().message();
    EXPECT_EQ(shown, line.substr(tab + 1)) << word;
    ++count;
  }
  EXPECT_GT(count, 120u);
}

std::vector<std::string> words_of(std::string_view text, ExpandOptions options = {}) {
  static const std::vector<std::string> kTwo{"TWO=a b", "SPACES=  x  ", "QUOTES=\"y z\""};
  const auto out = expand(text, look_up_in(kTwo), options);
  return out.ok() ? out->words : std::vector<std::string>{out.error().message()};
}

TEST(Expand, SplitsAtSpacesOutsideOfQuotes) {
  EXPECT_THAT(words_of("80 90"), ElementsAre("80", "90"));
  EXPECT_THAT(words_of("$TWO"), ElementsAre("a", "b"));
  EXPECT_THAT(words_of("1$TWO'2 3'"), ElementsAre("1a", "b2 3"));
  EXPECT_THAT(words_of("\"$TWO\""), ElementsAre("a b"));
  EXPECT_THAT(words_of("'$TWO'"), ElementsAre("$TWO"));
  EXPECT_THAT(words_of("x$SPACES"), ElementsAre("x", "x"));
  EXPECT_THAT(words_of("a\\ b c"), ElementsAre("a b", "c"));
  EXPECT_THAT(words_of("$QUOTES"), ElementsAre("\"y", "z\""));
  EXPECT_THAT(words_of("\"\" ''"), IsEmpty());
}

TEST(Expand, KeepsWhatItIsToldTo) {
  EXPECT_THAT(words_of("'a b' \"c\" d\\ e", {.keep_quotes = true}),
              ElementsAre("'a b'", "\"c\"", "d\\ e"));
  EXPECT_THAT(words_of("$X ${X} ${X:-y} ${X#y} ${X/y/z}", {.keep_unset = true}),
              ElementsAre("$X", "${X}", "${X:-y}", "${X#y}", "${X/y/z}"));
  EXPECT_THAT(words_of("it's \"$TWO\"", {.quotes_are_text = true}),
              ElementsAre("it's", "\"a", "b\""));
  EXPECT_THAT(words_of("a` b \\c", {.escape = '`'}), ElementsAre("a b", "\\c"));
}

TEST(Expand, TellsWhichNamesAreNotSet) {
  const auto out = expand("$B$Z${Y:-$X}${Z}", look_up_in(kEnvironment));
  ASSERT_TRUE(out.ok());
  EXPECT_THAT(out->unmatched, ElementsAre("X", "Y", "Z"));
}

TEST(Expand, LastOfANameCounts) {
  const std::vector<std::string> twice{"A=1", "A=2", "AB=3", "C"};
  EXPECT_EQ(look_up_in(twice)("A"), "2");
  EXPECT_EQ(look_up_in(twice)("C"), "");
  EXPECT_EQ(look_up_in(twice)("D"), std::nullopt);
}

TEST(Expand, RefusesEndlessNesting) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += "${X:-";
  EXPECT_FALSE(expand_word(text, look_up_in(kEnvironment)).ok());
}

TEST(Expand, RefusesWhatGrowsWithoutEnd) {
  const std::vector<std::string> environment = {"A=" + std::string(kMaxExpandedBytes / 2, 'x')};
  const LookUp look_up = look_up_in(environment);
  EXPECT_EQ(expand_word("$A${A}", look_up)->size(), kMaxExpandedBytes);
  for (const char* word : {"$A$A$A", "\"$A$A$A\"", "${A}${B:-$A}$A", "${A//x/$A}"}) {
    const Result<std::string> refused = expand_word(word, look_up);
    ASSERT_FALSE(refused.ok()) << word;
    EXPECT_TRUE(
        refused.error().message().ends_with(": variables make it longer than 1048576 bytes"))
        << refused.error().message();
  }
}

TEST(BuildArgs, GlobalOnesReachAStageOnlyWhenDeclaredAgain) {
  BuildArgs args({{"GIVEN", "g"}}, {{"TARGETOS", "linux"}});
  args.declare_global("GIVEN", "default");
  args.declare_global("OTHER", "o");
  args.start_stage();
  EXPECT_EQ(args.look_up_global()("GIVEN"), "g");
  EXPECT_EQ(args.look_up_global()("TARGETOS"), "linux");
  const std::vector<std::string> none;
  EXPECT_EQ(args.look_up(none)("OTHER"), std::nullopt);
  EXPECT_EQ(args.look_up(none)("TARGETOS"), std::nullopt);
  args.declare("OTHER", std::nullopt);
  args.declare("TARGETOS", std::nullopt);
  args.declare("GIVEN", "again");
  EXPECT_EQ(args.value("OTHER"), "o");
  EXPECT_EQ(args.value("TARGETOS"), "linux");
  EXPECT_EQ(args.value("GIVEN"), "g");
  args.start_stage();
  EXPECT_EQ(args.value("OTHER"), std::nullopt);
}

TEST(BuildArgs, AStageHasThoseOfTheOneThatItStandsOn) {
  BuildArgs below({{"GIVEN", "g"}}, {});
  below.start_stage();
  below.declare("GIVEN", "default");
  below.declare("OTHER", "o");
  BuildArgs args({{"GIVEN", "g"}}, {});
  args.start_stage_on(below);
  EXPECT_EQ(args.value("GIVEN"), "g");
  EXPECT_EQ(args.value("OTHER"), "o");
  EXPECT_THAT(args.unused(), IsEmpty());
  args.declare("OTHER", std::nullopt);
  EXPECT_EQ(args.value("OTHER"), "o");
  args.declare("OTHER", "here");
  EXPECT_THAT(args.for_run({}), ElementsAre(Pair("GIVEN", "g"), Pair("OTHER", "here")));
  EXPECT_EQ(below.value("OTHER"), "o");
}

TEST(BuildArgs, EnvironmentWins) {
  BuildArgs args({{"A", "given"}}, {});
  args.start_stage();
  args.declare("A", "default");
  args.declare("NONE", std::nullopt);
  const std::vector<std::string> environment{"A=env"};
  EXPECT_EQ(args.look_up(environment)("A"), "env");
  EXPECT_THAT(args.for_run(environment), IsEmpty());
  EXPECT_THAT(args.for_run({}), ElementsAre(Pair("A", "given")));
}

TEST(BuildArgs, PredefinedOnesNeedNoArgAndDoNotCountForTheCache) {
  BuildArgs args({{"HTTP_PROXY", "p"}, {"no_proxy", "n"}, {"STRAY", "s"}}, {});
  args.start_stage();
  args.declare("no_proxy", std::nullopt);
  EXPECT_THAT(args.for_run({}), ElementsAre(Pair("HTTP_PROXY", "p"), Pair("no_proxy", "n")));
  EXPECT_THAT(args.for_cache({}), ElementsAre(Pair("no_proxy", "n")));
  EXPECT_THAT(args.unused(), ElementsAre("STRAY"));
}

}  // namespace
}  // namespace strata::build
