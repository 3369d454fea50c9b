// SPDX-License-Identifier: Apache-2.0
#include "driver/split_recorder.h"

#include "codec/gzip_sink.h"

namespace strata::driver {

SplitRecorder::~SplitRecorder() {
  queue_.abandon();
  (void)stage_.join().ok();
}

Status SplitRecorder::begin(const Fd& folder) {
  STRATA_TRY(file_, open_at(folder, kSplitFileName, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  stage_.start([this]() -> Status {
    Status recorded = record();
    if (!recorded.ok()) queue_.abandon();
    return recorded;
  });
  return {};
}

void SplitRecorder::raw(Slice bytes) { gathered_.push_back({std::move(bytes), "", 0, {}}); }

void SplitRecorder::file(std::string name, uint64_t size_bytes, const tar::Crc64Bytes& crc) {
  gathered_.push_back({{}, std::move(name), size_bytes, crc});
}

Status SplitRecorder::flush() {
  if (gathered_.empty()) return {};
  if (queue_.push(std::exchange(gathered_, {}))) return {};
  STRATA_CHECK(stage_.join());
  return error(ErrorCode::kCancelled, "{}: its thread has ended", kSplitFileName);
}

Status SplitRecorder::record() {
  FdSink file(file_.get());
  codec::FastGzipSink gzip(file, as_bytes(split_extra_field(0)));
  tar::SplitWriter writer(gzip);
  while (std::optional<std::vector<Item>> items = queue_.pop()) {
    for (const Item& item : *items) {
      STRATA_CHECK(item.raw.block ? writer.raw(item.raw.bytes)
                                  : writer.file(item.name, item.size_bytes, item.crc));
    }
  }
  STRATA_CHECK(writer.finish());
  return gzip.finish();
}

Result<Fd> SplitRecorder::finish() {
  STRATA_CHECK(flush());
  queue_.close();
  STRATA_CHECK(stage_.join());
  return std::move(file_);
}

}  // namespace strata::driver
