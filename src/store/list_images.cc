// SPDX-License-Identifier: Apache-2.0
// What takes the time, of 10,000 images: opening and reading as many small files (half of it, in
// the kernel), their digests, their JSON, the folder's listing and repositories.json. So what was
// read of configs is kept for the next list (summaries.h). Those that are to be read are opened
// below one descriptor, by workers that take runs of images and remember the chainIDs that they
// computed; threads of their own read the references and the summaries meanwhile.
#include "store/list_images.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>
#include <unordered_set>

#include "base/guarded.h"
#include "base/timer.h"
#include "oci/image_config.h"
#include "store/summaries.h"

namespace strata::store {
namespace {

constexpr size_t kImagesPerTask = 128;
// So many images have come or gone when their summaries are worth being kept; fewer are read in a
// few milliseconds.
constexpr size_t kChangesWorthKeeping = 256;

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
      auto [entry, is_new] = known_.try_emplace(Place{parent, diff});
      if (is_new) entry->second = chain_id(chains.empty() ? nullptr : &parent, diff);
      chains.push_back(entry->second);
    }
    return chains;
  }

  // Calls `visit` with every chainID so far, some more than once.
  template <typename Visit>
  void visit(Visit visit) const {
    for (const auto& [place, chain] : known_) visit(chain);
  }

 private:
  // A layer on its parent (all zeros: none).
  struct Place {
    ChainId parent;
    DiffId diff;
    bool operator==(const Place&) const = default;
  };
  struct PlaceHash {
    size_t operator()(const Place& place) const {
      return std::hash<ChainId>()(place.parent) ^ 3 * std::hash<DiffId>()(place.diff);
    }
  };
  std::unordered_map<Place, ChainId, PlaceHash> known_;
};

class Lister {
 public:
  Lister(const Store& store, Pool& pool) : store_(store), pool_(pool) {}

  Result<ImageList> run() {
    Stage references([this] { return read_references(); });
    Status read = read_images();
    Status joined = references.join();
    STRATA_CHECK(std::move(read));
    if (rows_.empty()) return ImageList();  // without images nobody asks for references
    STRATA_CHECK(std::move(joined));
    // From here on the summaries are fixed; what is added to the rows lies beside them.
    Stage keeping([this, entries = entries_to_keep()] { return keep(entries); });
    Status finished = finish();
    STRATA_CHECK(keeping.join());
    STRATA_CHECK(std::move(finished));
    return collect();
  }

 private:
  // Of all layers of an image.
  struct Total {
    uint64_t bytes = 0;
    std::optional<ChainId> missing;  // the first that is not sound
  };
  Total total_of(const std::vector<ChainId>& chains) const;
  // Looks once more: an image may have been removed and loaded again meanwhile.
  Result<Total> total_now(const std::vector<ChainId>& chains) const;

  Status read_references();
  Status read_images();
  Result<std::vector<ImageId>> list_folder();  // sorted
  Status read_kept();
  Status read_run(size_t first);
  Status read_image(const Fd& contents, ChainMemo& memo, ImageRow& row, Problem& problem);
  std::vector<Summaries::Entry> entries_to_keep() const;
  Status keep(const std::vector<Summaries::Entry>& entries) const;
  Status finish();
  Status read_sizes();
  Status finish_rows(size_t first);
  ImageList collect();

  // body(first image of a run) for every run.
  Status for_runs(const char* step, const std::function<Status(size_t)>& body) {
    Timer timer(step);
    size_t runs = (rows_.size() + kImagesPerTask - 1) / kImagesPerTask;
    return pool_.parallel_for(runs, [&](size_t run) { return body(run * kImagesPerTask); });
  }
  size_t end_of_run(size_t first) const { return std::min(first + kImagesPerTask, rows_.size()); }

  const Store& store_;
  Pool& pool_;
  Summaries kept_;
  std::atomic<size_t> found_kept_ = 0;  // images whose summaries are among them
  std::unordered_set<ImageId> with_metadata_;
  std::vector<ImageRow> rows_;     // of each image, sorted by ID
  std::vector<Problem> problems_;  // of each image
  References references_;
  std::vector<Key> keys_;  // sorted by image
  // Every layer that an image names; none for those that are not sound.
  using Sizes = std::unordered_map<ChainId, std::optional<uint64_t>>;
  Guarded<Sizes> named_layers_;  // those of kept summaries, and what the runs add
  Sizes sizes_;                  // what came of it
};

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

Status Lister::read_images() {
  Stage kept([this] { return read_kept(); });
  Result<std::vector<ImageId>> images = list_folder();
  STRATA_CHECK(kept.join());
  if (!images.ok()) return std::move(images).error();
  rows_.resize(images->size());
  problems_.resize(images->size());
  for (size_t i = 0; i < rows_.size(); ++i) rows_[i].id = (*images)[i];
  return for_runs("read configs", [this](size_t first) { return read_run(first); });
}

