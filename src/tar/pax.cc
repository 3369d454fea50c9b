// SPDX-License-Identifier: Apache-2.0
// Payload of an 'x' or 'g' member:
//
//   records  record*
//   record   length ' ' key '=' value '\n'      length: decimal, of the whole record
//   time     '-'? digits ('.' digits*)?          more than 9 digits of fraction are cut
//
// A key is not empty and has no NUL; the values of path, linkpath, uname and gname have no NUL;
// other values are any bytes. Neither need be UTF-8.
// Source: POSIX.1-2017 pax "pax Extended Header"; GNU tar manual "Storing Sparse Files"; leniency
//         as Go 1.19's archive/tar.
#include "tar/pax.h"

#include <array>
#include <utility>

#include "tar/header.h"

namespace strata::tar {
namespace {

using TextMember = std::string PaxRecords::*;

constexpr std::array<std::pair<std::string_view, TextMember>, 17> kKeys{{
    {"path", &PaxRecords::path},
    {"linkpath", &PaxRecords::linkpath},
    {"uname", &PaxRecords::uname},
    {"gname", &PaxRecords::gname},
    {"uid", &PaxRecords::uid},
    {"gid", &PaxRecords::gid},
    {"size", &PaxRecords::size},
    {"mtime", &PaxRecords::mtime},
    {"atime", &PaxRecords::atime},
    {"ctime", &PaxRecords::ctime},
    {"GNU.sparse.major", &PaxRecords::sparse_major},
    {"GNU.sparse.minor", &PaxRecords::sparse_minor},
    {"GNU.sparse.name", &PaxRecords::sparse_name},
    {"GNU.sparse.size", &PaxRecords::sparse_size},
    {"GNU.sparse.realsize", &PaxRecords::sparse_realsize},
    {"GNU.sparse.numblocks", &PaxRecords::sparse_numblocks},
    {"GNU.sparse.map", &PaxRecords::sparse_map},
}};

struct Record {
  std::string_view key;
  std::string_view value;
};

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

bool is_text_key(std::string_view key) {
  return key == "path" || key == "linkpath" || key == "uname" || key == "gname";
}

// Cuts the first record off `text`.
Result<Record> take_record(std::string_view& text) {
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) return invalid_header("pax record without a length");
  const auto length = parse_decimal(text.substr(0, space));
  if (!length || *length < 5 || static_cast<uint64_t>(*length) > text.size()) {
    return invalid_header("pax record of length {}, with {} bytes left",
                          quoted(text.substr(0, space)), text.size());
  }
  const size_t end = static_cast<size_t>(*length);
  if (end <= space + 1 || text[end - 1] != '\n') {
    return invalid_header("pax record of length {} does not end in a newline", end);
  }
  const std::string_view body = text.substr(space + 1, end - space - 2);
  text.remove_prefix(end);
  const size_t equals = body.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return invalid_header("pax record {} has no key", quoted(body));
  }
  const Record record{body.substr(0, equals), body.substr(equals + 1)};
  if (has_nul(is_text_key(record.key) ? record.value : record.key)) {
    return invalid_header("pax record {} has a NUL", quoted(record.key));
  }
  return record;
}

// Collects the offset/numbytes records of sparse version 0.0, which come in pairs and in order.
class SparsePairs {
 public:
  // False when the record is none of them.
  Result<bool> take(const Record& record) {
    const bool is_offset = record.key == "GNU.sparse.offset";
    if (!is_offset && record.key != "GNU.sparse.numbytes") return false;
    if (is_offset == (count_ % 2 == 1) || record.value.find(',') != std::string_view::npos) {
      return invalid_header("{} out of order, or not a number", record.key);
    }
    if (count_++ > 0) joined_ += ',';
    joined_ += record.value;
    return true;
  }
  bool any() const { return count_ > 0; }
  std::string joined() && { return std::move(joined_); }

 private:
  size_t count_ = 0;
  std::string joined_;
};

void store(PaxRecords& records, const Record& record) {
  if (record.key.starts_with(kXattrKey)) {
    records.xattrs.insert_or_assign(std::string(record.key.substr(kXattrKey.size())),
                                    std::string(record.value));
    return;
  }
  for (const auto& [key, text] : kKeys) {
    if (record.key == key) records.*text = record.value;
  }
}

