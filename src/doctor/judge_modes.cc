// SPDX-License-Identifier: Apache-2.0
// Docker's own folders: whom their modes let in. Layers hold set-user-ID programs and other people's files, so who may enter
// them runs or reads these (CVE-2021-41091), and who may write beside them changes images.
// Source: what dockerd 20.10 gives them (docker_folders.h); it mends only its root and the driver's home when it starts.
#include "doctor/check.h"
#include "doctor/docker_folders.h"

namespace strata::doctor {
namespace {

std::string mode_text(mode_t mode) { return fmt::format("mode {:04o}", mode); }

std::string_view who_may(mode_t extra) {
  if ((extra & 0002) != 0) return "everybody may change what is in it";
  if ((extra & 0020) != 0) return "its group may change what is in it";
  return "others may look into it";
}

}  // namespace

std::vector<Finding> judge_modes(const Fd& root, const Survey& survey, Troubles& troubles) {
  std::vector<Finding> findings;
  if (!survey.emptied.empty())
    return findings;  // perhaps the folders below a mount that is missing
  for (const std::string& path : docker_folders(survey)) {
    Result<struct stat> info = lstat_at(root, path);
    if (!info.ok()) {
      if (info.error().code() != ErrorCode::kNotFound) troubles.note(path, info.error());
      continue;
    }
    if (!S_ISDIR(info->st_mode)) continue;
    const mode_t mode = info->st_mode & 07777;
    const mode_t wanted = closed_mode(survey, path, mode);
    if (mode == wanted) continue;
    Finding finding{.kind = Kind::kFolderOpen, .severity = Severity::kWarning, .path = path};
    finding.expected = mode_text(wanted);
    finding.found = fmt::format("{}: {}", mode_text(mode), who_may(mode & ~wanted));
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace strata::doctor
