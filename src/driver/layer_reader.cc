// SPDX-License-Identifier: Apache-2.0
#include "driver/layer_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/queue.h"
#include "codec/decompress.h"
#include "driver/split_file.h"
#include "hash/crc64.h"
#include "hash/sha256.h"
#include "tar/path.h"
#include "tar/split.h"

namespace strata::driver {
namespace {

constexpr size_t kQueuedBlocks = 8;

// The tar as a source: each read() goes on where the last one stopped, within a segment or a file.
class LayerTarSource final : public ByteSource {
 public:
  explicit LayerTarSource(const LayerFiles& layer)
      : files_(*layer.files),
        split_info_(stat_fd(layer.split_file->get())),
        compressed_(layer.split_file->get(), 0, split_bytes()),
        json_(codec::make_decompressor(codec::Compression::kGzip, compressed_)),
        entries_(*json_) {}

  Result<size_t> read(MutableByteSpan buffer) override {
    size_t filled = 0;
    while (filled < buffer.size()) {
      MutableByteSpan space = buffer.subspan(filled);
      if (!segment_.empty()) {
        size_t count = std::min(space.size(), segment_.size());
        std::memcpy(space.data(), segment_.data(), count);
        segment_ = segment_.subspan(count);
        filled += count;
      } else if (file_rest_bytes_ > 0) {
        STRATA_TRY(size_t count, read_file(space));
        filled += count;
      } else {
        STRATA_TRY(bool more, next_entry());
        if (!more) break;
      }
    }
    return filled;
  }

 private:
  uint64_t split_bytes() const {
    return split_info_.ok() ? static_cast<uint64_t>(split_info_->st_size) : 0;
  }

  Result<bool> next_entry() {
    if (!split_info_.ok()) return Error(split_info_.error()).add_context(kSplitFileName);
    STRATA_TRY(bool more, std::move(entries_.next(entry_)).context("{}", kSplitFileName));
    if (!more) return false;
    uint64_t file_bytes = sizes_.next(entry_);
    if (entry_.kind == tar::SplitEntry::kSegment) {
      segment_ = entry_.payload;
    } else if (file_bytes > 0) {
      STRATA_CHECK(open_file());
    }
    return true;
  }

  // Members of a folder mostly follow each other, so its descriptor is kept.
  Status open_file() {
    std::string path = tar::clean_path(entry_.name);
    size_t slash = path.rfind('/');
    std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
    if (!folder_.valid() || folder != folder_path_) {
      STRATA_TRY(folder_, file_context(open_in_root(files_, folder, O_PATH | O_DIRECTORY)));
      folder_path_ = std::move(folder);
    }
    STRATA_TRY(file_, file_context(open_at(folder_, path.substr(slash + 1),
                                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK)));
    file_rest_bytes_ = entry_.size_bytes;
    file_offset_ = 0;
    crc_ = {};
    return {};
  }

  // Asks for one byte more than is expected, where there is room, so that the end of the file costs
  // no call of its own.
  Result<size_t> read_file(MutableByteSpan space) {
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(space.size(), file_rest_bytes_ + 1));
    STRATA_TRY(size_t got,
               file_context(pread_full(file_.get(), space.first(wanted), file_offset_)));
    size_t count = static_cast<size_t>(std::min<uint64_t>(got, file_rest_bytes_));
    crc_.update(space.first(count));
    file_offset_ += got;
    file_rest_bytes_ -= count;
    if (got < wanted && file_rest_bytes_ > 0)
      return wrong_size(fmt::format("{} found", file_offset_));
    if (file_rest_bytes_ > 0) return count;
    std::byte extra;
    if (got == count && got == wanted) {
      STRATA_TRY(got, file_context(pread_full(file_.get(), {&extra, 1}, file_offset_)));
      if (got > 0) return wrong_size("more found");
    } else if (got > count) {
      return wrong_size("more found");
    }
    if (crc_.big_endian() != entry_.crc) {
      return error(ErrorCode::kCorrupt,
                   "file integrity checksum failed for \"{}\": expected CRC-64 {}, found {}",
                   entry_.name, hex(entry_.crc), hex(crc_.big_endian()));
    }
    return count;
  }

  Error wrong_size(const std::string& found) const {
    return error(ErrorCode::kCorrupt, "file \"{}\": {} bytes expected, {}", entry_.name,
                 entry_.size_bytes, found);
  }

  static std::string hex(const std::array<uint8_t, 8>& crc) {
    return fmt::format("{:02x}", fmt::join(crc, ""));
  }

  template <typename T>
  Result<T> file_context(Result<T> result) const {
    if (result.ok()) return result;
    // Whatever keeps us from reading a file that the record names, the layer is not what it was.
    ErrorCode code =
        result.error().code() == ErrorCode::kNotFound ? ErrorCode::kCorrupt : result.error().code();
    return error(code, "file \"{}\": {}", entry_.name, result.error().message());
  }

  const Fd& files_;
  const Result<struct stat> split_info_;  // when it cannot be had, the first read says so
  RangeSource compressed_;
  std::unique_ptr<ByteSource> json_;
  tar::SplitReader entries_;
  tar::SplitEntry entry_;
  PayloadSizes sizes_;
  ByteSpan segment_;  // rest of the current one, within entry_
  Fd folder_;
  std::string folder_path_;
  Fd file_;
  uint64_t file_rest_bytes_ = 0;
  uint64_t file_offset_ = 0;
  Crc64 crc_;
};

class NoSink final : public ByteSink {
 public:
  Status write(ByteSpan) override { return {}; }
};

}  // namespace

std::unique_ptr<ByteSource> open_layer_tar(const LayerFiles& layer) {
  return std::make_unique<LayerTarSource>(layer);
}

Status read_layer(const LayerFiles& layer, const DiffId& expected, ByteSink& to,
                  BufferPool& buffers, const Pool& pool) {
  BoundedQueue<Slice> to_hash(kQueuedBlocks);
  BoundedQueue<Slice> to_write(kQueuedBlocks);
  Stage assembler([&]() -> Status {
    auto run = [&]() -> Status {
      LayerTarSource tar(layer);
      while (true) {
        STRATA_CHECK(pool.check_cancelled());
        std::shared_ptr<std::byte[]> block = buffers.acquire();
        STRATA_TRY(size_t count, read_full(tar, {block.get(), buffers.block_bytes()}));
        if (count == 0) return {};
        Slice slice{block, {block.get(), count}};
        if (!to_hash.push(slice) || !to_write.push(std::move(slice))) return {};
      }
    };
    Status status = run();
    to_hash.close();
    to_write.close();
    return status;
  });
  Sha256 sha256;
  Stage hasher([&]() -> Status {
    while (std::optional<Slice> block = to_hash.pop()) sha256.update(block->bytes);
    return {};
  });

  Status written;
  while (std::optional<Slice> block = to_write.pop()) {
    written = to.write(block->bytes);
    if (!written.ok()) break;
  }
  if (!written.ok()) {
    to_write.abandon();
    to_hash.abandon();
  }
  Status assembled = assembler.join();
  STRATA_CHECK(hasher.join());
  STRATA_CHECK(std::move(written));
  STRATA_CHECK(std::move(assembled));
  DiffId found(sha256.finish());
  if (found != expected) {
    return error(ErrorCode::kCorrupt, "could not verify layer data: expected {}, found {}",
                 expected, found);
  }
  return {};
}

Status verify_layer(const LayerFiles& layer, const DiffId& expected, BufferPool& buffers,
                    const Pool& pool) {
  NoSink nothing;
  return read_layer(layer, expected, nothing, buffers, pool);
}

}  // namespace strata::driver
