// SPDX-License-Identifier: Apache-2.0
// Layers of archives from before docker 1.10, which have no manifest.json: each `<id>/json` holds
// the whole config of an image, with the ID of the layer below as "parent".
// Source: FORMATS section 6.3, "Legacy mode".
// Threads: values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hash/digest.h"

namespace strata::oci {

class LegacyLayer {
 public:
  // Reads one `json`. Errors: kInvalid, Go's texts for syntax and types.
  static Result<LegacyLayer> parse(std::string json);

  // The v1 ID of the layer below; empty for a base layer. As the archive gives it, not checked.
  const std::string& parent() const { return parent_; }
  const std::string& os() const { return os_; }  // empty: linux
  // The history item of this layer, as JSON.
  const std::string& history() const { return history_; }

  // The config that docker makes of the layer when it loads it: the members of `json` but for id,
  // parent and the like, sorted, and rootfs and history. `diff_ids` and `history` (items as JSON)
  // are those of all layers up to this one, base first.
  Result<std::string> config(const std::vector<DiffId>& diff_ids,
                             const std::vector<std::string>& history) const;

 private:
  LegacyLayer() = default;

  std::string json_;
  std::string parent_;
  std::string os_;
  std::string history_;
};

}  // namespace strata::oci
