// SPDX-License-Identifier: Apache-2.0
// Docker's own folders in a root, and paths of them: texts below the root, such as "image/overlay2/layerdb".
// Threads: pure functions, and questions to the file system.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fs_at.h"
#include "doctor/survey.h"

namespace strata::doctor {

// Of which folder_mode() knows; "." is the root itself.
std::vector<std::string> docker_folders(const Survey& survey);
// The mode that dockerd gives one of its own folders; none: the path is not one of them.
std::optional<mode_t> folder_mode(const Survey& survey, const std::string& path);
// The mode that one of them should have instead of `mode`: this one, if it lets in only whom some dockerd lets in. Older ones, and
// those with user namespaces, let everybody pass through the root and the driver's home.
mode_t closed_mode(const Survey& survey, const std::string& path, mode_t mode);

Status sync_folder(const Fd& root, const std::string& path);
// Whether things can be renamed between the folder and the root: neither a mount nor a link has led to another disk.
Result<bool> is_on_disk_of(const Fd& root, const std::string& folder);

}  // namespace strata::doctor
