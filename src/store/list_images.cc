// SPDX-License-Identifier: Apache-2.0
// What takes the time, of 10,000 images: opening and reading as many small files (half of it, in
// the kernel), their digests, their JSON, the folder's listing and repositories.json. So files are
// opened below one descriptor; workers take runs of images while the folder is still being listed,
// and remember the chainIDs that they computed; a thread of its own reads the references meanwhile.
#include "store/list_images.h"

#include <algorithm>
#include <deque>
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

// Images that one task reads.
struct Run {
  std::vector<ImageRow> rows;
  std::vector<Problem> problems;  // of each
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
    Status read = read_configs();
    Status joined = references.join();
    STRATA_CHECK(std::move(read));
    if (runs_.empty()) return ImageList();  // without images nobody asks for references
    STRATA_CHECK(std::move(joined));
    STRATA_CHECK(gather_rows());
    STRATA_CHECK(read_sizes());
    STRATA_CHECK(for_runs("finish rows", [this](size_t first) { return finish_rows(first); }));
    return collect();
  }

 private:
  Status read_references();
  Status read_configs();
  Status read_run(Run& run);
  Status read_image(const Fd& contents, ChainMemo& memo, ImageRow& row, Problem& problem);
  Status gather_rows();  // of all runs, sorted by ID
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
  std::unordered_set<ImageId> with_metadata_;
  std::deque<Run> runs_;           // in the order in which the folder gave them
  std::vector<ImageRow> rows_;     // of each image, sorted by ID
  std::vector<Problem> problems_;  // of each image
  References references_;
  std::vector<Key> keys_;  // sorted by image
  // Every layer that an image names; none for those that are not sound.
  using Sizes = std::unordered_map<ChainId, std::optional<uint64_t>>;
  Guarded<Sizes> named_layers_;  // filled by the runs
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

Status Lister::read_configs() {
  Timer timer("read configs");
  const ImageDb& images = store_.images();
  STRATA_CHECK(images.visit_metadata([this](const ImageId& image) -> Status {
    with_metadata_.insert(image);
    return {};
  }));

  TaskGroup tasks(pool_);
  auto read_last_run = [&] {
    if (!runs_.empty()) tasks.run([this, &run = runs_.back()] { return read_run(run); });
  };
  Status listed = images.visit([&](const ImageId& image) -> Status {
    if (runs_.empty() || runs_.back().rows.size() == kImagesPerTask) {
      read_last_run();
      runs_.emplace_back().rows.reserve(kImagesPerTask);
    }
    runs_.back().rows.emplace_back().id = image;
    return {};
  });
  read_last_run();
  Status read = tasks.wait();
  STRATA_CHECK(std::move(listed));
  return read;
}

Status Lister::read_run(Run& run) {
  // One for each run: threads that open files below one descriptor wait for its reference count.
  STRATA_TRY(Fd contents, store_.images().open_contents());
  ChainMemo memo;
  run.problems.resize(run.rows.size());
  for (size_t i = 0; i < run.rows.size(); ++i) {
    STRATA_CHECK(read_image(contents, memo, run.rows[i], run.problems[i]));
  }
  auto named = named_layers_.lock();
  memo.visit([&](const ChainId& chain) { named->try_emplace(chain); });
  return pool_.check_cancelled();
}

Status Lister::gather_rows() {
  struct Place {
    ImageId image;
    Run* run;
    size_t index;
  };
  std::vector<Place> places;
  for (Run& run : runs_) {
    for (size_t i = 0; i < run.rows.size(); ++i) places.push_back({run.rows[i].id, &run, i});
  }
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return a.image < b.image; });
  rows_.resize(places.size());
  problems_.resize(places.size());
  return for_runs("gather rows", [&](size_t first) -> Status {
    for (size_t i = first; i < end_of_run(first); ++i) {
      rows_[i] = std::move(places[i].run->rows[places[i].index]);
      problems_[i] = std::move(places[i].run->problems[places[i].index]);
    }
    return {};
  });
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
  if (!with_metadata_.empty() && with_metadata_.contains(image)) {
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
  auto key = std::lower_bound(keys_.begin(), keys_.end(), rows_[first].id,
                              [](const Key& a, const ImageId& id) { return a.image < id; });
  for (size_t i = first; i < end_of_run(first); ++i) {
    ImageRow& row = rows_[i];
    while (key != keys_.end() && key->image < row.id) ++key;
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
