// SPDX-License-Identifier: Apache-2.0
// Where repair keeps what it takes away or replaces, until `strata repair --purge`.
// Shape:   <root>/strata/lost+found/<UTC time>/<path as it was below the root>, and index.jsonl beside: a line for each thing,
//          {"path":…,"kept":…,"finding":…,"why":…}, written before the thing is moved. Where a path is no UTF-8, its bytes stand in
//          base64 in "pathBytes", "keptBytes".
// Threads: one at a time. The caller has the root for itself (repair.h).
// Crash:   a thing is where it was, or here; a line of the index may speak of a thing that was not moved any more.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/fs_at.h"
#include "doctor/finding.h"

namespace strata::doctor {

// Behind a path: why it cannot be set aside.
inline constexpr std::string_view kOtherDisk =
    "lies on another file system than the root, where nothing can be moved from: move it by hand";

class LostFound {
 public:
  // Makes nothing yet. `root` is borrowed.
  explicit LostFound(const Fd& root) : root_(root) {}

  // Moves a file or folder here. Absent is fine. A small file or a link of another file system is copied, synced and removed.
  // Errors: kUnsupported (another file system, and not small), those of the system.
  Status set_aside(const std::string& path, const Finding& finding, const std::string& why);
  // Whether set_aside can move that.
  Result<bool> can_take(const std::string& path) const;
  // The same as set_aside for a file that is about to be replaced: it stays where it is until then.
  Status keep(const std::string& path, const Finding& finding, const std::string& why);

  // A folder here, open, for parts of `path` that others will put into it. Closing it removes it where it stayed empty.
  Result<Fd> room_for(const std::string& path, const Finding& finding, const std::string& why);
  Status close_room(const std::string& path);

  // Below the root; empty as long as nothing was kept.
  const std::string& folder() const { return folder_; }

 private:
  Status begin();
  // The path itself, or with a number behind a name that something else has here already.
  Result<std::string> free_path(const std::string& path) const;
  // Makes the folders above, writes the index, and tells where the thing goes.
  Result<std::string> place_for(const std::string& path, const Finding& finding,
                                const std::string& why);
  Result<std::string> make_place(const std::string& path, const Finding& finding,
                                 const std::string& why);
  Status make_way_for_own(const Finding& finding, const std::string& why);
  Status move(const std::string& path, const std::string& target);
  Status copy(const std::string& path, const struct stat& info, const std::string& target);

  const Fd& root_;
  std::string folder_;
  bool is_empty_ = true;  // nothing stands in the index
  std::map<std::string, std::string> rooms_;
};

struct Purged {
  size_t repairs = 0;
  uint64_t bytes = 0;
};
// What purge would remove.
Result<Purged> kept_things(const Fd& root);
// Removes all that was kept. Errors: those of the system.
Result<Purged> purge(const Fd& root);

}  // namespace strata::doctor
