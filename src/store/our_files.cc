// SPDX-License-Identifier: Apache-2.0
#include "store/our_files.h"

namespace strata::store {
namespace {

std::string fresh_path(std::string_view name) { return fmt::format("strata/{}.new", name); }

}  // namespace

Result<FileLock> lock_in_root(const Fd& root, std::string_view name, FileLock::Mode mode) {
  const std::string path = fmt::format("strata/{}.lock", name);
  STRATA_TRY(Fd file, open_at(root, path, O_RDWR | O_CREAT, 0600));
  return FileLock::acquire(std::move(file), mode).context("{}", path);
}

Status replace_by_way_of(const Fd& root, const std::string& fresh, const std::string& path,
                         std::string_view content, mode_t mode, Durability durability) {
  auto put_in_place = [&]() -> Status {
    STRATA_CHECK(write_file_at(root, fresh, content, mode));
    if (durability == Durability::kSynced) {
      STRATA_TRY(Fd file, open_at(root, fresh, O_RDONLY));
      STRATA_CHECK(sync(file.get()));
    }
    return rename_at(root, fresh, root, path, Existing::kReplace);
  };
  Status placed = put_in_place();
  if (!placed.ok()) ::unlinkat(root.get(), fresh.c_str(), 0);
  STRATA_CHECK(std::move(placed));
  if (durability == Durability::kQuick) return {};
  STRATA_TRY(Fd folder, open_dir_at(root, folder_above(path)));
  return sync(folder.get());
}

Status replace_under_lock(const Fd& root, std::string_view name, const std::string& path,
                          std::string_view content, mode_t mode, Durability durability) {
  return replace_by_way_of(root, fresh_path(name), path, content, mode, durability);
}

Status remove_unfinished_replacement(const Fd& root, std::string_view name) {
  const std::string fresh = fresh_path(name);
  STRATA_TRY(bool there, exists_at(root, fresh));
  if (!there) return {};
  // Somebody may be writing it right now.
  STRATA_TRY(FileLock held, lock_in_root(root, name, FileLock::Mode::kExclusive));
  return unlink_at(root, fresh);
}

}  // namespace strata::store
