// SPDX-License-Identifier: Apache-2.0
// From what a user types to an image: name, name:tag, name@digest, image ID, or the beginning of
// one.
#pragma once

#include <string_view>

#include "store/store.h"

namespace strata::store {

struct Resolved {
  ImageId image;
  std::string key;  // the reference by which it was found, familiar form; empty when found by ID
};

// As docker: a whole ID first, then a reference (":latest" is added), then the beginning of an ID,
// with or without "sha256:". A reference whose image is gone counts as unknown. Errors: kInvalid
// (`invalid reference format…`), kNotFound (`No such image: x:latest`), kConflict (the beginning of
// several IDs; the message lists them).
Result<Resolved> resolve(const Store& store, std::string_view text);

// The images whose ID begins with `hex` (lower-case digits), sorted.
Result<std::vector<ImageId>> find_by_prefix(const Store& store, std::string_view hex);

}  // namespace strata::store
