// SPDX-License-Identifier: Apache-2.0
#include "doctor/rebuild.h"

#include <algorithm>

#include "driver/overlay2.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kInit = "-init";
// Pairs of a diffID and a parent that are tried for one record; a hash each.
constexpr size_t kPairsMax = 4u << 20;

std::optional<DiffId> parse_diff(const SmallFile& file) {
  if (!file.there()) return std::nullopt;
  Result<DiffId> diff = DiffId::parse(said(file));
  return diff.ok() ? std::optional(*diff) : std::nullopt;
}

std::optional<ChainId> parse_chain(const SmallFile& file) {
  if (!file.there()) return std::nullopt;
  Result<ChainId> chain = ChainId::parse(said(file));
  return chain.ok() ? std::optional(*chain) : std::nullopt;
}

// "../<folder>/diff" -> folder; empty for anything else.
std::string folder_of_target(const std::string& target) {
  if (!target.starts_with("../") || !target.ends_with("/diff")) return "";
  std::string name = target.substr(3, target.size() - 3 - 5);
  return name.find('/') == std::string::npos ? name : "";
}

}  // namespace

std::string said(const SmallFile& file) {
  return file.there() ? std::string(trimmed(file.text)) : std::string();
}

std::string folder_path(const Survey& survey, const std::string& folder) {
  return survey.home() + "/" + folder;
}

std::vector<std::string> split_lower(const SmallFile& file) {
  std::vector<std::string> names;
  const std::string lower = said(file);
  for (size_t begin = 0; begin < lower.size();) {
    size_t end = std::min(lower.find(':', begin), lower.size());
    std::string name = lower.substr(begin, end - begin);
    names.push_back(name.starts_with("l/") ? name.substr(2) : name);
    begin = end + 1;
  }
  return names;
}

Rebuild::Rebuild(const Survey& survey, Evidence& evidence) : survey_(survey), evidence_(evidence) {
  learn_from_configs();
  learn_from_records();
  find_folders();
  learn_needs();
}

void Rebuild::learn_from_configs() {
  for (const auto& [name, config] : survey_.configs) {
    std::optional<ChainId> parent;
    const std::vector<ChainId> chains = chains_of(config.diffs);
    for (size_t i = 0; i < chains.size(); ++i) {
      lineage_.try_emplace(chains[i], Learnt<Lineage>{{config.diffs[i], parent},
                                                      "the config of image " + name.substr(0, 12)});
      parent = chains[i];
    }
  }
}

// Every layer that anybody names can be a parent.
std::vector<std::optional<ChainId>> Rebuild::parents_of(const ChainId& chain,
                                                        const DiffId& diff) const {
  std::vector<std::optional<ChainId>> found;
  if (chain_id(nullptr, diff) == chain) found.emplace_back(std::nullopt);
  for (const auto& [name, record] : survey_.layers) {
    if (record.chain && chain_id(&*record.chain, diff) == chain) found.emplace_back(record.chain);
  }
  for (const auto& [parent, known] : lineage_) {
    if (chain_id(&parent, diff) == chain) found.emplace_back(parent);
  }
  return found;
}

std::optional<Learnt<Lineage>> Rebuild::work_out(const LayerRecord& record,
                                                 const std::vector<DiffId>& diffs) const {
  const ChainId& chain = *record.chain;
  const std::optional<DiffId> diff = parse_diff(record.diff);
  const std::optional<ChainId> parent = parse_chain(record.parent);
  if (diff) {
    if (parent && chain_id(&*parent, *diff) == chain)
      return Learnt<Lineage>{{*diff, parent}, "the record"};
    std::vector<std::optional<ChainId>> parents = parents_of(chain, *diff);
    if (!parents.empty()) {
      return Learnt<Lineage>{{*diff, parents.front()},
                             "the chainID: diff and this parent hash to it"};
    }
  }
  size_t pairs = 0;
  for (const DiffId& candidate : diffs) {
    if (parent && chain_id(&*parent, candidate) == chain) {
      return Learnt<Lineage>{{candidate, parent}, "the chainID: parent and this diffID hash to it"};
    }
    pairs += survey_.layers.size() + lineage_.size();
    if (pairs > kPairsMax) break;
    std::vector<std::optional<ChainId>> parents = parents_of(chain, candidate);
    // The name of any layer is the diffID of a base layer, if it is one: that says nothing.
    std::erase_if(parents, [](const std::optional<ChainId>& found) { return !found; });
    if (!parents.empty()) {
      return Learnt<Lineage>{{candidate, parents.front()},
                             "the chainID: this diffID and parent hash to it"};
    }
  }
  return std::nullopt;
}

