// SPDX-License-Identifier: Apache-2.0
// What to do where removing, of all things, needs room that is not there.
// Threads: function without state.
#pragma once

#include "store/store.h"

namespace strata::cli {

// Who failed: prune has removed what takes no room already.
enum class Remover { kOne, kPrune };

// The error, and if the disk is full what can be removed all the same.
Error with_way_out(Error failure, const store::Store& store, Remover remover);

}  // namespace strata::cli
