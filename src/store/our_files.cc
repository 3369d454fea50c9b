// SPDX-License-Identifier: Apache-2.0
#include "store/our_files.h"

namespace strata::store {

Result<FileLock> lock_in_root(const Fd& root, std::string_view name, FileLock::Mode mode) {
  const std::string path = fmt::format("strata/{}.lock", name);
  STRATA_TRY(Fd file, open_at(root, path, O_RDWR | O_CREAT, 0600));
  return FileLock::acquire(std::move(file), mode).context("{}", path);
}

Status replace_under_lock(const Fd& root, std::string_view name, const std::string& path,
                          std::string_view content, mode_t mode, Durability durability) {
  const std::string fresh = fmt::format("strata/{}.new", name);
  STRATA_CHECK(write_file_at(root, fresh, content, mode));
  if (durability == Durability::kSynced) {
    STRATA_TRY(Fd file, open_at(root, fresh, O_RDONLY));
    STRATA_CHECK(sync(file.get()));
  }
  STRATA_CHECK(rename_at(root, fresh, root, path, Existing::kReplace));
  if (durability == Durability::kQuick) return {};
  STRATA_TRY(Fd folder, open_dir_at(root, path.substr(0, path.rfind('/'))));
  return sync(folder.get());
}

Status remove_unfinished_replacement(const Fd& root, std::string_view name) {
  const std::string fresh = fmt::format("strata/{}.new", name);
  STRATA_TRY(bool there, exists_at(root, fresh));
  if (!there) return {};
  // Somebody may be writing it right now.
  STRATA_TRY(FileLock held, lock_in_root(root, name, FileLock::Mode::kExclusive));
  return unlink_at(root, fresh);
}

}  // namespace strata::store
