// SPDX-License-Identifier: Apache-2.0
// Containers, and layerdb/mounts, which names their layers and pins those of the image.
// Source: FORMATS sections 1.2, 1.4 and 8; container/container.go and layer/filestore.go of dockerd 20.10.
#include "doctor/check.h"
#include "doctor/judges.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kInitSuffix = "-init";

class ContainerJudge {
 public:
  ContainerJudge(const Graph& graph, std::vector<Finding>& findings)
      : graph_(graph), survey_(graph.survey()), findings_(findings) {}

  void judge(const ContainerRecord& container) {
    id_ = container.name;
    const std::string path = "containers/" + id_;
    if (!container.trouble.empty()) {
      const std::string found =
          container.config.there() && container.config.text.empty() ? "0 bytes" : container.trouble;
      add(Kind::kContainerDamaged, Severity::kError, path + "/config.v2.json",
          "the config of container " + id_, found);
    }
    if (!container.host_trouble.empty()) {
      add(Kind::kContainerDamaged, Severity::kError, path + "/hostconfig.json", "a JSON object",
          container.host_trouble);
    }
    const bool is_ours = container.driver.empty() || container.driver == survey_.driver;
    if (container.trouble.empty()) judge_image(container, path);
    if (is_ours) judge_folders();
  }

  void judge(const MountRecord& mount) {
    id_ = mount.container;
    const std::string path = survey_.mount_folder() + "/" + id_;
    if (!mount.trouble.empty()) {
      add(Kind::kMountDamaged, Severity::kError, path, "a folder", mount.trouble);
      return;
    }
    const bool no_container =
        !survey_.containers.contains(id_) && !survey_.unreadable.contains("containers");
    if (no_container && survey_.emptied.contains("containers")) return;
    if (no_container) {
      Finding& finding = add(Kind::kMountOrphaned, Severity::kNote, path, "",
                             "the layers of a container that is not there");
      finding.affected.clear();
      finding.proof = {fmt::format("none of {} containers has this ID", survey_.containers.size()),
                       "no process has it mounted"};
      if (is_mounted(mount)) findings_.pop_back();
      return;
    }
    judge_ids(mount, path);
    judge_parent(mount, path);
  }

 private:
  bool is_mounted(const MountRecord& mount) const {
    return survey_.mounted.contains(std::string(trimmed(mount.mount_id.text)));
  }

  void judge_image(const ContainerRecord& container, const std::string& path) {
    Result<ImageId> image = ImageId::parse(container.image);
    if (survey_.unreadable.contains(survey_.config_folder())) return;
    if (image.ok() && survey_.configs.contains(image->hex())) return;
    if (container.image.empty()) return;  // made of no image
    // As after `rmi -f`: the container still has its layers, and runs.
    Finding& finding = add(Kind::kContainerImageMissing, Severity::kNote, path + "/config.v2.json",
                           "an image " + container.image, "no such image");
    finding.affected = {graph_.title_of_container(id_)};
  }

  void judge_folders() {
    if (survey_.unreadable.contains(survey_.mount_folder())) return;
    auto mount = survey_.mounts.find(id_);
    if (mount == survey_.mounts.end()) {
      add(Kind::kContainerMountMissing, Severity::kError, survey_.mount_folder() + "/" + id_,
          "the names of the container's layers", "missing");
      return;
    }
    if (!mount->second.trouble.empty() || survey_.unreadable.contains(survey_.home())) return;
    std::string layer(trimmed(mount->second.mount_id.text));
    std::string init(trimmed(mount->second.init_id.text));
    for (const std::string& folder : {layer, init}) {
      if (!is_mount_id(folder) || survey_.folders.contains(folder)) continue;
      add(Kind::kContainerMountMissing, Severity::kError, survey_.home() + "/" + folder,
          "the files of the container", "missing");
    }
  }

  void judge_ids(const MountRecord& mount, const std::string& path) {
    const std::string layer(trimmed(mount.mount_id.text));
    const std::string init(trimmed(mount.init_id.text));
    const MountRecord* holder = graph_.mount_of(layer);
    if (holder != nullptr && holder->container != id_) {
      const std::string own = graph_.layer_of(mount);
      add(Kind::kMountDamaged, Severity::kError, path + "/mount-id",
          own.empty() ? "a layer of its own" : own,
          fmt::format("{}, that of {}", layer, graph_.title_of_container(holder->container)));
      return;
    }
    if (!is_mount_id(layer)) {
      const bool knows = is_mount_id(init) && init.ends_with(kInitSuffix);
      add(Kind::kMountDamaged, Severity::kError, path + "/mount-id",
          knows ? std::string(without_init(init)) : "64 hex digits", text_of(mount.mount_id));
    }
    if (is_mount_id(init) && (!is_mount_id(layer) || init == layer + std::string(kInitSuffix))) {
      return;
    }
    const std::string expected =
        is_mount_id(layer) ? layer + std::string(kInitSuffix) : "<mount-id>-init";
    const bool missing = mount.init_id.state == SmallFile::State::kMissing;
    // A container may be without an init layer.
    if (missing && !survey_.folders.contains(expected)) return;
    // Without the file dockerd takes the container, and forgets the layer when it removes it.
    add(Kind::kMountDamaged, missing ? Severity::kWarning : Severity::kError, path + "/init-id",
        expected, text_of(mount.init_id));
  }

  void judge_parent(const MountRecord& mount, const std::string& path) {
    std::optional<ChainId> top = graph_.top_of_image(id_);
    const std::string expected = top ? top->to_string() : "";
    if (mount.parent.state == SmallFile::State::kMissing) {
      if (expected.empty()) return;  // made of no image
      add(Kind::kMountDamaged, Severity::kWarning, path + "/parent", expected, "missing");
      return;
    }
    Result<ChainId> parent = ChainId::parse(trimmed(mount.parent.text));
    const bool there = parent.ok() && survey_.layers.contains(parent->hex());
    // What an image has and the root does not is told as the image's layer.
    if (there && (expected.empty() || parent->to_string() == expected)) return;
    if (parent.ok() && graph_.find_wanted(*parent) != nullptr && !there) return;
    add(Kind::kMountDamaged, Severity::kError, path + "/parent",
        expected.empty() ? "the chainID of a layer" : expected,
        parent.ok() && !there ? parent->to_string() + ", which is not there"
                              : text_of(mount.parent));
  }

  Finding& add(Kind kind, Severity severity, std::string path, std::string expected,
               std::string found) {
    if (severity == Severity::kError && graph_.is_going(id_)) severity = Severity::kWarning;
    Finding finding{.kind = kind, .severity = severity, .path = std::move(path), .subject = id_};
    finding.expected = std::move(expected);
    finding.found = std::move(found);
    finding.affected = {graph_.title_of_container(id_)};
    findings_.push_back(std::move(finding));
    return findings_.back();
  }

  const Graph& graph_;
  const Survey& survey_;
  std::vector<Finding>& findings_;
  std::string id_;
};

}  // namespace

std::vector<Finding> judge_containers(const Graph& graph) {
  std::vector<Finding> findings;
  ContainerJudge judge(graph, findings);
  for (const auto& [id, container] : graph.survey().containers) judge.judge(container);
  for (const auto& [id, mount] : graph.survey().mounts) judge.judge(mount);
  return findings;
}

std::vector<Finding> judge_containers(const Survey& survey) {
  return judge_containers(Graph(survey));
}

}  // namespace strata::doctor
