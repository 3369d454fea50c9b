// SPDX-License-Identifier: Apache-2.0
#include "runtime/run_folder.h"

#include <chrono>
#include <thread>

#include "runtime/cgroups.h"

namespace strata::runtime {
namespace {

constexpr std::string_view kLockSuffix = ".lock";
constexpr int kAttempts = 20;
constexpr int kDyingAttempts = 600;  // three seconds
constexpr auto kPause = std::chrono::milliseconds(5);

std::string lock_name(const std::string& id) { return id + std::string(kLockSuffix); }

// Who waited for the lock may have got that of a file that is gone.
Result<bool> still_named(const FileLock& lock) {
  STRATA_TRY(struct stat info, stat_fd(lock.fd()));
  return info.st_nlink > 0;
}

// Empty when somebody holds it, or just took it away.
Result<std::optional<FileLock>> try_lock(const Fd& state, const std::string& id, int flags,
                                         FileLock::Mode mode = FileLock::Mode::kExclusive) {
  Result<Fd> file = open_at(state, lock_name(id), flags, 0600);
  if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return std::optional<FileLock>();
  if (!file.ok()) return std::move(file).error();
  STRATA_TRY(std::optional<FileLock> lock, FileLock::try_acquire(std::move(*file), mode));
  if (!lock) return std::optional<FileLock>();
  STRATA_TRY(bool named, still_named(*lock));
  if (!named) return std::optional<FileLock>();
  return lock;
}

// Those who only look hold it shared, for a moment.
Result<std::optional<FileLock>> lock_patiently(const Fd& state, const std::string& id) {
  for (int attempt = 1;; ++attempt) {
    STRATA_TRY(std::optional<FileLock> lock, try_lock(state, id, O_RDWR | O_CREAT));
    if (lock || attempt == kAttempts) return lock;
    std::this_thread::sleep_for(kPause);
  }
}

// A cgroup is busy for as long as the kernel needs to end the programs in it.
Status remove_dying_cgroup(const std::string& id) {
  for (int attempt = 1;; ++attempt) {
    Status removed = remove_cgroup(cgroup_name(id));
    const bool busy = !removed.ok() && removed.error().code() == ErrorCode::kBusy;
    if (!busy || attempt == kDyingAttempts) return removed;
    std::this_thread::sleep_for(kPause);
  }
}

// The lock goes last: without it nobody would look for the rest.
Status remove_run(const Fd& state, const std::string& id) {
  STRATA_CHECK(remove_dying_cgroup(id));
  STRATA_CHECK(remove_tree_at(state, id));
  return unlink_at(state, lock_name(id));
}

}  // namespace

Result<RunFolder> RunFolder::create(const Fd& state, const std::string& id) {
  STRATA_TRY(std::optional<FileLock> lock, lock_patiently(state, id));
  if (!lock) return error(ErrorCode::kConflict, "container {} runs already", id);
  RunFolder run(state, id, std::move(*lock));
  STRATA_CHECK(remove_tree_at(state, id));  // of a dead one
  STRATA_CHECK(mkdir_at(state, id, 0700));
  STRATA_TRY(run.folder_, open_dir_at(state, id));
  return run;
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : state_(other.state_),
      id_(std::exchange(other.id_, {})),
      lock_(std::exchange(other.lock_, std::nullopt)),
      folder_(std::move(other.folder_)) {}

RunFolder::~RunFolder() { (void)remove().ok(); }

Status RunFolder::remove() {
  if (id_.empty()) return {};
  const std::string id = std::exchange(id_, {});
  Status removed = remove_run(*state_, id);
  lock_.reset();
  return removed;
}

Status remove_dead_runs(const Fd& state) {
  STRATA_TRY(std::vector<DirEntry> entries, list_dir_at(state, "."));
  for (const DirEntry& entry : entries) {
    if (!entry.name.ends_with(kLockSuffix)) continue;
    const std::string id = entry.name.substr(0, entry.name.size() - kLockSuffix.size());
    STRATA_TRY(std::optional<FileLock> lock, try_lock(state, id, O_RDWR));
    if (!lock) continue;
    Status removed = remove_run(state, id);
    if (!removed.ok() && removed.error().code() != ErrorCode::kBusy) return removed;
  }
  return {};
}

Result<bool> run_lives(const Fd& state, const std::string& id) {
  STRATA_TRY(bool there, exists_at(state, lock_name(id)));
  if (!there) return false;
  STRATA_TRY(std::optional<FileLock> lock, try_lock(state, id, O_RDWR, FileLock::Mode::kShared));
  if (lock) return false;
  return exists_at(state, lock_name(id));
}

Status wait_for_run(const Fd& state, const std::string& id) {
  Result<Fd> file = open_at(state, lock_name(id), O_RDWR);
  if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return {};
  if (!file.ok()) return std::move(file).error();
  STRATA_TRY(FileLock lock, FileLock::acquire(std::move(*file), FileLock::Mode::kShared));
  return {};
}

}  // namespace strata::runtime
