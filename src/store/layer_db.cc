// SPDX-License-Identifier: Apache-2.0
//   layerdb/sha256/<chainid>/
//     cache-id             folder of the files in the driver's home
//     diff                 "sha256:" 64HEX, the diffID
//     size                 decimal bytes; a newline makes dockerd refuse the layer
//     parent               "sha256:" 64HEX, the parent's chainID; absent in a base layer
//     tar-split.json.gz
//   layerdb/sha256/<chainid>-<64HEX>-removing/     a layer that is going away
//   layerdb/mounts/<container>/{mount-id,init-id,parent}
// No newline at the end of any; dockerd trims one from cache-id, diff and parent. Source: FORMATS
// sections 1.2 and 1.4.
#include "store/layer_db.h"

#include <algorithm>
#include <charconv>

#include "driver/driver.h"

namespace strata::store {
namespace {

constexpr size_t kTextFileBytes = 4096;  // the records are a few dozen bytes

std::string_view trim_newlines(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

// An error about what a record holds is one about the store, not about the user's input.
Error corrupt(const Error& cause, const std::string& file) {
  ErrorCode code = cause.code() == ErrorCode::kInvalid ? ErrorCode::kCorrupt : cause.code();
  return Error(code, fmt::format("{}: {}", file, cause.message()));
}

Result<std::string> read_record(const Fd& layer, const std::string& file) {
  Result<std::string> text = read_file_at(layer, file, kTextFileBytes);
  if (!text.ok() && text.error().code() == ErrorCode::kNotFound) {
    return error(ErrorCode::kCorrupt, "{} is missing", file);
  }
  return text;
}

Result<uint64_t> parse_size(std::string_view text) {
  uint64_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return error(ErrorCode::kCorrupt, "size: expected a decimal number, found \"{}\"",
                 text.substr(0, 40));
  }
  return value;
}

template <typename Id>
Result<Id> read_id(const Fd& layer, const std::string& file) {
  STRATA_TRY(std::string text, read_record(layer, file));
  Result<Id> id = Id::parse(trim_newlines(text));
  if (!id.ok()) return corrupt(id.error(), file);
  return id;
}

Result<std::optional<ChainId>> read_parent(const Fd& layer) {
  STRATA_TRY(bool has_parent, exists_at(layer, "parent"));
  if (!has_parent) return std::optional<ChainId>();
  STRATA_TRY(ChainId parent, read_id<ChainId>(layer, "parent"));
  return std::optional<ChainId>(parent);
}

Result<Layer> read_layer(const Fd& folder, const ChainId& chain) {
  Layer layer;
  layer.chain = chain;
  STRATA_TRY(layer.diff, read_id<DiffId>(folder, "diff"));
  STRATA_TRY(layer.parent, read_parent(folder));
  STRATA_TRY(std::string size, read_record(folder, "size"));
  STRATA_TRY(layer.size_bytes, parse_size(size));
  STRATA_TRY(std::string cache, read_record(folder, "cache-id"));
  Result<CacheId> cache_id = CacheId::parse(trim_newlines(cache));
  if (!cache_id.ok()) return corrupt(cache_id.error(), "cache-id");
  layer.cache = *cache_id;
  ChainId expected = chain_id(layer.parent ? &*layer.parent : nullptr, layer.diff);
  if (expected != chain) {
    return error(ErrorCode::kCorrupt, "diff and parent make chainID {}, expected {}", expected,
                 chain);
  }
  STRATA_TRY(bool has_split, exists_at(folder, "tar-split.json.gz"));
  if (!has_split) return error(ErrorCode::kCorrupt, "tar-split.json.gz is missing");
  return layer;
}

Result<std::vector<DirEntry>> list_if_exists(const Fd& root, const std::string& path) {
  Result<std::vector<DirEntry>> entries = list_dir_at(root, path);
  if (!entries.ok() && entries.error().code() == ErrorCode::kNotFound)
    return std::vector<DirEntry>();
  return entries;
}

}  // namespace

std::string LayerDb::path_of(const std::string& name) const {
  return name.empty() ? folder_ + "/sha256" : folder_ + "/sha256/" + name;
}

Result<Layer> LayerDb::read(const ChainId& chain) const {
  Result<Fd> folder = open_dir_at(root_, path_of(chain.hex()));
  if (!folder.ok() && folder.error().code() == ErrorCode::kNotFound) {
    return error(ErrorCode::kNotFound, "layer does not exist: {}", chain);
  }
  if (!folder.ok()) return std::move(folder).error();
  return read_layer(*folder, chain).context("layer {}", chain);
}

Result<std::optional<Layer>> LayerDb::find(const ChainId& chain) const {
  Result<Layer> layer = read(chain);
  if (layer.ok()) return std::optional<Layer>(std::move(layer).value());
  if (driver::is_damage(layer.error())) return std::optional<Layer>();
  return std::move(layer).error();
}

Result<std::vector<Layer>> LayerDb::read_chain(const ChainId& top) const {
  // Ends: a layer's parent is an input to its chainID's hash, so there are no cycles.
  std::vector<Layer> layers;
  std::optional<ChainId> next = top;
  while (next) {
    STRATA_TRY(Layer layer, read(*next));
    next = layer.parent;
    layers.push_back(std::move(layer));
  }
  return layers;
}

Result<std::vector<Layer>> LayerDb::list() const {
  STRATA_TRY(std::vector<DirEntry> entries, list_if_exists(root_, path_of("")));
  std::vector<Layer> layers;
  for (const DirEntry& entry : entries) {
    Result<ChainId> chain = ChainId::parse_hex(entry.name);
    if (!chain.ok()) continue;  // *-removing, and whatever else dockerd skips as well
    STRATA_TRY(std::optional<Layer> layer, find(*chain));
    if (layer) layers.push_back(std::move(*layer));
  }
  std::sort(layers.begin(), layers.end(),
            [](const Layer& a, const Layer& b) { return a.chain < b.chain; });
  return layers;
}

Result<std::vector<Layer>> LayerDb::find_by_diff(const DiffId& diff) const {
  STRATA_TRY(std::vector<Layer> layers, list());
  std::erase_if(layers, [&](const Layer& layer) { return layer.diff != diff; });
  return layers;
}

Result<uint64_t> LayerDb::size_bytes(const ChainId& chain) const {
  Result<std::string> text = read_file_at(root_, path_of(chain.hex()) + "/size", kTextFileBytes);
  if (!text.ok() && text.error().code() == ErrorCode::kNotFound) {
    return error(ErrorCode::kNotFound, "layer does not exist: {}", chain);
  }
  if (!text.ok()) return std::move(text).error();
  return parse_size(*text).context("layer {}", chain);
}

Result<Fd> LayerDb::open_tar_split(const ChainId& chain) const {
  // Not blocking: a fifo in its place has no writer.
  STRATA_TRY(Fd file,
             open_at(root_, path_of(chain.hex()) + "/tar-split.json.gz", O_RDONLY | O_NONBLOCK)
                 .context("layer {}", chain));
  STRATA_TRY(struct stat info, stat_fd(file.get()));
  if (S_ISREG(info.st_mode)) return file;
  return error(ErrorCode::kCorrupt, "layer {}: tar-split.json.gz is no plain file", chain);
}

Result<std::vector<LayerMount>> LayerDb::mounts() const {
  STRATA_TRY(std::vector<DirEntry> entries, list_if_exists(root_, folder_ + "/mounts"));
  std::vector<LayerMount> mounts;
  for (const DirEntry& entry : entries) {
    Result<Fd> folder = open_dir_at(root_, folder_ + "/mounts/" + entry.name);
    if (!folder.ok() && !driver::is_damage(folder.error())) return std::move(folder).error();
    if (!folder.ok()) continue;
    LayerMount mount;
    mount.container_id = entry.name;
    Result<std::optional<ChainId>> parent = read_parent(*folder);
    // Layers that cannot be seen to be needed would go.
    if (!parent.ok() && !driver::is_damage(parent.error())) return std::move(parent).error();
    if (parent.ok()) mount.parent = *parent;
    STRATA_TRY(std::optional<std::string> mount_id,
               read_file_if_exists_at(*folder, "mount-id", kTextFileBytes));
    mount.mount_id = trim_newlines(mount_id.value_or(""));
    STRATA_TRY(std::optional<std::string> init_id,
               read_file_if_exists_at(*folder, "init-id", kTextFileBytes));
    mount.init_id = trim_newlines(init_id.value_or(""));
    mounts.push_back(std::move(mount));
  }
  std::sort(mounts.begin(), mounts.end(), [](const LayerMount& a, const LayerMount& b) {
    return a.container_id < b.container_id;
  });
  return mounts;
}

}  // namespace strata::store
