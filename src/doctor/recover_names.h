// SPDX-License-Identifier: Apache-2.0
// Which images words mean, in a root where the names may be lost: by repositories.json where it can be read; else by those of its pairs
// that are still whole, and by what containers say they were made of. IDs and their beginnings always.
// Threads: one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/reference.h"
#include "store/store.h"

namespace strata::doctor {

struct FoundImage {
  ImageId image;
  std::optional<oci::Reference> tag;
  std::string
      evidence;  // where the name was learnt from, if that was not repositories.json as it should be
};

class ImageNames {
 public:
  // Errors: kIo.
  static Result<ImageNames> read(const store::Store& store);
  // A repository without a tag means all of its tags, as for save. Errors: kNotFound, kConflict, kInvalid, in docker's words.
  Result<std::vector<FoundImage>> find(const std::string& word) const;

 private:
  struct Named {
    ImageId image;
    std::string evidence;
  };
  explicit ImageNames(const store::Store& store) : store_(store) {}
  void add(const std::string& key, const std::string& image, const std::string& evidence);
  Result<std::vector<FoundImage>> find_by_id(const std::string& word) const;

  const store::Store& store_;
  std::map<std::string, Named> names_;  // by key: "busybox:1"
  std::string trouble_;                 // why the file of all names could not be read
};

// The pairs `"name:tag":"sha256:…"` that are whole in a text that need not be JSON any more.
std::vector<std::pair<std::string, std::string>> whole_pairs(std::string_view text);

}  // namespace strata::doctor
