// SPDX-License-Identifier: Apache-2.0
// Distribution records: which registry blobs hold which layers. All of it is optional and only
// saves transfers. Shape:   distribution/diffid-by-digest/sha256/<blob>,
// distribution/v2metadata-by-diffid/sha256/<diffid>; grammar in
//          distribution.cc. Source: FORMATS section 9.6.
// Threads: any. Other processes: files are replaced by rename; the last one wins.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fs_at.h"
#include "hash/digest.h"

namespace strata::store {

struct BlobSource {
  Digest blob;             // layer digest: of the compressed bytes
  std::string repository;  // full name: docker.io/library/debian
  std::string
      hmac;  // hex, binds the record to the credentials it was pushed with; empty after a pull
  bool operator==(const BlobSource&) const = default;
};

class DistributionDb {
 public:
  // `folder` is image/<driver>/distribution. It need not exist.
  DistributionDb(const Fd& root, std::string folder) : root_(root), folder_(std::move(folder)) {}

  Result<std::optional<DiffId>> diff_of(const Digest& blob) const;
  // Where blobs of this layer are known to be, newest last. A damaged record reads as none.
  Result<std::vector<BlobSource>> sources_of(const DiffId& diff) const;

  // Records both directions; of more than 50 sources the oldest go. A source that is there already
  // moves to the end.
  Status add(const DiffId& diff, const BlobSource& source) const;
  // Forgets one source, after a registry said that it does not have the blob.
  Status remove(const DiffId& diff, const BlobSource& source) const;

 private:
  const Fd& root_;
  const std::string folder_;
};

}  // namespace strata::store
