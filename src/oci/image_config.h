// SPDX-License-Identifier: Apache-2.0
// The config of an image: the JSON whose digest is the image's ID.
// Shape: {"architecture","config","created","history":[...],"os","rootfs":{"type","diff_ids"},...};
//         the raw bytes are kept, and nothing of them is ever written anew.
// Source: OCI image-spec, config.md; FORMATS sections 6.3 and 7.1.
// Threads: values.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hash/digest.h"
#include "oci/go_time.h"
#include "oci/platform.h"

namespace strata::oci {

// An image of docker has at most 125 layers; what is far beyond is refused before memory is spent.
inline constexpr size_t kMaxDiffIds = 4096;

// One step of how the image was made.
struct History {
  Time created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;

  bool operator==(const History&) const = default;
};

class ImageConfig {
 public:
  // Errors: kInvalid with docker's texts: those of parse_json and the type errors of json.h,
  // "invalid image JSON, no RootFS key", and a diff_id that is not a sha256 digest.
  static Result<ImageConfig> parse(std::string raw);

  const std::string& raw() const { return raw_; }  // byte for byte as given
  const ImageId& id() const { return id_; }        // its digest
  // All members as parsed, unknown ones too.
  const boost::json::object& json() const { return json_; }

  const Time& created() const { return created_; }  // zero if absent
  const std::string& os() const { return os_; }
  const std::string& architecture() const { return architecture_; }
  const std::string& variant() const { return variant_; }
  const std::string& author() const { return author_; }
  const std::string& comment() const { return comment_; }
  const std::string& docker_version() const { return docker_version_; }
  const std::string& container() const { return container_; }
  // Oldest first, and base layer first.
  const std::vector<History>& history() const { return history_; }
  const std::vector<DiffId>& diff_ids() const { return diff_ids_; }
  // Borrowed from this object; null pointer where the member is absent.
  const boost::json::object* config() const;
  const boost::json::object* container_config() const;

  // "linux" where the config says nothing, as docker takes it.
  std::string os_or_default() const { return os_.empty() ? "linux" : os_; }
  // As the config says it, in its own words, with that default.
  Platform platform() const { return {os_or_default(), architecture_, variant_}; }
  // The chainID of each layer, base first.
  std::vector<ChainId> chain_ids() const;

 private:
  ImageConfig() = default;
  Status read_fields();
  Status read_history();
  Status read_rootfs();

  std::string raw_;
  ImageId id_;
  boost::json::object json_;
  Time created_;
  std::string os_, architecture_, variant_, author_, comment_, docker_version_, container_;
  std::vector<History> history_;
  std::vector<DiffId> diff_ids_;
};

// The chainIDs of a list of diffIDs, base first.
std::vector<ChainId> chain_ids(const std::vector<DiffId>& diff_ids);

// Whether an image with this config may name `parent` as its parent: its history is the parent's
// and one step more, or both have none.
bool is_valid_parent(const ImageConfig& parent, const ImageConfig& child);

}  // namespace strata::oci
