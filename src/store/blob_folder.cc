// SPDX-License-Identifier: Apache-2.0
#include "store/blob_folder.h"

#include <algorithm>
#include <ctime>

namespace strata::store {
namespace {

constexpr std::string_view kFolder = "strata/blobs";
constexpr std::string_view kJournalSuffix = ".journal";
constexpr uint64_t kStatBlockBytes = 512;

std::string path_of(std::string_view name) { return fmt::format("{}/{}", kFolder, name); }
std::string journal_of(const std::string& path) { return path + std::string(kJournalSuffix); }

uint64_t disk_bytes(const struct stat& info) {
  return static_cast<uint64_t>(info.st_blocks) * kStatBlockBytes;
}

// The file, if it is there.
Result<std::optional<struct stat>> find_file(const Fd& root, const std::string& path) {
  Result<struct stat> info = lstat_at(root, path);
  if (info.ok()) return std::optional<struct stat>(*info);
  if (info.error().code() == ErrorCode::kNotFound) return std::optional<struct stat>();
  return std::move(info).error();
}

// A remover may have been quicker between our opening the file and our locking it.
Result<bool> still_named(const FileLock& lock) {
  STRATA_TRY(struct stat info, stat_fd(lock.fd()));
  return info.st_nlink > 0;
}

}  // namespace

Result<BlobClaim> BlobFolder::claim(const Digest& blob) const {
  STRATA_CHECK(ensure_dirs_at(*root_, std::string(kFolder), 0700));
  while (true) {
    STRATA_TRY(Fd file, open_at(*root_, path_of(blob.hex()), O_RDWR | O_CREAT, 0600));
    STRATA_TRY(FileLock lock, FileLock::acquire(std::move(file), FileLock::Mode::kShared));
    STRATA_TRY(bool named, still_named(lock));
    if (named) return BlobClaim(blob, std::move(lock));
  }
}

Result<std::optional<FileLock>> BlobFolder::try_lock_journal(const BlobClaim& claim) const {
  STRATA_TRY(Fd file, open_at(*root_, journal_of(path_of(claim.blob().hex())),
                              O_RDWR | O_CREAT | O_APPEND, 0600));
  return FileLock::try_acquire(std::move(file), FileLock::Mode::kExclusive);
}

Result<uint64_t> BlobFolder::size_here(const Digest& blob) const {
  STRATA_TRY(std::optional<struct stat> info, find_file(*root_, path_of(blob.hex())));
  return info ? disk_bytes(*info) : 0;
}

Result<bool> BlobFolder::has_journal(const Digest& blob) const {
  STRATA_TRY(std::optional<struct stat> info, find_file(*root_, journal_of(path_of(blob.hex()))));
  return info && info->st_size > 0;
}

Result<std::optional<FileLock>> BlobFolder::lock_unclaimed(const std::string& path) const {
  Result<Fd> file = open_at(*root_, path, O_RDONLY);
  if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return std::optional<FileLock>();
  if (!file.ok()) return std::move(file).error();
  STRATA_TRY(std::optional<FileLock> lock,
             FileLock::try_acquire(std::move(file).value(), FileLock::Mode::kExclusive));
  if (!lock) return lock;
  STRATA_TRY(bool named, still_named(*lock));
  return named ? std::move(lock) : std::optional<FileLock>();
}

// The journal first: without it no byte of the other is believed.
Status BlobFolder::unlink(const std::string& path) const {
  STRATA_CHECK(unlink_at(*root_, journal_of(path)));
  return unlink_at(*root_, path);
}

Status BlobFolder::remove(BlobClaim claim) const {
  const Digest blob = claim.blob();
  { [[maybe_unused]] BlobClaim ends_here = std::move(claim); }
  return remove_unclaimed(blob);
}

Status BlobFolder::remove_unclaimed(const Digest& blob) const {
  std::string path = path_of(blob.hex());
  STRATA_TRY(std::optional<FileLock> lock, lock_unclaimed(path));
  if (!lock) return {};
  return unlink(path);
}

Result<std::vector<Digest>> BlobFolder::list() const {
  std::vector<Digest> blobs;
  Result<std::vector<DirEntry>> entries = list_dir_at(*root_, std::string(kFolder));
  if (!entries.ok() && entries.error().code() == ErrorCode::kNotFound) return blobs;
  if (!entries.ok()) return std::move(entries).error();
  for (const DirEntry& entry : *entries) {
    Result<Digest> blob = Digest::parse_hex(entry.name);
    if (blob.ok()) blobs.push_back(*blob);
  }
  return blobs;
}

struct BlobFolder::Found {
  std::string path;
  bool is_claimed;
  uint64_t bytes;       // with its journal
  std::time_t touched;  // either of them

  bool is_stale(std::chrono::seconds age) const {
    return !is_claimed && touched <= std::time(nullptr) - age.count();
  }
};

Status BlobFolder::visit(const std::function<Status(const Found&)>& visitor) const {
  STRATA_TRY(std::vector<Digest> blobs, list());
  for (const Digest& blob : blobs) {
    std::string path = path_of(blob.hex());
    STRATA_TRY(std::optional<FileLock> lock, lock_unclaimed(path));
    STRATA_TRY(std::optional<struct stat> data, find_file(*root_, path));
    if (!data) continue;
    STRATA_TRY(std::optional<struct stat> journal, find_file(*root_, journal_of(path)));
    STRATA_CHECK(visitor({path, !lock, disk_bytes(*data) + (journal ? disk_bytes(*journal) : 0),
                          std::max(data->st_mtime, journal ? journal->st_mtime : 0)}));
  }
  return {};
}

Result<BlobUsage> BlobFolder::usage() const {
  BlobUsage usage;
  STRATA_CHECK(visit([&](const Found& found) -> Status {
    ++usage.blobs;
    usage.claimed += found.is_claimed ? 1 : 0;
    usage.bytes += found.bytes;
    usage.unclaimed_bytes += found.is_claimed ? 0 : found.bytes;
    usage.stale_bytes += found.is_stale(kStaleAfter) ? found.bytes : 0;
    return {};
  }));
  return usage;
}

Result<uint64_t> BlobFolder::remove_unclaimed(std::chrono::seconds age, bool dry_run) const {
  uint64_t freed_bytes = 0;
  STRATA_CHECK(visit([&](const Found& found) -> Status {
    if (!found.is_stale(age)) return {};
    freed_bytes += found.bytes;
    return dry_run ? Status() : unlink(found.path);
  }));
  return freed_bytes;
}

}  // namespace strata::store
