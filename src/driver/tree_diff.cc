// SPDX-License-Identifier: Apache-2.0
#include "driver/tree_diff.h"

#include <sys/xattr.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "driver/tree_walk.h"

namespace strata::driver {
namespace {

constexpr size_t kBlockBytes = size_t{64} << 10;

using Folder = std::optional<LayerStack::Folder>;
using Found = LayerStack::Found;
using Visit = std::function<Status(const TreeChange&)>;

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

bool looks_same(const Found& old, const Found& now, const std::string& name) {
  return is_same(old.info, now.info) &&
         capability_of(*old.folder, name) == capability_of(*now.folder, name);
}

bool is_earlier(const struct timespec& a, const struct timespec& b) {
  return std::pair(a.tv_sec, a.tv_nsec) < std::pair(b.tv_sec, b.tv_nsec);
}

// Of files of the same size, or of symlinks; of anything else there is none.
Result<bool> has_same_content(const Found& old, const Found& now, const std::string& name) {
  if (S_ISLNK(now.info.st_mode)) {
    STRATA_TRY(const std::string before, readlink_at(*old.folder, name));
    STRATA_TRY(const std::string after, readlink_at(*now.folder, name));
    return before == after;
  }
  if (!S_ISREG(now.info.st_mode)) return true;
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  STRATA_TRY(Fd before, open_at(*old.folder, name, kFlags));
  STRATA_TRY(Fd after, open_at(*now.folder, name, kFlags));
  std::vector<std::byte> one(kBlockBytes), other(kBlockBytes);
  for (uint64_t offset = 0;; offset += kBlockBytes) {
    STRATA_TRY(size_t count, pread_full(before.get(), one, offset));
    STRATA_TRY(size_t same, pread_full(after.get(), other, offset));
    if (count != same || !std::equal(one.begin(), one.begin() + count, other.begin())) return false;
    if (count < kBlockBytes) return true;
  }
}

bool is_below(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

std::string join(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

// Hands changes on; before the first one in a folder that is as it was, that folder.
class Teller {
 public:
  explicit Teller(const Visit& visit) : visit_(visit) {}

  void expect_below(std::string folder) { unchanged_.push_back(std::move(folder)); }
  // The walk leaves the folder.
  void leave(const std::string& folder) {
    if (!unchanged_.empty() && unchanged_.back() == folder) unchanged_.pop_back();
  }
  Status tell(ChangeKind kind, const std::string& path) {
    for (const std::string& folder : std::exchange(unchanged_, {})) {
      if (is_below(path, folder)) STRATA_CHECK(visit_({ChangeKind::kChanged, folder}));
    }
    return visit_({kind, path});
  }

 private:
  const Visit& visit_;
  std::vector<std::string> unchanged_;  // on the way to where the walk stands, and others
};

// What layers hold, and whiteouts.
class LayerComparison {
 public:
  LayerComparison(const ComparedTrees& trees, const Visit& visit)
      : upper_(trees.upper), below_(trees.below), teller_(visit) {}

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
    std::optional<Found> old;
    if (old_parent_) {
      STRATA_TRY(old, below_.find(*old_parent_, entry.name));
    }
    if (is_whiteout_device(entry.info)) {
      return old ? teller_.tell(ChangeKind::kDeleted, entry.path) : Status();
    }
    if (!old) return teller_.tell(ChangeKind::kAdded, entry.path);
    const bool same = looks_same(*old, {entry.folder, entry.info}, entry.name);
    if (!same) STRATA_CHECK(teller_.tell(ChangeKind::kChanged, entry.path));
    if (!S_ISDIR(entry.info.st_mode)) return {};
    if (same) teller_.expect_below(entry.path);
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
    STRATA_TRY(Folder folder, upper_.open(entry.path));
    if (!folder || !folder->hides_below) return {};
    STRATA_TRY(LayerStack::Folder old, below_.child(*old_parent_, entry.name));
    std::vector<std::string> names;
    STRATA_CHECK(below_.list(old, [&](const std::string& name, size_t) { names.push_back(name); }));
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      STRATA_TRY(std::optional<Found> there, upper_.find(*folder, name));
      if (!there) STRATA_CHECK(teller_.tell(ChangeKind::kDeleted, entry.path + "/" + name));
    }
    return {};
  }

  const LayerStack& upper_;
  const LayerStack& below_;
  Teller teller_;
  std::string parent_;
  bool parent_known_ = false;
  Folder old_parent_;
};

// Two whole trees, in the order of the paths: of a folder the names, and where `name/` would stand
// among them, what is in that folder.
class WholeComparison {
 public:
  WholeComparison(const ComparedTrees& trees, const Visit& visit) : trees_(trees), teller_(visit) {}

