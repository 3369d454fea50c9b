// SPDX-License-Identifier: Apache-2.0
// What Go and dockerd 20.10's own packages say of several thousand texts, good and bad: see
// tests/data/oci/README.md, go-answers.tsv. Each line holds: how the text was read, the text, "ok"
// or "err", and the value written again or the error; both as quoted Go strings. @ZERO@ stands for
// the config that docker makes of nothing.
#include <algorithm>
#include <boost/json/array.hpp>
#include <functional>
#include <map>

#include "oci/archive_manifest.h"
#include "oci/config_summary.h"
#include "oci/docker_config.h"
#include "oci/go_time.h"
#include "oci/image_config.h"
#include "oci/json.h"
#include "oci/json_cursor.h"
#include "oci/legacy_image.h"
#include "oci/reference.h"
#include "oci/test_data.h"

namespace strata::oci {
namespace {

namespace json = boost::json;

struct Answer {
  std::string mode;
  std::string input;
  bool ok;
  std::string text;
};

// Undoes Go's strconv.QuoteToASCII.
std::string unquote(std::string_view quoted) {
  static const std::map<char, char> kLetters{{'a', '\a'}, {'b', '\b'}, {'f', '\f'}, {'n', '\n'},
                                             {'r', '\r'}, {'t', '\t'}, {'v', '\v'}};
  static const std::map<char, size_t> kHexDigits{{'x', 2}, {'u', 4}, {'U', 8}};
  std::string out;
  for (size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      out += quoted[i];
      continue;
    }
    char kind = quoted[++i];
    if (kHexDigits.contains(kind)) {
      size_t digits = kHexDigits.at(kind);
      uint32_t value =
          static_cast<uint32_t>(std::stoul(std::string(quoted.substr(i + 1, digits)), nullptr, 16));
      i += digits;
      if (kind == 'x') {
        out += static_cast<char>(value);
      } else {
        append_utf8(out, value);
      }
    } else {
      out += kLetters.contains(kind) ? kLetters.at(kind) : kind;
    }
  }
  return out;
}

// As in <id>/json of every layer but the top one.
constexpr std::string_view kZeroConfig =
    R"({"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,)"
    R"("AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,)"
    R"("Cmd":null,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,)"
    R"("Labels":null})";

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

std::vector<Answer> answers() {
  std::istringstream lines(test_data("go-answers.tsv"));
  std::vector<Answer> list;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string mode, input, verdict, text;
    std::getline(fields, mode, '\t');
    std::getline(fields, input, '\t');
    std::getline(fields, verdict, '\t');
    std::getline(fields, text, '\t');
    text = unquote(text);
    replace_all(text, "@ZERO@", kZeroConfig);
    // strata does not tell an absent list of layers from an empty one.
    if (mode == "manifest") replace_all(text, R"("Layers":null)", R"("Layers":[])");
    list.push_back({mode, unquote(input), verdict == "ok", text});
  }
  return list;
}

// A value as Go holds it in an interface{}: every number a double, every object a sorted map.
json::value as_interface(const json::value& value) {
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (const json::array* array = value.if_array()) {
    json::array out;
    for (const json::value& element : *array) out.push_back(as_interface(element));
    return out;
  }
  if (!value.is_object()) return value;
  json::object out = sorted_by_name(value.get_object());
  for (auto& member : out) member.value() = as_interface(member.value());
  return out;
}

Result<std::string> read_json(const std::string& text) {
  STRATA_TRY(json::value value, parse_json(text));
  return go_json(as_interface(value));
}

Result<std::string> read_indented(const std::string& text) {
  STRATA_TRY(json::value value, parse_json(text));
  return go_json_indented(as_interface(value), "", "    ");
}

// The image's V1Image, whose parent image.Image hides behind its own.
Result<std::string> read_config(const std::string& text) {
  Result<ConfigSummary> summary = summarize_config(text);
  STRATA_TRY(ImageConfig image, ImageConfig::parse(text));
  EXPECT_TRUE(summary.ok()) << text;
  if (summary.ok()) {
    EXPECT_EQ(summary->created, image.created()) << text;
    EXPECT_EQ(summary->os, image.os()) << text;
  }
  STRATA_TRY(json::object v1_image, v1_image_struct(image.json()));
  v1_image.stable_erase("parent");
  return go_json(v1_image);
}

std::string without_newline(std::string text) {
  text.pop_back();
  return text;
}

Result<std::string> read_manifest(const std::string& text) {
  STRATA_TRY(auto items, parse_archive_manifest(text));
  return without_newline(archive_manifest_text(items));
}

Result<std::string> read_repositories(const std::string& text) {
  STRATA_TRY(auto repositories, parse_archive_repositories(text));
  return without_newline(archive_repositories_text(repositories));
}

Result<std::string> read_time(const std::string& text) {
  STRATA_TRY(Time time, parse_time(text));
  return format_time(time);
}

Result<std::string> read_reference(const std::string& text) {
  STRATA_TRY(Reference reference, Reference::parse(text));
  return fmt::format("{}|{}|{}|{}|{}|{}|{}", reference.domain(), reference.path(), reference.tag(),
                     reference.digest() ? reference.digest()->to_string() : "",
                     reference.full_string(), reference.familiar_string(),
                     reference.with_default_tag().familiar_string());
}

Result<std::string> read_legacy(const std::string& text) {
  STRATA_TRY(LegacyLayer layer, LegacyLayer::parse(text));
  DiffId diff_id = DiffId::parse_hex(std::string(64, 'a')).value();
  return layer.config({diff_id}, {layer.history()});
}

TEST(GoAnswers, AreOurs) {
  const std::map<std::string, std::function<Result<std::string>(const std::string&)>> readers{
      {"json", read_json},     {"compact", compact_json},     {"indent", read_indented},
      {"config", read_config}, {"manifest", read_manifest},   {"repositories", read_repositories},
      {"time", read_time},     {"reference", read_reference}, {"legacy", read_legacy}};
  std::vector<Answer> list = answers();
  ASSERT_GT(list.size(), 1000u);
  for (const Answer& answer : list) {
    Result<std::string> ours = readers.at(answer.mode)(answer.input);
    EXPECT_EQ(ours.ok(), answer.ok) << answer.mode << ' ' << answer.input;
    EXPECT_EQ(ours.ok() ? *ours : ours.error().message(), answer.text)
        << answer.mode << ' ' << answer.input;
  }
}

}  // namespace
}  // namespace strata::oci
