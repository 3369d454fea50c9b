// SPDX-License-Identifier: Apache-2.0
// The record's name while a layer goes is dockerd's: <chain>-<64HEX>-removing. Source: FORMATS
// section 1.3.
#include "store/remove_layers.h"

#include <map>
#include <set>

#include "oci/config_summary.h"
#include "oci/image_config.h"
#include "store/build_cache.h"
#include "store/removal.h"

namespace strata::store {
namespace {

// Who needs which layers, as of the moment when layers.lock was taken.
struct Uses {
  std::set<ChainId> needed;            // by images, mounts, dockerd's build cache
  std::set<ChainId> leased;            // for now, by an operation that lives
  std::map<ChainId, size_t> children;  // records that name it as their parent, sound or not
  std::map<ChainId, ChainId> parents;  // of each of these records
};

std::optional<ChainId> top_of(std::string_view config) {
  Result<oci::ConfigSummary> summary = oci::summarize_config(config);
  if (!summary.ok() || summary->diff_ids.empty()) return std::nullopt;
  return oci::chain_ids(summary->diff_ids).back();
}

Status count_images(const Parts& parts, Uses& uses) {
  STRATA_TRY(std::vector<ImageId> images, parts.images.list());
  for (const ImageId& image : images) {
    Result<std::string> config = read_file_at(parts.root, parts.images.content_path(image.hex()));
    if (!config.ok() && config.error().code() == ErrorCode::kNotFound) continue;
    if (!config.ok()) return std::move(config).error();
    if (std::optional<ChainId> top = top_of(*config)) uses.needed.insert(*top);
  }
  return {};
}

Status count_children(const Parts& parts, Uses& uses) {
  STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(parts.root, parts.layers.path_of("")));
  for (const DirEntry& entry : entries) {
    Result<ChainId> chain = ChainId::parse_hex(entry.name);
    if (!chain.ok()) continue;
    STRATA_TRY(std::optional<std::string> text,
               read_file_if_exists_at(parts.root, parts.layers.path_of(entry.name) + "/parent"));
    Result<ChainId> parent = ChainId::parse(std::string_view(text.value_or("")).substr(0, 71));
    if (!parent.ok()) continue;
    ++uses.children[*parent];
    uses.parents.emplace(*chain, *parent);
  }
  return {};
}

Result<Uses> count_uses(const Parts& parts) {
  Uses uses;
  STRATA_TRY(uses.leased, leased_layers(parts.root));
  STRATA_CHECK(count_images(parts, uses));
  STRATA_TRY(std::set<ChainId> cached, build_cache_layers(parts.root));
  uses.needed.merge(cached);
  STRATA_TRY(std::vector<LayerMount> mounts, parts.layers.mounts());
  for (const LayerMount& mount : mounts) {
    if (mount.parent) uses.needed.insert(*mount.parent);
  }
  STRATA_CHECK(count_children(parts, uses));
  return uses;
}

Journal::RemovedLayer removal_of(const ChainId& chain, const CacheId* cache) {
  return {fmt::format("{}-{}-removing", chain.hex(), random_hex(Digest::kBytes)),
          cache == nullptr ? "" : cache->name()};
}

// Where the files of a layer are whose record does not say so any more: if a power cut did that, ours
// does.
Result<std::optional<CacheId>> suspect_files(const Parts& parts, const ChainId& chain) {
  STRATA_TRY(bool there, exists_at(parts.root, parts.layers.path_of(chain.hex())));
  if (!there) return std::optional<CacheId>();
  STRATA_TRY(std::vector<CacheId> caches, parts.unsynced.suspect_files(chain));
  for (const CacheId& cache : caches) {
    if (parts.driver->open_files(cache).ok()) return std::optional<CacheId>(cache);
  }
  return std::optional<CacheId>();
}

struct Unused {
  ChainId chain;
  CacheId cache;
};

// What one look at the store decides. Bounded, for each layer has its lock.
struct Decision {
  std::vector<std::vector<Unused>> unused;  // of the first tops
  std::vector<ChainId> held;                // nobody needs them, but they are leased or read now
  std::vector<FileLock> locks;              // of the records of `unused`: no reader comes meanwhile
};
constexpr size_t kLayersAtOnce = 512;

// Whether a reader holds the layer (LayerHold); if not, none can as long as `locks` are there.
Result<bool> is_read(const Parts& parts, const ChainId& chain, std::vector<FileLock>& locks) {
  Result<Fd> record = open_dir_at(parts.root, parts.layers.path_of(chain.hex()));
  if (!record.ok() && driver::is_damage(record.error())) return false;  // nobody can hold it
  if (!record.ok()) return std::move(record).error();
  STRATA_TRY(std::optional<FileLock> lock,
             FileLock::try_acquire(std::move(*record), FileLock::Mode::kExclusive));
  if (!lock) return true;
  locks.push_back(std::move(*lock));
  return false;
}

Result<std::optional<Unused>> find_removable(const Parts& parts, const ChainId& chain) {
  STRATA_TRY(std::optional<Layer> layer, parts.layers.find(chain));
  if (layer) return std::optional<Unused>({chain, layer->cache});
  STRATA_TRY(std::optional<CacheId> cache, suspect_files(parts, chain));
  return cache ? std::optional<Unused>({chain, *cache}) : std::nullopt;
}

// Adds everything from `top` down that nobody needs once what is above it has gone.
Status decide(const Parts& parts, const ChainId& top, Uses& uses, Decision& decision) {
  std::vector<Unused>& unused = decision.unused.emplace_back();
  std::optional<ChainId> next = top;
  while (next && !uses.needed.contains(*next) && uses.children[*next] == 0) {
    STRATA_TRY(std::optional<Unused> layer, find_removable(parts, *next));
    if (!layer) break;
    uses.needed.insert(*next);  // decided: another top does not meet it again
    bool held = uses.leased.contains(*next);
    if (!held) {
      STRATA_TRY(held, is_read(parts, *next, decision.locks));
    }
    if (held) {
      decision.held.push_back(*next);
      break;
    }
    auto parent = uses.parents.find(*next);
    next.reset();
    if (parent != uses.parents.end()) {
      --uses.children[parent->second];
      next = parent->second;
    }
    unused.push_back(std::move(*layer));
  }
  return {};
}

std::vector<ChainId> chains_of(const std::vector<Unused>& layers) {
  std::vector<ChainId> chains;
  for (const Unused& layer : layers) chains.push_back(layer.chain);
  return chains;
}

// Decides and renames, under the lock; what is in the journal then has to be removed without it.
// The results are those of the first tops, of at least one.
Result<std::vector<std::vector<ChainId>>> hide_unused(const Parts& parts,
                                                      std::span<const ChainId> tops,
                                                      WorkFolder& work, Journal& journal) {
  STRATA_TRY(FileLock lock, lock_layers(parts.root, FileLock::Mode::kExclusive));
  STRATA_TRY(Uses uses, count_uses(parts));
  Decision decision;
  std::vector<std::vector<ChainId>> removed;
  for (const ChainId& top : tops) {
    if (decision.locks.size() >= kLayersAtOnce) break;
    STRATA_CHECK(decide(parts, top, uses, decision));
    const std::vector<Unused>& unused = decision.unused.back();
    for (const Unused& layer : unused)
      journal.removed.push_back(removal_of(layer.chain, &layer.cache));
    removed.push_back(chains_of(unused));
  }
  journal.held = std::move(decision.held);
  if (journal.removed.empty() && journal.held.empty()) return removed;
  STRATA_CHECK(work.write_journal(journal));
  STRATA_CHECK(work.sync_journal());
  parts.step("remove-journal");
  size_t next = 0;
  for (const std::vector<ChainId>& chains : removed) {
    for (const ChainId& chain : chains)
      STRATA_CHECK(hide_layer(parts, chain, journal.removed[next++]));
  }
  return removed;
}

// Of the first tops, of at least one.
Result<std::vector<std::vector<ChainId>>> remove_some(const Parts& parts,
                                                      std::span<const ChainId> tops) {
  STRATA_TRY(WorkFolder work, WorkFolder::create(parts.root));
  Journal journal;
  STRATA_TRY(auto removed, hide_unused(parts, tops, work, journal));
  for (const Journal::RemovedLayer& layer : journal.removed) {
    STRATA_CHECK(remove_hidden_layer(parts, layer));
  }
  // What is held is for the next writer: the folder stays, with its journal, as that of a dead
  // process.
  if (journal.held.empty()) STRATA_CHECK(work.finish());
  return removed;
}

}  // namespace

