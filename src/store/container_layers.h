// SPDX-License-Identifier: Apache-2.0
// How containers come and go: the folder of a container, its layerdb mount, its init layer and its
// writable layer are all there, or none of them. They come by Transaction::stage_container().
// Shape:   containers/<id>/, layerdb/mounts/<id>/{mount-id,init-id,parent}, <driver>/<mount-id>-init
//          and <driver>/<mount-id>. Source: FORMATS section 8.
// Threads: any. Other processes: containers.lock while names are looked at and taken.
// Crash:   docs/store.md, "Containers": containers/<id> appears last and vanishes first.
#pragma once

#include <string>

#include "store/publish.h"

namespace strata::store {

// Removes a container and what only it needed: also the layers of an image that is gone. Its
// volumes stay. The caller knows that it does not run, and keeps others from starting it.
// Errors: kNotFound, kBusy when its files are mounted somewhere.
Status remove_container(Store& store, const std::string& id);

// --- the inside: what publish.h and recover.h do with containers ---

// Prepares the writable layer on the init layer and writes the layerdb mount. Nothing is visible yet.
Status complete_container(const Parts& parts, const Fd& work, const PlannedContainer& container);
// What the journal says of it. `work` holds the staged folders.
Result<Journal::ContainerChange> journal_of(const Parts& parts, const Fd& work,
                                            const PlannedContainer& container);
// Renames everything to its place. Errors: kConflict, docker's text, when the name is taken.
Status publish_container(const Parts& parts, const Fd& work, const PlannedContainer& container);
// Takes away what is there of a container whose folder is not (any more).
Status withdraw_container(const Parts& parts, const Journal::ContainerChange& container);

}  // namespace strata::store
