// SPDX-License-Identifier: Apache-2.0
// Whose files a folder of the driver's home holds.
#include <algorithm>

#include "doctor/rebuild.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kInit = "-init";

}  // namespace

void Rebuild::find_folders() {
  for (const auto& [id, mount] : survey_.mounts) {
    for (const SmallFile* file : {&mount.mount_id, &mount.init_id}) {
      if (file->there()) claimed_.insert(said(*file));
    }
  }
  std::vector<const LayerRecord*> lost;
  for (const auto& [name, record] : survey_.layers) {
    if (!record.chain) continue;
    const std::string cache = said(record.cache);
    if (!CacheId::parse(cache).ok() || cache == "l") {
      lost.push_back(&record);
      continue;
    }
    folders_.emplace(*record.chain, Learnt<std::string>{cache, "the record"});
    if (!survey_.folders.contains(cache)) {
      lost.push_back(&record);
    } else {
      claimed_.insert(cache);
    }
  }
  settle_shared();
  adopt_all(std::move(lost));
  // What one record gave up, another may have; and those that lost a dispute look for their own.
  std::vector<const LayerRecord*> rest;
  for (const auto& [name, record] : survey_.layers) {
    if (record.chain && !folders_.contains(*record.chain)) rest.push_back(&record);
  }
  adopt_all(std::move(rest));
  for (const auto& [chain, folder] : folders_) {
    if (survey_.folders.contains(folder.value)) holders_.try_emplace(folder.value, chain);
  }
  adopt_for_lost_records();
  links_.clear();  // what was asked before all folders were known
}

bool Rebuild::is_of_container(const std::string& folder) const {
  return folder.ends_with(kInit) || survey_.folders.contains(folder + std::string(kInit));
}

// The one unclaimed folder with that `lower` that can be an image's layer; empty: none, or several.
std::string Rebuild::only_folder_on(const std::string& lower) const {
  std::string found;
  for (const auto& [name, folder] : survey_.folders) {
    if (claimed_.contains(name) || !folder.has_diff || is_of_container(name)) continue;
    if (said(folder.lower) != lower) continue;
    if (!found.empty()) return "";
    found = name;
  }
  return found;
}

// Layers that images have, of which not even the record is there. Whoever brings them back proves the files.
void Rebuild::adopt_for_lost_records() {
  std::vector<std::pair<size_t, ChainId>> lost;  // base first
  for (const auto& [chain, known] : lineage_) {
    if (survey_.layers.contains(chain.hex())) continue;
    lost.emplace_back(depth_of(chain), chain);
  }
  std::ranges::sort(lost);
  for (const auto& [depth, chain] : lost) {
    std::set<std::string> hinted = hinted_folders(chain);
    std::erase_if(hinted, [&](const std::string& name) {
      return claimed_.contains(name) || !survey_.folders.contains(name);
    });
    std::string folder = hinted.size() == 1 ? *hinted.begin() : "";
    std::optional<std::string> below = lower(chain);
    if (folder.empty() && homeless_.empty() && survey_.is_overlay() && below) {
      folder = only_folder_on(*below);
    }
    if (folder.empty()) continue;
    give(folder, chain, "the one folder that lies where the layer must");
  }
}

// Of several records with the same files, they are those of the one whose tar-split fits, and which lies on the right layer.
void Rebuild::settle_shared() {
  std::map<std::string, std::vector<ChainId>> claims;
  for (const auto& [chain, folder] : folders_) {
    if (survey_.folders.contains(folder.value)) claims[folder.value].push_back(chain);
  }
  for (auto& [folder, chains] : claims) {
    if (chains.size() == 1) {
      holders_.try_emplace(folder, chains.front());
      continue;
    }
    std::vector<ChainId> fitting;
    for (const ChainId& chain : chains) {
      const Learnt<Lineage>* known = lineage(chain);
      if (known && evidence_.diff_of(chain.hex(), folder) == known->value.diff)
        fitting.push_back(chain);
    }
    const size_t depth = split_lower(survey_.folders.at(folder).lower).size();
    std::erase_if(fitting, [&](const ChainId& chain) {
      return fitting.size() > 1 && survey_.is_overlay() && depth_of(chain) != depth;
    });
    if (fitting.size() > 1) {
      std::ranges::stable_partition(fitting, [&](const ChainId& chain) {
        return evidence_.fit_of(chain.hex(), folder) != Fit::kNone;
      });
    }
    for (const ChainId& chain : chains) {
      if (fitting.empty() || chain == fitting.front()) continue;
      folders_.erase(chain);
    }
    if (!fitting.empty()) holders_.try_emplace(folder, fitting.front());
  }
}

// Folders that the layers above name, where this layer must be.
std::set<std::string> Rebuild::hinted_folders(const ChainId& chain) {
  std::set<std::string> folders;
  for (const auto& [folder, above] : holders_) {
    const std::vector<std::string> names = split_lower(survey_.folders.at(folder).lower);
    const Learnt<Lineage>* at = lineage(above);
    for (const std::string& name : names) {
      if (!at || !at->value.parent) break;
      auto link = survey_.links.find(name);
      if (*at->value.parent == chain && link != survey_.links.end()) {
        folders.insert(folder_of_target(link->second));
      }
      at = lineage(*at->value.parent);
    }
  }
  return folders;
}

