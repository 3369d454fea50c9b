// SPDX-License-Identifier: Apache-2.0
#include "archive/stream_contents.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>

#include "archive/early_layer.h"
#include "archive/links.h"
#include "archive/watched_source.h"
#include "base/interrupt.h"
#include "codec/decompress.h"
#include "tar/parser.h"
#include "tar/path.h"

namespace strata::archive {
namespace {

// Layers that may still be unpacking while the stream goes on. Each holds a few blocks.
constexpr size_t kLayersUnderWay = 3;
// Of gzip, the stream's or a layer's, inflated ahead: 13 MiB.
constexpr size_t kPiecesAhead = 4;

struct Kept {
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
};

struct PassingLayer {
  std::shared_ptr<EarlyLayer> unpacking;  // null: taken
  uint64_t size_bytes = 0;
};

class StreamContents final : public Contents, private tar::ParserEvents {
 public:
  StreamContents(store::Transaction& txn, Pool& pool, BufferPool& buffers)
      : txn_(txn), pool_(pool), unpack_buffers_(buffers), gunzip_(pool, kPiecesAhead) {}

  Status consume(const Fd& input, LoadProgress* progress) {
    STRATA_TRY(struct stat info, stat_fd(input.get()));
    const uint64_t total = S_ISREG(info.st_mode) ? static_cast<uint64_t>(info.st_size) : 0;
    STRATA_TRY(store::StagedLayer scratch, txn_.stage_layer());
    STRATA_TRY(kept_file_, open_at(scratch.folder, "kept", O_RDWR | O_CREAT | O_EXCL, 0600));
    WaitingSource raw(input.get());
    WatchedSource watched(raw, [&](uint64_t done) {
      const bool only_magic = done <= codec::kMagicBytes;
      if (progress != nullptr && !only_magic) progress->archive_advanced(done, total);
    });
    STRATA_TRY(std::unique_ptr<ByteSource> tar, codec::open_decompressed(watched, gunzip_));
    tar::Parser parser;
    while (true) {
      STRATA_CHECK(pool_.check_cancelled());
      block_.block = arriving_.acquire();
      STRATA_TRY(size_t count, read_full(*tar, {block_.block.get(), arriving_.block_bytes()}));
      block_.bytes = {block_.block.get(), count};
      if (parser.offset_bytes() == 0) STRATA_CHECK(check_is_tar(block_.bytes));
      if (count == 0) break;
      STRATA_CHECK(parser.feed(block_.bytes, *this));
    }
    block_ = {};
    return parser.finish();
  }

  bool has(const std::string& name) const override {
    Result<std::string> target = links_.resolve(name);
    return target.ok() && (kept_.contains(*target) || layers_.contains(*target));
  }

  Result<OpenedFile> open(const std::string& name) const override {
    STRATA_TRY(std::string target, links_.resolve(name));
    auto kept = kept_.find(target);
    if (kept == kept_.end()) {
      return error(ErrorCode::kNotFound, "open {}: no such file or directory in the archive", name);
    }
    return OpenedFile{std::make_unique<RangeSource>(kept_file_.get(), kept->second.offset,
                                                    kept->second.size_bytes),
                      kept->second.size_bytes};
  }

  uint64_t size_bytes(const std::string& name) const override {
    Result<std::string> target = links_.resolve(name);
    auto layer = target.ok() ? layers_.find(*target) : layers_.end();
    return layer == layers_.end() ? Contents::size_bytes(name) : layer->second.size_bytes;
  }

  Result<std::vector<std::string>> names() const override {
    std::map<std::string, bool> all;
    for (const auto& [name, kept] : kept_) all[name] = true;
    for (const auto& [name, layer] : layers_) all[name] = true;
    std::vector<std::string> sorted;
    for (const auto& [name, there] : all) sorted.push_back(name);
    return sorted;
  }

  Result<std::optional<UnpackedEarly>> take_unpacked(const std::string& name) override {
    STRATA_TRY(std::string target, links_.resolve(name));
    auto layer = layers_.find(target);
    bool is_there = layer != layers_.end() && layer->second.unpacking != nullptr;
    if (!is_there) return std::optional<UnpackedEarly>();
    std::shared_ptr<EarlyLayer> taken = std::move(layer->second.unpacking);
    STRATA_TRY(UnpackedEarly unpacked, taken->result());
    return std::optional<UnpackedEarly>(std::move(unpacked));
  }

 private:
  Status on_raw(ByteSpan) override { return {}; }