void Rebuild::learn_from_records() {
  std::set<DiffId> diffs;
  std::vector<const LayerRecord*> open;
  for (const auto& [name, record] : survey_.layers) {
    if (std::optional<DiffId> diff = parse_diff(record.diff)) diffs.insert(*diff);
    if (!record.chain || lineage_.contains(*record.chain)) continue;
    if (std::optional<SoundLayer> sound = sound_layer(record)) {
      lineage_.emplace(*record.chain, Learnt<Lineage>{{sound->diff, sound->parent}, "the record"});
    } else {
      open.push_back(&record);
    }
  }
  if (open.empty()) return;
  for (const auto& [chain, known] : lineage_) diffs.insert(known.value.diff);
  for (const DiffId& diff : evidence_.known_diffs()) diffs.insert(diff);
  const std::vector<DiffId> all(diffs.begin(), diffs.end());
  for (const LayerRecord* record : open) {
    if (auto found = work_out(*record, all)) lineage_.emplace(*record->chain, *found);
  }
}

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
  for (const LayerRecord* record : lost) adopt(*record);
  // What one record gave up, another may have; and those that lost a dispute look for their own.
  for (const auto& [name, record] : survey_.layers) {
    if (record.chain && !folders_.contains(*record.chain)) adopt(record);
  }
  for (const auto& [chain, folder] : folders_) {
    if (survey_.folders.contains(folder.value)) holders_.try_emplace(folder.value, chain);
  }
  adopt_for_lost_records();
  links_.clear();  // what was asked before all folders were known
}

// The one unclaimed folder with that `lower` that can be an image's layer; empty: none, or several.
std::string Rebuild::only_folder_on(const std::string& lower) const {
  std::string found;
  for (const auto& [name, folder] : survey_.folders) {
    if (claimed_.contains(name) || !folder.has_diff || name.ends_with(kInit)) continue;
    if (survey_.folders.contains(name + std::string(kInit))) continue;  // a container's
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
    size_t depth = 0;
    for (const Learnt<Lineage>* at = &known; at && at->value.parent; ++depth) {
      at = lineage(*at->value.parent);
    }
    lost.emplace_back(depth, chain);
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
    claimed_.insert(folder);
    holders_.insert_or_assign(folder, chain);
    folders_.insert_or_assign(
        chain, Learnt<std::string>{folder, "the one folder that lies where the layer must"});
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
      size_t below = 0;
      for (const Learnt<Lineage>* at = lineage(chain); at && at->value.parent; ++below) {
        at = lineage(*at->value.parent);
      }
      return fitting.size() > 1 && survey_.driver != "vfs" && below != depth;
    });
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
    if (claimed_.contains(name) || !folder.has_diff || name.ends_with(kInit)) continue;
    (hinted.contains(name) ? likely : others).push_back(name);
  }
  likely.insert(likely.end(), others.begin(), others.end());
  return likely;
}

void Rebuild::adopt(const LayerRecord& record) {
  const ChainId& chain = *record.chain;
  const Learnt<Lineage>* known = lineage(chain);
  const std::set<std::string> hinted = hinted_folders(chain);
  std::string found, from;
  for (const std::string& folder : candidates(record)) {
    std::optional<DiffId> diff =
        record.has_split ? evidence_.diff_of(record.name, folder) : std::nullopt;
    if (diff && !known) {
      std::vector<std::optional<ChainId>> parents = parents_of(chain, *diff);
      if (parents.empty()) continue;
      lineage_.emplace(chain, Learnt<Lineage>{{*diff, parents.front()}, "its files and tar-split"});
      known = lineage(chain);
    }
    if (known && diff == known->value.diff) {
      found = folder;
      from = "its files, which give the layer's diffID";
      break;
    }
    if (!record.has_split && hinted.size() == 1 && hinted.contains(folder)) {
      found = folder;
      from = "lower of the layers above names it (not proven: tar-split.json.gz is lost too)";
      break;
    }
  }
  if (found.empty()) {
    homeless_.insert(record.name);
    return;
  }
  claimed_.insert(found);
  holders_.insert_or_assign(found, chain);
  folders_.insert_or_assign(chain, Learnt<std::string>{found, from});
}

const Learnt<Lineage>* Rebuild::lineage(const ChainId& chain) const {
  auto found = lineage_.find(chain);
  return found == lineage_.end() ? nullptr : &found->second;
}

const Learnt<std::string>* Rebuild::folder(const ChainId& chain) const {
  auto found = folders_.find(chain);
  return found == folders_.end() ? nullptr : &found->second;
}

const ChainId* Rebuild::holder(const std::string& folder) const {
  auto found = holders_.find(folder);
  return found == holders_.end() ? nullptr : &found->second;
}

