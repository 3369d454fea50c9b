// SPDX-License-Identifier: Apache-2.0
#include "cli/new_image_options.h"

#include "build/config_step.h"
#include "build/parser.h"

namespace strata::cli {
namespace {

constexpr char kEscape = '\\';

}  // namespace

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
  STRATA_TRY(std::vector<build::Instruction> changes, build::parse_changes(instructions));
  return ConfigChange([changes = std::move(changes)](oci::ContainerConfig& config) -> Status {
    build::StageConfig stage;
    stage.config = std::move(config);
    build::BuildArgs args({}, {});
    for (const build::Instruction& change : changes) {
      STRATA_TRY(std::string text, build::apply_to_config(change, stage, args, kEscape));
    }
    config = std::move(stage.config);
    return {};
  });
}

}  // namespace strata::cli
