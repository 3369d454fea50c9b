// SPDX-License-Identifier: Apache-2.0
#include "doctor/bolt_file.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "doctor/place.h"

namespace strata::doctor {
namespace {

constexpr uint64_t kPageHeaderBytes = 16;

struct Meta {
  static constexpr uint32_t kMagic = 0xED0CDAED;
  static constexpr uint32_t kVersion = 2;
  uint32_t magic, version, page_bytes, flags;
  uint64_t root, sequence, freelist, pages, transaction, checksum;
};
static_assert(sizeof(Meta) == 64);

uint64_t fnv1a(ByteSpan bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (std::byte byte : bytes) hash = (hash ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  return hash;
}

// Empty: it is good.
std::string trouble_of(const Meta& meta, size_t count) {
  if (count < sizeof(Meta)) return "it ends before its head does";
  if (meta.magic != Meta::kMagic) return "it is no bolt database: the magic number is missing";
  if (meta.version != Meta::kVersion) return fmt::format("bolt version {}", meta.version);
  if (meta.page_bytes == 0) return "its pages have 0 bytes";
  const ByteSpan bytes = std::as_bytes(std::span(&meta, 1));
  return fnv1a(bytes.first(offsetof(Meta, checksum))) == meta.checksum ? ""
                                                                       : "the checksum is wrong";
}

}  // namespace

Result<std::string> bolt_trouble(const Fd& root, const std::string& path) {
  Result<Fd> file = open_at(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return std::string();
  if (!file.ok()) return std::move(file).error();
  STRATA_TRY(struct stat info, stat_fd(file->get()));
  if (!S_ISREG(info.st_mode)) return kind_of(info.st_mode);
  const auto size_bytes = static_cast<uint64_t>(info.st_size);
  if (size_bytes == 0) return std::string();
  std::string why;
  std::optional<Meta> newest;
  auto page_bytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  for (int page : {0, 1}) {
    Meta meta{};
    const uint64_t offset = static_cast<uint64_t>(page) * page_bytes + kPageHeaderBytes;
    STRATA_TRY(size_t count,
               pread_full(file->get(), std::as_writable_bytes(std::span(&meta, 1)), offset));
    const std::string trouble = trouble_of(meta, count);
    if (page == 0) why = trouble;
    if (!trouble.empty()) continue;
    page_bytes = meta.page_bytes;
    if (!newest || meta.transaction > newest->transaction) newest = meta;
  }
  if (!newest) return why;
  if (size_bytes / newest->page_bytes >= newest->pages) return std::string();
  return fmt::format("{} bytes; it has {} pages of {}", size_bytes, newest->pages,
                     newest->page_bytes);
}

Result<std::vector<std::string>> bolt_files(const Fd& root) {
  std::vector<std::string> found;
  for (const char* path : {"network/files/local-kv.db", "volumes/metadata.db"}) {
    STRATA_TRY(bool there, exists_at(root, path));
    if (there) found.emplace_back(path);
  }
  Status visited = visit_dir_at(root, "buildkit", [&](const DirEntry& entry) -> Status {
    if (entry.name.ends_with(".db")) found.push_back("buildkit/" + entry.name);
    return {};
  });
  const bool none = !visited.ok() && !is_trouble(visited.error());
  if (!visited.ok() && !none) return std::move(visited).error();
  std::ranges::sort(found);
  return found;
}

}  // namespace strata::doctor
