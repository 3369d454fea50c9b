// SPDX-License-Identifier: Apache-2.0
// Contents of a folder (an OCI image layout, or an unpacked docker archive). See contents.h.
#pragma once

#include "archive/contents.h"

namespace strata::archive {

// `folder` is borrowed and must outlive the contents. Links are followed within the folder only.
Result<std::unique_ptr<Contents>> open_folder_contents(const Fd& folder);

}  // namespace strata::archive
