// SPDX-License-Identifier: Apache-2.0
// The records of a pax header alone. Oracles: a second, slow reading of the records finds the same values and
// refuses the same; records that are written with pax_record() are read as they were.
#include <map>
#include <vector>

#include "base/fuzz_oracle.h"
#include "tar/pax.h"

namespace {

using strata::fuzz::check;
using strata::tar::PaxRecords;
using Pairs = std::vector<std::pair<std::string, std::string>>;

// "LENGTH KEY=VALUE\n", again and again; none when that is not what it is.
bool read_slowly(std::string text, Pairs& pairs) {
  while (!text.empty()) {
    size_t digits = 0;
    uint64_t length = 0;
    while (digits < text.size() && text[digits] != ' ') {
      const char c = text[digits++];
      if (c < '0' || c > '9' || length > text.size()) return false;
      length = length * 10 + static_cast<uint64_t>(c - '0');
    }
    if (digits == 0 || length < 5 || length > text.size() || length < digits + 2) return false;
    if (text[length - 1] != '\n') return false;
    const std::string body = text.substr(digits + 1, length - digits - 2);
    const size_t equals = body.find('=');
    if (equals == 0 || equals == std::string::npos) return false;
    pairs.emplace_back(body.substr(0, equals), body.substr(equals + 1));
    const std::string& key = pairs.back().first;
    const bool is_name = key == "path" || key == "linkpath" || key == "uname" || key == "gname";
    if ((is_name ? pairs.back().second : key).find('\0') != std::string::npos) return false;
    text = text.substr(length);
  }
  return true;
}

std::string last_of(const Pairs& pairs, std::string_view key) {
  std::string found;
  for (const auto& [name, value] : pairs) {
    if (name == key) found = value;
  }
  return found;
}

bool has_sparse_pairs(const Pairs& pairs) {
  for (const auto& [name, value] : pairs) {
    if (name == "GNU.sparse.offset" || name == "GNU.sparse.numbytes") return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(strata::fuzz::input_text(data, size));
  PaxRecords records;
  const bool ok = records.parse(text).ok();
  Pairs pairs;
  const bool slow_ok = read_slowly(text, pairs);
  if (slow_ok && has_sparse_pairs(pairs)) return 0;  // these have an order, too
  check(ok == slow_ok, "a second reading takes the same records");
  if (!ok) return 0;
  check(records.path == last_of(pairs, "path"), "path");
  check(records.linkpath == last_of(pairs, "linkpath"), "linkpath");
  check(records.size == last_of(pairs, "size"), "size");
  check(records.mtime == last_of(pairs, "mtime"), "mtime");
  std::string again;
  for (const auto& [key, value] : pairs) again += strata::tar::pax_record(key, value);
  PaxRecords second;
  check(second.parse(again).ok(), "what was written can be read");
  check(second.path == records.path && second.xattrs == records.xattrs, "and says the same");
  strata::tar::Member member;
  const bool applies = records.apply(member).ok();
  check(!applies || records.path.empty() || member.name == records.path, "a path is the name");
  return 0;
}
