// SPDX-License-Identifier: Apache-2.0
#include "doctor/copies.h"

namespace strata::doctor {
Result<Copies> Copies::open(const std::string& root, const std::string& driver,
                            const std::vector<std::string>& places, Pool& pool) {
  Copies copies;
  // A root that is too damaged for that has no copies to give.
  Result<std::unique_ptr<LayerSource>> own = open_root_source(root, driver, {}, pool);
  STRATA_CHECK(unless_all_ends(own));
  if (own.ok()) copies.sources_.push_back(std::move(*own));
  for (const std::string& place : places) {
    STRATA_TRY(std::unique_ptr<LayerSource> source, open_layer_source(place, pool));
    copies.sources_.push_back(std::move(source));
  }
  return copies;
}

LayerSource* Copies::with_layer(const DiffId& diff, Troubles& troubles) const {
  for (const std::unique_ptr<LayerSource>& source : sources_) {
    Result<bool> has = source->has_layer(diff);
    if (!has.ok()) troubles.note(source->name(), has.error());
    if (has.ok() && *has) return source.get();
  }
  return nullptr;
}

std::optional<Copies::Config> Copies::config(const ImageId& image, Troubles& troubles) const {
  for (const std::unique_ptr<LayerSource>& source : sources_) {
    Result<std::optional<std::string>> found = source->find_config(image);
    if (!found.ok()) troubles.note(source->name(), found.error());
    if (found.ok() && *found && Digest::of(**found) == image.digest()) {
      return Config{std::move(**found), source->name()};
    }
  }
  return std::nullopt;
}

}  // namespace strata::doctor