  Status run() { return walk(""); }

 private:
  struct Name {
    uint32_t offset;  // in Level::names
    bool in_upper, in_below;
  };
  // A folder whose names have their turn later.
  struct Due {
    size_t name;  // in Level::order
    bool in_upper, in_below;
  };
  struct Level {
    std::string path;
    Folder upper, below;      // open while it is the last level: a deep tree has many
    std::string names;        // one after the other, each with a NUL
    std::vector<Name> order;  // sorted by name
    size_t next = 0;          // in `order`
    std::vector<Due> due;     // each name is the beginning of the one behind it
    const char* name(size_t index) const { return names.data() + order[index].offset; }
  };

  Status walk(const std::string& path) {
    Level top;
    top.path = path;
    STRATA_TRY(top.upper, trees_.upper.open(path));
    STRATA_TRY(top.below, trees_.below.open(path));
    STRATA_CHECK(enter(std::move(top)));
    while (!levels_.empty() && !found_) {
      Level& level = levels_.back();
      const bool ended = level.next == level.order.size();
      if (!level.due.empty() && (ended || !comes_before(level, level.due.back().name))) {
        STRATA_CHECK(enter_due().context("{}", level.path));
      } else if (ended) {
        teller_.leave(level.path);
        levels_.pop_back();
      } else {
        STRATA_CHECK(look_at(level.next++));
      }
    }
    return {};
  }

  // Whether the next name stands between the name of a folder and what is in it: "a-b" before "a/c".
  static bool comes_before(const Level& level, size_t folder) {
    return level.next < level.order.size() &&
           std::string_view(level.name(level.next)) < std::string(level.name(folder)) + "/";
  }

  Status enter(Level level) {
    STRATA_CHECK(add_names(trees_.upper, level.upper, level, {0, true, false}));
    STRATA_CHECK(add_names(trees_.below, level.below, level, {0, false, true}));
    std::sort(level.order.begin(), level.order.end(), [&level](const Name& a, const Name& b) {
      return std::string_view(level.names.data() + a.offset) < level.names.data() + b.offset;
    });
    std::vector<Name> once;
    for (const Name& name : level.order) {
      const bool again = !once.empty() && std::string_view(level.names.data() + name.offset) ==
                                              level.names.data() + once.back().offset;
      if (!again) once.push_back(name);
      if (again) once.back().in_upper = once.back().in_below = true;
    }
    level.order = std::move(once);
    levels_.push_back(std::move(level));
    return {};
  }

  static Status add_names(const LayerStack& stack, const Folder& folder, Level& level, Name side) {
    if (!folder) return {};
    return stack.list(*folder, [&](const std::string& name, size_t) {
      side.offset = static_cast<uint32_t>(level.names.size());
      level.order.push_back(side);
      level.names.append(name).push_back('\0');
    });
  }

  Status enter_due() {
    STRATA_CHECK(reopen());
    Level& level = levels_.back();
    const Due due = level.due.back();
    level.due.pop_back();
    const std::string name = level.name(due.name);
    Level inner;
    inner.path = join(level.path, name);
    STRATA_TRY(inner.upper, child(trees_.upper, level.upper, name, due.in_upper));
    STRATA_TRY(inner.below, child(trees_.below, level.below, name, due.in_below));
    if (level.upper) level.upper->fds.clear();
    if (level.below) level.below->fds.clear();
    return enter(std::move(inner));
  }

  // None when it has vanished.
  static Result<Folder> child(const LayerStack& stack, const Folder& parent,
                              const std::string& name, bool is_there) {
    if (!parent || !is_there) return Folder();
    Result<LayerStack::Folder> found = stack.child(*parent, name);
    const bool gone =
        found.ok() ? found->fds.empty() : found.error().code() == ErrorCode::kNotFound;
    if (gone) return Folder();
    if (!found.ok()) return std::move(found).error();
    return Folder(std::move(*found));
  }

