// SPDX-License-Identifier: Apache-2.0
//   imagedb/content/sha256/<imageid>              config JSON; its sha256 is the name
//   imagedb/metadata/sha256/<imageid>/parent      "sha256:" 64HEX, no newline (dockerd does not
//   trim one)
//                              .../lastUpdated    RFC 3339 with nanoseconds
//                              .../builtLocally   one byte 01
// Source: FORMATS section 1.2.
#include "store/image_db.h"

#include <algorithm>

namespace strata::store {
namespace {

Status visit_ids(const Fd& root, const std::string& path,
                 const std::function<Status(const ImageId&)>& visit) {
  Status visited = visit_dir_at(root, path, [&](const DirEntry& entry) -> Status {
    Result<ImageId> image = ImageId::parse_hex(entry.name);
    return image.ok() ? visit(*image) : Status();  // others (.tmp-*) dockerd skips as well
  });
  if (!visited.ok() && visited.error().code() == ErrorCode::kNotFound) return {};
  return visited;
}

Result<std::vector<ImageId>> list_ids(const Fd& root, const std::string& path) {
  std::vector<ImageId> images;
  STRATA_CHECK(visit_ids(root, path, [&](const ImageId& image) -> Status {
    images.push_back(image);
    return {};
  }));
  std::sort(images.begin(), images.end());
  return images;
}

}  // namespace

std::string ImageDb::content_path(const std::string& name) const {
  return folder_ + (name.empty() ? "/content/sha256" : "/content/sha256/" + name);
}

std::string ImageDb::metadata_path(const std::string& name) const {
  return folder_ + (name.empty() ? "/metadata/sha256" : "/metadata/sha256/" + name);
}

Result<std::vector<ImageId>> ImageDb::list() const { return list_ids(root_, content_path("")); }

Status ImageDb::visit(const std::function<Status(const ImageId&)>& visit) const {
  return visit_ids(root_, content_path(""), visit);
}

Status ImageDb::visit_metadata(const std::function<Status(const ImageId&)>& visit) const {
  return visit_ids(root_, metadata_path(""), visit);
}

Result<bool> ImageDb::exists(const ImageId& image) const {
  return exists_at(root_, content_path(image.hex()));
}

Result<Fd> ImageDb::open_contents() const { return open_dir_at(root_, content_path("")); }

Result<std::string> ImageDb::read_config(const Fd& contents, const ImageId& image) {
  Result<std::string> config = read_file_at(contents, image.hex());
  if (!config.ok() && config.error().code() == ErrorCode::kNotFound) {
    return error(ErrorCode::kNotFound, "No such image: {}", image);
  }
  if (!config.ok()) return config;
  ImageId found(Digest::of(*config));
  if (found != image) {
    return error(ErrorCode::kCorrupt, "image {}: the config's digest is {}, expected {}",
                 image.short_hex(), found, image);
  }
  return config;
}

Result<std::string> ImageDb::read_config(const ImageId& image) const {
  Result<Fd> contents = open_contents();
  if (!contents.ok() && contents.error().code() == ErrorCode::kNotFound) {
    return error(ErrorCode::kNotFound, "No such image: {}", image);
  }
  if (!contents.ok()) return std::move(contents).error();
  return read_config(*contents, image);
}

Result<std::optional<ImageId>> ImageDb::parent(const ImageId& image) const {
  STRATA_TRY(std::optional<std::string> text,
             read_file_if_exists_at(root_, metadata_path(image.hex()) + "/parent"));
  Result<ImageId> parent = ImageId::parse(text.value_or(""));
  if (!parent.ok()) return std::optional<ImageId>();
  return std::optional<ImageId>(*parent);
}

Result<std::multimap<ImageId, ImageId>> ImageDb::children() const {
  STRATA_TRY(std::vector<ImageId> images, list_ids(root_, metadata_path("")));
  std::multimap<ImageId, ImageId> children;
  for (const ImageId& image : images) {
    STRATA_TRY(std::optional<ImageId> its_parent, parent(image));
    if (!its_parent) continue;
    // What is known about an image that is gone counts for nothing (FORMATS section 1.4).
    STRATA_TRY(bool lives, exists(image));
    if (lives) children.emplace(*its_parent, image);
  }
  return children;
}

Result<std::string> ImageDb::last_updated(const ImageId& image) const {
  STRATA_TRY(std::optional<std::string> text,
             read_file_if_exists_at(root_, metadata_path(image.hex()) + "/lastUpdated"));
  return text.value_or("");
}

Result<bool> ImageDb::built_locally(const ImageId& image) const {
  STRATA_TRY(std::optional<std::string> text,
             read_file_if_exists_at(root_, metadata_path(image.hex()) + "/builtLocally"));
  return text == "\x01";
}

Result<bool> ImageDb::is_foreign(const ImageId& image) const {
  STRATA_TRY(std::optional<std::string> text,
             read_file_if_exists_at(root_, metadata_path(image.hex()) + "/builtLocally"));
  return text == std::string_view("\0", 1);
}

Status ImageDb::remove(const ImageId& image) const {
  STRATA_CHECK(unlink_at(root_, content_path(image.hex())));
  return remove_tree_at(root_, metadata_path(image.hex()));
}

}  // namespace strata::store