Status hide_layer(const Parts& parts, const ChainId& chain, const Journal::RemovedLayer& layer) {
  STRATA_CHECK(rename_at(parts.root, parts.layers.path_of(chain.hex()), parts.root,
                         parts.layers.path_of(layer.record), Existing::kKeep));
  parts.step("remove-hidden");
  return {};
}

Status remove_hidden_layer(const Parts& parts, const Journal::RemovedLayer& layer) {
  std::string record = parts.layers.path_of(layer.record);
  STRATA_TRY(bool hidden, exists_at(parts.root, record));
  if (!hidden) return {};
  if (!layer.cache.empty()) {
    STRATA_TRY(CacheId cache, CacheId::parse(layer.cache));
    STRATA_CHECK(parts.driver->remove(cache));
    parts.step("remove-files");
  }
  STRATA_CHECK(remove_tree_at(parts.root, record));
  parts.step("remove-record");
  return {};
}

Result<std::optional<Journal::RemovedLayer>> plan_replacement(const Parts& parts,
                                                              const ChainId& chain) {
  using Planned = std::optional<Journal::RemovedLayer>;
  STRATA_TRY(bool there, exists_at(parts.root, parts.layers.path_of(chain.hex())));
  if (!there) return Planned();
  STRATA_TRY(bool usable, UsableLayers(parts).check(chain));
  if (usable) return Planned();
  STRATA_TRY(std::optional<Layer> layer, parts.layers.find(chain));
  if (layer) return Planned(removal_of(chain, &layer->cache));
  STRATA_TRY(std::optional<CacheId> cache, suspect_files(parts, chain));
  return Planned(removal_of(chain, cache ? &*cache : nullptr));
}

