// SPDX-License-Identifier: Apache-2.0
#include "driver/split_rewrite.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_map>

#include "codec/decompress.h"
#include "codec/gzip_sink.h"
#include "driver/split_file.h"
#include "tar/path.h"
#include "tar/split.h"

namespace strata::driver {
namespace {

class Rewriter {
 public:
  Rewriter(const Fd& folder, const std::vector<Replacement>& replacements) : folder_(folder) {
    for (const Replacement& one : replacements) by_path_[one.path].push_back(&one);  // in order
  }

  Status run(ByteSource& old_json, ByteSink& new_json) {
    tar::SplitReader reader(old_json);
    tar::SplitWriter writer(new_json);
    tar::SplitEntry entry;
    uint64_t number = 0;
    while (true) {
      STRATA_TRY(bool more, reader.next(entry));
      if (!more) break;
      if (entry.kind == tar::SplitEntry::kSegment) {
        STRATA_CHECK(writer.raw(entry.payload));
      } else {
        STRATA_CHECK(copy_file_entry(entry, number++, writer));
      }
    }
    return writer.finish();
  }

 private:
  Status copy_file_entry(const tar::SplitEntry& entry, uint64_t number, tar::SplitWriter& writer) {
    std::string moved = moved_to(tar::clean_path(entry.name), number);
    if (moved.empty()) return writer.file(entry.name, entry.size_bytes, entry.crc);
    if (entry.size_bytes == 0) return {};
    STRATA_TRY(Fd file, open_in_root(folder_, moved, O_RDONLY | O_NOFOLLOW));
    RangeSource payload(file.get(), 0, entry.size_bytes);
    std::array<std::byte, 65536> buffer;
    while (true) {
      STRATA_TRY(size_t count, payload.read(buffer));
      if (count == 0) return {};
      STRATA_CHECK(writer.raw(ByteSpan(buffer).first(count)));
    }
  }

  // Where the file of entry `number` lies now; empty: under its name. It was moved with the first
  // of its name or of a folder above it that was moved after the entry.
  std::string moved_to(std::string_view path, uint64_t number) const {
    const Replacement* first = nullptr;
    size_t prefix_bytes = 0;
    for (size_t end = path.find('/'); true; end = path.find('/', end + 1)) {
      auto found = by_path_.find(path.substr(0, end));
      if (found != by_path_.end()) {
        auto one = std::upper_bound(
            found->second.begin(), found->second.end(), number,
            [](uint64_t entry, const Replacement* other) { return entry < other->entry_number; });
        if (one != found->second.end() && (first == nullptr || (*one)->number < first->number)) {
          first = *one;
          prefix_bytes = std::min(end, path.size());
        }
      }
      if (end == std::string::npos) break;
    }
    if (first == nullptr) return "";
    return fmt::format("replaced/{}{}", first->number, path.substr(prefix_bytes));
  }

  const Fd& folder_;
  std::unordered_map<std::string_view, std::vector<const Replacement*>> by_path_;
};

}  // namespace

Status rewrite_split(const Fd& split_file, const Fd& folder,
                     const std::vector<Replacement>& replacements) {
  STRATA_TRY(struct stat info, stat_fd(split_file.get()));
  STRATA_TRY(Fd fresh, open_at(folder, "rewritten", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  {
    RangeSource old_file(split_file.get(), 0, static_cast<uint64_t>(info.st_size));
    std::unique_ptr<ByteSource> old_json =
        codec::make_decompressor(codec::Compression::kGzip, old_file);
    FdSink new_file(fresh.get());
    codec::FastGzipSink new_json(new_file, as_bytes(split_extra_field(0)));
    STRATA_CHECK(Rewriter(folder, replacements).run(*old_json, new_json));
    STRATA_CHECK(new_json.finish());
  }
  if (::ftruncate(split_file.get(), 0) != 0 || ::lseek(split_file.get(), 0, SEEK_SET) != 0) {
    return errno_error(errno, fmt::format("rewrite {}", kSplitFileName));
  }
  STRATA_TRY(struct stat fresh_info, stat_fd(fresh.get()));
  RangeSource fresh_source(fresh.get(), 0, static_cast<uint64_t>(fresh_info.st_size));
  FdSink target(split_file.get());
  STRATA_TRY(uint64_t copied, copy_stream(fresh_source, target));
  if (copied != static_cast<uint64_t>(fresh_info.st_size)) {
    return error(ErrorCode::kIo, "rewrite {}: cut short", kSplitFileName);
  }
  return unlink_at(folder, "rewritten");
}

}  // namespace strata::driver
