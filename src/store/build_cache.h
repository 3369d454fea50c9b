// SPDX-License-Identifier: Apache-2.0
// Layers that the BuildKit inside a dockerd keeps as build cache. They may be nobody's image and
// yet must stay: a dockerd that starts on the root goes on to use them. Shape:
// buildkit/snapshots.db (bbolt), in which a layer stands as key "chainid", value "sha256:" 64HEX.
//        Source: roots of dockerd 20.10 and 28.5.
#pragma once

#include <set>

#include "base/fs_at.h"
#include "hash/digest.h"

namespace strata::store {

// Every chainID that is named in the file, also in pages that the database has given up since:
// rather too many than too few.
Result<std::set<ChainId>> build_cache_layers(const Fd& root);

}  // namespace strata::store
