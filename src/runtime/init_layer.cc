// SPDX-License-Identifier: Apache-2.0
#include "runtime/init_layer.h"

#include <string_view>

namespace strata::runtime {
namespace {

constexpr mode_t kMode = 0755;
constexpr const char* kFolders[] = {"dev/pts", "dev/shm", "proc", "sys"};
constexpr const char* kFiles[] = {".dockerenv", "etc/resolv.conf", "etc/hosts", "etc/hostname",
                                  "dev/console"};

// What is not a folder goes.
Result<bool> has_folder(const Fd& parent, const std::string& name) {
  Result<struct stat> info = lstat_at(parent, name);
  if (!info.ok() && info.error().code() == ErrorCode::kNotFound) return false;
  if (!info.ok()) return std::move(info).error();
  if (S_ISDIR(info->st_mode)) return true;
  STRATA_CHECK(unlink_at(parent, name));
  return false;
}

Result<Fd> enter_folder(const Fd& parent, const std::string& name) {
  STRATA_TRY(bool there, has_folder(parent, name));
  if (!there) STRATA_CHECK(mkdir_at(parent, name, kMode));
  return open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// The folder that `path` is in; `path` becomes the name alone.
Result<Fd> enter_parent(const Fd& root, std::string_view& path) {
  STRATA_TRY(Fd here, root.duplicate());
  for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/')) {
    STRATA_TRY(here, enter_folder(here, std::string(path.substr(0, slash))));
    path.remove_prefix(slash + 1);
  }
  return here;
}

}  // namespace

Status fill_init_layer(const Fd& root) {
  for (std::string_view path : kFolders) {
    STRATA_TRY(Fd parent, enter_parent(root, path));
    STRATA_TRY(Fd made, enter_folder(parent, std::string(path)));
  }
  for (std::string_view path : kFiles) {
    STRATA_TRY(Fd parent, enter_parent(root, path));
    STRATA_TRY(bool folder, has_folder(parent, std::string(path)));
    if (!folder) STRATA_CHECK(write_file_at(parent, std::string(path), "", kMode));
  }
  std::string_view path = "etc/mtab";
  STRATA_TRY(Fd parent, enter_parent(root, path));
  STRATA_TRY(bool folder, has_folder(parent, std::string(path)));
  return folder ? Status() : symlink_at("/proc/mounts", parent, std::string(path));
}

}  // namespace strata::runtime
