// SPDX-License-Identifier: Apache-2.0
// tar-split JSON, byte for byte as Go's encoder writes it:
//
//   document  entry*
//   entry     segment '\n' | file '\n'
//   segment   {"type":2,"payload":"<base64>","position":N}
//   file      {"type":1,NAME "payload":null,"position":N}
//           | {"type":1,NAME "size":N,"payload":"<base64 of the CRC>","position":N}      size > 0
//   NAME      "name":"<text>", | "name_raw":"<base64>", | nothing     as it is UTF-8, not, or empty
//
// position counts entries from 0. In text Go escapes " \ and control characters, and also
// < > & U+2028 U+2029.
// Source: FORMATS section 4; Go's encoding/json, "HTMLEscape".
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "tar/split.h"
#include "tar/utf8.h"

namespace strata::tar {
namespace {

// Text is given to the sink in pieces of about this size: large enough that the sink's work per
// call does not count, small enough to stay in the L2 cache.
constexpr size_t kFlushBytes = size_t{128} << 10;
constexpr size_t kEncodeBytes = size_t{48} << 10;  // raw bytes encoded at a time

bool needs_escape(char c) {
  return static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' ||
         c == '&' || c == '\xe2';  // the first byte of U+2028 and U+2029, and of others
}

// Writes the escape of what stands at the front of `text`; returns the bytes consumed, 0 if it
// needs none.
size_t put_escape(std::string_view text, std::string& out) {
  const char c = text.front();
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c != '\xe2') {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<uint8_t>(c));
  } else if (text.starts_with("\u2028") || text.starts_with("\u2029")) {
    out += text[2] == '\xa8' ? "\\u2028" : "\\u2029";
    return 3;
  } else {
    return 0;
  }
  return 1;
}

// A JSON string as Go writes it, of valid UTF-8.
void put_string(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    const auto plain = std::find_if(text.begin(), text.end(), needs_escape);
    const size_t count = static_cast<size_t>(plain - text.begin());
    out += text.substr(0, count);
    text.remove_prefix(count);
    if (text.empty()) break;
    const size_t consumed = put_escape(text, out);
    if (consumed == 0) out += text.front();
    text.remove_prefix(std::max<size_t>(consumed, 1));
  }
  out += '"';
}

void put_name(std::string_view name, std::string& out) {
  if (name.empty()) return;
  if (is_utf8(name)) {
    out += "\"name\":";
    put_string(name, out);
    out += ',';
  } else {
    out += "\"name_raw\":\"";
    append_base64(as_bytes(name), out);
    out += "\",";
  }
}

}  // namespace

SplitWriter::SplitWriter(ByteSink& json) : json_(json) {
  out_.reserve(kFlushBytes + 2 * base64_size(kEncodeBytes));
}

Status SplitWriter::raw(ByteSpan bytes) {
  while (!bytes.empty()) {
    if (segment_bytes_ == kMaxSegmentBytes) STRATA_CHECK(end_segment());
    if (segment_bytes_ == 0) out_ += "{\"type\":2,\"payload\":\"";
    const ByteSpan part =
        bytes.first(std::min({bytes.size(), kEncodeBytes, kMaxSegmentBytes - segment_bytes_}));
    const size_t old_size = out_.size();
    out_.resize(old_size + Base64Encoder::room(part.size()));
    out_.resize(old_size + base64_.encode(part, out_.data() + old_size));
    segment_bytes_ += part.size();
    bytes = bytes.subspan(part.size());
    STRATA_CHECK(flush_when_full());
  }
  return {};
}

Status SplitWriter::file(std::string_view name, uint64_t size_bytes, const Crc64Bytes& crc) {
  STRATA_CHECK(end_segment());
  out_ += "{\"type\":1,";
  put_name(name, out_);
  if (size_bytes > 0) {
    fmt::format_to(std::back_inserter(out_), "\"size\":{},\"payload\":\"", size_bytes);
    append_base64(std::as_bytes(std::span(crc)), out_);
    out_ += '"';
  } else {
    out_ += "\"payload\":null";
  }
  put_position();
  return flush_when_full();
}

Status SplitWriter::finish() {
  STRATA_CHECK(end_segment());
  STRATA_CHECK(json_.write(as_bytes(out_)));
  out_.clear();
  return {};
}

Status SplitWriter::end_segment() {
  if (segment_bytes_ == 0) return {};
  segment_bytes_ = 0;
  std::array<char, 4> tail;
  out_.append(tail.data(), base64_.finish(tail.data()));
  out_ += '"';
  put_position();
  return flush_when_full();
}

void SplitWriter::put_position() {
  fmt::format_to(std::back_inserter(out_), ",\"position\":{}}}\n", position_++);
}

Status SplitWriter::flush_when_full() {
  if (out_.size() < kFlushBytes) return {};
  STRATA_CHECK(json_.write(as_bytes(out_)));
  out_.clear();
  return {};
}

}  // namespace strata::tar
