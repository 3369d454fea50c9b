// SPDX-License-Identifier: Apache-2.0
// The log of a container: what its program printed, as docker's json-file driver keeps it.
// Shape:   containers/<id>/<id>-json.log; grammar in json_log.cc.
// Threads: one writer; readers at any time, they see whole lines.
// Crash:   the last line may be cut off; it is left out when reading.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/fs_at.h"
#include "base/stream.h"
#include "oci/go_time.h"
#include "runtime/log_file.h"

namespace strata::runtime {

// Writes one of the two streams, line by line. The file is borrowed.
class LogSink final : public ByteSink {
 public:
  LogSink(LogFile& file, std::string_view stream) : file_(file), stream_(stream) {}
  Status write(ByteSpan bytes) override;
  // What is left without a newline becomes a record too.
  Status finish() override;

 private:
  Status write_record(std::string_view text);

  LogFile& file_;
  std::string stream_;  // "stdout" or "stderr"
  std::string line_;
};

struct LogRecord {
  std::string text;  // with its newline
  bool is_error = false;
  oci::Time time;
};

// One line of the file, without its newline. Errors: kCorrupt.
Result<LogRecord> parse_log_record(std::string_view line);

// Calls `visit` with the file's whole lines from `offset` on, which moves behind them.
Status visit_log(const Fd& file, uint64_t& offset,
                 const std::function<Status(std::string_view line)>& visit);
// The offset at which the last `lines` whole lines begin. `lines` becomes how many the file lacks.
Result<uint64_t> offset_of_tail(const Fd& file, size_t& lines);

}  // namespace strata::runtime
