// SPDX-License-Identifier: Apache-2.0
// What takes the time, of 10,000 images: opening and reading as many small files (half of it, in
// the kernel), their digests, their JSON, and repositories.json. So files are opened below one
// descriptor, workers take runs of images and remember the chainIDs that they computed, and a
// thread of its own reads the references meanwhile. Rows are made where they stay.
#include "store/list_images.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/guarded.h"
#include "base/timer.h"
#include "oci/image_config.h"

namespace strata::store {
namespace {

constexpr size_t kImagesPerTask = 128;

// Why dockerd would not list an image.
struct Problem {
  std::string text;   // empty: it is sound
  bool gone = false;  // removed by somebody since the folder was listed
};

// A key of an image, where References holds it.
struct Key {
  ImageId image;
  bool is_digest = false;
  const std::string* text = nullptr;

  bool operator<(const Key& other) const {
    if (image != other.image) return image < other.image;
    return is_digest != other.is_digest ? other.is_digest : *text < *other.text;
  }
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

  // Calls `visit` with every chainID so far, some more than once.
  template <typename Visit>
  void visit(Visit visit) const {
    for (const auto& [layer, chain] : known_) visit(chain);
  }

 private:
  std::map<std::pair<ChainId, DiffId>, ChainId> known_;
};

class Lister {
 public:
  Lister(const Store& store, Pool& pool) : store_(store), pool_(pool) {}

  Result<ImageList> run() {
    Stage references([this] { return read_references(); });
    Result<bool> any = read_folder();
    if (!any.ok() || !*any) {
      (void)references.join().ok();  // without images nobody asks for them
      return any.ok() ? Result<ImageList>(ImageList()) : std::move(any).error();
    }
    Status read = for_runs("read configs", [this](size_t first) { return read_images(first); });
    Status joined = references.join();
    STRATA_CHECK(std::move(joined));
    STRATA_CHECK(std::move(read));
    STRATA_CHECK(read_sizes());
    STRATA_CHECK(for_runs("finish rows", [this](size_t first) { return finish_rows(first); }));
    return collect();
  }

 private:
  Result<bool> read_folder();  // false: no images
  Status read_references();
  Status read_images(size_t first);
  Status read_image(ChainMemo& memo, ImageRow& row, Problem& problem);
  Status read_sizes();
  Status finish_rows(size_t first);
  ImageList collect();

  // body(first image of a run) for every run.
  Status for_runs(const char* step, const std::function<Status(size_t)>& body) {
    Timer timer(step);
    size_t runs = (images_.size() + kImagesPerTask - 1) / kImagesPerTask;
    return pool_.parallel_for(runs, [&](size_t run) { return body(run * kImagesPerTask); });
  }
  size_t end_of_run(size_t first) const { return std::min(first + kImagesPerTask, images_.size()); }

