// SPDX-License-Identifier: Apache-2.0
#include "build/lint.h"

#include <gtest/gtest.h>

#include "build/expand.h"
#include "build/lint_rules.h"
#include "build/test_data.h"

namespace strata::build {
namespace {

LintOptions options() {
  LintOptions out;
  const oci::Platform linux{"linux", "amd64", ""};
  out.platform_args = platform_args(linux, linux, "");
  out.environment_of = [](const std::string& image) -> std::optional<std::vector<std::string>> {
    if (image == "unknown") return std::nullopt;
    return std::vector<std::string>{"PATH=/bin"};
  };
  out.platform_of = [](const std::string& image) -> std::optional<oci::Platform> {
    if (image == "unknown") return std::nullopt;
    return oci::Platform{"linux", image == "arm" ? "arm64" : "amd64", ""};
  };
  out.is_ignored = [](const std::string& source) { return source == "ignored"; };
  return out;
}

// One line each, as the files of expectations have them.
std::string shown(std::string_view text, const LintOptions& with) {
  const auto file = parse_dockerfile(text);
  if (!file.ok()) return "! " + file.error().message();
  const auto report = lint(*file, with);
  if (!report.ok()) return "! " + report.error().message();
  std::string out;
  for (const Finding& each : report->findings) {
    out += fmt::format("{}: {}: {}\n", each.lines.first, each.rule, each.message);
  }
  out += report->failure;
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

TEST(Lint, FindsWhatBuildKitFinds) {
  for (const auto& [text, expected] : test_pairs("lint.txt")) {
    EXPECT_EQ(shown(text, options()), expected) << text;
  }
}

TEST(Lint, EveryRuleIsFoundSomewhere) {
  const std::string cases = test_data("lint.txt");
  for (const LintRule& rule : lint_rules()) {
    EXPECT_NE(cases.find(fmt::format(": {}: ", rule.name)), std::string::npos) << rule.name;
    EXPECT_EQ(&lint_rule(rule.name), &rule);
  }
}

TEST(Lint, AFindingNamesItsPage) {
  const auto file = parse_dockerfile("FROM scratch\nMAINTAINER x\n");
  const auto report = lint(*file, options());
  ASSERT_EQ(report->findings.size(), 1u);
  EXPECT_EQ(report->findings[0].url,
            "https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/");
  EXPECT_EQ(report->findings[0].lines, (LineRange{2, 2}));
  EXPECT_NE(report->findings[0].description, "");
}

TEST(Lint, AnArgumentOfTheBuildCountsInsteadOfTheDirective) {
  LintOptions with = options();
  with.build_args["BUILDKIT_DOCKERFILE_CHECK"] = "skip=all";
  EXPECT_EQ(shown("#check=error=true\nFROM scratch as base\n", with), "");
  with.build_args["BUILDKIT_DOCKERFILE_CHECK"] = "error=true";
  EXPECT_EQ(shown("#check=skip=all\nFROM scratch as base\n", with),
            "2: FromAsCasing: 'as' and 'FROM' keywords' casing do not match\n"
            "lint violation found for rules: FromAsCasing");
}

TEST(Lint, ArgumentsThatWereGivenAreDefined) {
  LintOptions with = options();
  with.build_args["IMAGE"] = "busybox";
  EXPECT_EQ(
      shown("ARG IMAGE=scratch\nFROM $IMAGE\nARG X=$IMAGE\nARG IMAGE\nCOPY $IMAGE$X .\n", with),
      "3: UndefinedVar: Usage of undefined variable '$IMAGE'");
}

TEST(Lint, TakesEveryTruncationWithoutHarm) {
  const std::string text = test_data("good.Dockerfile");
  for (size_t length = 0; length < text.size(); ++length) {
    const auto file = parse_dockerfile(std::string_view(text).substr(0, length));
    EXPECT_TRUE(!file.ok() || lint(*file, options()).ok());
  }
}

}  // namespace
}  // namespace strata::build
