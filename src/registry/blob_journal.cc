// SPDX-License-Identifier: Apache-2.0
//   journal = "strata-blob 1" SP size SP ( etag / "-" ) LF *( begin SP end LF )
//   size, begin, end = 1*DIGIT     ; end: behind the last byte that has arrived
//   etag = as the server sent it, quotes included; without spaces (RFC 9110 section 8.8.3)
// A line without its LF is one that was cut off, and counts as not there.
#include "registry/blob_journal.h"

#include <unistd.h>

#include <charconv>

namespace strata::registry {
namespace {

constexpr std::string_view kMagic = "strata-blob 1 ";
// 20 bytes for each MiB of the blob: enough for 200 GiB; larger ones begin anew when interrupted.
constexpr uint64_t kJournalBytesMax = 8u << 20;

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view take_line(std::string_view& rest) {
  size_t end = rest.find('\n');
  std::string_view line = end == rest.npos ? std::string_view() : rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return line;
}

bool is_plain_etag(std::string_view etag) {
  return etag.find_first_of(" \r\n") == etag.npos && etag.size() < 1024;
}

}  // namespace

Result<BlobJournal> BlobJournal::open(FileLock file, uint64_t size_bytes) {
  BlobJournal journal(std::move(file), size_bytes);
  STRATA_TRY(struct stat info, stat_fd(journal.file_.fd()));
  if (info.st_size > static_cast<off_t>(kJournalBytesMax)) return journal;
  std::string text(static_cast<size_t>(info.st_size), '\0');
  STRATA_TRY(size_t size, pread_full(journal.file_.fd(),
                                     {reinterpret_cast<std::byte*>(text.data()), text.size()}, 0));
  journal.parse(std::string_view(text).substr(0, size));
  return journal;
}

void BlobJournal::parse(std::string_view text) {
  std::string_view head = take_line(text);
  if (!head.starts_with(kMagic)) return;
  head.remove_prefix(kMagic.size());
  size_t space = head.find(' ');
  if (space == head.npos || parse_number(head.substr(0, space)) != size_bytes_) return;
  validator_ = head.substr(space + 1);
  if (validator_ == "-") validator_.clear();
  while (!text.empty()) {
    std::string_view line = take_line(text);
    size_t middle = std::min(line.find(' '), line.size());
    std::optional<uint64_t> begin = parse_number(line.substr(0, middle));
    std::optional<uint64_t> end = parse_number(line.substr(std::min(middle + 1, line.size())));
    if (begin && end && *begin <= *end && *end <= size_bytes_) arrived_.add({*begin, *end});
  }
}

Status BlobJournal::add(const ByteRange& range) {
  arrived_.add(range);
  return write_all(file_.fd(), as_bytes(fmt::format("{} {}\n", range.begin, range.end)));
}

Status BlobJournal::restart(const std::string& validator, const ByteRanges& kept) {
  if (::ftruncate(file_.fd(), 0) != 0) return errno_error(errno, "ftruncate");
  arrived_ = kept;
  validator_ = is_plain_etag(validator) ? validator : "";
  std::string text =
      fmt::format("{}{} {}\n", kMagic, size_bytes_, validator_.empty() ? "-" : validator_);
  for (const auto& [begin, end] : kept.all()) text += fmt::format("{} {}\n", begin, end);
  return write_all(file_.fd(), as_bytes(text));
}

}  // namespace strata::registry
