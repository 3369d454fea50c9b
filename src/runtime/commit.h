// SPDX-License-Identifier: Apache-2.0
// commit: an image of a container: its image, with what the container wrote as one more layer.
// Works on the containers of a dockerd that is not running, too.
// Source:  FORMATS sections 7.5 and 8.
// Threads: any; one commit on a store at a time and thread.
// Crash:   as Transaction: the root is as before, or has the image.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/pool.h"
#include "driver/tree_member.h"
#include "oci/container_config.h"
#include "oci/reference.h"
#include "store/store.h"

namespace strata::runtime {

struct CommitOptions {
  std::string container;                    // ID, name, or the beginning of an ID
  std::optional<oci::Reference> reference;  // with a tag
  bool pause = true;  // freeze the programs of a running container while its files are read
  std::string author;
  std::string message;
  // Changes the config of the container (-c); none: it stays.
  std::function<Status(oci::ContainerConfig&)> change;
  // The tar of which docker the new layer is, and with what names of owners.
  tar::HeaderStyle header_style = tar::HeaderStyle::kDocker28;
  driver::OwnerNames owner_names = {};
};

// Errors: kNotFound (container, image), kConflict (an ID's beginning that fits several), kCorrupt (a
// file changed while it was read), those of `change` and of a transaction.
Result<ImageId> commit(store::Store& store, const CommitOptions& options, Pool& pool);

}  // namespace strata::runtime
