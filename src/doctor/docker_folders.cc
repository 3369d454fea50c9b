// SPDX-License-Identifier: Apache-2.0
#include "doctor/docker_folders.h"

#include <algorithm>
#include <cerrno>

namespace strata::doctor {
namespace {

Result<struct statx> place_of(const Fd& folder) {
  struct statx info {};
  if (::statx(folder.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &info) != 0) {
    return errno_error(errno, "statx");
  }
  return info;
}

using FolderModes = std::vector<std::pair<std::string, mode_t>>;

FolderModes folder_modes(const Survey& survey) {
  const std::string image = survey.image_folder();
  return {
      {"containers", 0710},
      {"image", 0700},
      {image, 0700},
      {image + "/distribution", 0700},
      {image + "/distribution/diffid-by-digest", 0755},
      {image + "/distribution/diffid-by-digest/sha256", 0755},
      {image + "/distribution/v2metadata-by-diffid", 0755},
      {image + "/distribution/v2metadata-by-diffid/sha256", 0755},
      {image + "/imagedb", 0700},
      {image + "/imagedb/content", 0700},
      {survey.config_folder(), 0700},
      {image + "/imagedb/metadata", 0700},
      {survey.metadata_folder(), 0700},
      {image + "/layerdb", 0700},
      {survey.mount_folder(), 0755},
      {survey.layer_folder(), 0755},
      {folder_above(survey.home()), 0710},
      {survey.home(), 0710},
      {survey.home() + "/l", 0700},
      {"strata", 0700},
  };
}

}  // namespace

std::vector<std::string> docker_folders(const Survey& survey) {
  std::vector<std::string> paths;
  for (auto& [path, mode] : folder_modes(survey)) paths.push_back(std::move(path));
  return paths;
}

std::optional<mode_t> folder_mode(const Survey& survey, const std::string& path) {
  const FolderModes modes = folder_modes(survey);
  const auto found = std::ranges::find(modes, path, &FolderModes::value_type::first);
  return found == modes.end() ? std::nullopt : std::optional(found->second);
}

mode_t closed_mode(const Survey& survey, const std::string& path, mode_t mode) {
  const mode_t wanted = folder_mode(survey, path).value_or(0777);
  const mode_t allowed = wanted == 0710 ? 0711 : wanted;
  return (mode & ~allowed & 0077) == 0 ? mode : mode & (wanted | 0700);
}

Status sync_folder(const Fd& root, const std::string& path) {
  STRATA_TRY(Fd folder, open_dir_at(root, path));
  return sync(folder.get());
}

Result<bool> is_on_disk_of(const Fd& root, const std::string& folder) {
  STRATA_TRY(Fd opened, open_dir_at(root, folder));
  STRATA_TRY(struct statx there, place_of(opened));
  STRATA_TRY(struct statx here, place_of(root));
  return there.stx_dev_major == here.stx_dev_major && there.stx_dev_minor == here.stx_dev_minor &&
         there.stx_mnt_id == here.stx_mnt_id;
}

}  // namespace strata::doctor
