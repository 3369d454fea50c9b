// SPDX-License-Identifier: Apache-2.0
#include "store/new_root.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "driver/driver.h"
#include "store/parts.h"

namespace strata::store {
namespace {

bool is_lock_of_ours(std::string_view path) {
  return path.starts_with("strata/") && path.ends_with(".lock") && path.rfind('/') == 6;
}

// Of the files that Store::open makes: whether it is as it was made.
bool is_as_made(const Fd& root, const std::string& path) {
  if (path.starts_with("image/") && path.ends_with("/repositories.json")) {
    Result<std::string> text = read_file_at(root, path);
    return text.ok() && *text == References().to_json();
  }
  Result<struct stat> info = lstat_at(root, path);
  return (path == kDaemonLock || is_lock_of_ours(path)) && info.ok() && S_ISREG(info->st_mode) &&
         info->st_size == 0;
}

// Folders and such files, and nothing else. `visit_dir_at` ends at the first that is another.
Status check_unused(const Fd& root, const std::string& folder) {
  return visit_dir_at(root, folder, [&](const DirEntry& entry) -> Status {
    const std::string path = folder == "." ? entry.name : folder + "/" + entry.name;
    STRATA_TRY(struct stat info, lstat_at(root, path));
    if (S_ISDIR(info.st_mode)) return check_unused(root, path);
    return is_as_made(root, path) ? Status() : error(ErrorCode::kConflict, "{} is in use", path);
  });
}

bool is_folder_of_a_root(const std::string& name) {
  constexpr std::array<std::string_view, 3> kNames{"image", "strata", "volumes"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         driver::is_known_driver(name);
}

Status remove_unused(const Fd& above, const std::string& missing) {
  const std::string top = missing.empty() ? "." : missing;
  STRATA_TRY(Fd root, open_dir_at(above, top));
  STRATA_TRY(Fd again, open_dir_at(root, "."));
  STRATA_TRY(auto alone, FileLock::try_acquire(std::move(again), FileLock::Mode::kExclusive));
  STRATA_TRY(Fd file, open_at(root, std::string(kDaemonLock), O_RDWR));
  STRATA_TRY(auto no_writer, FileLock::try_acquire(std::move(file), FileLock::Mode::kExclusive));
  if (!alone || !no_writer) return {};
  STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(root, "."));
  for (const DirEntry& entry : entries) {
    if (!is_folder_of_a_root(entry.name)) return {};
  }
  STRATA_CHECK(check_unused(root, "."));
  for (const DirEntry& entry : entries) STRATA_CHECK(remove_tree_at(root, entry.name));
  for (std::string path = top; path != "."; path = folder_above(path)) {
    STRATA_CHECK(remove_folder_at(above, path));
  }
  return {};
}

}  // namespace

Result<std::optional<NewRoot>> NewRoot::look(const std::string& path) {
  NewRoot found;
  std::string there = path;
  for (;;) {
    Result<Fd> folder = open_path(there, O_RDONLY | O_DIRECTORY);
    if (folder.ok()) {
      found.above_ = std::move(*folder);
      break;
    }
    const bool is_missing = folder.error().code() == ErrorCode::kNotFound;
    const std::string name = there.substr(there.rfind('/') + 1);
    if (!is_missing || name == "..") return std::optional<NewRoot>();  // Store::open says why
    if (!name.empty() && name != ".") {
      found.missing_ = found.missing_.empty() ? name : name + "/" + found.missing_;
    }
    const size_t slash = there.rfind('/');
    there = slash == there.npos ? "." : slash == 0 ? "/" : there.substr(0, slash);
  }
  if (!found.missing_.empty()) return std::optional(std::move(found));
  STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(found.above_, "."));
  return entries.empty() ? std::optional(std::move(found)) : std::optional<NewRoot>();
}

void NewRoot::remove_if_unused() const { (void)remove_unused(above_, missing_).ok(); }

std::optional<FileLock> hold_root(const Fd& root) {
  Result<Fd> again = open_dir_at(root, ".");
  if (!again.ok()) return std::nullopt;
  Result<FileLock> lock = FileLock::acquire(std::move(*again), FileLock::Mode::kShared);
  return lock.ok() ? std::optional(std::move(*lock)) : std::nullopt;
}

}  // namespace strata::store
