// SPDX-License-Identifier: Apache-2.0
// Names of tar members as paths below a layer's root.
// Source: Go's path.Clean, which docker applies to "/" + name.
// Threads: functions of their arguments.
#pragma once

#include <string>
#include <string_view>

namespace strata::tar {

// The name relative to the root: without leading and trailing '/', empty and "." components; ".."
// takes away the component before it and stops at the root. The root itself is ".".
// Only text is looked at: symlinks inside the layer are the business of whoever opens the path.
std::string clean_path(std::string_view name);

// True when a ".." of the name would have left the root, so that clean_path() had to stop there.
bool leaves_root(std::string_view name);

}  // namespace strata::tar