Result<std::vector<ImageId>> Lister::list_folder() {
  Timer timer("list folder");
  STRATA_CHECK(store_.images().visit_metadata([this](const ImageId& image) -> Status {
    with_metadata_.insert(image);
    return {};
  }));
  return store_.images().list();
}

Status Lister::read_kept() {
  Timer timer("read summaries");
  kept_ = Summaries::read(store_.root());
  auto named = named_layers_.lock();
  for (const ChainId& chain : kept_.chains()) named->try_emplace(chain);
  return {};
}

Status Lister::read_run(size_t first) {
  Fd contents;
  ChainMemo memo;
  Summaries::Walk kept(kept_, rows_[first].id);
  size_t found = 0;
  for (size_t i = first; i < end_of_run(first); ++i) {
    ImageRow& row = rows_[i];
    if (kept.find(row.id, row.config, row.chains)) {
      ++found;
    } else {
      // One for each run: threads that open files below one descriptor wait for its reference
      // count.
      if (!contents.valid()) {
        STRATA_TRY(contents, store_.images().open_contents());
      }
      STRATA_CHECK(read_image(contents, memo, row, problems_[i]));
    }
    if (!with_metadata_.empty() && with_metadata_.contains(row.id)) {
      STRATA_TRY(row.parent, store_.images().parent(row.id));
    }
  }
  found_kept_ += found;
  auto named = named_layers_.lock();
  memo.visit([&](const ChainId& chain) { named->try_emplace(chain); });
  return pool_.check_cancelled();
}

Status Lister::read_image(const Fd& contents, ChainMemo& memo, ImageRow& row, Problem& problem) {
  const ImageId& image = row.id;
  Result<std::string> config = ImageDb::read_config(contents, image);
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
  return {};
}

// None when there is little to gain. Every summary that was read is one to keep, whether or not the
// image's layers are there.
std::vector<Summaries::Entry> Lister::entries_to_keep() const {
  std::vector<Summaries::Entry> entries;
  for (size_t i = 0; i < rows_.size(); ++i) {
    const ImageRow& row = rows_[i];
    if (problems_[i].text.empty()) entries.push_back({&row.id, &row.config, &row.chains});
  }
  const size_t changes = entries.size() + kept_.size() - 2 * found_kept_;
  if (changes < kChangesWorthKeeping) entries.clear();
  return entries;
}

// The list is right without it: a root that cannot be written, or a full disk, is no error.
Status Lister::keep(const std::vector<Summaries::Entry>& entries) const {
  if (entries.empty()) return {};
  Timer timer("keep summaries");
  (void)Summaries::write(store_.root(), entries).ok();
  return {};
}

Status Lister::finish() {
  STRATA_CHECK(read_sizes());
  return for_runs("finish rows", [this](size_t first) { return finish_rows(first); });
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

Lister::Total Lister::total_of(const std::vector<ChainId>& chains) const {
  Total total;
  for (const ChainId& chain : chains) {
    const std::optional<uint64_t>& size = sizes_.at(chain);
    if (!size) {
      total.missing = chain;
      break;
    }
    total.bytes += *size;
  }
  return total;
}

Result<Lister::Total> Lister::total_now(const std::vector<ChainId>& chains) const {
  Total total;
  for (const ChainId& chain : chains) {
    STRATA_TRY(std::optional<Layer> layer, store_.layers().find(chain));
    if (!layer) {
      total.missing = chain;
      break;
    }
    total.bytes += layer->size_bytes;
  }
  return total;
}

// Reads what the steps before have gathered, which does not change any more. Images and keys are
// both sorted by ID, so one walk along both finds the keys of a run.
Status Lister::finish_rows(size_t first) {
  auto key = std::lower_bound(keys_.begin(), keys_.end(), rows_[first].id,
                              [](const Key& a, const ImageId& id) { return a.image < id; });
  std::unordered_map<ChainId, Total> totals;
  for (size_t i = first; i < end_of_run(first); ++i) {
    ImageRow& row = rows_[i];
    while (key != keys_.end() && key->image < row.id) ++key;
    if (!problems_[i].text.empty()) continue;
    if (!row.chains.empty()) {
      auto [known, is_new] = totals.try_emplace(row.chains.back());
      Total& total = known->second;
      if (is_new) total = total_of(row.chains);
      if (total.missing) {
        STRATA_TRY(total, total_now(row.chains));
      }
      row.size_bytes = total.bytes;
      if (total.missing) {
        problems_[i].text =
            fmt::format("image {}: layer does not exist: {}", row.id.short_hex(), *total.missing);
        // Who removes an image takes the config away first.
        STRATA_TRY(bool is_there, store_.images().exists(row.id));
        problems_[i].gone = !is_there;
      }
    }
    for (; key != keys_.end() && key->image == row.id; ++key) {
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
