// SPDX-License-Identifier: Apache-2.0
//   strata/summaries = head image* layer* label* end* text* checksum
//     head     = "strasums" version images layers labels texts text-bytes     numbers of each, 32 bits
//     image    = image-id(32) seconds(64) nanoseconds(32) offset(32)          created; sorted by ID
//                top-layer os architecture variant first-label labels         32 bits each
//     layer    = diffID(32) chainID(32) parent depth        parent: an earlier layer, or all ones;
//                                                           depth: 1 for a base layer
//     label    = name value                                 indices of texts
//     end      = where text i ends, from the first text on; they stand without gaps
//     checksum = CRC-64 of all before it
// Numbers are in the byte order of the machine: in another one the version is another number.
// A layer stands there once, however many images have it, and so does each text.
// Source: this file. Nobody else reads it, and what is not of this version is written anew.
#include "store/summaries.h"

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <optional>
#include <unordered_map>

#include "base/lock.h"
#include "hash/crc64.h"
#include "oci/image_config.h"
#include "store/parts.h"

namespace strata::store {
namespace {

constexpr const char* kFolder = "strata";
constexpr const char* kPath = "strata/summaries";
constexpr const char* kUnfinished = "strata/summaries.new-";  // and 16 hex digits
constexpr size_t kFileBytesMax = 256u << 20;
constexpr std::array<char, 8> kMagic = {'s', 't', 'r', 'a', 's', 'u', 'm', 's'};
constexpr uint32_t kVersion = 1;
constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

struct Head {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t images = 0, layers = 0, labels = 0, texts = 0, text_bytes = 0;
};
struct ImageRecord {
  ImageId image;
  int64_t seconds;
  int32_t nanoseconds, offset_seconds;
  uint32_t top_layer, os, architecture, variant, first_label, labels;
};
struct LayerRecord {
  DiffId diff;
  ChainId chain;
  uint32_t parent, depth;
};
struct LabelRecord {
  uint32_t name, value;
};
using Checksum = uint64_t;
// No padding: every byte of a file is one that was put there.
static_assert(sizeof(Head) == 32 && sizeof(ImageRecord) == 72 && sizeof(LayerRecord) == 72);

Checksum checksum_of(std::string_view bytes) {
  Crc64 crc;
  crc.update(as_bytes(bytes));
  return crc.value();
}

template <typename Record>
Record read_record(const char* from) {
  static_assert(std::is_trivially_copyable_v<Record>);
  Record record;
  std::memcpy(&record, from, sizeof record);
  return record;
}

template <typename Record>
void append_records(std::string& out, const std::vector<Record>& records) {
  out.append(reinterpret_cast<const char*>(records.data()), records.size() * sizeof(Record));
}

bool is_time(const ImageRecord& image) {
  constexpr int64_t kFirst = oci::Time::kZeroSeconds - 400 * 86400;  // year 0
  constexpr int64_t kLast = 253402300800 + 100 * 3600;               // year 9999
  constexpr int32_t kZoneMax = 100 * 3600;
  return image.seconds >= kFirst && image.seconds <= kLast && image.nanoseconds >= 0 &&
         image.nanoseconds < 1'000'000'000 && image.offset_seconds >= -kZoneMax &&
         image.offset_seconds <= kZoneMax;
}

// Collects what entries share, each once.
class Encoder {
 public:
  void add(const Summaries::Entry& entry) {
    const oci::ConfigSummary& config = *entry.config;
    images_.push_back({*entry.image, config.created.seconds, config.created.nanoseconds,
                       config.created.offset_seconds, add_layers(entry), add_text(config.os),
                       add_text(config.architecture), add_text(config.variant),
                       static_cast<uint32_t>(labels_.size()),
                       static_cast<uint32_t>(config.labels.size())});
    for (const auto& [name, value] : config.labels) {
      const uint32_t name_text = add_text(name);
      labels_.push_back({name_text, add_text(value)});
    }
  }

