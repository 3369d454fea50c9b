// SPDX-License-Identifier: Apache-2.0
#include "doctor/recover_names.h"

#include <algorithm>

#include "doctor/place.h"
#include "store/resolve.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kDigestPrefix = "sha256:";
constexpr size_t kDigestChars = 71;

}  // namespace

std::vector<std::pair<std::string, std::string>> whole_pairs(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  constexpr std::string_view kBetween = "\":\"";
  for (size_t at = text.find(kBetween); at != std::string_view::npos;
       at = text.find(kBetween, at + 1)) {
    const size_t begin = text.rfind('"', at == 0 ? 0 : at - 1);
    if (begin == std::string_view::npos || begin >= at) continue;
    const std::string_view key = text.substr(begin + 1, at - begin - 1);
    const std::string_view value = text.substr(at + kBetween.size(), kDigestChars);
    const size_t end = at + kBetween.size() + kDigestChars;
    const bool is_whole = end < text.size() && text[end] == '"' && value.starts_with(kDigestPrefix);
    if (!is_whole || key.find('\\') != std::string_view::npos) continue;
    pairs.emplace_back(key, value);
  }
  return pairs;
}

Result<ImageNames> ImageNames::read(const store::Store& store) {
  ImageNames names(store);
  Result<store::References> references = store.references();
  STRATA_CHECK(unless_all_ends(references));
  if (!references.ok()) names.trouble_ = references.error().message();
  if (references.ok()) {
    for (const auto& [key, image] : references->all()) names.add(key, image.to_string(), "");
  } else {
    const std::string path = store.images().content_path("");
    const std::string file = path.substr(0, path.find("/imagedb")) + "/repositories.json";
    Result<std::string> text =
        read_file_at(store.root(), file, store::ReferenceFile::kFileBytesMax);
    STRATA_CHECK(unless_all_ends(text));
    if (text.ok()) {
      for (const auto& [key, image] : whole_pairs(*text))
        names.add(key, image, "the remains of repositories.json");
    }
  }
  Result<std::vector<store::Container>> containers = store.containers();
  STRATA_CHECK(unless_all_ends(containers));
  if (!containers.ok()) return names;
  for (const store::Container& container : *containers) {
    Result<oci::Reference> name = oci::Reference::parse(container.image_name);
    if (!name.ok()) continue;
    names.add(name->with_default_tag().familiar_string(), container.image.to_string(),
              "container " + container.name);
  }
  return names;
}

// The first that says something of a name is believed.
void ImageNames::add(const std::string& key, const std::string& image,
                     const std::string& evidence) {
  Result<ImageId> id = ImageId::parse(image);
  if (id.ok()) names_.try_emplace(key, Named{*id, evidence});
}

Result<std::vector<FoundImage>> ImageNames::find(const std::string& word) const {
  Result<oci::Reference> reference = oci::Reference::parse(word);
  std::vector<FoundImage> found;
  if (reference.ok()) {
    const bool all_tags = reference->is_name_only();
    const std::string wanted = reference->with_default_tag().familiar_string();
    for (const auto& [key, named] : names_) {
      Result<oci::Reference> tag = oci::Reference::parse(key);
      if (!tag.ok()) continue;
      const bool is_it =
          all_tags ? tag->familiar_name() == reference->familiar_name() : key == wanted;
      if (is_it)
        found.push_back(
            {named.image, tag->digest() ? std::nullopt : std::optional(*tag), named.evidence});
    }
  }
  if (!found.empty()) return found;
  return find_by_id(word);
}

Result<std::vector<FoundImage>> ImageNames::find_by_id(const std::string& word) const {
  std::string_view hex = word;
  if (hex.starts_with(kDigestPrefix)) hex.remove_prefix(kDigestPrefix.size());
  const bool is_hex = !hex.empty() && std::all_of(hex.begin(), hex.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  std::vector<ImageId> images;
  if (is_hex) {
    STRATA_TRY(images, store::find_by_prefix(store_, hex));
  }
  if (images.size() > 1) {
    return error(ErrorCode::kConflict, "{} is the beginning of {} image IDs", word, images.size());
  }
  if (images.empty()) {
    return error(ErrorCode::kNotFound, "No such image: {}{}", word,
                 trouble_.empty() ? "" : " (not all names are known: " + trouble_ + ")");
  }
  return std::vector<FoundImage>{{images.front(), std::nullopt, ""}};
}

}  // namespace strata::doctor
