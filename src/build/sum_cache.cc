// SPDX-License-Identifier: Apache-2.0
// file   = "strata context sums 1\n" (22 bytes) 2*%x00 count record* crc
// record = device inode size mtime ctime header sum       (6 * 8 bytes, 32 bytes)
// crc    = CRC-64 of all that is before it                Numbers: 8 bytes, as the machine has them.
// Source: docs/formats/build-context.md, "Remembered sums".
#include "build/sum_cache.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>
#include <span>

#include "base/lock.h"
#include "hash/crc64.h"

namespace strata::build {
namespace {

constexpr char kMagic[24] = "strata context sums 1\n\0";
constexpr size_t kHeadBytes = sizeof kMagic + sizeof(uint64_t);
constexpr size_t kRecordBytes = 6 * sizeof(uint64_t) + Digest::kBytes;
constexpr size_t kMaxFileBytes = size_t{512} << 20;
constexpr std::string_view kFolder = "strata/context-sums";

// The longest tick of a kernel's clock is 10 ms; file systems that keep whole seconds show it by the times themselves.
constexpr int64_t kTickNs = 50'000'000;
constexpr int64_t kSecondNs = 1'000'000'000;

bool is_settled(const SumCache::Key& key, int64_t read_at_ns) {
  const bool whole_seconds = key.ctime_ns % kSecondNs == 0 && key.mtime_ns % kSecondNs == 0;
  const int64_t grain = whole_seconds ? 2 * kSecondNs : kTickNs;
  return key.ctime_ns < read_at_ns - grain;
}

uint64_t checksum(std::string_view bytes) {
  Crc64 crc;
  crc.update(as_bytes(bytes));
  return crc.value();
}

template <typename T>
void put(std::string& text, const T& value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

static_assert(sizeof(SumCache::Key) == 6 * sizeof(uint64_t));

std::unique_ptr<SumCache> SumCache::open(const Fd& root, const struct stat& folder) {
  std::string name = fmt::format("{:016x}{:016x}", folder.st_dev, folder.st_ino);
  std::unique_ptr<SumCache> cache(new SumCache(root, std::move(name)));
  cache->read();
  return cache;
}

void SumCache::read() {
  const std::string path = fmt::format("{}/{}", kFolder, name_);
  Result<std::string> text = read_file_at(root_, path, kMaxFileBytes);
  if (!text.ok() || text->size() < kHeadBytes + sizeof(uint64_t)) return;
  uint64_t crc, count;
  const size_t body = text->size() - sizeof crc;
  std::memcpy(&crc, text->data() + body, sizeof crc);
  std::memcpy(&count, text->data() + sizeof kMagic, sizeof count);
  if (std::memcmp(text->data(), kMagic, sizeof kMagic) != 0 ||
      (body - kHeadBytes) % kRecordBytes != 0 || count != (body - kHeadBytes) / kRecordBytes ||
      crc != checksum(std::string_view(*text).substr(0, body))) {
    return;
  }
  records_.resize(count);
  size_t slot_count = 16;
  while (slot_count < count * 2) slot_count *= 2;
  slots_.assign(slot_count, 0);
  asked_.assign(count, 0);
  for (size_t i = 0; i < count; ++i) {
    const char* from = text->data() + kHeadBytes + i * kRecordBytes;
    std::array<uint8_t, Digest::kBytes> raw;
    std::memcpy(&records_[i].key, from, sizeof(Key));
    std::memcpy(raw.data(), from + sizeof(Key), raw.size());
    records_[i].sum = Digest(raw);
    slots_[slot(records_[i].key)] = static_cast<uint32_t>(i + 1);
  }
}

// Where the record of this key is, or would be.
size_t SumCache::slot(const Key& key) const {
  const size_t mask = slots_.size() - 1;
  size_t at = (key.header ^ (key.inode * 0x9E3779B97F4A7C15u)) & mask;
  while (slots_[at] != 0 && records_[slots_[at] - 1].key != key) at = (at + 1) & mask;
  return at;
}

std::optional<Digest> SumCache::look_up(const Key& key) const {
  if (slots_.empty()) return std::nullopt;
  const uint32_t found = slots_[slot(key)];
  if (found == 0) return std::nullopt;
  std::atomic_ref(asked_[found - 1]).store(1, std::memory_order_relaxed);
  return records_[found - 1].sum;
}

void SumCache::add(const Key& key, int64_t read_at_ns, const Digest& sum) {
  if (is_settled(key, read_at_ns)) added_.lock()->push_back({key, sum});
}

Status SumCache::save() {
  auto added = added_.lock();
  if (added->empty()) return {};
  const auto asked = static_cast<size_t>(std::count(asked_.begin(), asked_.end(), 1));
  const bool keep_rest = records_.size() - asked <= asked + added->size();
  std::string text(kMagic, sizeof kMagic);
  put(text, uint64_t{0});
  uint64_t count = 0;
  auto write = [&](const Record& record) {
    put(text, record.key);
    text.append(reinterpret_cast<const char*>(record.sum.raw().data()), Digest::kBytes);
    ++count;
  };
  for (size_t i = 0; i < records_.size(); ++i) {
    if (keep_rest || asked_[i] != 0) write(records_[i]);
  }
  for (const Record& record : *added) write(record);
  std::memcpy(text.data() + sizeof kMagic, &count, sizeof count);
  put(text, checksum(text));
  added->clear();

  STRATA_CHECK(ensure_dirs_at(root_, std::string(kFolder), 0700));
  STRATA_TRY(Fd folder, open_dir_at(root_, std::string(kFolder)));
  STRATA_TRY(Fd lock_file, open_at(folder, "lock", O_RDWR | O_CREAT, 0600));
  STRATA_TRY(FileLock lock, FileLock::acquire(std::move(lock_file), FileLock::Mode::kExclusive));
  STRATA_CHECK(remove_oldest(folder));
  // Not synced: what a power cut leaves of it fails its checksum.
  STRATA_CHECK(write_file_at(folder, "new", text, 0600));
  return rename_at(folder, "new", folder, name_, Existing::kReplace);
}

// The caller holds the lock.
Status SumCache::remove_oldest(const Fd& folder) {
  std::vector<std::pair<int64_t, std::string>> files;
  STRATA_CHECK(visit_dir_at(folder, ".", [&](const DirEntry& entry) -> Status {
    if (entry.name == "lock" || entry.name == name_) return {};
    STRATA_TRY(struct stat info, lstat_at(folder, entry.name));
    files.emplace_back(info.st_mtim.tv_sec, entry.name);
    return {};
  }));
  std::sort(files.begin(), files.end());
  for (size_t i = 0; i + kMaxFiles <= files.size(); ++i) {
    STRATA_CHECK(unlink_at(folder, files[i].second));
  }
  return {};
}

}  // namespace strata::build
