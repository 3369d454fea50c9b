// SPDX-License-Identifier: Apache-2.0
#include "build/cache_place.h"

namespace strata::build {

Result<std::unique_ptr<registry::ManifestSource>> open_cache_source(const CachePlace& place,
                                                                    const OpenClient& client,
                                                                    Pool& pool) {
  if (place.name.empty()) {
    registry::ImagePlace layout;
    layout.transport = registry::Transport::kOciFolder;
    layout.path = place.folder;
    layout.tag = place.tag;
    return registry::open_layout_source(layout, pool);
  }
  STRATA_TRY(const oci::Reference name, oci::Reference::parse(place.name));
  STRATA_TRY(registry::Client * opened, client());
  return registry::open_repository_source(*opened, name.with_default_tag(), pool);
}

Result<std::unique_ptr<registry::CopyTarget>> open_cache_target(const CachePlace& place,
                                                                const OpenClient& client) {
  if (place.name.empty()) {
    return registry::make_layout_folder_target(place.folder, {registry::LayoutName{place.tag}});
  }
  STRATA_TRY(const oci::Reference name, oci::Reference::parse(place.name));
  STRATA_TRY(registry::Client * opened, client());
  return registry::make_repository_target(*opened, name.with_default_tag(), nullptr);
}

}  // namespace strata::build
