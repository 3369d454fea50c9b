// SPDX-License-Identifier: Apache-2.0
// What Go says of single texts is in go_answers_test.cc.
#include "oci/json.h"

#include "oci/json_cursor.h"
#include "oci/test_data.h"

namespace strata::oci {
namespace {

std::string error_of(std::string_view text, JsonEnd end = JsonEnd::kWhole) {
  Result<boost::json::value> value = parse_json(text, {}, end);
  return value.ok() ? "" : value.error().message();
}

TEST(Json, WritesWhatDockerWroteByteForByte) {
  for (const std::string& name : kConfigs) {
    std::string text = test_data(name);
    EXPECT_EQ(go_json(parse_json(text).value()), text) << name;
    EXPECT_EQ(compact_json(text).value(), text) << name;
  }
}

TEST(Json, RefusesEveryTruncation) {
  std::string text = test_data("docker-20.10/config.json");
  for (size_t length = 0; length < text.size(); ++length) {
    // Of its own memory, so that a sanitizer sees a read past the end.
    std::string cut = text.substr(0, length);
    EXPECT_NE(error_of(cut), "") << length;
    EXPECT_EQ(error_of(cut, JsonEnd::kStream), length == 0 ? "EOF" : "unexpected EOF") << length;
    EXPECT_FALSE(compact_json(cut).ok()) << length;
  }
}

TEST(Json, NamesWhatItRead) {
  EXPECT_EQ(parse_json("h", "repositories.json").error().message(),
            "repositories.json: invalid character 'h' looking for beginning of value");
}

TEST(Json, IgnoresTextBehindTheValueOfAStream) {
  EXPECT_EQ(error_of("[] x"), "invalid character 'x' after top-level value");
  EXPECT_EQ(error_of("[] x", JsonEnd::kStream), "");
}

TEST(Json, StopsAtItsDepthLimit) {
  std::string deepest = std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']');
  EXPECT_EQ(error_of(deepest), "");
  EXPECT_EQ(error_of("[" + deepest + "]"), "exceeded max depth");
  EXPECT_EQ(error_of(std::string(1 << 20, '{')),
            "invalid character '{' looking for beginning of "
            "object key string");
  EXPECT_EQ(error_of(std::string(1 << 20, '[')), "exceeded max depth");
}

TEST(Json, KeepsOrderAndIntegersOf64Bits) {
  std::string text =
      R"({"z":18446744073709551615,"a":-9223372036854775808,"m":[0.1,1e+100,true,null]})";
  EXPECT_EQ(go_json(parse_json(text).value()), text);
}

TEST(Json, WritesADoubleTheSameWhateverTheStackHolds) {
  // The text of the exponent has no end mark: what lies behind it must not count.
  for (double value : {1.5e-300, 1.04, -2.5e100, 7.25, 1e21, 0.5}) {
    std::string text = go_json(value);
    go_json(-1.2345678901234567e-199);
    EXPECT_EQ(go_json(value), text);
    EXPECT_EQ(parse_json(text)->get_double(), value);
  }
}

TEST(Json, LastOfARepeatedNameCounts) {
  EXPECT_EQ(go_json(parse_json(R"({"a":1,"b":2,"a":3})").value()), R"({"b":2,"a":3})");
  EXPECT_EQ(go_json(parse_json(R"({"a":1,"a":null})").value()), R"({"a":1})");
}

TEST(Json, ReadersNameTheField) {
  boost::json::object object = parse_json(R"({"Os":5,"n":1.5,"l":["a",null,true]})")->get_object();
  EXPECT_EQ(get_string(object, "Image", "os").error().message(),
            "json: cannot unmarshal number into Go struct field Image.os of type string");
  EXPECT_EQ(get_int64(object, "Image", "n").error().message(),
            "json: cannot unmarshal number 1.5 into Go struct field Image.n of type int64");
  EXPECT_EQ(get_strings(object, "Image", "l").error().message(),
            "json: cannot unmarshal bool into Go struct field Image.l of type string");
  EXPECT_EQ(get_string(object, "Image", "absent").value(), "");
  EXPECT_EQ(get_object(object, "Image", "absent", "x").value(), nullptr);
}

}  // namespace
}  // namespace strata::oci
