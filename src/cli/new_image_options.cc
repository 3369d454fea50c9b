// SPDX-License-Identifier: Apache-2.0
#include "cli/new_image_options.h"

namespace strata::cli {

Result<std::optional<oci::Reference>> new_image_name(const std::string& text,
                                                     std::string_view what) {
  if (text.empty()) return std::optional<oci::Reference>();
  STRATA_TRY(oci::Reference name, oci::Reference::parse(text));
  if (name.digest()) {
    return error(ErrorCode::kInvalid, "refusing to create {} with digest reference", what);
  }
  STRATA_CHECK(name.check_storable());
  return std::optional<oci::Reference>(name.with_default_tag());
}

Result<ConfigChange> config_change(const std::vector<std::string>& instructions) {
  if (instructions.empty()) return ConfigChange();
  return error(ErrorCode::kUnsupported, "--change cannot be done yet");
}

}  // namespace strata::cli
