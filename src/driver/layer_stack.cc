// SPDX-License-Identifier: Apache-2.0
#include "driver/layer_stack.h"

#include <dirent.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <unordered_set>

#include "driver/driver.h"

namespace strata::driver {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// None when the name is not there.
Result<std::optional<struct stat>> look_at(const Fd& folder, const std::string& name) {
  Result<struct stat> info = lstat_at(folder, name);
  if (info.ok()) return std::optional<struct stat>(*info);
  if (info.error().code() == ErrorCode::kNotFound) return std::optional<struct stat>();
  return std::move(info).error();
}

}  // namespace

bool is_whiteout_device(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}

bool is_opaque_folder(const Fd& folder) {
  char value = 0;
  return ::fgetxattr(folder.get(), opaque_xattr().data(), &value, 1) == 1 && value == 'y';
}

Result<LayerStack::Folder> LayerStack::root() const {
  Folder folder;
  for (size_t layer = 0; layer < layers_.size(); ++layer) {
    STRATA_TRY(Fd fd, open_at(*layers_[layer], ".", kFolderFlags));
    folder.layers.push_back(layer);
    folder.fds.push_back(std::make_shared<const Fd>(std::move(fd)));
  }
  return folder;
}

Result<LayerStack::Folder> LayerStack::child(const Folder& parent, const std::string& name) const {
  Folder folder;
  for (size_t part = 0; part < parent.fds.size(); ++part) {
    STRATA_TRY(std::optional<struct stat> info, look_at(*parent.fds[part], name));
    if (!info) continue;
    folder.hides_below = !S_ISDIR(info->st_mode);
    if (folder.hides_below) break;
    STRATA_TRY(Fd fd, open_at(*parent.fds[part], name, kFolderFlags));
    folder.hides_below = is_opaque_folder(fd);
    folder.layers.push_back(parent.layers[part]);
    folder.fds.push_back(std::make_shared<const Fd>(std::move(fd)));
    if (folder.hides_below) break;
  }
  folder.hides_below = folder.hides_below || parent.hides_below;
  return folder;
}

Result<std::optional<LayerStack::Folder>> LayerStack::open(const std::string& path) const {
  STRATA_TRY(Folder folder, root());
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    STRATA_TRY(folder, child(folder, path.substr(at, end - at)));
    if (folder.fds.empty()) return std::optional<Folder>();
    at = end + 1;
  }
  return std::optional<Folder>(std::move(folder));
}

Status LayerStack::reopen(Folder& folder, const std::string& path) const {
  folder.fds.clear();
  for (size_t layer : folder.layers) {
    STRATA_TRY(Fd fd, open_in_root(*layers_[layer], path.empty() ? "." : path,
                                   O_RDONLY | O_DIRECTORY, 0, Symlinks::kRefuse));
    folder.fds.push_back(std::make_shared<const Fd>(std::move(fd)));
  }
  return {};
}

Result<std::optional<LayerStack::Found>> LayerStack::find(const Folder& folder,
                                                          const std::string& name) const {
  for (const std::shared_ptr<const Fd>& fd : folder.fds) {
    STRATA_TRY(std::optional<struct stat> info, look_at(*fd, name));
    if (!info) continue;
    if (whiteouts_ == Whiteouts::kHide && is_whiteout_device(*info)) break;
    return std::optional<Found>(Found{fd, *info});
  }
  return std::optional<Found>();
}

Result<bool> LayerStack::is_hidden(const Fd& folder, const DirEntry& entry) const {
  if (whiteouts_ == Whiteouts::kShow) return false;
  if (entry.type != DT_CHR && entry.type != DT_UNKNOWN) return false;
  STRATA_TRY(struct stat info, lstat_at(folder, entry.name));
  return is_whiteout_device(info);
}

Status LayerStack::list(const Folder& folder,
                        const std::function<void(const std::string&, size_t)>& visit) const {
  std::unordered_set<std::string> seen;
  const bool alone = folder.fds.size() == 1;
  for (size_t part = 0; part < folder.fds.size(); ++part) {
    const Fd& fd = *folder.fds[part];
    STRATA_CHECK(visit_dir_at(fd, ".", [&](const DirEntry& entry) -> Status {
      if (!alone && !seen.insert(entry.name).second) return {};
      STRATA_TRY(bool hidden, is_hidden(fd, entry));
      if (!hidden) visit(entry.name, part);
      return {};
    }));
  }
  return {};
}

}  // namespace strata::driver
