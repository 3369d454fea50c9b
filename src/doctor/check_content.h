// SPDX-License-Identifier: Apache-2.0
// check --content: every layer's files against its tar-split, and its tar against the diffID. Inside of check.h.
// Threads: one call at a time per pool.
#pragma once

#include "doctor/check.h"
#include "doctor/graph.h"

namespace strata::doctor {

// Adds what is wrong with the content of sound layers; unsynced ones that are as they should be are no findings any more.
Status check_content(const Graph& graph, const CheckOptions& options, Pool& pool,
                     CheckReport& report);

}  // namespace strata::doctor