Result<std::vector<std::vector<ChainId>>> remove_unused_layers(const Parts& parts,
                                                               std::span<const ChainId> tops) {
  std::vector<std::vector<ChainId>> removed;
  while (removed.size() < tops.size()) {
    STRATA_TRY(auto some, remove_some(parts, tops.subspan(removed.size())));
    std::move(some.begin(), some.end(), std::back_inserter(removed));
  }
  return removed;
}

Result<bool> any_held(const Parts& parts, std::span<const ChainId> chains) {
  if (chains.empty()) return false;
  STRATA_TRY(std::set<ChainId> leased, leased_layers(parts.root));
  for (const ChainId& chain : chains) {
    if (leased.contains(chain)) return true;
    std::vector<FileLock> locks;
    STRATA_TRY(bool read, is_read(parts, chain, locks));
    if (read) return true;
  }
  return false;
}

Result<std::vector<std::vector<ChainId>>> release_layers(Store& store,
                                                         std::span<const ChainId> tops) {
  if (store.access() != Access::kWrite) {
    return error(ErrorCode::kPermission, "{} is open for reading only", store.root_path());
  }
  return remove_unused_layers(store.parts(), tops);
}

Result<std::vector<ChainId>> release_layers(Store& store, const ChainId& top) {
  STRATA_TRY(auto removed, release_layers(store, std::span(&top, 1)));
  return std::move(removed.at(0));
}

Result<std::optional<ChainId>> top_chain(const Store& store, const ImageId& image) {
  STRATA_TRY(std::string config, store.images().read_config(image));
  return top_of(config);
}

}  // namespace strata::store
