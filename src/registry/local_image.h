// SPDX-License-Identifier: Apache-2.0
// What pull asks the store: whether the image is here already, and under which names it will be.
// Inside of pull.cc and forecast_pull.cc; a pull from another host reads configs by it, too.
#pragma once

#include <optional>

#include "archive/contents.h"
#include "oci/image_config.h"
#include "registry/pull.h"
#include "store/transaction.h"

namespace strata::registry {

// The end of a pull whose image is here: by the policy alone, or because the registry's digest of
// the name is recorded here for an image of the right platform. Gives that image the name, if it
// does not have it. None: it must be fetched. Errors: kNotFound (kNever), those of head_manifest,
// those of the store.
Result<std::optional<PullReport>> find_local(store::Store& store, Repository& repository,
                                             const oci::Reference& reference,
                                             const PullOptions& options);

// The config of an image that is here; empty: it is not, or is damaged.
Result<std::string> read_config_if_here(const store::Store& store, const Digest& config);

// The config of an image that can be used: it and all of its layers are here. Else none.
Result<std::optional<oci::ImageConfig>> read_if_whole(const store::Store& store,
                                                      const ImageId& image);

// Errors: kUnsupported (not for linux), kNotFound (not for the platform that was asked for).
Status check_platform(const oci::ImageConfig& config, const oci::Reference& reference,
                      const std::optional<oci::Platform>& wanted);

// Stages the tag, if there is one, and the digest as names of the image. True: the name that was
// pulled is new, or stood for another image.
Result<bool> set_names(const store::Store& store, store::Transaction& txn,
                       const oci::Reference& reference, const Digest& digest, const ImageId& image);

void tell_started(const oci::Reference& reference, const PullOptions& options);

}  // namespace strata::registry