Status apply_number(std::string_view key, const std::string& value, int64_t& target) {
  if (value.empty()) return {};
  const auto number = parse_decimal(value);
  if (!number) return invalid_header("pax {} {} is not a number", key, quoted(value));
  target = *number;
  return {};
}

Status apply_id(std::string_view key, const std::string& value, uint32_t& target, bool& in_range) {
  if (value.empty()) return {};
  int64_t number = target;
  STRATA_CHECK(apply_number(key, value, number));
  target = static_cast<uint32_t>(number);
  in_range = is_owner_id(number);
  return {};
}

// Nanoseconds of a fraction, or nothing when it is not all digits.
std::optional<uint32_t> parse_fraction(std::string_view digits) {
  uint32_t value = 0;
  for (size_t i = 0; i < 9; ++i) {
    value = value * 10 + (i < digits.size() ? static_cast<uint32_t>(digits[i] - '0') : 0);
  }
  const bool all_digits = digits.find_first_not_of("0123456789") == std::string_view::npos;
  return all_digits ? std::optional(value) : std::nullopt;
}

// Sets the time and returns true when there is a value.
Result<bool> apply_time(std::string_view key, std::string_view value, int64_t& seconds,
                        uint32_t& nanoseconds) {
  if (value.empty()) return false;
  const size_t dot = value.find('.');
  const auto whole = parse_decimal(value.substr(0, dot));
  const auto fraction = parse_fraction(dot == std::string_view::npos ? "" : value.substr(dot + 1));
  if (!whole || !fraction) return invalid_header("pax {} {} is not a time", key, quoted(value));
  const bool backwards = value.front() == '-' && *fraction > 0;
  // Wraps around at the lowest second, as Go's time does.
  seconds = static_cast<int64_t>(static_cast<uint64_t>(*whole) - (backwards ? 1 : 0));
  nanoseconds = backwards ? 1'000'000'000 - *fraction : *fraction;
  return true;
}

void apply_text(const std::string& value, std::string& target) {
  if (!value.empty()) target = value;
}

}  // namespace

void PaxRecords::clear() {
  for (const auto& [key, member] : kKeys) (this->*member).clear();
  xattrs.clear();
}

Status PaxRecords::parse(std::string_view text) {
  clear();
  SparsePairs pairs;
  while (!text.empty()) {
    STRATA_TRY(Record record, take_record(text));
    STRATA_TRY(bool taken, pairs.take(record));
    if (!taken) store(*this, record);
  }
  if (pairs.any()) sparse_map = std::move(pairs).joined();
  return {};
}

Status PaxRecords::apply(Member& member) const {
  apply_text(path, member.name);
  apply_text(linkpath, member.link_name);
  apply_text(uname, member.user_name);
  apply_text(gname, member.group_name);
  STRATA_CHECK(apply_id("uid", uid, member.uid, member.uid_in_range));
  STRATA_CHECK(apply_id("gid", gid, member.gid, member.gid_in_range));
  STRATA_CHECK(apply_number("size", size, member.declared_size_bytes));
  STRATA_TRY([[maybe_unused]] bool has_mtime,
             apply_time("mtime", mtime, member.mtime_seconds, member.mtime_nanoseconds));
  STRATA_TRY(bool has_atime,
             apply_time("atime", atime, member.atime_seconds, member.atime_nanoseconds));
  STRATA_TRY(bool has_ctime,
             apply_time("ctime", ctime, member.ctime_seconds, member.ctime_nanoseconds));
  member.has_atime |= has_atime;
  member.has_ctime |= has_ctime;
  member.xattrs = xattrs;
  return {};
}

std::string pax_record(std::string_view key, std::string_view value) {
  const size_t rest = key.size() + value.size() + 3;  // ' ', '=', '\n'
  size_t length = rest;
  while (rest + std::to_string(length).size() != length) {
    length = rest + std::to_string(length).size();
  }
  return fmt::format("{} {}={}\n", length, key, value);
}

std::string pax_time(int64_t seconds, uint32_t nanoseconds) {
  if (nanoseconds == 0) return std::to_string(seconds);
  std::string text;
  if (seconds < 0) {
    text = fmt::format("-{}.{:09}", -(seconds + 1), 1'000'000'000 - nanoseconds);
  } else {
    text = fmt::format("{}.{:09}", seconds, nanoseconds);
  }
  return text.erase(text.find_last_not_of('0') + 1);
}

}  // namespace strata::tar
