// SPDX-License-Identifier: Apache-2.0
// rm: containers that go; and what was left by runs that were killed.
// Threads: any. Crash: docs/store.md, "Containers".
#pragma once

#include <string>

#include "store/store.h"

namespace strata::runtime {

struct RemoveContainerOptions {
  bool force = false;    // a running one is killed first
  bool volumes = false;  // its anonymous volumes go too
};

// Errors: kConflict, docker's `You cannot remove a running container ...`; kNotFound.
Status remove_container(store::Store& store, const std::string& id,
                        const RemoveContainerOptions& options);

// Containers whose strata was killed are marked as exited, or go where they were to be removed at
// their end. To be called by commands that change containers, before they look at them.
Status settle_killed_containers(store::Store& store);

}  // namespace strata::runtime
