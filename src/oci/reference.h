// SPDX-License-Identifier: Apache-2.0
// Names of images as users write them and as the store keeps them.
// Shape:  [domain "/"] path [":" tag] ["@" digest]; the grammar stands in reference.cc.
//         familiar form "x:1", full form "docker.io/library/x:1".
// Source: CNCF Distribution, reference package, as dockerd 20.10 has it; FORMATS section 1.2.
// Threads: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "hash/digest.h"

namespace strata::oci {

inline constexpr std::string_view kDefaultDomain = "docker.io";
inline constexpr std::string_view kDefaultTag = "latest";
inline constexpr size_t kMaxNameLength = 255;  // of domain and path together

class Reference {
 public:
  // Reads a familiar or a full form and normalises it: "x" means "docker.io/library/x".
  // Errors: kInvalid with docker's texts: "invalid reference format", "invalid reference format:
  // repository name must be lowercase", "repository name must not be more than 255 characters",
  // "invalid repository name (...), cannot specify 64-byte hexadecimal strings", and those of a
  // malformed digest.
  static Result<Reference> parse(std::string_view text);

  // The registry's host, "docker.io" by default. Empty for a name whose first component only looks
  // like a host ("foo_bar.com/x"): docker keeps such a name as it is.
  const std::string& domain() const { return domain_; }
  // The repository within the registry: "library/x".
  const std::string& path() const { return path_; }
  const std::string& tag() const { return tag_; }  // empty: none
  const std::optional<Digest>& digest() const { return digest_; }
  bool is_name_only() const { return tag_.empty() && !digest_; }

  // "docker.io/library/x": what a registry and the distribution records call the repository.
  std::string full_name() const;
  // "x": the key of the repository in repositories.json.
  std::string familiar_name() const;
  // The names with ":tag" and "@digest", as far as they are there.
  std::string full_string() const { return full_name() + suffix(); }
  std::string familiar_string() const { return familiar_name() + suffix(); }

  // The same with ":latest" where there is neither tag nor digest.
  Reference with_default_tag() const;
  // The same name with that tag alone. Errors: kInvalid, "invalid tag format".
  Result<Reference> with_tag(std::string_view tag) const;
  // The same name with that digest alone.
  Reference with_digest(const Digest& digest) const;
  Reference name_only() const;

  // What repositories.json keys this reference by: with a digest, the tag is left out.
  std::string store_key() const;
  // Whether the store takes it. Errors: kInvalid, docker's refusal of the name "sha256".
  Status check_storable() const;

  bool operator==(const Reference&) const = default;

 private:
  Reference() = default;
  Status set_name(const std::string& domain, std::string_view path);
  std::string suffix() const;

  std::string domain_;
  std::string path_;
  std::string tag_;
  std::optional<Digest> digest_;
};

// Whether `text` is a tag: 1 to 128 of [A-Za-z0-9_.-], not beginning with '.' or '-'.
bool is_tag(std::string_view text);

}  // namespace strata::oci