  Result<std::string> finish() {
    const size_t bytes = sizeof(Head) + images_.size() * sizeof(ImageRecord) +
                         layers_.size() * sizeof(LayerRecord) +
                         labels_.size() * sizeof(LabelRecord) + ends_.size() * sizeof(uint32_t) +
                         texts_.size() + sizeof(Checksum);
    if (bytes > kFileBytesMax) {  // so no index and no count has exceeded 32 bits
      return error(ErrorCode::kUnsupported, "{}: {} bytes are too many", kPath, bytes);
    }
    Head head;
    head.images = static_cast<uint32_t>(images_.size());
    head.layers = static_cast<uint32_t>(layers_.size());
    head.labels = static_cast<uint32_t>(labels_.size());
    head.texts = static_cast<uint32_t>(ends_.size());
    head.text_bytes = static_cast<uint32_t>(texts_.size());
    std::string out;
    out.reserve(bytes);
    append_records(out, std::vector<Head>{head});
    append_records(out, images_);
    append_records(out, layers_);
    append_records(out, labels_);
    append_records(out, ends_);
    out += texts_;
    append_records(out, std::vector<Checksum>{checksum_of(out)});
    return out;
  }

 private:
  // The index of the top layer.
  uint32_t add_layers(const Summaries::Entry& entry) {
    const std::vector<ChainId>& chains = *entry.chains;
    if (chains.empty()) return kNone;
    if (auto top = known_layers_.find(chains.back()); top != known_layers_.end()) {
      return top->second;
    }
    uint32_t last = kNone;
    for (size_t i = 0; i < chains.size(); ++i) {
      auto [layer, is_new] =
          known_layers_.try_emplace(chains[i], static_cast<uint32_t>(layers_.size()));
      if (is_new) {
        layers_.push_back(
            {entry.config->diff_ids[i], chains[i], last, static_cast<uint32_t>(i + 1)});
      }
      last = layer->second;
    }
    return last;
  }

  uint32_t add_text(std::string_view text) {
    auto [known, is_new] = known_texts_.try_emplace(text, static_cast<uint32_t>(ends_.size()));
    if (is_new) {
      texts_ += text;
      ends_.push_back(static_cast<uint32_t>(texts_.size()));
    }
    return known->second;
  }

