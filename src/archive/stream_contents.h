// SPDX-License-Identifier: Apache-2.0
// Contents of a stream that can be read once: a pipe, or a compressed archive. See contents.h.
//
// What a member is shows only in the manifest, which may come last. So a member of more than
// kKeptBytes that does not look like JSON is unpacked as a layer while it passes by; if nothing
// refers to it in the end, it is dropped, even if it was no layer at all. The rest is kept in a
// nameless file.
#pragma once

#include "archive/contents.h"

namespace strata::archive {

inline constexpr uint64_t kKeptBytes = 1u << 20;

// Reads `input` to its end; `progress` may be null. Errors: kInvalid (no tar), kCorrupt (damaged compression), kIo,
// kNoSpace, kCancelled.
Result<std::unique_ptr<Contents>> consume_stream(const Fd& input, store::Transaction& txn,
                                                 Pool& pool, BufferPool& buffers,
                                                 LoadProgress* progress);

}  // namespace strata::archive
