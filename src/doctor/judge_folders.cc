// SPDX-License-Identifier: Apache-2.0
// The driver's home: the folders of layers and of containers' layers, what they lie on, and overlay2's l/.
// Source: FORMATS sections 2 and 8; graphdriver/overlay2 of dockerd 20.10, which trims neither link nor lower.
#include <algorithm>

#include "doctor/check.h"
#include "doctor/judges.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kInitSuffix = "-init";

// dockerd looks at start whether overlayfs works, and takes these away again.
bool is_probe(std::string_view name) {
  return name.starts_with("check-overlayfs-support") || name.starts_with("metacopy-check") ||
         name.starts_with("opaque-bug-check");
}

class FolderJudge {
 public:
  FolderJudge(const Graph& graph, std::vector<Finding>& findings)
      : graph_(graph), findings_(findings) {}

  // A folder that a layer's record names.
  void judge_layer(const LayerFolder& folder, const ChainId& chain) {
    begin(folder, chain.to_string(), graph_.affected_by(chain));
    if (!is_whole()) return;
    judge_link();
    const bool is_odd = is_buildkit_name(folder.name);  // by BuildKit: see is_sound_elsewhere
    if (!is_odd) judge_lower(graph_.lower_on(graph_.parent_of(chain)));
    if (is_odd) judge_lower_loosely();
    judge_work();
  }

  // One of a container.
  void judge_mount(const LayerFolder& folder, const MountRecord& mount) {
    begin(folder, mount.container, {graph_.title_of_container(mount.container)});
    if (!is_whole()) return;
    judge_link();
    const Graph::Top top = graph_.top_of(mount);
    std::optional<std::string> lower = top.known ? graph_.lower_on(top.chain) : std::nullopt;
    if (!folder.name.ends_with(kInitSuffix)) lower = lower_on_init(folder.name, lower);
    judge_lower(lower);
    judge_work();
  }

 private:
  void begin(const LayerFolder& folder, std::string subject, std::vector<std::string> affected) {
    folder_ = &folder;
    subject_ = std::move(subject);
    affected_ = std::move(affected);
  }

  // `below`: what the init layer lies on, where it is known; else the init layer itself says it.
  std::optional<std::string> lower_on_init(const std::string& name,
                                           std::optional<std::string> below) const {
    const std::string init = name + std::string(kInitSuffix);
    auto found = graph_.survey().folders.find(init);
    if (found == graph_.survey().folders.end()) return std::nullopt;
    std::optional<std::string> link = graph_.link_of(init);
    if (!below && found->second.lower.there()) below = trimmed(found->second.lower.text);
    if (!link || !below) return std::nullopt;
    return "l/" + *link + (below->empty() ? "" : ":" + *below);
  }

  bool is_whole() {
    if (folder_->leads_to_files) {
      add(Kind::kFolderElsewhere, "", "a folder", folder_->trouble).severity = Severity::kWarning;
    } else if (!folder_->trouble.empty()) {
      add(Kind::kFilesMissing, "", "a folder", folder_->trouble);
    } else if (!folder_->has_diff) {
      add(Kind::kFilesMissing, "/diff", "the folder of the layer's files", "missing");
    } else {
      return graph_.survey().is_overlay();
    }
    return false;
  }

  void judge_link() {
    const SmallFile& file = folder_->link;
    if (file.there() && graph_.leads_to(file.text, folder_->name)) return;
    const std::vector<std::string>& others = graph_.links_to(folder_->name);
    const bool plausible = file.there() && CacheId::parse(file.text).ok() &&
                           file.text.find_first_of(": \t\r\n") == std::string::npos;
    if (!others.empty() || !plausible) {
      add(Kind::kLinkFileDamaged, "/link",
          others.size() == 1 ? others.front() : "the name of a link in l/", text_of(file));
      return;
    }
    const auto& links = graph_.survey().links;
    if (graph_.survey().unreadable.contains(graph_.survey().home() + "/l")) return;
    auto found = links.find(file.text);
    Finding& finding = add(Kind::kLinkMissing, "", "a symlink to ../" + folder_->name + "/diff",
                           found == links.end()    ? "missing"
                           : found->second.empty() ? "no symlink"
                                                   : "a symlink to " + found->second);
    finding.path = graph_.survey().home() + "/l/" + file.text;
  }

  // `expected`: none where it cannot be known.
  void judge_lower(const std::optional<std::string>& expected) {
    const SmallFile& file = folder_->lower;
    if (!expected) return;
    const bool has_none = file.state == SmallFile::State::kMissing;
    if (expected->empty() ? has_none : file.there() && file.text == *expected) return;
    add(Kind::kLowerDamaged, "/lower", expected->empty() ? "no such file" : *expected,
        text_of(file));
  }

  // BuildKit puts its snapshots upon each other by rules of its own; each of them must be there.
  void judge_lower_loosely() {
    std::string_view rest = folder_->lower.text;
    while (!rest.empty()) {
      std::string_view part = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      if (part.starts_with("l/") && graph_.survey().links.contains(std::string(part.substr(2)))) {
        continue;
      }
      add(Kind::kLowerDamaged, "/lower", "links that are in l/", text_of(folder_->lower));
      return;
    }
  }

