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

}  // namespace

std::string folder_of_target(const std::string& target) {
  if (!target.starts_with("../") || !target.ends_with("/diff")) return "";
  std::string name = target.substr(3, target.size() - 3 - 5);
  return name.find('/') == std::string::npos ? name : "";
}

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
