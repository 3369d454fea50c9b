// SPDX-License-Identifier: Apache-2.0
// What takes the time, of 10,000 images: opening and reading as many small files (half of it, in
// the kernel), their digests, their JSON, and repositories.json. So files are opened below one
// descriptor, workers take runs of images and remember the chainIDs that they computed, and one of
// them reads the references meanwhile.
#include "store/list_images.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "oci/image_config.h"

namespace strata::store {
namespace {

constexpr size_t kImagesPerTask = 128;

// One image, read by one worker. `problem` says why dockerd would not list it.
struct Reading {
  ImageRow row;
  std::string problem;
  bool gone = false;  // removed by somebody since the folder was listed
};

// chainIDs that were computed already. Images share most of their layers.
class ChainMemo {
 public:
  std::vector<ChainId> chains_of(const std::vector<DiffId>& diffs) {
    std::vector<ChainId> chains;
    chains.reserve(diffs.size());
    for (const DiffId& diff : diffs) {
      const ChainId parent = chains.empty() ? ChainId() : chains.back();
      auto [entry, is_new] = known_.try_emplace({parent, diff});
      if (is_new) entry->second = chain_id(chains.empty() ? nullptr : &parent, diff);
      chains.push_back(entry->second);
    }
    return chains;
  }

 private:
  std::map<std::pair<ChainId, DiffId>, ChainId> known_;
};

class Lister {
 public:
  Lister(const Store& store, Pool& pool) : store_(store), pool_(pool) {}

  Result<ImageList> run() {
    STRATA_TRY(std::vector<ImageId> images, store_.images().list());
    if (images.empty()) return ImageList();
    STRATA_CHECK(open_folders());
    readings_.resize(images.size());
    size_t tasks = (images.size() + kImagesPerTask - 1) / kImagesPerTask;
    STRATA_CHECK(pool_.parallel_for(tasks + 1, [&](size_t task) {
      return task == 0 ? read_references() : read_images(images, (task - 1) * kImagesPerTask);
    }));
    STRATA_CHECK(read_sizes());
    STRATA_CHECK(pool_.parallel_for(tasks, [&](size_t task) {
      finish_rows(task * kImagesPerTask);
      return Status();
    }));
    return collect();
  }

 private:
  Status open_folders();
  Status read_references();
  Status read_images(const std::vector<ImageId>& images, size_t first);
  Status read_image(const ImageId& image, ChainMemo& memo, Reading& reading);
  Status read_sizes();
  void finish_rows(size_t first);
  ImageList collect();

  std::span<Reading> run_of(size_t first) {
    return std::span(readings_).subspan(first, std::min(kImagesPerTask, readings_.size() - first));
  }

  const Store& store_;
  Pool& pool_;
  Fd contents_;
  std::unordered_set<std::string> with_metadata_;
  std::vector<Reading> readings_;
  std::unordered_map<ImageId, std::vector<std::string>> keys_;
  // Every layer that an image names; none for those that are not sound.
  std::unordered_map<ChainId, std::optional<uint64_t>> sizes_;
};

Status Lister::open_folders() {
  STRATA_TRY(contents_, store_.images().open_contents());
  Result<std::vector<DirEntry>> entries =
      list_dir_at(store_.root(), store_.images().metadata_path(""));
  if (!entries.ok() && entries.error().code() == ErrorCode::kNotFound) return {};
  if (!entries.ok()) return std::move(entries).error();
  for (DirEntry& entry : *entries) with_metadata_.insert(std::move(entry.name));
  return {};
}

Status Lister::read_references() {
  STRATA_TRY(References references, store_.references());
  for (auto& [key, image] : references.all()) keys_[image].push_back(key);
  for (auto& [image, keys] : keys_) {
    std::stable_partition(keys.begin(), keys.end(),
                          [](const std::string& key) { return !is_digest_key(key); });
  }
  return {};
}

Status Lister::read_images(const std::vector<ImageId>& images, size_t first) {
  ChainMemo memo;
  for (Reading& reading : run_of(first)) {
    STRATA_CHECK(read_image(images[first++], memo, reading));
  }
  return pool_.check_cancelled();
}

Status Lister::read_image(const ImageId& image, ChainMemo& memo, Reading& reading) {
  reading.row.id = image;
  Result<std::string> config = ImageDb::read_config(contents_, image);
  if (!config.ok()) {
    reading.gone = config.error().code() == ErrorCode::kNotFound;
    reading.problem = config.error().message();
    bool only_this_image = reading.gone || config.error().code() == ErrorCode::kCorrupt;
    return only_this_image ? Status() : Status(std::move(config).error());
  }
  Result<oci::ConfigSummary> summary = oci::summarize_config(*config);
  if (!summary.ok()) {
    reading.problem = fmt::format("image {}: {}", image.short_hex(), summary.error().message());
    return {};
  }
  reading.row.config = std::move(summary).value();
  reading.row.chains = memo.chains_of(reading.row.config.diff_ids);
  if (!with_metadata_.empty() && with_metadata_.contains(image.hex())) {
    STRATA_TRY(reading.row.parent, store_.images().parent(image));
  }
  return {};
}

Status Lister::read_sizes() {
  std::vector<ChainId> chains;
  for (const Reading& reading : readings_) {
    for (const ChainId& chain : reading.row.chains) {
      if (sizes_.try_emplace(chain).second) chains.push_back(chain);
    }
  }
  std::vector<std::optional<Layer>> layers(chains.size());
  STRATA_CHECK(pool_.parallel_for(chains.size(), [&](size_t i) -> Status {
    STRATA_TRY(layers[i], store_.layers().find(chains[i]));
    return {};
  }));
  for (size_t i = 0; i < chains.size(); ++i) {
    if (layers[i]) sizes_[chains[i]] = layers[i]->size_bytes;
  }
  return {};
}

// Reads what the steps before have gathered, which does not change any more; keys of an image are
// taken by its row alone.
void Lister::finish_rows(size_t first) {
  for (Reading& reading : run_of(first)) {
    if (!reading.problem.empty()) continue;
    for (const ChainId& chain : reading.row.chains) {
      const std::optional<uint64_t>& size = sizes_.at(chain);
      if (!size) {
        reading.problem =
            fmt::format("image {}: layer does not exist: {}", reading.row.id.short_hex(), chain);
        break;
      }
      reading.row.size_bytes += *size;
    }
    auto keys = keys_.find(reading.row.id);
    if (keys != keys_.end()) reading.row.references = std::move(keys->second);
  }
}

ImageList Lister::collect() {
  ImageList list;
  std::unordered_set<ImageId> parents;
  list.rows.reserve(readings_.size());
  for (Reading& reading : readings_) {
    if (!reading.problem.empty()) {
      if (!reading.gone) list.skipped.push_back(std::move(reading.problem));
      continue;
    }
    if (reading.row.parent) parents.insert(*reading.row.parent);
    list.rows.push_back(std::move(reading.row));
  }
  for (ImageRow& row : list.rows) row.has_children = parents.contains(row.id);
  return list;
}

}  // namespace

Result<ImageList> list_images(const Store& store, Pool& pool) { return Lister(store, pool).run(); }

}  // namespace strata::store
