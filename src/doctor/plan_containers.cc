// SPDX-License-Identifier: Apache-2.0
// Containers: their configs, and layerdb/mounts, which says where their files are.
// Source: FORMATS sections 1.2 and 8.
#include <algorithm>
#include <cmath>

#include "doctor/planning.h"
#include "oci/json.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kInit = "-init";
// dockerd makes a container's folders right after it has noted the time of its creation.
constexpr double kCreationSeconds = 3;

std::string mount_path(const Planning& p, const std::string& container) {
  return p.survey.mount_folder() + "/" + container;
}

std::string about_container(const std::string& id) { return "container " + id; }

std::string container_of(const Planning& p, const Finding& finding) {
  for (const std::string& folder : {p.survey.mount_folder(), std::string("containers")}) {
    std::string name = name_below(finding, folder);
    if (!name.empty()) return name;
  }
  return finding.subject;
}

// The top layer of the container's image.
std::optional<ChainId> image_top(const Planning& p, const std::string& container) {
  auto record = p.survey.containers.find(container);
  if (record == p.survey.containers.end()) return std::nullopt;
  Result<ImageId> image = ImageId::parse(record->second.image);
  auto config = image.ok() ? p.survey.configs.find(image->hex()) : p.survey.configs.end();
  if (config == p.survey.configs.end() || config->second.diffs.empty()) return std::nullopt;
  return chains_of(config->second.diffs).back();
}

bool is_hex_name(const std::string& name) {
  return name.size() == Digest::kHexDigits &&
         name.find_first_not_of("0123456789abcdef") == name.npos;
}

// Folders of containers' layers that no mount names, by the time they were made.
std::vector<std::string> unnamed_layers(Planning& p, const std::optional<ChainId>& parent) {
  std::vector<std::string> found;
  for (const auto& [name, folder] : p.survey.folders) {
    const std::string init = name + std::string(kInit);
    auto init_folder = p.survey.folders.find(init);
    if (!is_hex_name(name) || init_folder == p.survey.folders.end()) continue;
    if (p.rebuilt.is_claimed(name) || p.rebuilt.is_claimed(init) || p.adopted.contains(name))
      continue;
    std::optional<std::string> lower = parent ? p.rebuilt.lower_on(*parent) : std::nullopt;
    const SmallFile& own = init_folder->second.lower;
    if (p.survey.is_overlay() && lower && own.there() && said(own) != *lower) continue;
    found.push_back(name);
  }
  return found;
}

// What init-id says of the container's layer.
std::string layer_by_init(const MountRecord& mount) {
  return std::string(without_init(said(mount.init_id)));
}

// Another container that names the folder, and no other, as its own.
const MountRecord* other_holder(Planning& p, const std::string& container,
                                const std::string& folder) {
  for (const auto& [id, mount] : p.survey.mounts) {
    if (id == container || said(mount.mount_id) != folder) continue;
    if (layer_by_init(mount) == folder) return &mount;
  }
  return nullptr;
}

// The container's writable layer: what its mount still says, or the one folder that fits.
Learnt<std::string> find_layer(Planning& p, const std::string& container) {
  auto mount = p.survey.mounts.find(container);
  if (mount != p.survey.mounts.end()) {
    const std::string id = said(mount->second.mount_id), init = layer_by_init(mount->second);
    const auto is_own = [&](const std::string& folder) {
      return is_hex_name(folder) && p.survey.folders.contains(folder) &&
             other_holder(p, container, folder) == nullptr;
    };
    if (is_own(id)) return {id, "mount-id"};
    if (is_own(init)) return {init, "init-id"};
    if (const MountRecord* other = other_holder(p, container, id); other && id == init) {
      return {"", fmt::format("any of two containers can have {}: the other one is {}", id,
                              other->container)};
    }
  }
  const std::vector<std::string> all = unnamed_layers(p, image_top(p, container));
  std::vector<std::string> at_its_time;
  std::optional<double> created = p.evidence.container_made(container);
  for (const std::string& folder : all) {
    std::optional<double> made = p.evidence.folder_made(folder);
    if (created && made && std::abs(*made - *created) < kCreationSeconds)
      at_its_time.push_back(folder);
  }
  if (all.size() == 1) return {all.front(), "the one folder on its image that no container names"};
  if (at_its_time.size() == 1) {
    return {at_its_time.front(), "the folder on its image that was made when the container was"};
  }
  return {"", all.empty() ? "no folder in the driver's home can be its layer"
                          : fmt::format("any of {} can be its layer", fmt::join(all, ", "))};
}

