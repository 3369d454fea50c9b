// SPDX-License-Identifier: Apache-2.0
#include "cli/env_file.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/fs_at.h"
#include "tar/utf8.h"

namespace strata::cli {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
// What Go's unicode.IsSpace takes beyond ASCII.
constexpr std::array<std::string_view, 19> kWideSpaces = {
    "\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
    "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
    "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};

Error refuse(std::string message) { return Error(ErrorCode::kInvalid, std::move(message)); }

size_t leading_space(std::string_view line) {
  const size_t ascii = std::min(line.find_first_not_of(" \t\n\v\f\r"), line.size());
  if (ascii > 0) return ascii;
  for (std::string_view space : kWideSpaces) {
    if (line.starts_with(space)) return space.size();
  }
  return 0;
}

Status check_utf8(std::string_view line, const std::string& path, size_t number) {
  if (tar::is_utf8(line)) return {};
  std::vector<int> bytes;
  for (unsigned char c : line) bytes.push_back(c);
  return refuse(fmt::format("env file {} contains invalid utf8 bytes at line {}: [{}]", path,
                            number, fmt::join(bytes, " ")));
}

Status check_name(std::string_view name, std::string_view line) {
  if (name.empty()) {
    return refuse(fmt::format("poorly formatted environment: no variable name on line '{}'", line));
  }
  if (name.find_first_of(" \t") == name.npos) return {};
  return refuse(
      fmt::format("poorly formatted environment: variable '{}' contains whitespaces", name));
}

}  // namespace

std::string env_of(const std::string& text) {
  if (text.find('=') != text.npos) return text;
  const char* own = std::getenv(text.c_str());
  return own == nullptr ? text : text + "=" + own;
}

Result<std::vector<std::string>> read_env_file(const std::string& path, BareNames bare_names) {
  Result<std::string> text = read_file_at(Fd(), path);
  if (!text.ok() && text.error().code() == ErrorCode::kNotFound) {
    return refuse(fmt::format("open {}: no such file or directory", path));
  }
  if (!text.ok()) return refuse(text.error().message());
  std::vector<std::string> found;
  std::string_view rest = *text;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  for (size_t number = 1; !rest.empty(); ++number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    STRATA_CHECK(check_utf8(line, path, number));
    while (size_t spaces = leading_space(line)) line.remove_prefix(spaces);
    if (line.empty() || line.starts_with('#')) continue;
    STRATA_CHECK(check_name(line.substr(0, line.find('=')), line));
    const bool take_ours = bare_names == BareNames::kTakeOurs;
    std::string variable = take_ours ? env_of(std::string(line)) : std::string(line);
    if (variable.find('=') != variable.npos) found.push_back(std::move(variable));
  }
  return found;
}

}  // namespace strata::cli
