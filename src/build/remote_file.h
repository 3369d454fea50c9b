// SPDX-License-Identifier: Apache-2.0
// Files from http(s): what ADD downloads, and build contexts.
// Source:  dockerd 20.10: name, time and texts of errors.
// Threads: any.
#pragma once

#include <string>

#include "base/fs_at.h"
#include "base/pool.h"

namespace strata::build {

// "http://..." or "https://...".
bool is_http_url(std::string_view text);

struct RemoteFile {
  std::string name;  // in the folder
  // What the URL (its last component) or else the server calls it; empty: neither does.
  std::string given_name;
};

// Downloads into the folder: mode 0600, the time from Last-Modified (without one 1970).
// Errors: kNotFound and others, `failed to GET http://... with status 404 Not Found: ...`; those of registry::Http; kCancelled.
Result<RemoteFile> download(const std::string& url, const Fd& folder, Pool& pool);

}  // namespace strata::build