  Status on_member(const tar::Member& member) override {
    if (tar::leaves_root(member.name)) {
      return error(ErrorCode::kInvalid, "invalid path \"{}\" in the archive: it points outside",
                   member.name);
    }
    STRATA_CHECK(check_holes(member));
    std::string name = tar::clean_path(member.name);
    STRATA_CHECK(links_.add_member(name, member.link_name));
    forget(name);
    name_ = name;
    size_bytes_ = member.logical_size_bytes();
    taken_bytes_ = 0;
    current_ = nullptr;
    wanted_ = member.type == tar::kRegular || member.type == tar::kGnuSparse;
    undecided_ = wanted_ && size_bytes_ > kKeptBytes;
    if (wanted_) kept_[name_] = {kept_bytes_, 0};
    if (member.type == tar::kSymlink) links_.add_symlink(name_, member.link_name);
    if (member.type == tar::kHardLink) add_hard_link(tar::clean_path(member.link_name));
    return {};
  }

  void add_hard_link(const std::string& target) {
    auto kept = kept_.find(target);
    if (kept != kept_.end()) kept_[name_] = kept->second;
    if (!layers_.contains(target)) return;
    std::string up;  // a symlink counts from its own folder, a hard link from the root
    for (char c : name_) {
      if (c == '/') up += "../";
    }
    links_.add_symlink(name_, up + target);
  }

  Status on_payload(ByteSpan bytes, uint64_t file_offset) override {
    if (!wanted_) return {};
    STRATA_CHECK(fill_hole(file_offset));
    return take({block_.block, bytes});
  }

  // What a sparse member has up to `end`: zeros that are not in the archive.
  Status fill_hole(uint64_t end) {
    static constexpr std::array<std::byte, 65536> kZeros{};
    while (taken_bytes_ < end) {
      STRATA_CHECK(pool_.check_cancelled());
      const uint64_t rest = end - taken_bytes_;
      if (current_ == nullptr && !undecided_) {  // a hole stays one
        taken_bytes_ = end;
        kept_bytes_ += rest;
        kept_[name_].size_bytes += rest;
        if (::ftruncate(kept_file_.get(), static_cast<off_t>(kept_bytes_)) == 0) return {};
        return errno_error(errno, name_);
      }
      auto count = static_cast<size_t>(std::min<uint64_t>(rest, kZeros.size()));
      STRATA_CHECK(take({nullptr, ByteSpan(kZeros).first(count)}));
    }
    return {};
  }

  Status take(const Slice& payload) {
    const ByteSpan bytes = payload.bytes;
    taken_bytes_ += bytes.size();
    if (undecided_) {
      undecided_ = false;
      char first = static_cast<char>(bytes[0]);
      if (first != '{' && first != '[') {
        kept_.erase(name_);
        STRATA_TRY(std::unique_ptr<EarlyLayer> layer,
                   EarlyLayer::begin(txn_, pool_, unpack_buffers_, {{}, {}, &gunzip_}));
        current_ = std::move(layer);
      }
    }
    if (current_ != nullptr) {
      (void)current_->push(payload);  // what goes wrong shows if it is wanted
      return {};
    }
    STRATA_CHECK(pwrite_all(kept_file_.get(), bytes, kept_bytes_));
    kept_bytes_ += bytes.size();
    kept_[name_].size_bytes += bytes.size();
    return {};
  }

  Status on_member_end() override {
    if (wanted_) STRATA_CHECK(fill_hole(size_bytes_));
    if (current_ == nullptr) return {};
    current_->end();
    layers_[name_] = {current_, size_bytes_};
    under_way_.push_back(std::move(current_));
    if (under_way_.size() > kLayersUnderWay) {
      under_way_.front()->wait();
      under_way_.pop_front();
    }
    return {};
  }

  void forget(const std::string& name) {  // of a name that occurs twice the last one counts
    links_.remove(name);
    kept_.erase(name);
    layers_.erase(name);
  }

  store::Transaction& txn_;
  Pool& pool_;
  BufferPool& unpack_buffers_;   // for what comes out of decompression, or is copied from arriving_
  codec::GunzipHelpers gunzip_;  // for the stream and its layers
  BufferPool arriving_{kBlockBytes, kBlocks / 2};
  Slice block_;
  Fd kept_file_;
  uint64_t kept_bytes_ = 0;
  std::map<std::string, Kept> kept_;
  std::map<std::string, PassingLayer> layers_;
  std::deque<std::shared_ptr<EarlyLayer>> under_way_;
  Links links_;

  std::string name_;         // of the member that is arriving
  uint64_t size_bytes_ = 0;  // with its holes
  uint64_t taken_bytes_ = 0;
  std::shared_ptr<EarlyLayer> current_;
  bool wanted_ = false;
  bool undecided_ = false;
};

}  // namespace

Result<std::unique_ptr<Contents>> consume_stream(const Fd& input, store::Transaction& txn,
                                                 Pool& pool, BufferPool& buffers,
                                                 LoadProgress* progress) {
  auto contents = std::make_unique<StreamContents>(txn, pool, buffers);
  STRATA_CHECK(contents->consume(input, progress));
  return std::unique_ptr<Contents>(std::move(contents));
}

}  // namespace strata::archive
