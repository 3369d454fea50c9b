// SPDX-License-Identifier: Apache-2.0
// Grammar (S: one or more of space \t \n \v \f \r):
//   line    = keyword [ S { flag S } arguments ]
//   flag    = "--" { character | quoted | "\" character }        up to the first space outside of quotes;
//             a lone "--" ends the flags and is dropped
//   words   = word { S word }          a quote " or ' opens a part in which spaces do not count; the
//             escape character takes the next one with it, except inside of '
//   heredoc = [ digits ] "<<" [ "-" ] name       name: one word once quotes and escapes are taken off;
//             if that changes it, the content is not to be expanded
// Source: the Dockerfile reference, "Format", "Exec form", "Here-Documents"; behaviour of dockerd
// 20.10's classic builder.
#include "build/words.h"

#include <boost/json/value.hpp>

#include "build/expand.h"
#include "oci/json.h"

namespace strata::build {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  }
  return out;
}

std::string to_upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c -= 'a' - 'A';
  }
  return out;
}

namespace {

// One flag at the front of `text`, taken off it.
std::string take_flag(std::string_view& text) {
  std::string flag;
  char quote = 0;
  size_t at = 0;
  for (; at < text.size(); ++at) {
    char c = text[at];
    if (quote == 0 && is_space(c)) break;
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == '\\') {
      if (++at == text.size()) break;
      flag += text[at];
    } else {
      flag += c;
    }
  }
  text.remove_prefix(std::min(at, text.size()));
  return flag;
}

}  // namespace

CommandText split_command(std::string_view text) {
  CommandText out;
  auto [keyword, rest_text] = split_first(trim(text));
  out.keyword = std::move(keyword);
  if (!rest_text) return out;
  std::string_view rest = *rest_text;
  while (true) {
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    if (!rest.starts_with("--")) break;
    std::string flag = take_flag(rest);
    if (flag == "--") break;
    out.flags.push_back(std::move(flag));
  }
  out.arguments = trim(rest);
  return out;
}

std::pair<std::string, std::optional<std::string>> split_first(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && !is_space(text[end])) ++end;
  if (end == text.size()) return {std::string(text), std::nullopt};
  size_t next = end;
  while (next < text.size() && is_space(text[next])) ++next;
  return {std::string(text.substr(0, end)), std::string(text.substr(next))};
}

std::vector<std::string> split_at_spaces(std::string_view text) {
  std::vector<std::string> words;
  text = trim(text);
  while (!text.empty()) {
    size_t end = 0;
    while (end < text.size() && !is_space(text[end])) ++end;
    words.emplace_back(text.substr(0, end));
    text = trim(text.substr(end));
  }
  return words;
}

std::vector<std::string> split_words(std::string_view text, char escape) {
  std::vector<std::string> words;
  std::string word;
  char quote = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote == 0 && is_space(c)) {
      if (!word.empty()) words.push_back(std::exchange(word, {}));
      continue;
    }
    if (c == escape && quote != '\'') {
      if (at + 1 == text.size()) break;  // an escape with nothing behind it is dropped
      word += c;
      word += text[++at];
      continue;
    }
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
    word += c;
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

Result<std::optional<std::vector<std::string>>> parse_json_words(std::string_view text) {
  if (!text.starts_with('[')) return std::optional<std::vector<std::string>>();
  const auto parsed = oci::parse_json(text);
  if (!parsed.ok() || !parsed->is_array()) return std::optional<std::vector<std::string>>();
  std::vector<std::string> words;
  for (const boost::json::value& element : parsed->get_array()) {
    if (!element.is_string()) {
      return error(ErrorCode::kInvalid,
                   "when using JSON array syntax, arrays must be comprised of strings only");
    }
    words.emplace_back(element.get_string());
  }
  return std::optional(std::move(words));
}

std::optional<Heredoc> parse_heredoc(std::string_view word) {
  Heredoc out;
  size_t at = 0;
  for (; at < word.size() && word[at] >= '0' && word[at] <= '9'; ++at) {
    out.file_descriptor = out.file_descriptor * 10 + static_cast<unsigned>(word[at] - '0');
  }
  word.remove_prefix(at);
  if (!word.starts_with("<<")) return std::nullopt;
  word.remove_prefix(2);
  out.chomp = word.starts_with('-');
  if (out.chomp) word.remove_prefix(1);
  if (word.empty() || word.find('<') != std::string_view::npos) return std::nullopt;
  const LookUp nothing = [](std::string_view) { return std::nullopt; };
  const auto plain = expand(word, nothing, {.keep_unset = true});
  const auto raw = expand(word, nothing, {.keep_quotes = true, .keep_unset = true});
  if (!plain.ok() || !raw.ok() || plain->words.size() != 1) return std::nullopt;
  out.name = plain->words[0];
  out.expand = raw->words.size() == 1 && raw->words[0] == out.name;
  return out;
}

std::vector<Heredoc> heredocs_of_line(std::string_view line) {
  if (line.find("<<") == std::string_view::npos) return {};
  CommandText command = split_command(line);
  if (to_lower(command.keyword) == "onbuild") command = split_command(command.arguments);
  const std::string name = to_lower(command.keyword);
  if (name != "run" && name != "copy" && name != "add") return {};
  const auto json = parse_json_words(command.arguments);
  if (!json.ok() || json->has_value()) return {};
  const LookUp nothing = [](std::string_view) { return std::nullopt; };
  const auto words = expand(line, nothing, {.keep_quotes = true, .keep_unset = true});
  std::vector<Heredoc> out;
  if (!words.ok()) return out;
  for (const std::string& word : words->words) {
    if (std::optional<Heredoc> heredoc = parse_heredoc(word)) out.push_back(std::move(*heredoc));
  }
  return out;
}

}  // namespace strata::build
