// SPDX-License-Identifier: Apache-2.0
#include "store/resolve.h"

#include <algorithm>

#include "oci/reference.h"

namespace strata::store {
namespace {

constexpr std::string_view kAlgorithm = "sha256:";

bool is_lower_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string_view without_algorithm(std::string_view text) {
  if (text.starts_with(kAlgorithm)) text.remove_prefix(kAlgorithm.size());
  return text;
}

Error no_such_image(std::string_view name) {
  return error(ErrorCode::kNotFound, "No such image: {}", name);
}

Error ambiguous(std::string_view text, const std::vector<ImageId>& candidates) {
  std::string list;
  for (const ImageId& image : candidates) list += (list.empty() ? "" : ", ") + image.hex();
  return error(ErrorCode::kConflict, "image ID \"{}\" is ambiguous: it begins {} images: {}", text,
               candidates.size(), list);
}

}  // namespace

Result<std::vector<ImageId>> find_by_prefix(const Store& store, std::string_view hex) {
  std::vector<ImageId> found;
  if (!is_lower_hex(hex)) return found;
  STRATA_TRY(std::vector<ImageId> images, store.images().list());
  for (const ImageId& image : images) {
    if (image.hex().starts_with(hex)) found.push_back(image);
  }
  return found;
}

Result<Resolved> resolve(const Store& store, std::string_view text) {
  std::string_view hex = without_algorithm(text);
  if (Result<ImageId> whole = ImageId::parse_hex(hex); whole.ok()) {
    STRATA_TRY(bool there, store.images().exists(*whole));
    if (!there) return no_such_image(whole->to_string());
    return Resolved{*whole, ""};
  }
  STRATA_TRY(oci::Reference named, oci::Reference::parse(text));
  std::string key = named.with_default_tag().store_key();
  STRATA_TRY(References references, store.references());
  if (std::optional<ImageId> image = references.find(key)) {
    STRATA_TRY(bool there, store.images().exists(*image));
    if (there) return Resolved{*image, key};
  }
  STRATA_TRY(std::vector<ImageId> candidates, find_by_prefix(store, hex));
  if (candidates.size() > 1) return ambiguous(text, candidates);
  if (candidates.size() == 1) return Resolved{candidates[0], ""};
  return no_such_image(named.with_default_tag().familiar_string());
}

}  // namespace strata::store
