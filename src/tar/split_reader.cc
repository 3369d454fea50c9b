// SPDX-License-Identifier: Apache-2.0
// Reads what split_writer.cc's grammar describes, and whatever else is the same to a JSON reader:
// white space, fields in any order, unknown fields, null for a field that is absent. A field may
// stand once.
// Source: FORMATS section 4.
#include <algorithm>

#include "tar/header.h"
#include "tar/split.h"

namespace strata::tar {
namespace {

enum class Key { kType, kName, kNameRaw, kSize, kPayload, kPosition, kUnknown };

Key key_of(std::string_view text) {
  if (text == "type") return Key::kType;
  if (text == "name") return Key::kName;
  if (text == "name_raw") return Key::kNameRaw;
  if (text == "size") return Key::kSize;
  if (text == "payload") return Key::kPayload;
  if (text == "position") return Key::kPosition;
  return Key::kUnknown;
}

constexpr int64_t kFileType = 1;
constexpr int64_t kSegmentType = 2;

}  // namespace

SplitReader::SplitReader(ByteSource& json) : json_(json) {}

Result<bool> SplitReader::next(SplitEntry& entry) {
  entry.payload.clear();
  const bool continued = in_payload_;
  if (continued) {
    STRATA_CHECK(read_payload(entry));
  } else {
    STRATA_TRY(bool end, json_.at_end());
    if (end) return false;
    STRATA_CHECK(begin_entry(entry));
  }
  while (!in_payload_) {
    STRATA_TRY(bool more, json_.accept(','));
    if (!more) break;
    STRATA_CHECK(read_field(entry));
  }
  if (!in_payload_) STRATA_CHECK(json_.expect('}'));
  if (!in_payload_ && !continued) STRATA_CHECK(complete(entry));
  return true;
}

Status SplitReader::begin_entry(SplitEntry& entry) {
  entry.kind = SplitEntry::kSegment;
  entry.name.clear();
  entry.size_bytes = 0;
  entry.crc = {};
  name_raw_.clear();
  type_ = 0;
  seen_ = 0;
  STRATA_CHECK(json_.expect('{'));
  return read_field(entry);
}

Status SplitReader::read_field(SplitEntry& entry) {
  STRATA_CHECK(json_.read_string(key_, kMaxMetaBytes));
  STRATA_CHECK(json_.expect(':'));
  const Key key = key_of(key_);
  if (key == Key::kUnknown) return json_.skip_value();
  const unsigned bit = 1u << static_cast<unsigned>(key);
  if ((seen_ & bit) != 0)
    return json_.corrupt(fmt::format("{} stands twice in an entry", quoted(key_)));
  seen_ |= bit;
  STRATA_TRY(bool null, json_.accept_null());
  return null ? Status() : read_value(static_cast<int>(key), entry);
}

Status SplitReader::read_value(int key, SplitEntry& entry) {
  switch (static_cast<Key>(key)) {
    case Key::kName:
      return json_.read_string(entry.name, kMaxMetaBytes);
    case Key::kNameRaw:
      return read_name_raw();
    case Key::kPayload:
      STRATA_CHECK(json_.expect('"'));
      return read_payload(entry);
    default:
      break;
  }
  STRATA_TRY(int64_t number, json_.read_integer());
  if (static_cast<Key>(key) == Key::kSize) {
    entry.size_bytes = static_cast<uint64_t>(std::max<int64_t>(number, 0));
  } else if (static_cast<Key>(key) == Key::kType) {
    type_ = number;
    if (type_ != kFileType && type_ != kSegmentType) {
      return json_.corrupt(fmt::format("an entry of type {}", type_));
    }
  }
  return {};
}

// Reads the payload to its end, or as much of a segment as goes into one entry.
Status SplitReader::read_payload(SplitEntry& entry) {
  in_payload_ = false;
  size_t limit = base64_size(kMaxSegmentBytes);
  while (true) {
    STRATA_TRY(bool end, json_.at_quote());
    if (end) break;
    if (limit == 0) {
      if (type_ != kSegmentType) return json_.corrupt("a long payload of no known type");
      in_payload_ = true;
      return {};
    }
    STRATA_TRY(std::string_view part, json_.string_part(limit));
    limit -= part.size();
    if (!base64_.decode(part, entry.payload)) return json_.corrupt("a payload that is not base64");
  }
  if (!base64_.finish()) return json_.corrupt("a payload that is not base64");
  return json_.expect('"');
}

Status SplitReader::read_name_raw() {
  STRATA_CHECK(json_.read_string(key_, base64_size(kMaxMetaBytes)));
  const bool good = base64_.decode(key_, name_raw_);
  return base64_.finish() && good ? Status() : json_.corrupt("a name_raw that is not base64");
}

// The object is read: checks that it is a whole entry.
Status SplitReader::complete(SplitEntry& entry) {
  if (type_ == 0) return json_.corrupt("an entry without a type");
  if (!name_raw_.empty()) entry.name = as_text(name_raw_);
  if (type_ == kSegmentType) return {};
  entry.kind = SplitEntry::kFile;
  if (entry.size_bytes > 0) {
    if (entry.payload.size() != entry.crc.size()) {
      return json_.corrupt(fmt::format("file {} has a checksum of {} bytes, expected {}",
                                       quoted(entry.name), entry.payload.size(), entry.crc.size()));
    }
    std::transform(entry.payload.begin(), entry.payload.end(), entry.crc.begin(),
                   [](std::byte b) { return static_cast<uint8_t>(b); });
  }
  entry.payload.clear();
  return {};
}

}  // namespace strata::tar
