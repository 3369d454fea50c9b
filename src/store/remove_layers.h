// SPDX-License-Identifier: Apache-2.0
// Removal of layers that nothing uses any more. Rules of rmi (what may be removed, what is said)
// are in remove_image.h. Crash: docs/store.md, "remove". A layer that is being removed is out of
// sight first; its files go afterwards.
#pragma once

#include <span>
#include <vector>

#include "store/store.h"

namespace strata::store {

// Removes `top` and the layers below it, down to the first that is still used: by an image (its
// config is in the store), a container's mount, dockerd's build cache, a transaction that is under
// way in whatever process, or a layer on top of it. One that is only leased, or that somebody reads
// (LayerHold), goes with a later writer. Returns those that were removed, top to base. A
// chain that is not there is fine. The caller has removed the image's config before, and does not
// hold the references' lock.
Result<std::vector<ChainId>> release_layers(Store& store, const ChainId& top);

// The same for several chains with one look at the store; the order of the results is that of
// `tops`.
Result<std::vector<std::vector<ChainId>>> release_layers(Store& store,
                                                         std::span<const ChainId> tops);

// The chainID of an image's top layer; none for an image without layers. Errors: kNotFound,
// kCorrupt.
Result<std::optional<ChainId>> top_chain(const Store& store, const ImageId& image);

}  // namespace strata::store
