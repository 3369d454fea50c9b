// SPDX-License-Identifier: Apache-2.0
#include "registry/registry_contents.h"

namespace strata::registry {

Status ServerOrUrls::get_blob(const Digest& blob, const BlobRange& range, BlobSink& sink) {
  Status status = server_.get_blob(blob, range, sink);
  for (const std::string& url : urls_) {
    // Not found means that nothing was sent yet.
    if (status.ok() || status.error().code() != ErrorCode::kNotFound) break;
    status = server_.get_blob_from(url, blob, range, sink).context("{}", url);
  }
  return status;
}

RegistryContents::RegistryContents(BlobServer& server, const store::BlobFolder& folder,
                                   const DownloadOptions& options, const Pool& pool,
                                   BlobWatcher* watcher)
    : server_(server),
      folder_(folder),
      options_(options),
      pool_(pool),
      watcher_(watcher),
      connections_(std::max(1u, options.connections)) {}

Status RegistryContents::claim(const oci::Descriptor& blob) {
  std::string name = blob.digest.to_string();
  auto known = blobs_.find(name);
  const auto size_bytes = static_cast<uint64_t>(blob.size_bytes);
  if (known == blobs_.end()) {
    STRATA_TRY(store::BlobClaim claim, folder_.claim(blob.digest));
    blobs_.emplace(name, std::make_unique<Blob>(std::move(claim), size_bytes,
                                                ServerOrUrls(server_, blob.urls)));
  } else if (known->second->size_bytes != size_bytes) {
    return error(ErrorCode::kInvalid, "blob {} is said to have {} bytes, and {} bytes", name,
                 known->second->size_bytes, size_bytes);
  }
  return {};
}

Result<archive::OpenedFile> RegistryContents::open(const std::string& name) const {
  auto found = blobs_.find(name);
  if (found == blobs_.end()) return error(ErrorCode::kNotFound, "blob {} is in no manifest", name);
  Blob& blob = *found->second;
  DownloadContext context{&blob.server, &options_, &connections_, &pool_, watcher_, &given_up_};
  return archive::OpenedFile{
      std::make_unique<BlobSource>(context, folder_, blob.claim, blob.size_bytes, blob.fate),
      blob.size_bytes};
}

Result<std::vector<std::string>> RegistryContents::names() const {
  std::vector<std::string> names;
  for (const auto& [name, blob] : blobs_) names.push_back(name);
  return names;
}

bool RegistryContents::is_verified(const Digest& blob) const {
  auto found = blobs_.find(blob.to_string());
  return found != blobs_.end() && found->second->fate.verified;
}

Result<bool> RegistryContents::forget_doubtful(bool all) {
  given_up_ = false;
  bool worth_another_try = false;
  for (auto& [name, blob] : blobs_) {
    if (blob->fate.verified) continue;
    if (blob->fate.patchwork.exchange(false)) worth_another_try = true;
    if (!blob->fate.given_up.exchange(false) && !all) continue;
    STRATA_TRY(std::optional<FileLock> lock, folder_.try_lock_journal(blob->claim));
    if (!lock) continue;  // somebody else works on it, and verifies it
    STRATA_TRY(BlobJournal journal, BlobJournal::open(std::move(*lock), blob->size_bytes));
    STRATA_CHECK(journal.restart("", ByteRanges()));
  }
  return worth_another_try;
}

Status RegistryContents::remove_all() {
  for (auto& [name, blob] : blobs_) STRATA_CHECK(folder_.remove(std::move(blob->claim)));
  blobs_.clear();
  return {};
}

}  // namespace strata::registry
