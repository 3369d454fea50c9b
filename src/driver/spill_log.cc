// SPDX-License-Identifier: Apache-2.0
#include "driver/spill_log.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/nameless_file.h"

namespace strata::driver {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;

}  // namespace

Status SpillLog::append(std::string_view record) {
  auto length = static_cast<uint32_t>(record.size());
  buffer_.append(reinterpret_cast<const char*>(&length), sizeof length);
  buffer_.append(record);
  return buffer_.size() < kBufferBytes ? Status() : spill();
}

Status SpillLog::spill() {
  if (!file_.valid()) {
    STRATA_TRY(file_, nameless_file(folder_));
  }
  STRATA_CHECK(write_all(file_.get(), as_bytes(buffer_)));
  buffer_.clear();
  return {};
}

Status SpillLog::for_each(const std::function<Status(std::string_view)>& visit) {
  SpanSource memory(as_bytes(buffer_));
  std::unique_ptr<RangeSource> disk;
  if (file_.valid()) {
    STRATA_CHECK(spill());
    STRATA_TRY(struct stat info, stat_fd(file_.get()));
    disk = std::make_unique<RangeSource>(file_.get(), 0, static_cast<uint64_t>(info.st_size));
  }
  ByteSource& source = disk ? static_cast<ByteSource&>(*disk) : memory;
  std::string record;
  while (true) {
    uint32_t length = 0;
    STRATA_TRY(size_t got, read_full(source, std::as_writable_bytes(std::span(&length, 1))));
    if (got == 0) return {};
    record.resize(length);
    STRATA_TRY(got, read_full(source, std::as_writable_bytes(std::span(record))));
    if (got != length) return error(ErrorCode::kIo, "a temporary file of ours was cut short");
    STRATA_CHECK(visit(record));
  }
}

}  // namespace strata::driver
