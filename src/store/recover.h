// SPDX-License-Identifier: Apache-2.0
// Recovery: undoes what operations of processes that died had half done, and finishes their
// removals. What dockerd left is not touched. The rules are in docs/store.md, "recover".
#pragma once

#include "store/parts.h"
#include "store/work_folder.h"

namespace strata::store {

// For every writer that opens the store. Cheap when there is nothing to do.
Status recover(const Parts& parts);

// Undoes one operation by its journal, and takes its folder away. The caller holds none of the
// locks.
Status roll_back(const Parts& parts, WorkFolder& work);

}  // namespace strata::store
