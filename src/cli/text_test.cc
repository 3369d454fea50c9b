// SPDX-License-Identifier: Apache-2.0
// Tables, units, times and lists of rows.
#include <gtest/gtest.h>

#include <array>
#include <span>

#include "cli/formatter.h"
#include "cli/go_print.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/test_data.h"
#include "cli/time_text.h"
#include "cli/units.h"

namespace strata::cli {
namespace {

double number_of(const boost::json::value& value, std::string_view name) {
  return value.at(name).to_number<double>();
}

TEST(Units, SizesAreThoseOfGoUnits) {
  const boost::json::value all = expectations("units.json");
  for (const boost::json::value& each : all.at("sizes").as_array()) {
    double bytes = number_of(each, "bytes");
    EXPECT_EQ(human_size(bytes, 4), text_of(each, "four")) << bytes;
    EXPECT_EQ(human_size(bytes, 3), text_of(each, "three")) << bytes;
    EXPECT_EQ(binary_size(bytes), text_of(each, "binary")) << bytes;
  }
}

TEST(Units, AgesAreThoseOfGoUnits) {
  const boost::json::value all = expectations("units.json");
  for (const boost::json::value& each : all.at("ages").as_array()) {
    auto seconds = each.at("seconds").as_int64();
    EXPECT_EQ(human_duration(std::chrono::seconds(seconds)), text_of(each, "text")) << seconds;
  }
}

TEST(Units, DurationsAreReadAndPrintedAsGoDoes) {
  const boost::json::value all = expectations("durations.json");
  for (const boost::json::value& each : all.as_array()) {
    std::string text = text_of(each, "text");
    const Result<int64_t> found = oci::parse_duration(text);
    EXPECT_EQ(found.ok(), each.at("valid").as_bool()) << text;
    if (!found) continue;
    EXPECT_EQ(*found, each.at("nanoseconds").as_int64()) << text;
    EXPECT_EQ(go_duration(*found), text_of(each, "printed")) << text;
  }
}

TEST(Table, AlignsAsTabwriter) {
  const boost::json::value all = expectations("tables.json");
  for (const boost::json::value& each : all.as_array()) {
    EXPECT_EQ(align_table(text_of(each, "input")), text_of(each, "output"));
  }
}

struct Pet {
  std::string name;
  int legs;
};
const std::array<Column<Pet>, 2> kPets{
    Column<Pet>{"Name", "NAME", [](const Pet& pet) { return pet.name; }},
    Column<Pet>{"Legs", "NUMBER OF LEGS", [](const Pet& pet) { return std::to_string(pet.legs); }}};
const std::span<const Column<Pet>> kPetColumns(kPets);

Result<std::string> list(std::string_view format) {
  STRATA_TRY(Formatter formatter, Formatter::create(format));
  for (const Pet& pet : {Pet{"<cat>", 4}, Pet{"bird", 2}}) {
    STRATA_CHECK(formatter.add(Value::record(
        std::make_shared<RowRecord<Pet>>("*formatter.petContext", kPetColumns, pet))));
  }
  return formatter.finish(headings_of(kPetColumns));
}

TEST(Formatter, TableHasHeadingsThatFunctionsLeaveAlone) {  // as `docker images --format`
  EXPECT_EQ(list("table {{lower .Name}}\\t{{.Legs}}").value(),
            "NAME      NUMBER OF LEGS\n<cat>     4\nbird      2\n");
  EXPECT_EQ(list("table {{.Name}} {{json .Legs}}").value(),
            "NAME NUMBER OF LEGS\n<cat> \"4\"\nbird \"2\"\n");
  EXPECT_EQ(list("{{.Name}}").value(), "<cat>\nbird\n");
}

TEST(Formatter, JsonIsSortedAndEscaped) {
  EXPECT_EQ(
      list("{{json .}}").value(),
      "{\"Legs\":\"4\",\"Name\":\"\\u003ccat\\u003e\"}\n{\"Legs\":\"2\",\"Name\":\"bird\"}\n");
  EXPECT_EQ(list("json").value(), list("{{json .}}").value());
}

TEST(Formatter, ErrorsAreDockers) {
  EXPECT_EQ(
      list("{{.Foo}}").error().message(),
      "template parsing error: template: :1:2: executing \"\" at <.Foo>: can't evaluate field "
      "Foo in type *formatter.petContext");
  EXPECT_EQ(
      list("table {{.Name}}\\t{{.Foo}}").error().message(),
      "template parsing error: template: :1:12: executing \"\" at <.Foo>: can't evaluate field "
      "Foo in type *formatter.petContext");
  EXPECT_EQ(list("{{.Foo").error().message(),
            "template parsing error: template: :1: unclosed action");
}

TEST(Readable, LeavesNothingThatATerminalObeys) {
  EXPECT_EQ(readable("caf\u00e9 \x1b[2J\r\a\x7f\tx\ny"), "caf\u00e9 \\x1b[2J\\x0d\\x07\\x7f\tx\ny");
  EXPECT_EQ(readable(""), "");
  EXPECT_EQ(in_one_line("caf\u00e9 \x1b[2J\t\n\xff\"'\\ \u009b \u202e"),
            "caf\u00e9 \\x1b[2J\\t\\n\\xff\"'\\ \\u009b \\u202e");
  EXPECT_EQ(in_one_line(""), "");
}

TEST(Readable, LeavesOutTheMiddleOfWhatIsVeryLong) {
  const std::string shown = readable("open " + std::string(1 << 20, 'n') + ": File name too long");
  EXPECT_LT(shown.size(), size_t{17} << 10);
  EXPECT_TRUE(shown.starts_with("open nnn"));
  EXPECT_TRUE(shown.ends_with("nnn: File name too long"));
  EXPECT_EQ(readable(std::string(16 << 10, 'n')), std::string(16 << 10, 'n'));
}

class InZone : public ::testing::Test {
 protected:
  void set(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
  void TearDown() override { set("UTC"); }
};

TEST_F(InZone, TimesAreInTheLocalZone) {  // Go's Time.String(), checked in those zones
  set("UTC");
  EXPECT_EQ(local_time_string(1580608922), "2020-02-02 02:02:02 +0000 UTC");
  EXPECT_EQ(local_rfc3339(1580608922), "2020-02-02T02:02:02Z");
  set("JST-9");
  EXPECT_EQ(local_time_string(1580608922), "2020-02-02 11:02:02 +0900 JST");
  EXPECT_EQ(local_rfc3339(1580608922), "2020-02-02T11:02:02+09:00");
  EXPECT_EQ(go_time_string("2026-11-21T17:18:33.65+09:00"), "2026-11-21 17:18:33.65 +0900 JST");
  EXPECT_EQ(go_time_string("2026-11-21T17:18:33Z"), "2026-11-21 17:18:33 +0000 UTC");
  EXPECT_EQ(go_time_string("2026-11-21T17:18:33-03:30"), "2026-11-21 17:18:33 -0330 -0330");
  EXPECT_EQ(go_time_string("0001-01-01T00:00:00Z"), "0001-01-01 00:00:00 +0000 UTC");
}

}  // namespace
}  // namespace strata::cli
