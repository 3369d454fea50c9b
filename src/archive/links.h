// SPDX-License-Identifier: Apache-2.0
// Names of an archive and the links among them.
// Threads: const methods by any thread.
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace strata::archive {

// Follows the symlinks of an archive (FORMATS 6.1: `layer.tar -> ../<id>/layer.tar`) without
// leaving it.
class Links {
 public:
  // Counts a member of the archive, whose names are all that is held in memory of it.
  // Errors: kUnsupported when they have become too many: some 300,000, fewer when they are long.
  Status add_member(const std::string& name, const std::string& link_target);
  // `name` is clean. A hard link's target counts from the archive's root, a symlink's from its
  // folder.
  void add_symlink(const std::string& name, const std::string& target) { symlinks_[name] = target; }
  void remove(const std::string& name) { symlinks_.erase(name); }

  // The clean name that `name` leads to, whether there is such a file or not.
  // Errors: kInvalid when the name or a link on its way leaves the archive or is too long, or links
  // go round.
  Result<std::string> resolve(const std::string& name) const;

 private:
  std::map<std::string, std::string> symlinks_;
  size_t members_ = 0;
  size_t names_bytes_ = 0;  // estimate of what the names take
};

}  // namespace strata::archive
