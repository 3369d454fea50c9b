// SPDX-License-Identifier: Apache-2.0
// BlobFolder: blobs of a registry on their way into the store, kept until what they were fetched
// for is published, so that an interrupted pull goes on where it stopped.
// Shape:   <root>/strata/blobs/<64HEX>          the bytes, each where it belongs; with holes
//          <root>/strata/blobs/<64HEX>.journal  which of them have arrived (registry/blob_journal.h)
// Threads: any. Other processes: a claim is a shared lock on the bytes, and who removes them takes
//          it exclusively; whoever downloads holds the journal exclusively. docs/store.md, "Blobs".
// Crash:   locks end with their process; what it left stays, until it is claimed or a day old.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "base/lock.h"
#include "hash/digest.h"

namespace strata::store {

// As long as it lives nobody removes the blob.
class BlobClaim {
 public:
  const Digest& blob() const { return blob_; }
  int data() const { return lock_.fd(); }  // open for reading and writing

 private:
  friend class BlobFolder;
  BlobClaim(const Digest& blob, FileLock lock) : blob_(blob), lock_(std::move(lock)) {}
  Digest blob_;
  FileLock lock_;
};

struct BlobUsage {
  size_t blobs = 0;
  size_t claimed = 0;
  uint64_t bytes = 0;  // that they take of the disk
  uint64_t unclaimed_bytes = 0;
  uint64_t stale_bytes = 0;  // of those that nobody claims and nobody has touched for kStaleAfter
};

class BlobFolder {
 public:
  // What is older than this and that nobody claims is not worth to be kept.
  static constexpr std::chrono::hours kStaleAfter{24};

  explicit BlobFolder(const Fd& root) : root_(&root) {}

  // Makes the blob's empty file where there is none.
  Result<BlobClaim> claim(const Digest& blob) const;
  // The right to download it; empty: somebody else has it. Only with a claim.
  Result<std::optional<FileLock>> try_lock_journal(const BlobClaim& claim) const;
  // Bytes of the blob that lie here, for who only asks; the claims of others do not matter.
  Result<uint64_t> size_here(const Digest& blob) const;
  // Whether its journal holds anything; the same.
  Result<bool> has_journal(const Digest& blob) const;
  // Gives the claim up and removes the blob, unless others claim it: then the last of them does.
  Status remove(BlobClaim claim) const;
  // The same for who never claimed it; what is not there is removed already.
  Status remove_unclaimed(const Digest& blob) const;
  // What lies here now.
  Result<std::vector<Digest>> list() const;

  Result<BlobUsage> usage() const;
  // Removes what nobody claims and nobody has touched for `age`; returns the bytes that took.
  // `dry_run`: only counts.
  Result<uint64_t> remove_unclaimed(std::chrono::seconds age, bool dry_run) const;

 private:
  struct Found;
  // Every blob, one after the other; it is locked meanwhile if nobody claims it.
  Status visit(const std::function<Status(const Found&)>& visitor) const;
  // None: claimed, or gone.
  Result<std::optional<FileLock>> lock_unclaimed(const std::string& path) const;
  Status unlink(const std::string& path) const;

  const Fd* root_;
};

}  // namespace strata::store
