// SPDX-License-Identifier: Apache-2.0
// tar-split.json.gz as a file: what strata adds to it, and how its tar's length is learnt.
//
// Shape:   a gzip member whose header has an extra field (RFC 1952, 2.3.1.1): subfield 'S' 'T', 8
//          bytes, the length of the layer's tar in bytes, little-endian; 0: not known. dockerd's
//          own files have none, and it skips ours.
#pragma once

#include <string>

#include "base/fs_at.h"
#include "base/stream.h"
#include "tar/split.h"

namespace strata::driver {

inline constexpr const char* kSplitFileName = "tar-split.json.gz";

// The bytes of the extra field (subfield header and value).
std::string split_extra_field(uint64_t tar_bytes);
// Tells how many bytes of payload a file entry stands for. dockerd writes the size that a header
// claims, also for links and folders, which have no payload: their CRC is that of nothing, zero.
// Content can be made to have that CRC too, so then the member's header decides: it is the last
// block in front of the entry.
class PayloadSizes {
 public:
  // The entries of a record, in order. 0 for a segment.
  uint64_t next(const tar::SplitEntry& entry);

 private:
  std::string header_;  // the last block of the segments so far
};
// Puts the value into a file that was begun with split_extra_field.
Status record_tar_bytes(const Fd& split_file, uint64_t tar_bytes);
// Length of the tar that the file describes: from the extra field, or else by adding up its
// entries. The descriptor's position is not used. Errors: kCorrupt.
Result<uint64_t> tar_bytes_of(const Fd& split_file);
// The sum of the sizes that the members' headers claim: layerdb/size of a driver that cannot measure a
// layer by itself, as vfs (FORMATS section 3, "naive"). Errors: kCorrupt.
Result<uint64_t> claimed_bytes_of(const Fd& split_file);

}  // namespace strata::driver
