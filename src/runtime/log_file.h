// SPDX-License-Identifier: Apache-2.0
// The files of a container's log.
// Shape:   containers/<id>/<id>-json.log, which is written; what was rotated away is `.1`, the youngest, `.2` and so on,
//          or `.1.gz` where a dockerd was told to compress.
// Source:  dockerd's json-file driver, options max-size and max-file.
// Threads: one at a time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/fs_at.h"

namespace strata::runtime {

struct LogLimits {
  uint64_t max_bytes = 0;  // 0: it grows on
  unsigned max_files = 1;  // with one, the file is emptied when it is full

  // Of a container's --log-opt. Errors: kInvalid in docker's words, naming what json-file does not know.
  static Result<LogLimits> parse(const std::map<std::string, std::string>& options);
};

class LogFile {
 public:
  // Opens it for appending, and makes it where it is missing. `folder` is borrowed.
  static Result<LogFile> open(const Fd& folder, std::string name, const LogLimits& limits);
  // Begins a new file first when this one is full, as dockerd does: so it may become a record too large.
  Status append(std::string_view record);

 private:
  LogFile(const Fd& folder, std::string name, const LogLimits& limits)
      : folder_(&folder), name_(std::move(name)), limits_(limits) {}
  Status open_file(int more_flags);
  Status rotate();

  const Fd* folder_;
  std::string name_;
  LogLimits limits_;
  Fd file_;
  uint64_t size_ = 0;
};

// What there is of the log, oldest first, and last the file that is written. Compressed ones are
// unpacked into nameless files. Empty when the container never ran. A dockerd leaves one file more than
// `max_files`; it does not show it, and neither do we.
Result<std::vector<Fd>> open_log_files(const Fd& folder, const std::string& name,
                                       unsigned max_files);

}  // namespace strata::runtime
