// SPDX-License-Identifier: Apache-2.0
//   log    := record*
//   record := {"log":TEXT,"stream":"stdout"|"stderr","time":RFC3339NANO} LF
//   TEXT ends with a newline, unless the program's line is longer than 16 KiB: then it goes on in the next record.
// Source: dockerd's jsonfilelog, by what it writes.
#include "runtime/json_log.h"

#include <algorithm>

#include "oci/json.h"

namespace strata::runtime {
namespace {

constexpr size_t kRecordBytes = 16u << 10;
constexpr size_t kBlockBytes = 64u << 10;

}  // namespace

Status LogSink::write(ByteSpan bytes) {
  std::string_view rest = as_text(bytes);
  while (!rest.empty()) {
    const size_t newline = rest.find('\n');
    const size_t room = kRecordBytes - line_.size();
    const size_t count = std::min({newline == rest.npos ? rest.size() : newline + 1, room});
    line_ += rest.substr(0, count);
    rest.remove_prefix(count);
    if (line_.back() == '\n' || line_.size() == kRecordBytes) {
      STRATA_CHECK(write_record(line_));
      line_.clear();
    }
  }
  return {};
}

Status LogSink::finish() {
  if (line_.empty()) return {};
  const std::string rest = std::exchange(line_, {});
  return write_record(rest);
}

Status LogSink::write_record(std::string_view text) {
  std::string record = "{\"log\":";
  oci::append_go_string(record, text);
  record += fmt::format(",\"stream\":\"{}\",\"time\":\"{}\"}}\n", stream_,
                        oci::format_time(oci::current_time()));
  return file_.append(record);
}

Result<LogRecord> parse_log_record(std::string_view line) {
  Result<boost::json::value> parsed = oci::parse_json(line);
  if (!parsed.ok() || !parsed->is_object()) {
    return error(ErrorCode::kCorrupt, "a line of the container's log is no record: {}",
                 line.substr(0, 80));
  }
  const boost::json::object& object = parsed->get_object();
  LogRecord record;
  STRATA_TRY(record.text, oci::get_string(object, "JSONLog", "log"));
  STRATA_TRY(std::string stream, oci::get_string(object, "JSONLog", "stream"));
  record.is_error = stream == "stderr";
  STRATA_TRY(std::string time, oci::get_string(object, "JSONLog", "time"));
  STRATA_TRY(record.time, oci::parse_time(time));
  return record;
}

Status visit_log(const Fd& file, uint64_t& offset,
                 const std::function<Status(std::string_view line)>& visit) {
  std::string pending;
  std::string block(kBlockBytes, '\0');
  uint64_t at = offset;
  while (true) {
    MutableByteSpan space(reinterpret_cast<std::byte*>(block.data()), block.size());
    STRATA_TRY(size_t count, pread_full(file.get(), space, at));
    if (count == 0) return {};
    at += count;
    pending.append(block, 0, count);
    size_t begin = 0;
    for (size_t end; (end = pending.find('\n', begin)) != pending.npos; begin = end + 1) {
      STRATA_CHECK(visit(std::string_view(pending).substr(begin, end - begin)));
      offset += end + 1 - begin;
    }
    pending.erase(0, begin);
  }
}

Result<uint64_t> offset_of_tail(const Fd& file, size_t& lines) {
  STRATA_TRY(struct stat info, stat_fd(file.get()));
  uint64_t begin = static_cast<uint64_t>(info.st_size);
  uint64_t start = begin;  // of the earliest whole line that was counted
  size_t newlines = 0;
  std::string block;
  while (begin > 0) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(begin, kBlockBytes));
    begin -= size;
    block.assign(size, '\0');
    MutableByteSpan space(reinterpret_cast<std::byte*>(block.data()), size);
    STRATA_TRY(size_t count, pread_full(file.get(), space, begin));
    for (size_t i = std::min(count, size); i-- > 0;) {
      // The newline that ends the wanted lines does not count, the one before them does.
      if (block[i] != '\n' || newlines++ != lines) continue;
      lines = 0;
      return begin + i + 1;
    }
    start = begin;
  }
  lines -= std::min(lines, newlines);
  return start;
}

}  // namespace strata::runtime
