// SPDX-License-Identifier: Apache-2.0
// The driver's home: links, lowers, works; and what nobody needs, there and elsewhere.
#include <algorithm>

#include "doctor/docker_folders.h"
#include "doctor/planning.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kInit = "-init";
constexpr size_t kHexDigits = Digest::kHexDigits;
constexpr std::string_view kDiskFirst =
    "the disk or the file system must be mended first (fsck, dmesg)";

// The folder that a finding about a folder, its link or its entry in l/ is about.
std::string folder_of(Planning& p, const Finding& finding) {
  const std::string home = p.survey.home();
  const std::string name = name_below(finding, home);
  if (name != "l" && p.survey.folders.contains(name)) return name;
  if (p.survey.folders.contains(finding.subject)) return finding.subject;
  const std::string entry = name == "l" ? file_of(finding) : "";
  for (const auto& [folder, facts] : p.survey.folders) {
    if (!entry.empty() && said(facts.link) == entry) return folder;
  }
  std::optional<ChainId> chain = chain_of(finding);
  const Learnt<std::string>* known = chain ? p.rebuilt.folder(*chain) : nullptr;
  return known != nullptr && p.survey.folders.contains(known->value) ? known->value : "";
}

std::string about_folder(const std::string& folder) { return "folder " + folder; }

void mend_link(Planning& p, Finding finding, const std::string& folder) {
  const Learnt<std::string>& link = p.rebuilt.link(folder);
  const std::string path = folder_path(p.survey, folder);
  std::vector<Action> actions;
  if (!leads_to(p.survey, link.value, folder)) {
    actions.push_back(MakeLink{p.survey.home() + "/l/" + link.value, "../" + folder + "/diff"});
  }
  if (p.survey.folders.at(folder).link.text != link.value) {
    actions.push_back(WriteFile{path + "/link", link.value, 0644});
  }
  const std::string about = about_folder(folder);
  if (Remedy* known = p.about(about); known && known->heals()) {
    known->findings.push_back(std::move(finding));
  } else if (actions.empty()) {
    p.leave(std::move(finding), "its link and the entry of l/ are as they should be", about);
  } else {
    p.add(std::move(finding), std::move(actions), "learnt from " + link.from, about);
  }
}

void mend_lower(Planning& p, Finding finding, const std::string& folder) {
  const std::string path = folder_path(p.survey, folder) + "/lower";
  std::optional<std::string> wanted = wanted_lower(p, folder);
  if (!wanted) {
    p.leave(std::move(finding),
            "what the folder lies on is not known as long as a layer below is damaged");
  } else if (wanted->empty()) {
    p.add(std::move(finding), {SetAside{path}}, "a base layer lies on nothing", "lower " + folder);
  } else {
    p.add(std::move(finding), {WriteFile{path, *wanted, 0644}},
          "made from the links of the layers below");
  }
}

// An entry of l/ that a damaged link file should name is none too many.
void drop_link(Planning& p, Finding finding) {
  const std::string entry = file_of(finding);
  auto link = p.survey.links.find(entry);
  for (const auto& [folder, facts] : p.survey.folders) {
    const bool leads = link != p.survey.links.end() && leads_to(p.survey, entry, folder);
    if (!leads || p.rebuilt.link(folder).value != entry) continue;
    if (Remedy* known = p.about(about_folder(folder))) {
      known->findings.push_back(std::move(finding));
    } else {
      mend_link(p, std::move(finding), folder);
    }
    return;
  }
  const std::string path = finding.path;
  p.add(std::move(finding), {SetAside{path}}, "no layer goes by this name");
}

void drop_record(Planning& p, Finding finding) {
  std::optional<ChainId> chain = chain_of(finding);
  const std::string about = chain ? "layer " + chain->hex() : "";
  if (Remedy* known = p.about(about)) {  // given up already, or being mended
    known->findings.push_back(std::move(finding));
    return;
  }
  const Learnt<std::string>* folder = chain ? p.rebuilt.folder(*chain) : nullptr;
  std::string keep = reason_to_keep(p, folder ? folder->value : "");
  if (keep.empty() && chain && p.rebuilt.is_needed(*chain))
    keep = "another layer or image needs it";
  if (keep.empty() && (p.options.keep_unused || p.plan.gives_up_images)) {
    keep =
        "it may belong to an image whose config is lost: bring that back and nothing has to be "
        "fetched again; the next repair sets it aside";
  }
  if (!keep.empty()) return void(p.leave(std::move(finding), keep, about));
  p.add(std::move(finding), {SetAside{p.survey.layer_folder() + "/" + chain->hex()}},
        "nobody needs the layer", about);
}

void drop_folder(Planning& p, Finding finding) {
  const std::string folder = folder_of(p, finding);
  if (folder.empty()) return void(p.leave(std::move(finding), "it is not there any more"));
  const ChainId* holder = p.rebuilt.holder(folder);
  if (holder != nullptr || p.adopted.contains(folder)) {
    Remedy* known = p.about(holder ? "layer " + holder->hex() : about_folder(folder));
    if (known != nullptr) return known->findings.push_back(std::move(finding));
  }
  std::string keep = reason_to_keep(p, folder);
  if (keep.empty() && !p.rebuilt.homeless().empty() && p.survey.folders.at(folder).has_diff) {
    keep =
        fmt::format("it may hold the files of layer {}, whose record does not say where they are",
                    *p.rebuilt.homeless().begin());
  }
  if (!keep.empty()) return void(p.leave(std::move(finding), keep));
  const bool writable =
      !folder.ends_with(kInit) && p.survey.folders.contains(folder + std::string(kInit));
  p.add(std::move(finding), {SetAside{folder_path(p.survey, folder)}},
        writable
            ? "no container names it; what a container wrote is in its diff/, perhaps the only copy"
            : "no layer and no container names it");
}

