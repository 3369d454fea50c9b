// SPDX-License-Identifier: Apache-2.0
// Manifests and indexes: which blobs make an image, and which images a name stands for. OCI's and
// docker's schema 2; they differ in media types only.
// Shape:   the grammar stands in manifest.cc.
// Source:  OCI image-spec v1.1, manifest.md, image-index.md, descriptor.md; Distribution's
//          "Image Manifest V 2, Schema 2"; FORMATS sections 6.2 and 9.2.
// Threads: values.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hash/digest.h"
#include "oci/platform.h"

namespace strata::oci {

namespace media_type {
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayerGzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
}  // namespace media_type

namespace annotation {
inline constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";
inline constexpr std::string_view kContainerdName = "io.containerd.image.name";
}  // namespace annotation

inline constexpr size_t kMaxManifestBytes = 4 << 20;  // what registries and containerd take
inline constexpr size_t kMaxManifestLayers = 4096;
inline constexpr size_t kMaxIndexManifests = 10000;

using Annotations = std::map<std::string, std::string>;

// Names a blob: what it is, how long, and its digest.
struct Descriptor {
  std::string media_type;
  Digest digest;
  int64_t size_bytes = 0;  // not negative
  std::vector<std::string> urls = {};
  Annotations annotations = {};
  std::optional<Platform> platform = {};
  std::string artifact_type = {};
  boost::json::object unknown = {};  // members that we do not know, written back behind the others
};

struct Manifest {
  std::string media_type;  // empty: the text does not say
  Descriptor config;
  std::vector<Descriptor> layers;  // base first
  Annotations annotations = {};
  boost::json::object unknown = {};
};

struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
  Annotations annotations = {};
  boost::json::object unknown = {};
};

// True for an index or a manifest list: by its mediaType, or else because it has "manifests".
// Errors: kInvalid, those of parse_json, and for what is longer than kMaxManifestBytes.
Result<bool> is_index(std::string_view text);

// Errors: kInvalid, naming the member, what was expected and what was found: syntax, types, bounds
// (above), a schemaVersion other than 2, a negative size, a digest that is not sha256, or a text
// that claims to be both a manifest and an index.
Result<Manifest> parse_manifest(std::string_view text);
Result<Index> parse_index(std::string_view text);

// What a descriptor and an image's config say of a platform, in members of the same names. `owner`: for
// errors, as that of get_string.
Result<Platform> parse_platform(const boost::json::object& members, std::string_view owner);
boost::json::object platform_json(const Platform& platform);

// Compact text without a newline, as docker 28 saves it. The members stand in the order of the
// spec's Go structs; an empty mediaType is left out.
std::string manifest_text(const Manifest& manifest);
std::string index_text(const Index& index);
// Docker's schema 2 as it is pushed: indented by three spaces, size before digest.
std::string pushed_manifest_text(const Manifest& manifest);

}  // namespace strata::oci
