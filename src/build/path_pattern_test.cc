// SPDX-License-Identifier: Apache-2.0
#include "build/path_pattern.h"

#include <gtest/gtest.h>

namespace strata::build {
namespace {

using DoubleStar = PathPattern::DoubleStar;

bool covers(std::string_view pattern, std::string_view path, DoubleStar stars) {
  Result<PathPattern> compiled = PathPattern::compile(pattern, stars);
  EXPECT_TRUE(compiled.ok()) << pattern;
  return compiled.ok() && compiled->matches(path);
}

bool in_source(std::string_view pattern, std::string_view path) {
  return covers(pattern, path, DoubleStar::kNotSpecial);
}

bool in_ignore_file(std::string_view pattern, std::string_view path) {
  return covers(pattern, path, DoubleStar::kAnyFolders);
}

TEST(PathPattern, StarStaysWithinAName) {
  EXPECT_TRUE(in_source("*", "abc"));
  EXPECT_TRUE(in_source("a*c", "abbbc"));
  EXPECT_TRUE(in_source("*/b", "a/b"));
  EXPECT_FALSE(in_source("*", "a/b"));
  EXPECT_FALSE(in_source("a*", "ab/c"));
  EXPECT_FALSE(in_source("a*b", "a/b"));
}

TEST(PathPattern, SourceKnowsNoDoubleStar) {
  EXPECT_TRUE(in_source("a/**", "a/b"));
  EXPECT_FALSE(in_source("a/**", "a/b/c"));
  EXPECT_FALSE(in_source("**/b", "a/x/b"));
}

TEST(PathPattern, DoubleStarCrossesFolders) {
  EXPECT_TRUE(in_ignore_file("**", "a/b/c"));
  EXPECT_TRUE(in_ignore_file("**/b", "b"));
  EXPECT_TRUE(in_ignore_file("**/b", "a/x/b"));
  EXPECT_TRUE(in_ignore_file("a/**/b", "a/b"));
  EXPECT_TRUE(in_ignore_file("a/**/b", "a/x/y/b"));
  EXPECT_TRUE(in_ignore_file("a/**", "a/b/c"));
  EXPECT_FALSE(in_ignore_file("a/**", "a"));
  EXPECT_FALSE(in_ignore_file("**/b", "ab"));
  EXPECT_FALSE(in_ignore_file("a/**/b", "a/xb"));
  EXPECT_TRUE(in_ignore_file("a**b", "ab"));
  EXPECT_TRUE(in_ignore_file("a**b", "ax/b"));
  EXPECT_FALSE(in_ignore_file("a**b", "axb"));
}

TEST(PathPattern, QuestionMarkIsOneCharacter) {
  EXPECT_TRUE(in_source("?", "a"));
  EXPECT_TRUE(in_source("?", "\xC3\xA9"));          // e with an accent
  EXPECT_TRUE(in_source("?", "\xF0\x9F\x90\x8B"));  // a whale
  EXPECT_TRUE(in_source("??", "\xFF\xFE"));         // no UTF-8: one each
  EXPECT_FALSE(in_source("?", "/"));
  EXPECT_FALSE(in_source("?", ""));
}

TEST(PathPattern, ClassHoldsRangesAndMayHoldSlash) {
  EXPECT_TRUE(in_source("[a-cx]", "b"));
  EXPECT_TRUE(in_source("[a-cx]", "x"));
  EXPECT_FALSE(in_source("[a-cx]", "d"));
  EXPECT_TRUE(in_source("[^a]", "b"));
  EXPECT_FALSE(in_source("[^a]", "a"));
  EXPECT_TRUE(in_source("a[^x]b", "a/b"));
  EXPECT_TRUE(in_source("[\\]]", "]"));
  EXPECT_TRUE(in_source("[\\--a]", "a"));
  EXPECT_TRUE(in_source("[\xC3\xA0-\xC3\xAF]", "\xC3\xA9"));
  EXPECT_FALSE(in_source("[z-a]", "m"));
}

TEST(PathPattern, BackslashTakesTheNextCharacterAsItIs) {
  EXPECT_TRUE(in_source("\\*", "*"));
  EXPECT_FALSE(in_source("\\*", "a"));
  EXPECT_TRUE(in_source("a\\b", "ab"));
}

TEST(PathPattern, CharactersOfRegularExpressionsAreOrdinary) {
  for (std::string_view text : {"a+b", "a(b)", "a|b", "a{2}", "a.b", "a$b", "c++", "^a"}) {
    EXPECT_TRUE(in_ignore_file(text, text));
  }
  EXPECT_FALSE(in_ignore_file("a+b", "aab"));
  EXPECT_FALSE(in_ignore_file("a.b", "axb"));
}

TEST(PathPattern, RejectsWhatGoRejects) {
  for (std::string_view text :
       {"[", "[a", "[]a]", "[-x]", "[a-", "[a-]", "\\", "a[", "[^", "[^]"}) {
    Result<PathPattern> pattern = PathPattern::compile(text, DoubleStar::kNotSpecial);
    ASSERT_FALSE(pattern.ok()) << text;
    EXPECT_EQ(pattern.error().message(), "syntax error in pattern");
  }
}

TEST(PathPattern, ManyStarsTakeNoLongerThanTheirProduct) {
  const std::string path(4000, 'a');
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "*a";
  EXPECT_FALSE(in_source(pattern + "b", path));
  std::string folders, deep;
  for (int i = 0; i < 40; ++i) folders += "**/a/";
  for (int i = 0; i < 400; ++i) deep += "a/";
  EXPECT_FALSE(in_ignore_file(folders + "b", deep + "c"));
}

TEST(PathPattern, SeesWildcardsThatAreNotEscaped) {
  EXPECT_TRUE(has_wildcards("a*"));
  EXPECT_TRUE(has_wildcards("a?"));
  EXPECT_TRUE(has_wildcards("[a"));
  EXPECT_TRUE(has_wildcards("\\\\*"));
  EXPECT_FALSE(has_wildcards("\\*"));
  EXPECT_FALSE(has_wildcards("a]{b}"));
  EXPECT_FALSE(has_wildcards("a\\"));
}

}  // namespace
}  // namespace strata::build
