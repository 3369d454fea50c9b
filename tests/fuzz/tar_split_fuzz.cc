// SPDX-License-Identifier: Apache-2.0
// tar-split records. Oracles: entries do not depend on how the text comes in; what was read,
// written by our writer and read again gives the same entries.
#include "oracle.h"
#include "tar/split.h"

namespace {

using strata::ByteSource;
using strata::fuzz::check;
using strata::tar::SplitEntry;

struct Record {
  std::vector<SplitEntry> entries;  // neighbouring segments joined
  std::string error;
};

bool same(const SplitEntry& a, const SplitEntry& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == SplitEntry::kSegment) return a.payload == b.payload;
  return a.name == b.name && a.size_bytes == b.size_bytes && (a.size_bytes == 0 || a.crc == b.crc);
}

bool same(const Record& a, const Record& b) {
  return std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(),
                    [](const auto& x, const auto& y) { return same(x, y); });
}

// The byte that a message names is the one where the reader stood, which may be ahead.
std::string without_numbers(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

Record read(ByteSource& text) {
  Record record;
  strata::tar::SplitReader reader(text);
  for (SplitEntry entry;;) {
    strata::Result<bool> more = reader.next(entry);
    if (!more.ok()) record.error = more.error().message();
    if (!more.ok() || !more.value()) return record;
    if (entry.kind != SplitEntry::kSegment) {
      record.entries.push_back(entry);
    } else if (!entry.payload.empty()) {
      if (record.entries.empty() || record.entries.back().kind != SplitEntry::kSegment) {
        record.entries.push_back({SplitEntry::kSegment, {}, 0, {}, {}});
      }
      auto& joined = record.entries.back().payload;
      joined.insert(joined.end(), entry.payload.begin(), entry.payload.end());
    }
  }
}

std::string write(const Record& record) {
  std::string text;
  strata::StringSink sink(text);
  strata::tar::SplitWriter writer(sink);
  for (const SplitEntry& entry : record.entries) {
    const strata::Status status = entry.kind == SplitEntry::kSegment
                                      ? writer.raw(entry.payload)
                                      : writer.file(entry.name, entry.size_bytes, entry.crc);
    check(status.ok(), "the writer refuses what the reader gave");
  }
  check(writer.finish().ok(), "the writer does not finish");
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const strata::ByteSpan input = strata::fuzz::input_bytes(data, size);
  strata::SpanSource whole(input);
  const Record record = read(whole);
  strata::fuzz::PieceSource pieces(input, 5);
  const Record in_pieces = read(pieces);
  check(without_numbers(record.error) == without_numbers(in_pieces.error),
        "the error depends on the pieces");
  if (!record.error.empty()) return 0;
  check(same(record, in_pieces), "the entries depend on the pieces");

  const std::string written = write(record);
  strata::SpanSource again(strata::as_bytes(written));
  const Record reread = read(again);
  check(reread.error.empty(), "our own text is refused");
  check(same(record, reread), "writing and reading changes entries");
  return 0;
}
