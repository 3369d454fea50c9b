// SPDX-License-Identifier: Apache-2.0
//   journal = "strata-transfer 1 " ("zstd" | "none") " " bytes LF; anything else: not complete
// Source: docs/formats/transfer.md, "Interruptions".
#include "archive/kept_layer.h"

#include <unistd.h>

#include <cerrno>

namespace strata::archive {
namespace {

constexpr std::string_view kJournalName = "strata-transfer 1";
constexpr size_t kMaxJournalBytes = 100;

Digest name_of(const DiffId& layer) {
  return Digest::of("strata-transfer 1 layer " + layer.to_string());
}

std::string journal_line(codec::Compression compression, uint64_t size_bytes) {
  return fmt::format("{} {} {}\n", kJournalName, codec::to_string(compression), size_bytes);
}

Status truncate(int fd) {
  return ::ftruncate(fd, 0) == 0 ? Status() : errno_error(errno, "ftruncate");
}

}  // namespace

Result<std::optional<KeptLayer>> KeptLayer::claim(const store::BlobFolder& folder,
                                                  const DiffId& layer) {
  STRATA_TRY(store::BlobClaim claim, folder.claim(name_of(layer)));
  STRATA_TRY(std::optional<FileLock> journal, folder.try_lock_journal(claim));
  if (!journal) return std::optional<KeptLayer>();
  KeptLayer kept(std::move(claim), std::move(*journal));
  STRATA_CHECK(kept.read_journal());
  return std::optional<KeptLayer>(std::move(kept));
}

Result<bool> KeptLayer::is_kept(const store::BlobFolder& folder, const DiffId& layer) {
  return folder.has_journal(name_of(layer));
}

Status KeptLayer::read_journal() {
  std::string text(kMaxJournalBytes, '\0');
  STRATA_TRY(size_t count, pread_full(journal_.fd(),
                                      {reinterpret_cast<std::byte*>(text.data()), text.size()}, 0));
  text.resize(count);
  STRATA_TRY(struct stat info, stat_fd(claim_.data()));
  auto size_bytes = static_cast<uint64_t>(info.st_size);
  for (codec::Compression kind : {codec::Compression::kZstd, codec::Compression::kNone}) {
    if (text != journal_line(kind, size_bytes)) continue;
    compression_ = kind;
    size_bytes_ = size_bytes;
    complete_ = true;
  }
  return {};
}

Status KeptLayer::begin(codec::Compression compression) {
  STRATA_CHECK(truncate(journal_.fd()));  // first: without it no byte of the other is believed
  STRATA_CHECK(truncate(claim_.data()));
  compression_ = compression;
  size_bytes_ = 0;
  complete_ = false;
  return {};
}

Status KeptLayer::append(ByteSpan bytes) {
  STRATA_CHECK(pwrite_all(claim_.data(), bytes, size_bytes_));
  size_bytes_ += bytes.size();
  return {};
}

Status KeptLayer::complete() {
  STRATA_CHECK(write_all(journal_.fd(), as_bytes(journal_line(compression_, size_bytes_))));
  complete_ = true;
  return {};
}

Status KeptLayer::remove(const store::BlobFolder& folder, KeptLayer kept) {
  return folder.remove(std::move(kept.claim_));
}

Status KeptLayer::remove_rest(const store::BlobFolder& folder, const DiffId& layer) {
  STRATA_TRY(uint64_t bytes, folder.size_here(name_of(layer)));
  if (bytes == 0) return {};
  STRATA_TRY(store::BlobClaim claim, folder.claim(name_of(layer)));
  return folder.remove(std::move(claim));
}

}  // namespace strata::archive
