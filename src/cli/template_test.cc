// SPDX-License-Identifier: Apache-2.0
#include "cli/template.h"

#include <gtest/gtest.h>

#include "cli/test_data.h"

namespace strata::cli {
namespace {

Result<std::string> run(const std::string& text, const Value& data) {
  STRATA_TRY(Template parsed, Template::parse(text));
  return parsed.execute(data);
}

TEST(Template, PrintsAndRefusesWhatGoDoes) {
  boost::json::value all = expectations("templates.json");
  Value data = raw_value(text_of(all, "data"));
  for (const boost::json::value& each : all.at("cases").as_array()) {
    SCOPED_TRACE(text_of(each, "template"));
    Result<std::string> result = run(text_of(each, "template"), data);
    EXPECT_EQ(result.ok() ? *result : "", text_of(each, "output"));
    EXPECT_EQ(result.ok() ? "" : result.error().message(), text_of(each, "error"));
  }
}

TEST(Template, SurvivesEveryTruncation) {
  const std::string whole =
      "{{- range $i, $t := .Tags -}} {{if and (eq $t \"a\\x41\") (not .)}}{{printf \"%5.2f|%v\" "
      "1.5 $t}}"
      "{{else if lt $i 0x1F}}{{$.Config.Env | json}}{{else}}{{/* c */}}`{{end}}{{end}}";
  Value data = raw_value(R"({"Tags":["x","y"],"Config":{"Env":["A=b"]}})");
  for (size_t length = 0; length < whole.size(); ++length) {
    Result<std::string> result = run(whole.substr(0, length), data);
    EXPECT_TRUE(length < 2 || !result.ok()) << length;  // "{" alone is text
  }
  EXPECT_TRUE(run(whole, data).ok());
}

TEST(Template, DeepNestingIsAnErrorAndNotACrash) {
  std::string parens(100'000, '(');
  EXPECT_FALSE(Template::parse("{{" + parens).ok());
  std::string blocks;
  for (int i = 0; i < 100'000; ++i) blocks += "{{if .A}}";
  EXPECT_FALSE(Template::parse(blocks).ok());
}

TEST(Template, StructFieldsHaveGoNamesAndJsonKeys) {
  Value::Map labels;
  labels.item_type = "string";
  labels.entries.emplace("role", Value::string("app"));
  Value data =
      Struct::make("types.Thing", {{"ID", "Id", Value::string("x")},
                                   {"Labels", "", Value::map(labels)},
                                   {"Comment", "", Value::string(""), true},
                                   {"Interval", "", Value::duration(5'000'000'000)},
                                   {"When", "", Value::time("2026-11-21T20:01:07.20979Z")}});
  // As docker prints an image's typed fields: `docker image inspect -f`, 20.10.
  EXPECT_EQ(run("{{.ID}}", data).value(), "x");
  EXPECT_EQ(run("{{.Labels.nope}}", data).value(), "<no value>");
  EXPECT_EQ(run("{{index .Labels \"nope\"}}|", data).value(), "|");
  EXPECT_EQ(run("{{.Interval}}", data).value(), "5s");
  EXPECT_EQ(run("{{.When}}", data).value(), "2026-11-21 20:01:07.20979 +0000 UTC");
  EXPECT_EQ(
      run("{{json .}}", data).value(),
      R"({"Id":"x","Labels":{"role":"app"},"Interval":5000000000,"When":"2026-11-21T20:01:07.20979Z"})");
  EXPECT_EQ(run("{{.Id}}", data).error().message(),
            "template: :1:2: executing \"\" at <.Id>: can't evaluate field Id in type types.Thing");
}

}  // namespace
}  // namespace strata::cli
