// SPDX-License-Identifier: Apache-2.0
// Who a container's program runs as, by files of the image: USER NUL PASSWD NUL GROUP. Oracles: a number is that ID; a
// name is in the file, with the IDs that a second, slow reading of its first line finds; all IDs are in docker's range.
#include <charconv>
#include <vector>

#include "base/fuzz_oracle.h"
#include "runtime/users.h"

namespace {

using namespace strata;
using fuzz::check;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::optional<uint32_t> id_of(const std::string& text) {
  int64_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = failure == std::errc() && end == text.data() + text.size() && !text.empty();
  if (!whole || value < 0 || value > 2147483647) return std::nullopt;
  return static_cast<uint32_t>(value);
}

bool has_user(std::string_view passwd, const std::string& name, uint32_t uid) {
  for (const std::string& line : split(passwd, '\n')) {
    const std::string trimmed = line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
    const std::vector<std::string> fields = split(trimmed, ':');
    if (fields.size() < 4 || fields[0] != name) continue;
    if (id_of(fields[2].substr(0, fields[2].find_last_not_of(" \t\r") + 1)) == uid) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<std::string> parts = split(fuzz::input_text(data, size), '\0');
  if (parts.size() != 3) return 0;
  const std::string& user = parts[0];
  Result<runtime::User> found = runtime::resolve_user(parts[1], parts[2], user, {});
  if (!found.ok()) return 0;
  check(found->uid <= 2147483647 && found->gid <= 2147483647, "IDs are in range");
  check(!found->groups.empty() && found->groups[0] == found->gid, "the own group is the first");
  const std::string name = user.substr(0, user.find(':'));
  if (const auto number = id_of(name)) {
    check(found->uid == *number, "a number is that ID");
  } else if (!name.empty()) {
    check(has_user(parts[1], name, found->uid), "a name is in the file");
  } else {
    check(found->uid == 0, "nobody named: root");
  }
  Result<runtime::User> again = runtime::resolve_user(parts[1], parts[2], user, {});
  check(again.ok() && again->groups == found->groups && again->home == found->home,
        "the same again");
  return 0;
}
