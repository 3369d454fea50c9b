// SPDX-License-Identifier: Apache-2.0
#include "doctor/graph.h"

#include <algorithm>

namespace strata::doctor {
namespace {

constexpr std::string_view kRemovalSuffix = "-removing";
constexpr std::string_view kInitSuffix = "-init";

bool is_hex_name(std::string_view text) { return Digest::parse_hex(text).ok(); }

// Such names as dockerd makes, or takes.
bool can_be_link(std::string_view text) {
  return CacheId::parse(text).ok() && text.find_first_of(": \t\r\n") == text.npos;
}

bool is_sound(const ConfigRecord& config) {
  return config.image && config.found && *config.found == config.image->digest() &&
         config.trouble.empty();
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  text.remove_prefix(begin);
  const size_t end = text.find_last_not_of(kSpace);
  return text.substr(0, end == text.npos ? 0 : end + 1);
}

std::string_view without_init(std::string_view folder) {
  if (folder.ends_with(kInitSuffix)) folder.remove_suffix(kInitSuffix.size());
  return folder;
}

std::vector<ChainId> chains_of(const std::vector<DiffId>& diffs) {
  std::vector<ChainId> chains;
  for (const DiffId& diff : diffs) {
    chains.push_back(chain_id(chains.empty() ? nullptr : &chains.back(), diff));
  }
  return chains;
}

bool is_mount_id(std::string_view text) { return is_hex_name(without_init(text)); }

bool is_buildkit_name(std::string_view name) {
  constexpr size_t kSize = 25;
  return name.size() == kSize &&
         name.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz") == name.npos;
}

std::string in_quotes(std::string_view text) {
  constexpr size_t kShown = 100;
  std::string shown = "\"";
  for (char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      shown += "\\n";
    } else if (byte < 0x20 || byte > 0x7e) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown + (text.size() > kShown ? "…\"" : "\"");
}

std::string text_of(const SmallFile& file) {
  switch (file.state) {
    case SmallFile::State::kMissing:
      return "missing";
    case SmallFile::State::kUnreadable:
      return file.trouble;
    case SmallFile::State::kRead:
      break;
  }
  return file.text.empty() ? "0 bytes" : in_quotes(file.text);
}

Graph::Graph(const Survey& survey) : survey_(survey) {
  read_names();
  read_images();
  read_parents();
  read_folders();
  read_mounts();
  find_owners();
  find_lost_files();
}

void Graph::read_names() {
  if (!survey_.repositories.there()) return;
  Result<store::References> parsed = store::References::parse(survey_.repositories.text);
  if (!parsed.ok()) return;
  references_ = std::move(*parsed);
  for (auto& [key, image] : references_.all()) {
    const std::string hex = image.hex();
    names_[hex].push_back(key);
    has_lost_images_ |= !survey_.configs.contains(hex);
  }
  for (auto& [hex, names] : names_) {
    std::stable_partition(names.begin(), names.end(),
                          [](const std::string& key) { return !store::is_digest_key(key); });
  }
}

void Graph::read_images() {
  std::map<std::pair<ChainId, DiffId>, ChainId> known;  // most images share most of their layers
  has_lost_images_ |= survey_.unreadable.contains(survey_.config_folder());
  for (const auto& [name, config] : survey_.configs) {
    if (!config.image) continue;
    if (!is_sound(config)) {
      has_lost_images_ = true;
      continue;
    }
    std::optional<ChainId> parent;
    for (const DiffId& diff : config.diffs) {
      auto [chain, is_new] = known.try_emplace({parent.value_or(ChainId()), diff});
      if (is_new) chain->second = chain_id(parent ? &*parent : nullptr, diff);
      Wanted& layer = wanted_[chain->second];
      layer.diff = diff;
      layer.parent = parent;
      layer.images.push_back(&config);
      parent = chain->second;
    }
  }
}

void Graph::read_parents() {
  for (const auto& [name, record] : survey_.layers) {
    if (!record.chain || wanted_.contains(*record.chain)) continue;
    std::optional<ChainId> parent = parent_by_record(record);
    if (parent) parents_.emplace(*record.chain, *parent);
  }
}

std::optional<ChainId> Graph::parent_by_record(const LayerRecord& record) const {
  Result<ChainId> told = ChainId::parse(trimmed(record.parent.text));
  Result<DiffId> diff = DiffId::parse(trimmed(record.diff.text));
  if (!diff.ok()) return told.ok() ? std::optional<ChainId>(*told) : std::nullopt;
  if (told.ok() && chain_id(&*told, *diff) == *record.chain) return *told;
  if (chain_id(nullptr, *diff) == *record.chain) return std::nullopt;
  for (const auto& [name, other] : survey_.layers) {
    if (other.chain && chain_id(&*other.chain, *diff) == *record.chain) return *other.chain;
  }
  return told.ok() ? std::optional<ChainId>(*told) : std::nullopt;
}

void Graph::read_folders() {
  for (const auto& [name, target] : survey_.links) {
    std::string_view rest = target;
    const std::string home = survey_.root_path + "/" + survey_.home() + "/";
    if (rest.starts_with("../")) {
      rest.remove_prefix(3);
    } else if (rest.starts_with(home)) {  // dockerd takes absolute ones as well
      rest.remove_prefix(home.size());
    } else {
      continue;
    }
    if (!rest.ends_with("/diff")) continue;
    links_[std::string(rest.substr(0, rest.size() - 5))].push_back(name);
  }
  for (const auto& [name, record] : survey_.layers) {
    if (!record.chain && !name.ends_with(kRemovalSuffix)) continue;
    if (std::optional<std::string> folder = folder_of(record)) owners_[*folder].push_back(&record);
  }
}

// Each of mount-id and init-id tells the other. Where they agree, the layer is that container's; where they do not, the one is that no
// other container has.
void Graph::claim_layers() {
  const auto claim = [&](const MountRecord& mount, const std::string& layer) {
    if (!is_hex_name(layer) || !mounts_.emplace(layer, &mount).second) return false;
    mounts_.emplace(layer + std::string(kInitSuffix), &mount);
    layers_of_.emplace(mount.container, layer);
    return true;
  };
  for (bool agreed : {true, false}) {
    for (const auto& [id, mount] : survey_.mounts) {
      if (layers_of_.contains(id)) continue;
      const std::string layer(trimmed(mount.mount_id.text));
      const std::string init(without_init(trimmed(mount.init_id.text)));
      if (agreed) {
        if (layer == init) (void)claim(mount, layer);
        continue;
      }
      const bool init_first = !survey_.folders.contains(layer) && survey_.folders.contains(init);
      if (!claim(mount, init_first ? init : layer)) (void)claim(mount, init_first ? layer : init);
    }
  }
}

void Graph::read_mounts() {
  claim_layers();
  for (const auto& [id, mount] : survey_.mounts) {
    std::optional<ChainId> next = top_of(mount).chain;
    for (size_t depth = 0; next && depth <= depth_max(); ++depth) {
      pinned_.insert(*next);
      containers_[*next].push_back(id);
      next = parent_of(*next);
    }
  }
  has_lost_mounts_ = layers_of_.size() < survey_.mounts.size();
  for (const auto& [id, container] : survey_.containers) {
    has_lost_mounts_ |= !layers_of_.contains(id);
  }
}

const std::vector<std::string>& Graph::names_of(const std::string& image_hex) const {
  static const std::vector<std::string> kNone;
  auto found = names_.find(image_hex);
  return found == names_.end() ? kNone : found->second;
}

const Graph::Wanted* Graph::find_wanted(const ChainId& chain) const {
  auto found = wanted_.find(chain);
  return found == wanted_.end() ? nullptr : &found->second;
}

std::vector<std::string> Graph::titles_of_image(const std::string& image_hex) const {
  std::vector<std::string> titles;
  for (const std::string& name : names_of(image_hex)) {
    if (!store::is_digest_key(name)) titles.push_back(name);
  }
  if (titles.empty()) titles = names_of(image_hex);
  if (titles.empty()) titles.push_back("sha256:" + image_hex);
  return titles;
}

std::string Graph::title_of_container(const std::string& id) const {
  auto found = survey_.containers.find(id);
  const bool named = found != survey_.containers.end() && !found->second.title.empty();
  return "container " + (named ? found->second.title : id.substr(0, 12));
}

bool Graph::is_going(const std::string& container) const {
  auto found = survey_.containers.find(container);
  return found != survey_.containers.end() && found->second.is_going;
}

std::vector<std::string> Graph::affected_by(const ChainId& chain) const {
  std::set<std::string> titles;
  if (const Wanted* layer = find_wanted(chain)) {
    for (const ConfigRecord* config : layer->images) {
      for (std::string& title : titles_of_image(config->name)) titles.insert(std::move(title));
    }
  }
  if (auto users = containers_.find(chain); users != containers_.end()) {
    for (const std::string& id : users->second) titles.insert(title_of_container(id));
  }
  return {titles.begin(), titles.end()};
}

std::optional<ChainId> Graph::parent_of(const ChainId& chain) const {
  if (const Wanted* layer = find_wanted(chain)) return layer->parent;
  auto found = parents_.find(chain);
  return found == parents_.end() ? std::nullopt : std::optional<ChainId>(found->second);
}

std::optional<std::string> Graph::folder_of(const LayerRecord& record) {
  std::string name(trimmed(record.cache.text));
  if (!record.cache.there() || !CacheId::parse(name).ok()) return std::nullopt;
  return name;
}

std::optional<std::string> Graph::folder_of(const ChainId& chain) const {
  if (auto best = best_folder_.find(chain); best != best_folder_.end()) return best->second;
  auto record = survey_.layers.find(chain.hex());
  if (record == survey_.layers.end()) return std::nullopt;
  std::optional<std::string> folder = folder_of(record->second);
  const bool of_another = folder && owner_of(*folder) && *owner_of(*folder) != chain;
  return of_another ? std::nullopt : folder;
}

std::vector<const LayerRecord*> Graph::owners_of(const std::string& folder) const {
  auto found = owners_.find(folder);
  return found == owners_.end() ? std::vector<const LayerRecord*>() : found->second;
}

std::optional<ChainId> Graph::owner_of(const std::string& folder) const {
  auto found = owner_.find(folder);
  return found == owner_.end() ? std::nullopt : std::optional<ChainId>(found->second);
}

std::optional<std::string> Graph::lost_folder(const ChainId& chain) const {
  auto found = best_folder_.find(chain);
  return found == best_folder_.end() ? std::nullopt : std::optional<std::string>(found->second);
}

const MountRecord* Graph::mount_of(const std::string& folder) const {
  auto found = mounts_.find(folder);
  return found == mounts_.end() ? nullptr : found->second;
}

std::string Graph::layer_of(const MountRecord& mount) const {
  auto found = layers_of_.find(mount.container);
  return found == layers_of_.end() ? "" : found->second;
}

Graph::Top Graph::top_of(const MountRecord& mount) const {
  Result<ChainId> parent = ChainId::parse(trimmed(mount.parent.text));
  if (parent.ok() && (survey_.layers.contains(parent->hex()) || find_wanted(*parent) != nullptr)) {
    return {*parent, true};
  }
  if (std::optional<ChainId> top = top_of_image(mount.container)) return {top, true};
  return {std::nullopt, mount.parent.state == SmallFile::State::kMissing};
}

std::optional<ChainId> Graph::top_of_image(const std::string& id) const {
  auto container = survey_.containers.find(id);
  if (container == survey_.containers.end()) return std::nullopt;
  Result<ImageId> image = ImageId::parse(container->second.image);
  if (!image.ok()) return std::nullopt;
  auto config = survey_.configs.find(image->hex());
  if (config == survey_.configs.end() || !is_sound(config->second)) return std::nullopt;
  if (config->second.diffs.empty()) return std::nullopt;
  return chains_of(config->second.diffs).back();
}

const std::vector<std::string>& Graph::links_to(const std::string& folder) const {
  static const std::vector<std::string> kNone;
  auto found = links_.find(folder);
  return found == links_.end() ? kNone : found->second;
}

bool Graph::leads_to(const std::string& link, const std::string& folder) const {
  const std::vector<std::string>& links = links_to(folder);
  return std::find(links.begin(), links.end(), link) != links.end();
}

std::optional<std::string> Graph::link_of(const std::string& folder) const {
  auto found = survey_.folders.find(folder);
  std::string text = found == survey_.folders.end() ? "" : found->second.link.text;
  if (leads_to(text, folder)) return text;
  if (links_to(folder).size() == 1) return links_to(folder).front();
  if (can_be_link(text)) return text;
  return std::nullopt;
}

std::optional<std::string> Graph::lower_on(const std::optional<ChainId>& parent) const {
  std::string lower;
  std::optional<ChainId> next = parent;
  for (size_t depth = 0; next && depth <= depth_max(); ++depth) {
    std::optional<std::string> folder = folder_of(*next);
    std::optional<std::string> link = folder ? link_of(*folder) : std::nullopt;
    if (!link) return std::nullopt;
    lower += (lower.empty() ? "l/" : ":l/") + *link;
    next = parent_of(*next);
  }
  return lower;
}

std::set<ChainId> Graph::needed() const {
  std::set<ChainId> needed = pinned_;
  for (const auto& [chain, layer] : wanted_) needed.insert(chain);
  std::vector<ChainId> more(survey_.build_cache.begin(), survey_.build_cache.end());
  more.insert(more.end(), survey_.leased.begin(), survey_.leased.end());
  for (const ChainId& top : more) {
    for (std::optional<ChainId> next = top; next && needed.insert(*next).second;) {
      next = parent_of(*next);
    }
  }
  return needed;
}

}  // namespace strata::doctor
