// SPDX-License-Identifier: Apache-2.0
// The files of a container as its program sees them, volumes included, running or not.
// Threads: any.
#pragma once

#include <functional>

#include "runtime/container_record.h"

namespace strata::runtime {

// Calls `body` with the root of the container's files. What is behind it is to be opened with
// open_in_root only. Of a running container it is the tree that its program has; of another it is
// mounted meanwhile, where nobody else sees it, and the container cannot be started for that time.
// Errors: those of `body`; kConflict; those of mounting.
Status with_container_tree(store::Store& store, const ContainerRecord& record,
                           const std::function<Status(const Fd& root)>& body);

}  // namespace strata::runtime