// The texts of layerdb/mounts/<container> that are not as they should be.
std::vector<Action> mount_files(Planning& p, const std::string& container,
                                const std::string& layer) {
  static const MountRecord kNone;
  auto found = p.survey.mounts.find(container);
  const MountRecord& mount = found == p.survey.mounts.end() ? kNone : found->second;
  const std::string path = mount_path(p, container);
  std::vector<Action> actions;
  if (found == p.survey.mounts.end()) actions.push_back(MakeFolder{path, 0755});
  if (!mount.trouble.empty()) {
    actions.push_back(SetAside{path});
    actions.push_back(MakeFolder{path, 0755});
  }
  auto write = [&](const SmallFile& file, const std::string& name, const std::string& text) {
    if (!file.there() || file.text != text)
      actions.push_back(WriteFile{path + "/" + name, text, 0644});
  };
  write(mount.mount_id, "mount-id", layer);
  write(mount.init_id, "init-id", layer + std::string(kInit));
  if (std::optional<Learnt<ChainId>> parent = mount_parent(p, container)) {
    write(mount.parent, "parent", parent->value.to_string());
  }
  return actions;
}

// What a folder of a container's layer lacks of what dockerd makes.
void make_layer(Planning& p, const std::string& folder, const std::optional<std::string>& lower,
                std::vector<Action>& actions) {
  const std::string path = folder_path(p.survey, folder);
  auto place = p.survey.folders.find(folder);
  const bool there = place != p.survey.folders.end();
  if (!there) actions.push_back(MakeFolder{path, 0710});
  if (!p.survey.is_overlay()) return;
  if (!there || !place->second.has_diff) actions.push_back(MakeFolder{path + "/diff", 0755});
  const std::string link = p.rebuilt.link(folder).value;
  if (!there || said(place->second.link) != link) {
    actions.push_back(WriteFile{path + "/link", link, 0644});
  }
  if (!leads_to(p.survey, link, folder)) {
    actions.push_back(MakeLink{p.survey.home() + "/l/" + link, "../" + folder + "/diff"});
  }
  if (lower && (!there || said(place->second.lower) != *lower)) {
    actions.push_back(WriteFile{path + "/lower", *lower, 0644});
  }
  if (!there || !place->second.has_work) actions.push_back(MakeFolder{path + "/work", 0700});
}

// Both folders of a container's layer, made where they are gone: empty, since what was in them is lost.
void remake_layer(Planning& p, Finding finding, const std::string& container,
                  const std::string& layer) {
  if (p.survey.emptied.contains(p.survey.home())) {
    return void(p.leave(std::move(finding), "the files may be on a disk that is not mounted",
                        about_container(container)));
  }
  std::optional<Learnt<ChainId>> parent = mount_parent(p, container);
  std::optional<std::string> below = parent ? p.rebuilt.lower_on(parent->value) : std::nullopt;
  if (p.survey.is_overlay() && !below) {
    return void(p.leave(std::move(finding), "the layers of its image must be mended first",
                        about_container(container)));
  }
  const std::string init = layer + std::string(kInit);
  auto writable = p.survey.folders.find(layer);
  const bool lost = writable == p.survey.folders.end() || !writable->second.has_diff;
  std::vector<Action> actions;
  make_layer(p, init, below, actions);
  std::optional<std::string> lower;
  if (below) lower = fmt::format("l/{}:{}", p.rebuilt.link(init).value, *below);
  make_layer(p, layer, lower, actions);
  for (Action& action : mount_files(p, container, layer)) actions.push_back(std::move(action));
  p.adopted.insert({layer, init});
  p.add(std::move(finding), std::move(actions),
        lost ? "what the container wrote is lost: it begins anew from its image"
             : "its first layer holds only what dockerd puts there",
        about_container(container));
}

