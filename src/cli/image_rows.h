// SPDX-License-Identifier: Apache-2.0
// Images as docker's lists show them: rows with Repository, Tag, ID and so on.
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/value.h"
#include "store/list_images.h"

namespace strata::cli {

struct ImageRowOptions {
  bool truncate = true;
  bool digests = false;  // a row for each digest too
};

// What only `system df -v` knows.
struct ImageUse {
  uint64_t shared_bytes = 0;
  uint64_t unique_bytes = 0;
  size_t containers = 0;
};

// The rows are about `image`, which outlives them. One for each tag, for each digest where digests
// are shown, and for each repository that has digests only; for an image without references one of
// "<none>".
std::vector<Value> image_rows(const store::ImageRow& image, const ImageRowOptions& options);
// One row for the image, named by its first tag.
Value used_image_row(const store::ImageRow& image, const ImageUse& use, bool truncate);
Value image_headings();

// The template of `--format raw`: a block of lines for each row.
std::string_view raw_image_format(bool digests);

}  // namespace strata::cli
