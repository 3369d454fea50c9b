// SPDX-License-Identifier: Apache-2.0
// For tests and fuzz targets: records what a Parser reports, and prints it.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "hash/crc64.h"
#include "tar/parser.h"

namespace strata::tar {

inline std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (char c : bytes) hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return hex;
}

// One report; reports that touch are joined, so that the borders of the pieces do not show.
struct Event {
  enum Kind { kRaw, kMember, kPayload, kMemberEnd };
  Kind kind;
  std::string bytes;         // kMember: its fields as text
  uint64_t file_offset = 0;  // kPayload
  bool operator==(const Event&) const = default;
};

class EventRecorder final : public ParserEvents {
 public:
  Status on_raw(ByteSpan bytes) override {
    if (events.empty() || events.back().kind != Event::kRaw) events.push_back({Event::kRaw, "", 0});
    return take(bytes);
  }
  Status on_member(const Member& member) override {
    events.push_back({Event::kMember, describe(member), 0});
    member_ = member;
    expanded_ = 0;
    crc_ = Crc64();
    return {};
  }
  Status on_payload(ByteSpan bytes, uint64_t file_offset) override {
    const bool joins = !events.empty() && events.back().kind == Event::kPayload &&
                       events.back().file_offset + events.back().bytes.size() == file_offset;
    if (!joins) events.push_back({Event::kPayload, "", file_offset});
    expand_zeros(file_offset);
    crc_.update(bytes);
    expanded_ += bytes.size();
    return take(bytes);
  }
  Status on_member_end() override {
    events.push_back({Event::kMemberEnd, "", 0});
    expand_zeros(member_.logical_size_bytes());
    const uint64_t crc = crc_.value();
    lines += fmt::vformat(describe(member_), fmt::make_format_args(expanded_, crc)) + "\n";
    return {};
  }

  // All bytes reported, in order.
  std::string joined() const {
    std::string all;
    for (const Event& event : events) {
      if (event.kind == Event::kRaw || event.kind == Event::kPayload) all += event.bytes;
    }
    return all;
  }

  std::vector<Event> events;
  std::string lines;  // a line for each complete member, as tests/data/tar/go_dump.go prints it

 private:
  // Files are not expanded beyond this: a fuzzer may claim any size.
  static constexpr uint64_t kMaxExpandedBytes = uint64_t{64} << 20;

  Status take(ByteSpan bytes) {
    events.back().bytes += as_text(bytes);
    return {};
  }
  void expand_zeros(uint64_t until) {
    static const std::string zeros(65536, '\0');
    until = std::min(until, kMaxExpandedBytes);
    while (expanded_ < until) {
      const size_t count = std::min<uint64_t>(until - expanded_, zeros.size());
      crc_.update(as_bytes(std::string_view(zeros).substr(0, count)));
      expanded_ += count;
    }
  }
  static std::string time_text(bool has, int64_t seconds, uint32_t nanoseconds) {
    return has ? fmt::format("{}.{:09}", seconds, nanoseconds) : "-";
  }
  // The fields of a member; the size and the CRC of its content are left to be filled in.
  static std::string describe(const Member& m) {
    std::string text = fmt::format(
        "type={:02x} name={} link={} claims={} size={{}} crc={{:016x}} mode={:o} uid={} gid={} "
        "user={} group={} mtime={} atime={} ctime={} dev={},{}",
        static_cast<uint8_t>(m.type), to_hex(m.name), to_hex(m.link_name), m.declared_size_bytes,
        m.mode, m.uid, m.gid, to_hex(m.user_name), to_hex(m.group_name),
        time_text(true, m.mtime_seconds, m.mtime_nanoseconds),
        time_text(m.has_atime, m.atime_seconds, m.atime_nanoseconds),
        time_text(m.has_ctime, m.ctime_seconds, m.ctime_nanoseconds), m.dev_major, m.dev_minor);
    for (const auto& [name, value] : m.xattrs) {
      text += fmt::format(" xattr-{}={}", to_hex(name), to_hex(value));
    }
    return text;
  }

  Member member_;
  Crc64 crc_;
  uint64_t expanded_ = 0;
};

// Feeds `tar` in pieces of `piece_bytes`, then finishes.
inline Status parse_in_pieces(std::string_view tar, size_t piece_bytes, ParserEvents& events) {
  Parser parser;
  while (!tar.empty()) {
    const std::string_view piece = tar.substr(0, piece_bytes);
    tar.remove_prefix(piece.size());
    STRATA_CHECK(parser.feed(as_bytes(piece), events));
  }
  return parser.finish();
}

}  // namespace strata::tar