void mend_mount(Planning& p, Finding finding) {
  const std::string container = container_of(p, finding);
  if (Remedy* known = p.about(about_container(container))) {
    return known->findings.push_back(std::move(finding));
  }
  if (!p.survey.containers.contains(container)) {
    const std::string path = mount_path(p, container);
    p.add(std::move(finding), {SetAside{path}}, "no such container", about_container(container));
    return;
  }
  Learnt<std::string> layer = find_layer(p, container);
  auto mount = p.survey.mounts.find(container);
  const std::string named =
      mount != p.survey.mounts.end() ? said(mount->second.mount_id) : std::string();
  if (layer.value.empty() && layer.from.starts_with("any")) {
    return void(p.leave(std::move(finding), layer.from, about_container(container)));
  }
  if (layer.value.empty()) {
    const std::string fresh = is_hex_name(named) ? named : random_hex(Digest::kBytes);
    return remake_layer(p, std::move(finding), container, fresh);
  }
  if (!p.survey.folders.contains(layer.value + std::string(kInit))) {
    return remake_layer(p, std::move(finding), container, layer.value);
  }
  std::vector<Action> actions = mount_files(p, container, layer.value);
  if (!mount_parent(p, container) || actions.empty()) {
    return void(p.leave(std::move(finding), "the layers of its image must be mended first",
                        about_container(container)));
  }
  p.adopted.insert({layer.value, layer.value + std::string(kInit)});
  p.add(std::move(finding), std::move(actions),
        fmt::format("its layer is {}: learnt from {}", layer.value.substr(0, 12), layer.from),
        about_container(container));
}

// diff/ of a container's folder is gone.
void mend_files(Planning& p, Finding finding) {
  const std::string folder = name_below(finding, p.survey.home());
  for (const auto& [id, mount] : p.survey.mounts) {
    if (said(mount.mount_id) != folder && said(mount.init_id) != folder) continue;
    if (!p.survey.containers.contains(id)) break;
    return remake_layer(p, std::move(finding), id, std::string(without_init(folder)));
  }
  p.leave(std::move(finding), "nobody names the folder");
}

// With a damaged one dockerd does not take the container at all, without one it does.
void mend_host_config(Planning& p, Finding finding) {
  const std::string path = finding.path;
  std::optional<std::string> text = p.evidence.temporary_of(path);
  Result<boost::json::value> parsed = oci::parse_json(text.value_or(""));
  if (parsed.ok() && parsed->is_object()) {
    p.add(std::move(finding), {WriteFile{path, *text, 0600}},
          "learnt from a temporary file that a dockerd was writing");
    return;
  }
  p.add(std::move(finding), {SetAside{path}},
        "nobody else knows what it said: the container has no ports, volumes and limits any more");
}

// A temporary file of dockerd's beside it may be whole.
void mend_config(Planning& p, Finding finding) {
  const std::string container = container_of(p, finding);
  if (file_of(finding) == "hostconfig.json") return mend_host_config(p, std::move(finding));
  const std::string path = "containers/" + container + "/config.v2.json";
  std::optional<std::string> text = p.evidence.temporary_of(path);
  Result<boost::json::value> parsed = oci::parse_json(text.value_or(""));
  if (parsed.ok() && parsed->is_object()) {
    const boost::json::value* id = parsed->get_object().if_contains("ID");
    if (id != nullptr && id->is_string() && id->get_string() == container) {
      p.add(std::move(finding), {WriteFile{path, *text, 0600}},
            "learnt from a temporary file that a dockerd was writing", about_container(container));
      return;
    }
  }
  auto mount = p.survey.mounts.find(container);
  std::string needed = "nobody else knows what it said: bring back " + path + " from a backup";
  if (mount != p.survey.mounts.end() && mount->second.mount_id.there()) {
    needed += fmt::format(
        ", or take what the container wrote from {}/diff; once containers/{} is "
        "moved away, the next repair sets its layer aside",
        folder_path(p.survey, said(mount->second.mount_id)), container);
  }
  p.leave(std::move(finding), needed, about_container(container));
}

