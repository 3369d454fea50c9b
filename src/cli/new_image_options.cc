// SPDX-License-Identifier: Apache-2.0
#include "cli/new_image_options.h"

#include "build/config_step.h"
#include "build/parser.h"

namespace strata::cli {

Result<std::optional<oci::Reference>> new_image_name(const std::string& text,
                                                     const std::string& no_digest) {
  if (text.empty()) return std::optional<oci::Reference>();
  STRATA_TRY(oci::Reference name, oci::Reference::parse(text));
  if (name.digest()) return Error(ErrorCode::kInvalid, no_digest);
  STRATA_CHECK(name.check_storable());
  return std::optional<oci::Reference>(name.with_default_tag());
}

Result<ConfigChange> config_change(const std::vector<std::string>& instructions) {
  if (instructions.empty()) return ConfigChange();
  // Now, and not when everything has been read.
  STRATA_TRY(std::vector<build::Instruction> parsed, build::parse_changes(instructions));
  return ConfigChange([instructions](oci::ContainerConfig& config) {
    return build::apply_changes(instructions, config);
  });
}

}  // namespace strata::cli
