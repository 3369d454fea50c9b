// SPDX-License-Identifier: Apache-2.0
#include "driver/path_below.h"

namespace strata::driver {

Result<std::string> path_below(const Fd& root, const Fd& folder) {
  STRATA_TRY(std::string above, told_path(root.get()));
  STRATA_TRY(std::string found, told_path(folder.get()));
  if (found == above) return std::string();
  if (!found.starts_with(above + "/")) {
    return error(ErrorCode::kIo, "its folder is {}, expected below {}", found, above);
  }
  return found.substr(above.size() + 1);
}

}  // namespace strata::driver