  Status reopen() {
    STRATA_CHECK(reopen(trees_.upper, levels_.back().upper));
    return reopen(trees_.below, levels_.back().below);
  }
  Status reopen(const LayerStack& stack, Folder& folder) const {
    if (!folder || !folder->fds.empty()) return {};
    Status opened = stack.reopen(*folder, levels_.back().path);
    if (opened.ok() || opened.error().code() != ErrorCode::kNotFound) return opened;
    folder.reset();
    return {};
  }

  static Result<std::optional<Found>> find(const LayerStack& stack, const Folder& folder,
                                           const std::string& name, bool listed) {
    if (!folder || !listed) return std::optional<Found>();
    return stack.find(*folder, name);
  }

  Status look_at(size_t index) {
    STRATA_CHECK(reopen());
    Level& level = levels_.back();
    const std::string name = level.name(index);
    const std::string path = join(level.path, name);
    const Name& listed = level.order[index];
    STRATA_TRY(auto now, find(trees_.upper, level.upper, name, listed.in_upper));
    STRATA_TRY(auto old, find(trees_.below, level.below, name, listed.in_below));
    if (!now) return old ? tell(ChangeKind::kDeleted, path) : Status();
    Due due{index, S_ISDIR(now->info.st_mode), false};
    if (!old) STRATA_CHECK(tell(ChangeKind::kAdded, path));
    if (old) {
      // docker takes what has the bit for a folder: what was in the real one is gone from it.
      due.in_below = S_ISDIR(old->info.st_mode) && (now->info.st_mode & S_IFDIR) != 0;
      STRATA_TRY(bool same, is_unchanged(*old, *now, name).context("{}", path));
      if (!same) STRATA_CHECK(tell(ChangeKind::kChanged, path));
      if (same && due.in_upper) {
        STRATA_TRY(bool worthwhile, expect_below(path, comes_before(level, index)));
        if (!worthwhile) return {};
      }
    }
    if (due.in_upper || due.in_below) levels_.back().due.push_back(due);
    return {};
  }

  // A folder that is as it was is told before the first change in it; where other names stand in
  // between, it must be known now. False: nothing in it has changed.
  Result<bool> expect_below(const std::string& path, bool others_first) {
    if (others_first && !is_probe_) {
      WholeComparison probe(trees_, kNobody);
      probe.is_probe_ = true;
      STRATA_CHECK(probe.walk(path));
      if (!probe.found_) return false;
      STRATA_CHECK(tell(ChangeKind::kChanged, path));
      return true;
    }
    teller_.expect_below(path);
    return true;
  }

  Status tell(ChangeKind kind, const std::string& path) {
    found_ = is_probe_;
    return found_ ? Status() : teller_.tell(kind, path);
  }

  Result<bool> is_unchanged(const Found& old, const Found& now, const std::string& name) const {
    if (!looks_same(old, now, name)) return false;
    if (!trees_.touched_since || is_earlier(now.info.st_ctim, *trees_.touched_since)) return true;
    return has_same_content(old, now, name);
  }

  inline static const Visit kNobody;

  const ComparedTrees& trees_;
  Teller teller_;
  std::vector<Level> levels_;
  bool is_probe_ = false;  // asks only whether there is a change,
  bool found_ = false;     // and there is
};

}  // namespace

ComparedTrees compare_folders(const std::vector<Fd>& folders, size_t own,
                              ComparedTrees::Upper kind) {
  using Whiteouts = LayerStack::Whiteouts;
  std::vector<const Fd*> upper, below;
  for (size_t i = 0; i < folders.size(); ++i) (i < own ? upper : below).push_back(&folders[i]);
  const bool whole = kind == ComparedTrees::Upper::kWhole;
  return {.upper = LayerStack(std::move(upper), Whiteouts::kShow),
          .below = LayerStack(std::move(below), whole ? Whiteouts::kShow : Whiteouts::kHide),
          .kind = kind};
}

Status compare_trees(const ComparedTrees& trees, const Visit& visit) {
  if (trees.kind == ComparedTrees::Upper::kWhole) return WholeComparison(trees, visit).run();
  return LayerComparison(trees, visit).run();
}

}  // namespace strata::driver
