// SPDX-License-Identifier: Apache-2.0
// Removal of an image or of one of its names, by docker's rules (removal_plan.h).
// Threads: one call at a time per store. Other processes: references and configs change under the
//          references' lock.
// Crash:   the root is as before, or after the next writer's recovery as if the call had ended:
//          repositories.json is what decides. docs/store.md, "remove".
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/removal_plan.h"
#include "store/store.h"

namespace strata::store {

// What was done, in docker's order.
struct RemovalEvent {
  enum class Kind { kUntagged, kDeleted };
  Kind kind;
  std::string what;  // a reference in familiar form; an image ID or a chainID, with "sha256:"

  bool operator==(const RemovalEvent&) const = default;
};

// `docker rmi NAME`: a reference, an ID, or the beginning of one.
// Errors: those of resolve(), kConflict with docker's texts; then nothing has changed.
// kPermission when the store was opened for reading.
Result<std::vector<RemovalEvent>> remove_image(Store& store, std::string_view name,
                                               const RemoveOptions& options);

// Does what was planned. `references_lock` was taken before the plan began; it is released before
// layers go.
Result<std::vector<RemovalEvent>> carry_out(Store& store, const RemovalPlan& plan,
                                            FileLock references_lock);

// The events of a plan, given all layers that go with it. A layer goes with the last of its images.
std::vector<RemovalEvent> removal_events(const RemovalPlan& plan, std::set<ChainId> gone);

}  // namespace strata::store
