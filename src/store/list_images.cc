// SPDX-License-Identifier: Apache-2.0
#include "store/list_images.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "oci/image_config.h"

namespace strata::store {
namespace {

using Keys = std::unordered_map<ImageId, std::vector<std::string>>;

Result<Keys> keys_by_image(const Store& store) {
  STRATA_TRY(References references, store.references());
  Keys keys;
  for (auto& [key, image] : references.all()) keys[image].push_back(key);
  for (auto& [image, list] : keys) {
    std::stable_partition(list.begin(), list.end(),
                          [](const std::string& key) { return !is_digest_key(key); });
  }
  return keys;
}

// One image, read by one worker. `problem` says why dockerd would not list it.
struct Reading {
  ImageRow row;
  std::string problem;
  bool gone = false;  // removed by somebody since the folder was listed
};

Status read_image(const Store& store, const ImageId& image, bool has_metadata, Reading& reading) {
  reading.row.id = image;
  Result<std::string> config = store.images().read_config(image);
  if (!config.ok()) {
    reading.gone = config.error().code() == ErrorCode::kNotFound;
    reading.problem = config.error().message();
    bool is_ours = reading.gone || config.error().code() == ErrorCode::kCorrupt;
    return is_ours ? Status() : Status(std::move(config).error());
  }
  Result<oci::ConfigSummary> summary = oci::summarize_config(*config);
  if (!summary.ok()) {
    reading.problem = fmt::format("image {}: {}", image.short_hex(), summary.error().message());
    return {};
  }
  reading.row.config = std::move(summary).value();
  reading.row.chains = oci::chain_ids(reading.row.config.diff_ids);
  if (has_metadata) {
    STRATA_TRY(reading.row.parent, store.images().parent(image));
  }
  return {};
}

// Sizes of all layers that the images name, each read once; none for those that are not sound.
using Sizes = std::unordered_map<ChainId, std::optional<uint64_t>>;

Result<Sizes> read_sizes(const Store& store, Pool& pool, const std::vector<Reading>& readings) {
  std::vector<ChainId> chains;
  Sizes sizes;
  for (const Reading& reading : readings) {
    for (const ChainId& chain : reading.row.chains) {
      if (sizes.try_emplace(chain).second) chains.push_back(chain);
    }
  }
  std::vector<std::optional<Layer>> layers(chains.size());
  STRATA_CHECK(pool.parallel_for(chains.size(), [&](size_t i) -> Status {
    STRATA_TRY(layers[i], store.layers().find(chains[i]));
    return {};
  }));
  for (size_t i = 0; i < chains.size(); ++i) {
    if (layers[i]) sizes[chains[i]] = layers[i]->size_bytes;
  }
  return sizes;
}

void add_sizes(const Sizes& sizes, Reading& reading) {
  for (const ChainId& chain : reading.row.chains) {
    const std::optional<uint64_t>& size = sizes.at(chain);
    if (!size) {
      reading.problem =
          fmt::format("image {}: layer does not exist: {}", reading.row.id.short_hex(), chain);
      return;
    }
    reading.row.size_bytes += *size;
  }
}

Result<std::unordered_set<std::string>> images_with_metadata(const Store& store) {
  std::unordered_set<std::string> names;
  Result<std::vector<DirEntry>> entries =
      list_dir_at(store.root(), store.images().metadata_path(""));
  if (!entries.ok() && entries.error().code() == ErrorCode::kNotFound) return names;
  if (!entries.ok()) return std::move(entries).error();
  for (DirEntry& entry : *entries) names.insert(std::move(entry.name));
  return names;
}

}  // namespace

Result<ImageList> list_images(const Store& store, Pool& pool) {
  STRATA_TRY(std::vector<ImageId> images, store.images().list());
  STRATA_TRY(Keys keys, keys_by_image(store));
  STRATA_TRY(auto with_metadata, images_with_metadata(store));
  std::vector<Reading> readings(images.size());
  STRATA_CHECK(pool.parallel_for(images.size(), [&](size_t i) {
    return read_image(store, images[i], with_metadata.contains(images[i].hex()), readings[i]);
  }));
  STRATA_TRY(Sizes sizes, read_sizes(store, pool, readings));

  ImageList list;
  std::unordered_set<ImageId> parents;
  for (Reading& reading : readings) {
    if (reading.problem.empty()) add_sizes(sizes, reading);
    if (!reading.problem.empty()) {
      if (!reading.gone) list.skipped.push_back(std::move(reading.problem));
      continue;
    }
    if (auto found = keys.find(reading.row.id); found != keys.end()) {
      reading.row.references = std::move(found->second);
    }
    if (reading.row.parent) parents.insert(*reading.row.parent);
    list.rows.push_back(std::move(reading.row));
  }
  for (ImageRow& row : list.rows) row.has_children = parents.contains(row.id);
  return list;
}

}  // namespace strata::store
