// SPDX-License-Identifier: Apache-2.0
// id   = hex sha256 of: the layer's image.V1Image without id and parent, and "layer_id" (its
//        chainID), and but for the base "parent" ("sha256:" + id of the layer below); members
//        sorted by name, compact
// json = image.V1Image in struct order (docker_config.cc) with id, parent (bare hex) and the
//        image's os
// The V1Image of the top layer is the image's own; of the others { created, container_config } with
// the epoch and the zero config.
// Source: moby's image/v1 CreateID and image/tarexport; FORMATS section 6.1.
#include "oci/v1_id.h"

#include <boost/json/object.hpp>

#include "oci/docker_config.h"
#include "oci/json.h"

namespace strata::oci {
namespace {

namespace json = boost::json;

std::string create_id(const json::object& v1_image, const ChainId& chain,
                      const std::string& parent_id) {
  json::object hashed = v1_image;
  hashed["layer_id"] = chain.to_string();
  if (!parent_id.empty()) hashed["parent"] = "sha256:" + parent_id;
  return Digest::of(go_json(sorted_by_name(hashed))).hex();
}

// The object with id, parent and os set where docker's struct has them.
std::string layer_json(const json::object& v1_image, const std::string& id,
                       const std::string& parent_id, const std::string& os) {
  json::object out;
  out.emplace("id", id);
  if (!parent_id.empty()) out.emplace("parent", parent_id);
  json::value size;
  for (const auto& member : v1_image) {
    if (member.key() == "Size") {
      size = member.value();
    } else if (member.key() != "os") {
      out.emplace(member.key(), member.value());
    }
  }
  if (!os.empty()) out.emplace("os", os);
  if (!size.is_null()) out.emplace("Size", std::move(size));
  return go_json(out);
}

}  // namespace

Result<std::vector<V1Layer>> v1_layers(const ImageConfig& image, int32_t zone_offset_seconds) {
  STRATA_TRY(json::object top, v1_image_struct(image.json()));
  // An image.Image has a parent of its own, which hides that of its V1Image; the ID is made anew.
  top.stable_erase("id");
  top.stable_erase("parent");
  json::object below;
  below.emplace("created", format_time(Time{0, 0, zone_offset_seconds}));
  below.emplace("container_config", zero_container_config());

  std::vector<ChainId> chains = image.chain_ids();
  std::vector<V1Layer> layers;
  layers.reserve(chains.size());
  std::string parent_id;
  for (const ChainId& chain : chains) {
    const json::object& v1_image = &chain == &chains.back() ? top : below;
    std::string id = create_id(v1_image, chain, parent_id);
    layers.push_back({id, layer_json(v1_image, id, parent_id, image.os())});
    parent_id = std::move(id);
  }
  return layers;
}

}  // namespace strata::oci
