// SPDX-License-Identifier: Apache-2.0
// How layers go: out of sight by one rename under layers.lock, then link, files and record. Inside
// of remove_layers.h.
#pragma once

#include <span>
#include <vector>

#include "store/parts.h"
#include "store/work_folder.h"

namespace strata::store {

// What release_layers() does, on the inside of a store.
Result<std::vector<std::vector<ChainId>>> remove_unused_layers(const Parts& parts,
                                                               std::span<const ChainId> tops);

// Whether somebody reads one of these layers, or leases it. Without layers.lock: it may be otherwise at once.
Result<bool> any_held(const Parts& parts, std::span<const ChainId> chains);

// How a record that is there but cannot be used would go, to make room for a new one of the same
// layer; empty when there is no such record. Its files go too, if the record still says which.
Result<std::optional<Journal::RemovedLayer>> plan_replacement(const Parts& parts,
                                                              const ChainId& chain);

// Renames a layer's record out of sight. The caller holds layers.lock exclusively, and a journal
// names `layer`.
Status hide_layer(const Parts& parts, const ChainId& chain, const Journal::RemovedLayer& layer);

// Removes the files and the record of a layer that was renamed out of sight. A record that is not
// there is fine.
Status remove_hidden_layer(const Parts& parts, const Journal::RemovedLayer& layer);

}  // namespace strata::store