  const Store& store_;
  Pool& pool_;
  Fd contents_;
  std::unordered_set<std::string> with_metadata_;
  std::vector<ImageId> images_;
  std::vector<ImageRow> rows_;     // of each image
  std::vector<Problem> problems_;  // of each image
  References references_;
  std::vector<Key> keys_;  // sorted by image
  // Every layer that an image names; none for those that are not sound.
  using Sizes = std::unordered_map<ChainId, std::optional<uint64_t>>;
  Guarded<Sizes> named_layers_;  // filled by the runs
  Sizes sizes_;                  // what came of it
};

Result<bool> Lister::read_folder() {
  Timer timer("list folder");
  STRATA_TRY(images_, store_.images().list());
  if (images_.empty()) return false;
  rows_.resize(images_.size());
  problems_.resize(images_.size());
  STRATA_TRY(contents_, store_.images().open_contents());
  Result<std::vector<DirEntry>> entries =
      list_dir_at(store_.root(), store_.images().metadata_path(""));
  if (!entries.ok() && entries.error().code() == ErrorCode::kNotFound) return true;
  if (!entries.ok()) return std::move(entries).error();
  for (DirEntry& entry : *entries) with_metadata_.insert(std::move(entry.name));
  return true;
}

Status Lister::read_references() {
  Timer timer("read references");
  STRATA_TRY(references_, store_.references());
  for (const auto& [repository, entries] : references_.repositories()) {
    for (const auto& [key, value] : entries) {
      Result<ImageId> image = ImageId::parse(value);
      if (image.ok()) keys_.push_back({*image, is_digest_key(key), &key});
    }
  }
  std::sort(keys_.begin(), keys_.end());
  return {};
}

Status Lister::read_images(size_t first) {
  ChainMemo memo;
  for (size_t i = first; i < end_of_run(first); ++i) {
    rows_[i].id = images_[i];
    STRATA_CHECK(read_image(memo, rows_[i], problems_[i]));
  }
  auto named = named_layers_.lock();
  memo.visit([&](const ChainId& chain) { named->try_emplace(chain); });
  return pool_.check_cancelled();
}

Status Lister::read_image(ChainMemo& memo, ImageRow& row, Problem& problem) {
  const ImageId& image = row.id;
  Result<std::string> config = ImageDb::read_config(contents_, image);
  if (!config.ok()) {
    problem.gone = config.error().code() == ErrorCode::kNotFound;
    problem.text = config.error().message();
    bool only_this_image = problem.gone || config.error().code() == ErrorCode::kCorrupt;
    return only_this_image ? Status() : Status(std::move(config).error());
  }
  Result<oci::ConfigSummary> summary = oci::summarize_config(*config);
  if (!summary.ok()) {
    problem.text = fmt::format("image {}: {}", image.short_hex(), summary.error().message());
    return {};
  }
  row.config = std::move(summary).value();
  row.chains = memo.chains_of(row.config.diff_ids);
  if (!with_metadata_.empty() && with_metadata_.contains(image.hex())) {
    STRATA_TRY(row.parent, store_.images().parent(image));
  }
  return {};
}

Status Lister::read_sizes() {
  Timer timer("read layer sizes");
  sizes_ = std::move(*named_layers_.lock());
  std::vector<ChainId> chains;
  chains.reserve(sizes_.size());
  for (const auto& [chain, size] : sizes_) chains.push_back(chain);
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

// Reads what the steps before have gathered, which does not change any more. Images and keys are
// both sorted by ID, so one walk along both finds the keys of a run.
Status Lister::finish_rows(size_t first) {
  auto key = std::lower_bound(keys_.begin(), keys_.end(), images_[first],
                              [](const Key& a, const ImageId& id) { return a.image < id; });
  for (size_t i = first; i < end_of_run(first); ++i) {
    ImageRow& row = rows_[i];
    while (key != keys_.end() && key->image < images_[i]) ++key;
    if (!problems_[i].text.empty()) continue;
    for (const ChainId& chain : row.chains) {
      const std::optional<uint64_t>& size = sizes_.at(chain);
      if (!size) {
        problems_[i].text =
            fmt::format("image {}: layer does not exist: {}", row.id.short_hex(), chain);
        break;
      }
      row.size_bytes += *size;
    }
    for (; key != keys_.end() && key->image == images_[i]; ++key) {
      row.references.push_back(*key->text);
    }
  }
  return {};
}

ImageList Lister::collect() {
  ImageList list;
  std::unordered_set<ImageId> parents;
  size_t sound = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (!problems_[i].text.empty()) {
      if (!problems_[i].gone) list.skipped.push_back(std::move(problems_[i].text));
      continue;
    }
    if (rows_[i].parent) parents.insert(*rows_[i].parent);
    if (sound != i) rows_[sound] = std::move(rows_[i]);
    ++sound;
  }
  rows_.resize(sound);
  list.rows = std::move(rows_);
  for (ImageRow& row : list.rows) row.has_children = parents.contains(row.id);
  return list;
}

}  // namespace

Result<ImageList> list_images(const Store& store, Pool& pool) { return Lister(store, pool).run(); }

}  // namespace strata::store
