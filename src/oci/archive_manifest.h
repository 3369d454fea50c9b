// SPDX-License-Identifier: Apache-2.0
// manifest.json and repositories, the two files that say what a docker archive holds.
// Shape:   [{"Config":"<file>","RepoTags":["x:1"],"Layers":["<file>",...],"Parent":"sha256:...",
//          "LayerSources":{"<diffID>":{descriptor}}}]          and    {"x":{"1":"<id>"}}
// Source:  FORMATS sections 6.1 to 6.3.
// Threads: values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hash/digest.h"

namespace strata::oci {

// What the archive says about one layer's file.
struct LayerSource {
  std::string media_type;
  int64_t size_bytes = 0;
  std::string digest;
  std::vector<std::string> urls = {};  // of a foreign layer

  bool operator==(const LayerSource&) const = default;
};

// One image of the archive. File names are as in the archive and not to be trusted.
struct ArchiveItem {
  std::string config;
  std::optional<std::vector<std::string>> repo_tags;  // absent: "RepoTags":null, saved by ID
  std::vector<std::string> layers;                    // base first
  std::string parent;                                 // image ID with prefix; empty: none
  std::map<std::string, LayerSource> layer_sources;   // by diffID; empty: left out

  bool operator==(const ArchiveItem&) const = default;
};

// Reads manifest.json; text after the array is ignored.
// Errors: kInvalid with docker's texts: "EOF", "unexpected EOF", those of parse_json, "invalid
// manifest, manifest cannot be null (but can be [])", "json: cannot unmarshal object into Go value
// of type []tarexport.manifestItem" and the like for members.
Result<std::vector<ArchiveItem>> parse_archive_manifest(std::string_view text);

// The file as docker writes it, with its trailing newline.
std::string archive_manifest_text(const std::vector<ArchiveItem>& items);

// Repository (familiar name) -> tag -> id of the top layer: a v1 ID, or from docker 25 on the
// diffID's hex digits.
using ArchiveRepositories = std::map<std::string, std::map<std::string, std::string>>;

// Errors: kInvalid, as above; the Go type is map[string]map[string]string.
Result<ArchiveRepositories> parse_archive_repositories(std::string_view text);

// The file as docker writes it, with its trailing newline.
std::string archive_repositories_text(const ArchiveRepositories& repositories);

}  // namespace strata::oci
