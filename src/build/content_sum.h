// SPDX-License-Identifier: Apache-2.0
// The sums by which docker's builder knows files again: they stand in the history of COPY and ADD, and so in the build
// cache.
//   file:<hex>   SHA-256 of the fields of a tar header, without the times, and the content
//   dir:<hex>    SHA-256 of the sorted sums of all that is below a folder, joined by ','
//   multi:<hex>  SHA-256 of several of these, joined by ','
// Shape:   docs/formats/build-context.md, "Sums".  Source: FORMATS section 7.3; dockerd 20.10.
// Threads: any.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/pool.h"
#include "build/source_tree.h"
#include "build/sum_cache.h"

namespace strata::build {

// Whose sums: clients and daemons of docker up to 24 write modes with type bits, later ones do not.
enum class SumForm { kDocker20, kDocker25 };

class ContentSums {
 public:
  // `tree` is borrowed. `cache` (borrowed, may be null) remembers what has been read before.
  ContentSums(SourceTree& tree, SumForm form, SumCache* cache)
      : tree_(tree), form_(form), cache_(cache) {}

  // "file:<hex>" or "dir:<hex>" of a place in the tree; each file is read at most once in the life of this object.
  // Errors: kCancelled; by errno, naming the file.
  Result<std::string> sum(const SourceTree::Place& place, Pool& pool);

 private:
  SourceTree& tree_;
  const SumForm form_;
  SumCache* cache_;
};

// The sum of several sources in order: the one there is, or "multi:<hex>".
std::string join_sums(const std::vector<std::string>& sums);

}  // namespace strata::build
