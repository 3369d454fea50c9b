// SPDX-License-Identifier: Apache-2.0
// Contents of a plain tar in a regular file: an index of its headers. See contents.h.
#pragma once

#include "archive/contents.h"

namespace strata::archive {

// Reads the headers only and seeks over the bodies: a file of any size takes milliseconds. `file`
// is borrowed and must outlive the contents. Errors: kInvalid (no tar, cut short).
Result<std::unique_ptr<Contents>> index_tar_file(const Fd& file);

}  // namespace strata::archive