void drop_leftover(Planning& p, Finding finding) {
  if (!finding.path.starts_with("strata/staging")) {
    const std::string path = finding.path;
    p.add(std::move(finding), {SetAside{path}}, "nobody goes on with it");
    return;
  }
  if (Remedy* known = p.about("operations")) return known->findings.push_back(std::move(finding));
  p.add(std::move(finding), {EndOperations{}}, "its journal says what was begun", "operations");
}

// Where something else has its name, it gives way; what was in the folder is another matter.
void mend_folder(Planning& p, Finding finding) {
  const std::string path = finding.path;
  std::optional<mode_t> mode = folder_mode(p.survey, path);
  if (mode && !p.survey.troubles.contains(path)) {
    p.add(std::move(finding), {MakeFolder{path, *mode}}, "something else has the name");
  } else {
    p.leave(std::move(finding), std::string(kDiskFirst));
  }
}

}  // namespace

bool leads_to(const Survey& survey, const std::string& link, const std::string& folder) {
  auto entry = survey.links.find(link);
  return entry != survey.links.end() && entry->second == "../" + folder + "/diff";
}

std::optional<std::string> wanted_lower(Planning& p, const std::string& folder) {
  if (const ChainId* holder = p.rebuilt.holder(folder)) return p.rebuilt.lower(*holder);
  const bool is_init = folder.ends_with(kInit);
  const std::string init = is_init ? folder : folder + std::string(kInit);
  for (const auto& [id, mount] : p.survey.mounts) {
    if (said(is_init ? mount.init_id : mount.mount_id) != folder) continue;
    std::optional<Learnt<ChainId>> parent = mount_parent(p, id);
    std::optional<std::string> below = parent ? p.rebuilt.lower_on(parent->value) : std::nullopt;
    if (!below || is_init || !p.survey.folders.contains(init)) return below;
    return fmt::format("l/{}:{}", p.rebuilt.link(init).value, *below);
  }
  return std::nullopt;
}

std::string reason_for_link(const LayerFolder& folder) {
  return fmt::format("{}; move the folder back in its place, or mount it there (mount --bind)",
                     folder.leads_to_files
                         ? "dockerd follows the symlink, strata does not"
                         : "it is a symlink, and what it leads to is not there (a disk?)");
}

void plan_links(Planning& p) {
  for (Finding& finding : p.take({Kind::kFolderEmptied})) {
    std::string needed = fmt::format(
        "mount what belongs there, or bring it back from a backup; until then nothing is taken "
        "away for being of no use. If it is gone for good: --lost {}",
        finding.path);
    p.leave(std::move(finding), std::move(needed));
  }
  for (Finding& finding : p.take({Kind::kFolderElsewhere, Kind::kFilesMissing})) {
    auto folder = p.survey.folders.find(name_below(finding, p.survey.home()));
    if (folder == p.survey.folders.end() || folder->second.target.empty()) {
      p.open.push_back(std::move(finding));
    } else {
      p.leave(std::move(finding), reason_for_link(folder->second));
    }
  }
  for (Finding& finding : p.take({Kind::kUnreadable})) {
    p.leave(std::move(finding), std::string(kDiskFirst));
  }
  for (Finding& finding : p.take({Kind::kFolderUnreadable})) mend_folder(p, std::move(finding));
  for (Finding& finding : p.take({Kind::kFolderOpen})) {
    const std::string path = finding.path;
    p.add(std::move(finding), {CloseFolder{path}}, "dockerd lets nobody else in");
  }
  for (Finding& finding : p.take({Kind::kLinkFileDamaged, Kind::kLinkMissing})) {
    const std::string folder = folder_of(p, finding);
    if (folder.empty()) {
      p.leave(std::move(finding), "the folder that it should lead to is not known");
    } else {
      mend_link(p, std::move(finding), folder);
    }
  }
  for (Finding& finding : p.take({Kind::kLowerDamaged})) {
    mend_lower(p, finding, folder_of(p, finding));
  }
  for (Finding& finding : p.take({Kind::kWorkMissing})) {
    const std::string folder = folder_of(p, finding);
    if (Remedy* known = p.about("lower " + folder)) {  // a base layer needs none
      known->findings.push_back(std::move(finding));
      continue;
    }
    p.add(std::move(finding), {MakeFolder{folder_path(p.survey, folder) + "/work", 0700}},
          "an empty folder is all that it is");
  }
}

void plan_unused(Planning& p) {
  for (Finding& finding : p.take({Kind::kRecordUnused})) drop_record(p, std::move(finding));
  for (Finding& finding : p.take({Kind::kFolderUnused})) drop_folder(p, std::move(finding));
  for (Finding& finding : p.take({Kind::kLinkExtra})) drop_link(p, std::move(finding));
  for (Finding& finding : p.take({Kind::kLeftover})) drop_leftover(p, std::move(finding));
  plan_suspects(p);
}

}  // namespace strata::doctor