  std::vector<ImageRecord> images_;
  std::vector<LayerRecord> layers_;
  std::vector<LabelRecord> labels_;
  std::vector<uint32_t> ends_;
  std::string texts_;
  std::unordered_map<ChainId, uint32_t> known_layers_;
  std::unordered_map<std::string_view, uint32_t> known_texts_;  // of the entries
};

// See "Trust" in the header.
bool is_trusted(const struct stat& file, const struct stat& root_folder) {
  return S_ISREG(file.st_mode) && (file.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
         (file.st_uid == root_folder.st_uid || file.st_uid == ::geteuid());
}

Result<std::string> read_trusted(const Fd& root) {
  STRATA_TRY(Fd file, open_at(root, kPath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  STRATA_TRY(struct stat info, stat_fd(file.get()));
  STRATA_TRY(struct stat root_folder, stat_fd(root.get()));
  if (!is_trusted(info, root_folder) || static_cast<uint64_t>(info.st_size) > kFileBytesMax) {
    return error(ErrorCode::kPermission, "{} is not the store's", kPath);
  }
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  STRATA_TRY(size_t count, pread_full(file.get(), std::as_writable_bytes(std::span(bytes)), 0));
  bytes.resize(count);
  return bytes;
}

Status make_folder(const Fd& root) {
  STRATA_TRY(bool there, exists_at(root, kFolder));
  if (there) return {};
  // A folder of ours in somebody else's root would be in that owner's way.
  STRATA_TRY(struct stat info, stat_fd(root.get()));
  if (info.st_uid != ::geteuid()) {
    return error(ErrorCode::kPermission, "{} is missing, and the root's owner is another", kFolder);
  }
  return ensure_dir_at(root, kFolder, 0700);
}

}  // namespace

// Whether every index and every number of a file is one that find() can follow.
class Summaries::Checker {
 public:
  explicit Checker(const Summaries& file) : file_(file) {}

  bool run() const {
    return check_texts() && check_layers() &&
           all<LabelRecord>(file_.labels_at_, file_.labels_,
                            [this](const LabelRecord& label) {
                              return is_text(label.name) && is_text(label.value);
                            }) &&
           check_images();
  }

 private:
  template <typename Record, typename Check>
  bool all(size_t section, size_t count, Check check) const {
    for (size_t i = 0; i < count; ++i) {
      if (!check(file_.record<Record>(section, i))) return false;
    }
    return true;
  }

  bool check_texts() const {
    uint32_t before = 0;
    const bool rising = all<uint32_t>(file_.ends_at_, file_.texts_, [&](uint32_t end) {
      return end >= std::exchange(before, end);
    });
    return rising && before == file_.bytes_.size() - sizeof(Checksum) - file_.texts_at_;
  }

  bool check_layers() const {
    uint32_t index = 0;
    return all<LayerRecord>(file_.layers_at_, file_.layers_, [&](const LayerRecord& layer) {
      const uint32_t own = index++;
      if (layer.parent == kNone) return layer.depth == 1;
      return layer.parent < own && layer.depth <= oci::kMaxDiffIds &&
             layer.depth == file_.record<LayerRecord>(file_.layers_at_, layer.parent).depth + 1;
    });
  }

  bool check_images() const {
    std::optional<ImageId> before;
    return all<ImageRecord>(sizeof(Head), file_.images_, [&](const ImageRecord& image) {
      const bool rising = !before || *before < image.image;
      before = image.image;
      return rising && is_time(image) &&
             (image.top_layer == kNone || image.top_layer < file_.layers_) && is_text(image.os) &&
             is_text(image.architecture) && is_text(image.variant) &&
             image.first_label <= file_.labels_ &&
             image.labels <= file_.labels_ - image.first_label;
    });
  }

  bool is_text(uint32_t index) const { return index < file_.texts_; }

  const Summaries& file_;
};

template <typename Record>
Record Summaries::record(size_t section, size_t index) const {
  return read_record<Record>(bytes_.data() + section + index * sizeof(Record));
}

std::string_view Summaries::text(uint32_t index) const {
  const size_t begin = index == 0 ? 0 : record<uint32_t>(ends_at_, index - 1);
  return {bytes_.data() + texts_at_ + begin, record<uint32_t>(ends_at_, index) - begin};
}

Summaries Summaries::decode(std::string bytes) {
  if (bytes.size() < sizeof(Head) + sizeof(Checksum) || bytes.size() > kFileBytesMax) return {};
  const size_t checked = bytes.size() - sizeof(Checksum);
  const Head head = read_record<Head>(bytes.data());
  if (head.magic != kMagic || head.version != kVersion) return {};
  Summaries file;
  file.images_ = head.images;
  file.layers_ = head.layers;
  file.labels_ = head.labels;
  file.texts_ = head.texts;
  file.layers_at_ = sizeof(Head) + file.images_ * sizeof(ImageRecord);
  file.labels_at_ = file.layers_at_ + file.layers_ * sizeof(LayerRecord);
  file.ends_at_ = file.labels_at_ + file.labels_ * sizeof(LabelRecord);
  file.texts_at_ = file.ends_at_ + file.texts_ * sizeof(uint32_t);
  if (file.texts_at_ + head.text_bytes != checked) return {};
  if (read_record<Checksum>(bytes.data() + checked) !=
      checksum_of(std::string_view(bytes).substr(0, checked))) {
    return {};
  }
  file.bytes_ = std::move(bytes);
  return Checker(file).run() ? std::move(file) : Summaries();
}

Summaries Summaries::read(const Fd& root) {
  Result<std::string> bytes = read_trusted(root);
  return bytes.ok() ? decode(std::move(bytes).value()) : Summaries();
}

Result<std::string> Summaries::encode(std::span<const Entry> entries) {
  Encoder encoder;
  for (const Entry& entry : entries) encoder.add(entry);
  return encoder.finish();
}

Status Summaries::write(const Fd& root, std::span<const Entry> entries) {
  STRATA_TRY(std::optional<FileLock> daemon_lock, keep_daemon_out(root));
  STRATA_CHECK(make_folder(root));
  STRATA_TRY(std::string bytes, encode(entries));
  // A file tells by itself whether it is whole, so it need not be synced.
  const std::string fresh = fmt::format("{}{}", kUnfinished, random_hex(8));
  Status written = write_file_at(root, fresh, bytes, 0600);
  if (written.ok()) written = rename_at(root, fresh, root, kPath, Existing::kReplace);
  if (!written.ok()) (void)unlink_at(root, fresh).ok();
  return written;
}

Status Summaries::remove_unfinished(const Fd& root) {
  return visit_dir_at(root, kFolder, [&](const DirEntry& entry) {
    const std::string path = fmt::format("{}/{}", kFolder, entry.name);
    return path.starts_with(kUnfinished) ? unlink_at(root, path) : Status();
  });
}

ImageId Summaries::image(size_t index) const {
  static_assert(offsetof(ImageRecord, image) == 0);
  return read_record<ImageId>(bytes_.data() + sizeof(Head) + index * sizeof(ImageRecord));
}

Summaries::Walk::Walk(const Summaries& file, const ImageId& first) : file_(file) {
  for (size_t count = file.images_; count > 0;) {
    const size_t half = count / 2;
    const bool before = file.image(next_ + half) < first;
    if (before) next_ += half + 1;
    count = before ? count - half - 1 : half;
  }
}

bool Summaries::Walk::find(const ImageId& image, oci::ConfigSummary& config,
                           std::vector<ChainId>& chains) {
  while (next_ < file_.images_ && file_.image(next_) < image) ++next_;
  if (next_ == file_.images_ || file_.image(next_) != image) return false;
  file_.fill(next_, config, chains);
  return true;
}

void Summaries::fill(size_t index, oci::ConfigSummary& config, std::vector<ChainId>& chains) const {
  const auto kept = record<ImageRecord>(sizeof(Head), index);
  config.created = {kept.seconds, kept.nanoseconds, kept.offset_seconds};
  config.os = text(kept.os);
  config.architecture = text(kept.architecture);
  config.variant = text(kept.variant);
  config.labels.clear();
  config.labels.reserve(kept.labels);
  for (size_t i = 0; i < kept.labels; ++i) {
    const auto label = record<LabelRecord>(labels_at_, kept.first_label + i);
    config.labels.emplace_back(text(label.name), text(label.value));
  }
  config.diff_ids.clear();
  chains.clear();
  if (kept.top_layer == kNone) return;
  const size_t depth = record<LayerRecord>(layers_at_, kept.top_layer).depth;
  config.diff_ids.resize(depth);
  chains.resize(depth);
  uint32_t next = kept.top_layer;
  for (size_t i = depth; i-- > 0;) {
    const auto layer = record<LayerRecord>(layers_at_, next);
    config.diff_ids[i] = layer.diff;
    chains[i] = layer.chain;
    next = layer.parent;
  }
}

std::vector<ChainId> Summaries::chains() const {
  std::vector<ChainId> chains;
  chains.reserve(layers_);
  for (size_t i = 0; i < layers_; ++i) {
    chains.push_back(record<LayerRecord>(layers_at_, i).chain);
  }
  return chains;
}

}  // namespace strata::store
