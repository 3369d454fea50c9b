// SPDX-License-Identifier: Apache-2.0
// Whose the folders are that no record names any more. Two things tell it: what lies on a folder names its link, and a folder names the
// links of what it lies on. Both are in `lower`:
//   lower of a layer = link of its parent, of that one's parent, … down to the base.   Source: FORMATS section 2.
#include <algorithm>

#include "doctor/graph.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kInitSuffix = "-init";

// "l/A:l/B" -> A, B
std::vector<std::string> links_of(std::string_view lower) {
  std::vector<std::string> links;
  lower = trimmed(lower);
  while (!lower.empty()) {
    std::string_view part = lower.substr(0, lower.find(':'));
    lower.remove_prefix(std::min(lower.size(), part.size() + 1));
    links.emplace_back(part.starts_with("l/") ? part.substr(2) : "");
  }
  return links;
}

}  // namespace

size_t Graph::depth_of(const ChainId& chain) const {
  size_t depth = 0;
  for (std::optional<ChainId> next = chain; next && depth <= depth_max();) {
    next = parent_of(*next);
    ++depth;
  }
  return depth;
}

// Whether the folder lies on the layers below this one, as far as their links are known.
bool Graph::lies_on(const std::string& folder, const ChainId& layer) const {
  auto found = survey_.folders.find(folder);
  if (found == survey_.folders.end()) return false;
  const std::vector<std::string> links = links_of(found->second.lower.text);
  size_t depth = 0;
  for (std::optional<ChainId> next = parent_of(layer); next; next = parent_of(*next)) {
    if (depth == links.size()) return false;
    std::optional<std::string> below = folder_of(*next);
    const bool is_sure = below && (owners_of(*below).size() < 2 || owner_of(*below));
    std::optional<std::string> link = is_sure ? link_of(*below) : std::nullopt;
    if (link && links[depth] != *link) return false;
    ++depth;
  }
  return depth == links.size();
}

// Of two records that name one folder, the one is right that lies on the same layers as the folder.
void Graph::find_owners() {
  for (const auto& [folder, records] : owners_) {
    std::vector<ChainId> right;
    for (const LayerRecord* record : records) {
      if (!record->chain) continue;
      if (records.size() == 1 || lies_on(folder, *record->chain)) right.push_back(*record->chain);
    }
    if (right.size() == 1) owner_.emplace(folder, right.front());
  }
}

// Layers that do not say where their files are; base first, since what lies on one is known by it.
std::vector<ChainId> Graph::lost_layers() const {
  std::vector<std::pair<size_t, ChainId>> lost;
  for (const auto& [chain, layer] : wanted_) {
    if (!survey_.layers.contains(chain.hex())) lost.emplace_back(depth_of(chain), chain);
  }
  for (const auto& [name, record] : survey_.layers) {
    if (!record.chain) continue;
    std::optional<std::string> folder = folder_of(record);
    const bool is_own =
        folder && survey_.folders.contains(*folder) &&
        (owner_of(*folder) ? *owner_of(*folder) == *record.chain : owners_of(*folder).size() < 2);
    if (!is_own) lost.emplace_back(depth_of(*record.chain), *record.chain);
  }
  std::sort(lost.begin(), lost.end());
  std::vector<ChainId> chains;
  for (const auto& [depth, chain] : lost) chains.push_back(chain);
  return chains;
}

// Folders of layers that no record names.
std::set<std::string> Graph::nameless_folders() const {
  std::set<std::string> nameless;
  for (const auto& [name, folder] : survey_.folders) {
    const bool is_named = owners_.contains(name) || mounts_.contains(name);
    const bool of_container =
        name.ends_with(kInitSuffix) || survey_.folders.contains(name + std::string(kInitSuffix));
    if (is_named || of_container || is_buildkit_name(name) || !folder.has_diff) continue;
    nameless.insert(name);
  }
  return nameless;
}

// What the layers and containers that lie on a lost layer say of it.
std::map<ChainId, std::set<std::string>> Graph::told_from_above(
    const std::set<std::string>& nameless) const {
  std::map<ChainId, std::set<std::string>> told;
  auto listen = [&](const std::string& folder, std::optional<ChainId> below) {
    auto found = survey_.folders.find(folder);
    if (found == survey_.folders.end()) return;
    for (const std::string& link : links_of(found->second.lower.text)) {
      if (!below) return;
      auto target = survey_.links.find(link);
      std::string_view path = target == survey_.links.end() ? "" : std::string_view(target->second);
      if (path.starts_with("../") && path.ends_with("/diff")) {
        std::string name(path.substr(3, path.size() - 8));
        if (nameless.contains(name)) told[*below].insert(std::move(name));
      }
      below = parent_of(*below);
    }
  };
  for (const auto& [folder, chain] : owner_) listen(folder, parent_of(chain));
  for (const auto& [folder, mount] : mounts_) {
    if (folder.ends_with(kInitSuffix)) listen(folder, top_of(*mount).chain);
  }
  return told;
}

void Graph::find_lost_files() {
  const std::vector<ChainId> lost = lost_layers();
  if (lost.empty()) return;
  std::set<std::string> nameless = nameless_folders();
  std::map<ChainId, std::set<std::string>> told = told_from_above(nameless);
  std::map<size_t, std::vector<std::string>> by_depth;
  for (const std::string& name : nameless) {
    by_depth[links_of(survey_.folders.at(name).lower.text).size() + 1].push_back(name);
  }
  for (const ChainId& chain : lost) {
    std::vector<std::string> candidates;
    if (auto from_above = told.find(chain); from_above != told.end()) {
      candidates.assign(from_above->second.begin(), from_above->second.end());
    }
    std::erase_if(candidates, [&](const std::string& name) { return !lies_on(name, chain); });
    const std::vector<std::string>& as_deep = by_depth[depth_of(chain)];
    const bool nobody_told = candidates.empty();
    for (size_t i = 0; nobody_told && candidates.size() < 2 && i < as_deep.size(); ++i) {
      if (!owner_.contains(as_deep[i]) && lies_on(as_deep[i], chain)) {
        candidates.push_back(as_deep[i]);
      }
    }
    // Which of several it is, nothing tells; then none of them is nobody's.
    if (candidates.size() > 1) perhaps_used_.insert(as_deep.begin(), as_deep.end());
    perhaps_used_.insert(candidates.begin(), candidates.end());
    if (candidates.size() != 1) continue;
    best_folder_.emplace(chain, candidates.front());
    owner_.emplace(candidates.front(), chain);
  }
}

}  // namespace strata::doctor