void drop_mount(Planning& p, Finding finding) {
  const std::string container = container_of(p, finding);
  auto mount = p.survey.mounts.find(container);
  const std::string layer = mount != p.survey.mounts.end() ? said(mount->second.mount_id) : "";
  std::string keep = reason_to_keep(p, layer);
  if (p.survey.containers.contains(container)) keep = "its container is there, though damaged";
  if (!keep.empty()) return void(p.leave(std::move(finding), keep));
  const std::string path = mount_path(p, container);
  p.add(std::move(finding), {SetAside{path}},
        fmt::format("no such container; what it wrote is in {}, perhaps the only copy, and is kept "
                    "in lost+found too",
                    layer.empty() ? "no known folder" : folder_path(p.survey, layer)));
}

}  // namespace

std::optional<Learnt<ChainId>> mount_parent(Planning& p, const std::string& container) {
  auto mount = p.survey.mounts.find(container);
  if (mount != p.survey.mounts.end()) {
    Result<ChainId> parent = ChainId::parse(said(mount->second.parent));
    if (parent.ok() && p.rebuilt.lineage(*parent)) return Learnt<ChainId>{*parent, "the mount"};
  }
  if (std::optional<ChainId> top = image_top(p, container)) {
    return Learnt<ChainId>{*top, "the container's image"};
  }
  if (mount == p.survey.mounts.end()) return std::nullopt;
  auto init = p.survey.folders.find(said(mount->second.init_id));
  if (init == p.survey.folders.end() || !init->second.lower.there()) return std::nullopt;
  std::optional<ChainId> below = p.rebuilt.chain_below(said(init->second.lower));
  return below ? std::optional(Learnt<ChainId>{*below, "lower of its init layer"}) : std::nullopt;
}

void plan_containers(Planning& p) {
  for (Finding& finding : p.take({Kind::kContainerDamaged})) mend_config(p, std::move(finding));
  for (Finding& finding : p.take({Kind::kContainerMountMissing, Kind::kMountDamaged})) {
    mend_mount(p, std::move(finding));
  }
  for (Finding& finding : p.take({Kind::kFilesMissing})) mend_files(p, std::move(finding));
  for (Finding& finding : p.take({Kind::kContainerImageMissing})) {
    std::optional<ImageId> image;
    auto record = p.survey.containers.find(container_of(p, finding));
    if (record != p.survey.containers.end()) {
      Result<ImageId> parsed = ImageId::parse(record->second.image);
      if (parsed.ok()) image = *parsed;
    }
    Remedy* known = image ? p.about("image " + image->hex()) : nullptr;
    std::string copy = image && known == nullptr ? p.evidence.config_copy(*image) : "";
    if (known != nullptr && p.restored_images.contains(*image)) {
      known->findings.push_back(std::move(finding));
    } else if (!copy.empty()) {
      p.restored_images.insert(*image);
      p.add(std::move(finding), {RestoreConfig{*image}}, "from " + copy, "image " + image->hex());
    } else {
      p.leave(std::move(finding),
              "the container can be started, committed and exported as it is; its image comes back "
              "only from a place that has it (--from)");
    }
  }
  for (Finding& finding : p.take({Kind::kMountOrphaned})) drop_mount(p, std::move(finding));
}

}  // namespace strata::doctor
