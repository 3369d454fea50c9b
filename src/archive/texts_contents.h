// SPDX-License-Identifier: Apache-2.0
// Contents of an archive for whoever wants to know only what it holds: manifests and configs.
#pragma once

#include "archive/contents.h"

namespace strata::archive {

// What the texts of one archive may take in memory together.
inline constexpr size_t kMaxTextsBytes = 32u << 20;

// Reads a stream to its end and keeps the members that look like JSON; all others are not there.
// Errors: kInvalid (no tar), kCorrupt (damaged compression), kUnsupported (more than
// kMaxTextsBytes), kIo, kCancelled.
Result<std::unique_ptr<Contents>> consume_texts(const Fd& input, Pool& pool);

}  // namespace strata::archive
