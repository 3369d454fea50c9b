// SPDX-License-Identifier: Apache-2.0
// The sums by which docker's builder knows files again: they stand in the history of COPY and ADD, and so decide whether
// the build cache is used.
//   file:<hex>   SHA-256 of the fields of a tar header, without its times, and the content
//   dir:<hex>    SHA-256 of the sorted sums of all that is below a folder, joined by ','
//   multi:<hex>  SHA-256 of several of these in order, joined by ','
// Shape:   docs/formats/build-context.md, "Sums".  Source: FORMATS section 7.3; dockerd 20.10.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/pool.h"
#include "build/selection.h"
#include "build/source_tree.h"
#include "build/sum_cache.h"
#include "hash/sha256.h"

namespace strata::build {

// Whose sums: clients and daemons of docker up to 24 write modes with type bits, later ones do not.
enum class SumForm { kDocker20, kDocker25 };

// What a sum covers besides the content.
struct SumFields {
  std::string name;  // relative; a folder's ends in '/'
  uint32_t mode = 0;
  uint32_t uid = 0, gid = 0;
  uint64_t size_bytes = 0;
  char type = '0';  // as in a tar header
  std::string link_name = {}, user_name = {}, group_name = {};
  uint32_t dev_major = 0, dev_minor = 0;

  std::string to_text() const;  // without xattrs, which follow it
};

// Threads: one at a time per object; the work is done on the pool.
class ContentSums {
 public:
  // `tree` is borrowed, as is `cache` (null: nothing is remembered).
  ContentSums(SourceTree& tree, SumForm form, SumCache* cache, Pool& pool)
      : tree_(tree), form_(form), cache_(cache), pool_(pool) {}

  // "file:<hex>" or "dir:<hex>" of a place in the tree; of a folder what of its list is selected. No
  // file is read twice in the life of this object. Errors: by errno, naming the file; kCancelled.
  Result<std::string> sum(const SourceTree::Place& place, const Selection& selection);

 private:
  // What the list of a tree needs to know besides the entries.
  struct Known {
    std::shared_ptr<const SourceList> list;
    std::vector<std::optional<Digest>> sums;
    std::map<std::pair<uint64_t, uint64_t>, size_t> first_names;  // of files with several names
  };
  struct Member;  // what of a file goes into its sum
  struct Sum {
    Digest digest;
    std::string text;  // not empty: docker has no sum of this, and takes a path for it
  };

  Result<Known*> known(const std::string& folder);
  Status fill(Known& known, size_t begin, size_t end, const Selection& selection);
  std::string fields_of(const Member& member) const;
  Result<Digest> sum_of(const Member& member, Sha256& hash) const;
  Status hash_file(const Member& member, Sha256& hash) const;
  Result<Digest> sum_of_entry(const Known& known, size_t index, Sha256& hash) const;
  Result<std::optional<Sum>> sum_in_folder(Known& known, size_t index);
  Sum sum_of_member(const std::string& path, const std::string& otherwise) const;
  Result<std::optional<Sum>> sum_of_link(Known& known, size_t index);
  Result<std::string> sum_of_folder(const SourceTree::Place& place, const Selection& selection);

  SourceTree& tree_;
  const SumForm form_;
  SumCache* cache_;
  Pool& pool_;
  std::map<std::string, Known> known_;
};

// The sum of several sources in order: the only one, or "multi:<hex>".
std::string join_sums(const std::vector<std::string>& sums);

}  // namespace strata::build
