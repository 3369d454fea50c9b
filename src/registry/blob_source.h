// SPDX-License-Identifier: Apache-2.0
// BlobSource: a blob of a registry as a stream, read while it arrives, from the file in which it is
// kept. Its end is reached only when the size and the digest are right.
// Threads: one at a time. Of several sources of one blob, in this process or another, one downloads;
//          the others wait for it and read what it has left, whole or not.
// Crash:   blob_journal.h.
#pragma once

#include <atomic>
#include <memory>

#include "base/stream.h"
#include "hash/sha256.h"
#include "registry/transfer.h"
#include "store/blob_folder.h"

namespace strata::registry {

// What became of a blob; its sources tell.
struct BlobFate {
  std::atomic<bool> verified{false};   // read to its end, and right
  std::atomic<bool> given_up{false};   // its reader left in the middle: perhaps it did not like it
  std::atomic<bool> patchwork{false};  // not all of it was fetched in this run, as one version
};

class BlobSource final : public ByteSource {
 public:
  // All borrowed. Nothing is asked for before the first read().
  BlobSource(DownloadContext context, const store::BlobFolder& folder,
             const store::BlobClaim& claim, uint64_t size_bytes, BlobFate& fate)
      : context_(context), folder_(folder), claim_(claim), size_bytes_(size_bytes), fate_(fate) {}
  ~BlobSource() override;

  // Errors: those of Transfer; kCorrupt (`what the registry sent has digest …`): then nothing of it
  // is kept. Who reads knows which blob it is, and says so.
  Result<size_t> read(MutableByteSpan buffer) override;

 private:
  Status begin();
  Status verify();
  Result<size_t> read_next(MutableByteSpan buffer);

  const DownloadContext context_;
  const store::BlobFolder& folder_;
  const store::BlobClaim& claim_;
  const uint64_t size_bytes_;
  BlobFate& fate_;
  std::unique_ptr<Transfer> transfer_;
  Sha256 hash_;
  uint64_t read_bytes_ = 0;
  bool verified_ = false;
  std::optional<Error> failed_;
};

}  // namespace strata::registry
