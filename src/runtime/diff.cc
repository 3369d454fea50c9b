// SPDX-License-Identifier: Apache-2.0
//
// A file is changed when its mode, owner or device number differ, or its capability; and if it is
// neither a folder, a block device nor a socket (docker tests bits of the type, not the type), also
// when its size or mtime do. Times of the same second are equal when one of them has no fraction.
// A folder that is as it was is told as changed when something in it is. Of a folder that is gone,
// or is no folder any more, what was in it is not told.
// Source: dockerd 20.10 and 28, beside which tests compare.
#include "runtime/diff.h"

#include <sys/xattr.h>

#include <algorithm>

#include "driver/driver.h"
#include "driver/tree_walk.h"
#include "runtime/container_record.h"
#include "runtime/upper_folder.h"

namespace strata::runtime {
namespace {

using driver::LayerStack;
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
  // `layers`: the container's own first.
  Comparison(const std::vector<Fd>& layers, const std::function<Status(const Change&)>& visit)
      : upper_({&layers[0]}, LayerStack::Whiteouts::kShow), below_(layers, 1), visit_(visit) {}

  Status run() {
    driver::TreeWalk walk(upper_);
    driver::WalkEntry entry;
    while (true) {
      STRATA_TRY(bool more, walk.next(entry));
      if (!more) return {};
      STRATA_CHECK(look_at(entry));
    }
  }

 private:
  Status look_at(const driver::WalkEntry& entry) {
    STRATA_CHECK(enter_parent(entry));
    std::optional<LayerStack::Found> old;
    if (old_parent_) {
      STRATA_TRY(old, below_.find(*old_parent_, entry.name));
    }
    if (driver::is_whiteout_device(entry.info)) {
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
  Status enter_parent(const driver::WalkEntry& entry) {
    size_t slash = entry.path.rfind('/');
    std::string parent = slash == std::string::npos ? "" : entry.path.substr(0, slash);
    if (parent_known_ && parent == parent_) return {};
    STRATA_TRY(old_parent_, below_.open(parent));
    parent_ = std::move(parent);
    parent_known_ = true;
    return {};
  }

  // What the folder hides if it is opaque.
  Status tell_hidden(const driver::WalkEntry& entry) {
    STRATA_TRY(Fd folder, open_at(*entry.folder, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!driver::is_opaque_folder(folder)) return {};
    STRATA_TRY(LayerStack::Folder old, below_.child(*old_parent_, entry.name));
    std::vector<std::string> names;
    STRATA_CHECK(below_.list(old, [&](const std::string& name, size_t) { names.push_back(name); }));
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      STRATA_TRY(bool there, exists_at(folder, name));
      if (!there) STRATA_CHECK(tell(ChangeKind::kDeleted, entry.path + "/" + name));
    }
    return {};
  }

  Status tell(ChangeKind kind, const std::string& path) {
    for (const std::string& folder : std::exchange(unchanged_, {})) {
      if (is_below(path, folder)) STRATA_CHECK(visit_({ChangeKind::kChanged, "/" + folder}));
    }
    return visit_({kind, "/" + path});
  }

  const LayerStack upper_;
  const LayerStack below_;
  const std::function<Status(const Change&)>& visit_;
  std::string parent_;
  bool parent_known_ = false;
  Folder old_parent_;
  std::vector<std::string> unchanged_;  // folders on the way to where the walk stands, and others
};

}  // namespace

Status diff(const store::Store& store, const std::string& container,
            const std::function<Status(const Change&)>& visit) {
  STRATA_TRY(ContainerRecord record, find_container(store, container));
  STRATA_TRY(ContainerLayers layers, open_container_layers(store, record));
  return Comparison(layers.folders, visit).run();
}

}  // namespace strata::runtime