// The unclaimed folders that may be the layer's, likely ones first.
std::vector<std::string> Rebuild::candidates(const LayerRecord& record) {
  const std::set<std::string> hinted = hinted_folders(*record.chain);
  std::vector<std::string> likely, others;
  for (const auto& [name, folder] : survey_.folders) {
    if (claimed_.contains(name) || !folder.has_diff || is_of_container(name)) continue;
    (hinted.contains(name) ? likely : others).push_back(name);
  }
  likely.insert(likely.end(), others.begin(), others.end());
  return likely;
}

// What lies below it is known before it, so base first. Who proves most chooses first.
void Rebuild::adopt_all(std::vector<const LayerRecord*> lost) {
  std::ranges::stable_sort(lost, {},
                           [this](const LayerRecord* record) { return depth_of(*record->chain); });
  for (Proof proof : {Proof::kAll, Proof::kNames, Proof::kPlace}) {
    std::erase_if(lost, [&](const LayerRecord* record) { return adopt(*record, proof); });
  }
  std::erase_if(lost, [&](const LayerRecord* record) { return adopt_unproven(*record); });
  for (const LayerRecord* record : lost) homeless_.insert(record->name);
}

void Rebuild::give(const std::string& folder, const ChainId& chain, std::string from) {
  claimed_.insert(folder);
  homeless_.erase(chain.hex());
  holders_.insert_or_assign(folder, chain);
  folders_.insert_or_assign(chain, Learnt<std::string>{folder, std::move(from)});
}

// The layer's diffID and parent, where the folder and the tar-split make that diffID; else null.
const Learnt<Lineage>* Rebuild::lineage_with(const LayerRecord& record, const std::string& folder) {
  const ChainId& chain = *record.chain;
  const std::optional<DiffId> diff =
      record.has_split ? evidence_.diff_of(record.name, folder) : std::nullopt;
  if (!diff) return nullptr;
  if (lineage(chain) == nullptr) {
    std::vector<std::optional<ChainId>> parents = parents_of(chain, *diff);
    if (parents.empty()) return nullptr;
    lineage_.emplace(chain, Learnt<Lineage>{{*diff, parents.front()}, "its files and tar-split"});
  }
  const Learnt<Lineage>* known = lineage(chain);
  return known->value.diff == *diff ? known : nullptr;
}

// Its `lower` is a sound one, and that of a layer on others.
bool Rebuild::lies_elsewhere(const ChainId& chain, const std::string& folder) {
  const std::string own = said(survey_.folders.at(folder).lower);
  if (own.empty() || own == lower(chain)) return false;
  const std::vector<std::string> names = split_lower(survey_.folders.at(folder).lower);
  const bool is_sound = std::ranges::all_of(
      names, [this](const std::string& name) { return survey_.links.contains(name); });
  const Learnt<Lineage>* known = lineage(chain);
  if (known == nullptr) return false;
  if (is_sound && names.size() != depth_of(chain)) return true;
  std::optional<ChainId> below = chain_below(own);
  return below && known->value.parent != below;
}

bool Rebuild::adopt(const LayerRecord& record, Proof proof) {
  const ChainId& chain = *record.chain;
  const std::set<std::string> hinted = hinted_folders(chain);
  const Fit wanted = proof == Proof::kAll ? Fit::kAll : Fit::kNames;
  std::vector<std::string> placed, others;
  for (const std::string& folder : candidates(record)) {
    if (lineage_with(record, folder) == nullptr) continue;
    const std::string own = said(survey_.folders.at(folder).lower);
    const bool has_place = hinted.contains(folder) || (!own.empty() && own == lower(chain));
    if (!has_place && (proof == Proof::kPlace || lies_elsewhere(chain, folder))) continue;
    if (proof != Proof::kPlace && evidence_.fit_of(record.name, folder) < wanted) continue;
    (has_place || own == lower(chain) ? placed : others).push_back(folder);
  }
  // In vfs a folder that is exact may also be that of a layer above, and nothing tells its place.
  if (!survey_.is_overlay() && others.size() > 1) return false;
  placed.insert(placed.end(), others.begin(), others.end());
  if (placed.empty()) return false;
  give(placed.front(), chain, "its files, which give the layer's diffID");
  return true;
}

// Without a tar-split nothing can be proven; what the layers above say must do.
bool Rebuild::adopt_unproven(const LayerRecord& record) {
  const std::set<std::string> hinted = hinted_folders(*record.chain);
  if (record.has_split || hinted.size() != 1) return false;
  const std::vector<std::string> free = candidates(record);
  if (std::ranges::find(free, *hinted.begin()) == free.end()) return false;
  give(*hinted.begin(), *record.chain,
       "lower of the layers above names it (not proven: tar-split.json.gz is lost too)");
  return true;
}

size_t Rebuild::depth_of(const ChainId& chain) const {
  size_t depth = 0;
  for (const Learnt<Lineage>* at = lineage(chain); at && at->value.parent; ++depth) {
    at = lineage(*at->value.parent);
  }
  return depth;
}

}  // namespace strata::doctor
