// SPDX-License-Identifier: Apache-2.0
#include "driver/tree_diff.h"

#include <sys/xattr.h>

#include <algorithm>
#include <utility>

#include "driver/tree_walk.h"

namespace strata::driver {
namespace {

using Folder = std::optional<LayerStack::Folder>;

std::string capability_of(const Fd& folder, const std::string& name) {
  std::string value(64, '\0');
  std::string path = fmt::format("/proc/self/fd/{}/{}", folder.get(), name);
  ssize_t size = ::lgetxattr(path.c_str(), "security.capability", value.data(), value.size());
  value.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return value;
}

bool same_time(const struct timespec& a, const struct timespec& b) {
  return a.tv_sec == b.tv_sec && (a.tv_nsec == b.tv_nsec || a.tv_nsec == 0 || b.tv_nsec == 0);
}

bool is_same(const struct stat& a, const struct stat& b) {
  if (a.st_mode != b.st_mode || a.st_uid != b.st_uid || a.st_gid != b.st_gid) return false;
  if (a.st_rdev != b.st_rdev) return false;
  if ((a.st_mode & S_IFDIR) != 0) return true;
  return a.st_size == b.st_size && same_time(a.st_mtim, b.st_mtim);
}

bool is_below(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

class Comparison {
 public:
  Comparison(const LayerStack& upper, const LayerStack& below,
             const std::function<Status(const TreeChange&)>& visit)
      : upper_(upper), below_(below), visit_(visit) {}

  Status run() {
    TreeWalk walk(upper_);
    WalkEntry entry;
    while (true) {
      STRATA_TRY(bool more, walk.next(entry));
      if (!more) return {};
      STRATA_CHECK(look_at(entry));
    }
  }

 private:
  Status look_at(const WalkEntry& entry) {
    STRATA_CHECK(enter_parent(entry));
    std::optional<LayerStack::Found> old;
    if (old_parent_) {
      STRATA_TRY(old, below_.find(*old_parent_, entry.name));
    }
    if (is_whiteout_device(entry.info)) {
      return old ? tell(ChangeKind::kDeleted, entry.path) : Status();
    }
    if (!old) return tell(ChangeKind::kAdded, entry.path);
    bool same = is_same(old->info, entry.info) &&
                capability_of(*old->folder, entry.name) == capability_of(*entry.folder, entry.name);
    if (!same) STRATA_CHECK(tell(ChangeKind::kChanged, entry.path));
    if (!S_ISDIR(entry.info.st_mode)) return {};
    if (same) unchanged_.push_back(entry.path);
    return S_ISDIR(old->info.st_mode) ? tell_hidden(entry) : Status();
  }

  // The folder of the layers below that `entry` would lie in. Entries of one folder mostly follow
  // each other.
  Status enter_parent(const WalkEntry& entry) {
    size_t slash = entry.path.rfind('/');
    std::string parent = slash == std::string::npos ? "" : entry.path.substr(0, slash);
    if (parent_known_ && parent == parent_) return {};
    STRATA_TRY(old_parent_, below_.open(parent));
    parent_ = std::move(parent);
    parent_known_ = true;
    return {};
  }

  // What the folder hides of what is below.
  Status tell_hidden(const WalkEntry& entry) {
    STRATA_TRY(std::optional<LayerStack::Folder> folder, upper_.open(entry.path));
    if (!folder || !folder->hides_below) return {};
    STRATA_TRY(LayerStack::Folder old, below_.child(*old_parent_, entry.name));
    std::vector<std::string> names;
    STRATA_CHECK(below_.list(old, [&](const std::string& name, size_t) { names.push_back(name); }));
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      STRATA_TRY(std::optional<LayerStack::Found> there, upper_.find(*folder, name));
      if (!there) STRATA_CHECK(tell(ChangeKind::kDeleted, entry.path + "/" + name));
    }
    return {};
  }

  Status tell(ChangeKind kind, const std::string& path) {
    for (const std::string& folder : std::exchange(unchanged_, {})) {
      if (is_below(path, folder)) STRATA_CHECK(visit_({ChangeKind::kChanged, folder}));
    }
    return visit_({kind, path});
  }

  const LayerStack& upper_;
  const LayerStack& below_;
  const std::function<Status(const TreeChange&)>& visit_;
  std::string parent_;
  bool parent_known_ = false;
  Folder old_parent_;
  std::vector<std::string> unchanged_;  // folders on the way to where the walk stands, and others
};

}  // namespace

Status compare_trees(const LayerStack& upper, const LayerStack& below,
                     const std::function<Status(const TreeChange&)>& visit) {
  return Comparison(upper, below, visit).run();
}

}  // namespace strata::driver
