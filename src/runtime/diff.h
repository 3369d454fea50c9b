// SPDX-License-Identifier: Apache-2.0
// diff: what a container changed of the files it was made of.
//
// docker mounts the container and the layer below it and compares the two trees. With overlay2 the
// same follows from the upper folder alone: what is not in it has not changed.
// Source:  FORMATS section 8 "diff"; what counts as a difference is said in driver/tree_diff.h.
// Threads: any.
#pragma once

#include <functional>
#include <string>

#include "driver/tree_diff.h"
#include "store/store.h"

namespace strata::runtime {

// Calls `visit` with every change, a folder before what is in it, in the order of compare_trees.
// `container` is an ID, a name, or the beginning of an ID. Errors: those of find_container; those of
// `visit`; kCorrupt, kIo.
Status diff(const store::Store& store, const std::string& container,
            const std::function<Status(const driver::TreeChange&)>& visit);

}  // namespace strata::runtime
