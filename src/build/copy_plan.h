// SPDX-License-Identifier: Apache-2.0
// What a plan of COPY or ADD consists of.
// Threads: values.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "build/content_sum.h"
#include "build/copy_files.h"
#include "build/selection.h"
#include "build/source_tree.h"
#include "store/work_folder.h"

namespace strata::build {

// One thing to be copied.
struct CopySource {
  SourceTree* tree = nullptr;
  SourceTree::Place place = {};
  std::string name = {};  // in a folder: the last component as written, before links are followed
  Selection selection = {};  // of a folder's list
  bool may_unpack = false;   // ADD: if it is a tar
  bool keeps_owner = false;
  std::optional<std::string> text = {};  // a file that the Dockerfile holds; no tree
};

struct CopyPlan::State {
  Copy request;
  CopyOrigin origin;
  std::optional<store::WorkFolder> downloads;  // what ADD has fetched
  std::vector<std::unique_ptr<SourceTree>> fetched;
  std::unique_ptr<ContentSums> sums;
  std::vector<CopySource> sources;
  std::vector<std::string> parts;  // sums, in order
  std::string sum;
};

}  // namespace strata::build