  void judge_work() {
    if (folder_->lower.state == SmallFile::State::kMissing) return;
    const bool writable = subject_.find(':') == std::string::npos &&
                          !folder_->name.ends_with(kInitSuffix);  // of a container
    if (folder_->has_work || (folder_->is_committed && !writable)) return;
    add(Kind::kWorkMissing, "/work", "a folder, without which dockerd cannot mount it", "missing");
  }

  Finding& add(Kind kind, std::string_view file, std::string expected, std::string found) {
    Finding finding{.kind = kind,
                    .severity = graph_.is_going(subject_) ? Severity::kWarning : Severity::kError,
                    .path = fmt::format("{}/{}{}", graph_.survey().home(), folder_->name, file),
                    .subject = subject_};
    finding.expected = std::move(expected);
    finding.found = std::move(found);
    finding.affected = affected_;
    findings_.push_back(std::move(finding));
    return findings_.back();
  }

  const Graph& graph_;
  std::vector<Finding>& findings_;
  const LayerFolder* folder_ = nullptr;
  std::string subject_;
  std::vector<std::string> affected_;
};

Finding unused(const Graph& graph, const std::string& name) {
  const Survey& survey = graph.survey();
  Finding finding{.kind = Kind::kFolderUnused,
                  .severity = Severity::kNote,
                  .path = survey.home() + "/" + name,
                  .subject = name};
  finding.found = "a folder that nothing names";
  finding.proof = {fmt::format("none of {} layers has its files there", survey.layers.size()),
                   fmt::format("none of {} containers writes there", survey.mounts.size()),
                   "no layer whose record is damaged can have its files there",
                   "it has no name that BuildKit gives", "no process has it mounted"};
  return finding;
}

void judge_unused(const Graph& graph, std::vector<Finding>& findings) {
  const Survey& survey = graph.survey();
  if (!survey.emptied.empty() || survey.unreadable.contains(survey.layer_folder()) ||
      survey.unreadable.contains(survey.mount_folder()) || !survey.uses_known) {
    return;
  }
  std::set<std::string> perhaps_used = survey.mounted;
  perhaps_used.insert(graph.perhaps_used().begin(), graph.perhaps_used().end());
  for (const auto& [name, folder] : survey.folders) {
    if (!graph.owners_of(name).empty() || graph.mount_of(name) != nullptr) continue;
    if (is_buildkit_name(name) || is_probe(name) || name.starts_with(".tmp-")) continue;
    if (perhaps_used.contains(name)) continue;
    const bool of_container =
        name.ends_with(kInitSuffix) || survey.folders.contains(name + std::string(kInitSuffix));
    if (of_container && graph.has_lost_mounts()) continue;
    findings.push_back(unused(graph, name));
  }
}

// Links that nothing needs: their folder is gone or has another.
void judge_links(const Graph& graph, std::vector<Finding>& findings) {
  const Survey& survey = graph.survey();
  std::set<std::string> wanted;  // links of folders
  std::set<std::string> named;   // folders of records and containers
  for (const auto& [name, folder] : survey.folders) {
    if (std::optional<std::string> link = graph.link_of(name)) wanted.insert(*link);
  }
  for (const auto& [name, target] : survey.links) {
    if (wanted.contains(name)) continue;
    std::string folder = target.starts_with("../") ? target.substr(3, target.find('/', 3) - 3) : "";
    const bool there = survey.folders.contains(folder);
    // The folder of a layer is gone: told as that.
    if (!there && (!graph.owners_of(folder).empty() || graph.mount_of(folder) != nullptr)) continue;
    if (there && graph.links_to(folder).size() > 1 &&
        !graph.leads_to(survey.folders.at(folder).link.text, folder)) {
      continue;  // its link file is damaged, and this may be the one
    }
    Finding finding{.kind = Kind::kLinkExtra,
                    .severity = Severity::kNote,
                    .path = survey.home() + "/l/" + name,
                    .subject = name};
    finding.expected = "a symlink to ../<cache-id>/diff of a folder with this link";
    finding.found = target.empty() ? "no symlink" : "a symlink to " + target;
    findings.push_back(std::move(finding));
  }
}

}  // namespace

std::vector<Finding> judge_folders(const Graph& graph) {
  const Survey& survey = graph.survey();
  std::vector<Finding> findings;
  FolderJudge judge(graph, findings);
  for (const auto& [name, folder] : survey.folders) {
    if (std::optional<ChainId> owner = graph.owner_of(name)) {
      judge.judge_layer(folder, *owner);
    } else if (const MountRecord* mount = graph.mount_of(name)) {
      judge.judge_mount(folder, *mount);
    }
  }
  judge_unused(graph, findings);
  judge_links(graph, findings);
  return findings;
}

std::vector<Finding> judge_folders(const Survey& survey) { return judge_folders(Graph(survey)); }

}  // namespace strata::doctor
