// SPDX-License-Identifier: Apache-2.0
// Which docker's commit or build made a layer: the one whose tar of the layer's files has the layer's diffID. Where there is one, a lost
// tar-split can be made again.
// Source:  FORMATS section 8, "commit": the generations of header fields.
// Threads: by one that is no task of the pool.
#pragma once

#include <optional>

#include "driver/tree_tar.h"
#include "hash/digest.h"

namespace strata::doctor {

struct TreeGeneration {
  tar::HeaderStyle style = tar::HeaderStyle::kDocker28;
  driver::OwnerNames names;  // none: it gave none

  driver::TreeTarOptions options() const;  // borrows `names`
};

// None: no docker that we know made the layer of such files. Errors: kCancelled.
Result<std::optional<TreeGeneration>> find_generation(const Fd& files, const DiffId& diff,
                                                      Pool& pool, BufferPool& buffers);

// For who wants only to know what was written.
class NoSink final : public ByteSink {
 public:
  Status write(ByteSpan) override { return {}; }
};

}  // namespace strata::doctor
