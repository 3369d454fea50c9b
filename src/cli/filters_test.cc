// SPDX-License-Identifier: Apache-2.0
#include "cli/filters.h"

#include <gtest/gtest.h>

#include "cli/test_data.h"

namespace strata::cli {
namespace {

TEST(Filters, PatternsMatchAsGosPathMatch) {
  const boost::json::value all = expectations("patterns.json");
  for (const boost::json::value& each : all.as_array()) {
    SCOPED_TRACE(text_of(each, "pattern") + "  " + text_of(each, "text"));
    Result<bool> matched = match_pattern(text_of(each, "pattern"), text_of(each, "text"));
    EXPECT_EQ(matched.ok() ? "" : matched.error().message(), text_of(each, "error"));
    EXPECT_EQ(matched.ok() && *matched, each.at("matched").as_bool());
  }
}

TEST(Filters, ReferencesMatchAsAWholeOrByName) {  // `docker images app`, `docker images '*:1'`
  EXPECT_TRUE(match_reference("app", "app:1").value());
  EXPECT_TRUE(match_reference("*:1", "app:1").value());
  EXPECT_TRUE(match_reference("reg.example:5000/*/app", "reg.example:5000/team/app:1").value());
  EXPECT_FALSE(match_reference("team/app", "reg.example:5000/team/app:1").value());
}

std::string refusal(const Status& status) { return status.ok() ? "" : status.error().message(); }

TEST(Filters,
     RefusalsAreDockers) {  // docker 20.10: `docker images -f foo`, `-f foo=bar`, `-f dangling=x`
  EXPECT_EQ(refusal(Filters::check_form("foo")), "bad format of filter (expected name=value)");
  EXPECT_EQ(refusal(Filters::check_form("")), "");
  Filters filters = Filters::parse({"foo=bar"}).value();
  EXPECT_EQ(refusal(filters.check_names({"label"})), "Invalid filter 'foo'");
  EXPECT_EQ(refusal(filters.check_names({"label", "foo"})), "");
  filters = Filters::parse({"dangling=x"}).value();
  EXPECT_EQ(filters.yes_or_no("dangling").error().message(), "Invalid filter 'dangling=[x]'");
  filters = Filters::parse({"until=x"}).value();
  EXPECT_EQ(filters.until().error().message(), "failed to parse value as time or duration: \"x\"");
  filters = Filters::parse({"until=1h", "until=2h"}).value();
  EXPECT_EQ(filters.only_until().error().message(), "more than one until filter specified");
  filters = Filters::parse({"until=1h", "until=1h"}).value();
  EXPECT_TRUE(filters.only_until().ok());
}

TEST(Filters, NamesAreTrimmedAndInLowerCase) {
  Filters filters = Filters::parse({" Dangling = true "}).value();
  EXPECT_EQ(filters.yes_or_no("dangling").value(), true);
  EXPECT_EQ(filters.yes_or_no("label").value(), std::nullopt);
}

oci::ConfigSummary with_labels() {
  oci::ConfigSummary config;
  config.labels = {{"role", "app"}, {"two words", "v 2"}, {"empty", ""}};
  return config;
}

TEST(Filters, EveryLabelMustBeThere) {
  const std::vector<std::pair<std::vector<std::string>, bool>> cases{
      {{"label=role"}, true},
      {{"label=role=app"}, true},
      {{"label=role=ap"}, false},
      {{"label=two words=v 2", "label=role"}, true},
      {{"label=role", "label=none"}, false},
      {{"label=empty="}, true},
      {{"label!=none"}, true},
      {{"label!=role"}, false}};
  for (const auto& [texts, wanted] : cases) {
    EXPECT_EQ(Filters::parse(texts)->match_labels(with_labels()), wanted) << texts[0];
  }
}

TEST(Filters, UntilTakesTimesAndAges) {  // the forms that docker's documentation lists
  auto seconds = [](const std::string& text) {
    return Filters::parse({"until=" + text})->until().value()->seconds;
  };
  EXPECT_EQ(seconds("1580608922"), 1580608922);
  EXPECT_EQ(seconds("2020-02-02T02:02:02Z"), 1580608922);
  EXPECT_EQ(seconds("2020-02-02T03:02:02+01:00"), 1580608922);
  EXPECT_NEAR(static_cast<double>(seconds("24h")),
              static_cast<double>(oci::current_time().seconds - 86400), 5);
  setenv("TZ", "UTC", 1);
  tzset();
  EXPECT_EQ(seconds("2020-02-02"), 1580601600);
  EXPECT_EQ(seconds("2020-02-02T02:02:02"), 1580608922);
}

}  // namespace
}  // namespace strata::cli
