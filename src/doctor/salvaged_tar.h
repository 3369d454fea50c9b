// SPDX-License-Identifier: Apache-2.0
// SalvagedTar: what can still be made of a layer's tar when files of it are gone or changed. Headers come from the tar-split, content from
// the files:
//
//   content as it was      header and content as they were
//   content that changed   as it is now; where its length is another one, with a new header
//   content that is gone   the member is left out; a hard link to it becomes the file, if that still has its content
// What the tar-split holds itself (links, folders, empty files, odd payloads) is as it was, whatever lies on the disk.
// Threads: one call at a time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/pool.h"
#include "driver/layer_reader.h"

namespace strata::doctor {

// A name of a layer that does not come out as it was.
struct TarLoss {
  std::string name;
  std::string what;  // "left out", "changed", "moved"
  std::string reason;
};

using Unreadable = std::map<uint64_t, std::string>;  // member, from 1 -> why

// Writes the tar, which always has the same bytes as long as nobody writes to the files. `unreadable` are members that are left
// out; a file that cannot be read to its end is added to it, and then nothing but "again" is true of what was returned.
struct Salvage {
  std::vector<TarLoss> losses;
  bool again = false;
};
// Errors: kCorrupt (the tar-split cannot be read), those of `to`, kNoSpace, kCancelled.
Result<Salvage> write_salvaged_tar(const driver::LayerFiles& layer, Unreadable& unreadable,
                                   ByteSink& to, const Pool& pool);

}  // namespace strata::doctor