void Rebuild::learn_needs() {
  std::vector<ChainId> roots(survey_.build_cache.begin(), survey_.build_cache.end());
  roots.insert(roots.end(), survey_.leased.begin(), survey_.leased.end());
  for (const auto& [name, config] : survey_.configs) {
    for (const ChainId& chain : chains_of(config.diffs)) roots.push_back(chain);
  }
  for (const auto& [id, mount] : survey_.mounts) {
    if (std::optional<ChainId> parent = parse_chain(mount.parent)) roots.push_back(*parent);
  }
  for (const ChainId& root : roots) {
    for (std::optional<ChainId> chain = root; chain && needed_.insert(*chain).second;) {
      const Learnt<Lineage>* known = lineage(*chain);
      chain = known ? known->value.parent : std::nullopt;
    }
  }
}

// The name by which the layers above call it, where that is free or leads to it.
std::string Rebuild::link_in_lowers(const std::string& folder) const {
  std::set<std::string> names;
  if (folder.ends_with(kInit)) {
    auto writable = survey_.folders.find(folder.substr(0, folder.size() - kInit.size()));
    if (writable != survey_.folders.end()) {
      std::vector<std::string> lower = split_lower(writable->second.lower);
      if (!lower.empty()) names.insert(lower.front());
    }
  }
  const ChainId* own = holder(folder);
  for (const auto& [other, above] : holders_) {
    const Learnt<Lineage>* at = own != nullptr ? lineage(above) : nullptr;
    for (const std::string& name : split_lower(survey_.folders.at(other).lower)) {
      if (!at || !at->value.parent) break;
      if (*at->value.parent == *own) names.insert(name);
      at = lineage(*at->value.parent);
    }
  }
  for (const auto& [id, mount] : survey_.mounts) {
    auto init = survey_.folders.find(said(mount.init_id));
    if (own == nullptr || init == survey_.folders.end() || parse_chain(mount.parent) != *own)
      continue;
    std::vector<std::string> lower = split_lower(init->second.lower);
    if (!lower.empty()) names.insert(lower.front());
  }
  for (const std::string& name : names) {
    auto entry = survey_.links.find(name);
    const bool free = entry == survey_.links.end() || folder_of_target(entry->second) == folder ||
                      !survey_.folders.contains(folder_of_target(entry->second));
    if (driver::is_link_name(name) && free) return name;
  }
  return "";
}

Learnt<std::string> Rebuild::find_link(const std::string& folder) {
  auto place = survey_.folders.find(folder);
  const std::string own = place != survey_.folders.end() ? said(place->second.link) : std::string();
  const std::string target = "../" + folder + "/diff";
  auto leads_here = [&](const std::string& name) {
    auto entry = survey_.links.find(name);
    return entry != survey_.links.end() && folder_of_target(entry->second) == folder;
  };
  const bool own_free = driver::is_link_name(own) && !survey_.links.contains(own);
  if (!own.empty() && leads_here(own)) return {own, "the link file"};
  const std::string called = link_in_lowers(folder);
  if (!called.empty() && leads_here(called)) return {called, "lower of the layers above, and l/"};
  if (own_free) return {own, "the link file"};
  std::string entry;
  for (const auto& [name, to] : survey_.links) {
    if (driver::is_link_name(name) && folder_of_target(to) == folder) entry = name;
  }
  if (!entry.empty()) return {entry, "the entry of l/ that leads to the folder"};
  if (!called.empty()) return {called, "lower of the layers above"};
  if (driver::is_link_name(own)) {
    const std::string other = folder_of_target(survey_.links.at(own));
    auto there = survey_.folders.find(other);
    // The entry leads elsewhere, and what it leads to goes by another name, or is not there.
    if (there == survey_.folders.end() || said(there->second.link) != own) {
      return {own, "the link file"};
    }
  }
  return {driver::random_link(), "nothing: a new name"};
}

const Learnt<std::string>& Rebuild::link(const std::string& folder) {
  auto found = links_.find(folder);
  if (found == links_.end()) found = links_.emplace(folder, find_link(folder)).first;
  return found->second;
}

std::optional<std::string> Rebuild::lower_on(const ChainId& chain) {
  const Learnt<std::string>* below = folder(chain);
  std::optional<std::string> rest = lower(chain);
  if (below == nullptr || !rest) return std::nullopt;
  const std::string name = "l/" + link(below->value).value;
  return rest->empty() ? name : name + ":" + *rest;
}

std::optional<std::string> Rebuild::lower(const ChainId& chain) {
  const Learnt<Lineage>* known = lineage(chain);
  if (known == nullptr) return std::nullopt;
  return known->value.parent ? lower_on(*known->value.parent) : std::string();
}

std::optional<ChainId> Rebuild::chain_below(const std::string& lower) {
  for (const auto& [chain, folder] : folders_) {
    if (survey_.folders.contains(folder.value) && lower_on(chain) == lower) return chain;
  }
  return std::nullopt;
}

}  // namespace strata::doctor
