// SPDX-License-Identifier: Apache-2.0
#include "doctor/survey_uses.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "doctor/bolt_file.h"
#include "doctor/file_locks.h"
#include "store/build_cache.h"
#include "store/parts.h"
#include "store/work_folder.h"

namespace strata::doctor {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// The rest of `text` behind the field number `count`; fields are divided by spaces.
std::string_view skip_fields(std::string_view text, int count) {
  for (int i = 0; i < count; ++i) {
    text.remove_prefix(std::min(text.find(' '), text.size()));
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  return text;
}

uint64_t number_at(std::string_view text) {
  uint64_t value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Seconds since the epoch; none for a process that is gone.
//   /proc/<pid>/stat: "PID (NAME) STATE …", the 22nd field is the start in ticks since boot. /proc/stat: "btime SECONDS".
std::optional<time_t> start_of(const std::string& pid) {
  Result<std::string> stat = read_proc("/proc/" + pid + "/stat");
  Result<std::string> system = read_proc("/proc/stat");
  if (!stat.ok() || !system.ok()) return std::nullopt;
  const size_t name_end = stat->rfind(')');
  const size_t boot = system->find("\nbtime ");
  if (name_end == stat->npos || boot == system->npos) return std::nullopt;
  const uint64_t ticks = number_at(skip_fields(std::string_view(*stat).substr(name_end + 2), 19));
  const uint64_t since = number_at(std::string_view(*system).substr(boot + 7));
  return static_cast<time_t>(since + ticks / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK)));
}

// The start of whoever holds a lock on the file of this inode; of several the first.
std::optional<time_t> start_of_holder(ino_t inode) {
  Result<std::vector<FileLockHeld>> locks = held_file_locks();
  std::optional<time_t> first;
  if (!locks.ok()) return first;
  for (const FileLockHeld& lock : *locks) {
    const size_t colon = lock.place.rfind(':');
    if (!lock.exclusive || colon == lock.place.npos) continue;
    if (number_at(std::string_view(lock.place).substr(colon + 1)) != inode) continue;
    std::optional<time_t> start = start_of(lock.pid);
    if (start && (!first || *start < *first)) first = start;
  }
  return first;
}

void find_daemon(const Fd& root, Survey& survey, Troubles& troubles) {
  const std::string path(store::kDaemonLock);
  Result<struct stat> info = lstat_at(root, path);
  if (!info.ok()) troubles.note(path, info.error());
  if (!info.ok() || !S_ISREG(info->st_mode)) return;
  // Shared, and given back at once: a dockerd that starts tries again for a second.
  Result<std::optional<FileLock>> lock = store::keep_daemon_out(root);
  if (!lock.ok() && lock.error().code() != ErrorCode::kBusy) troubles.note(path, lock.error());
  if (lock.ok() || lock.error().code() != ErrorCode::kBusy) return;
  survey.daemon_runs = true;
  survey.daemon_since = start_of_holder(info->st_ino);
}

// Knows whether a path leads to another root than this one. What is not there cannot be told: then it does not.
class OtherRoots {
 public:
  OtherRoots(const Fd& root, std::string home) : home_(std::move(home)) {
    Result<struct stat> info = lstat_at(root, home_);
    if (info.ok()) ours_ = *info;
  }
  bool contains(const std::string& path) {
    auto [known, is_new] = known_.try_emplace(path, false);
    if (!is_new) return known->second;
    Result<struct stat> info = lstat_at(Fd(), path + "/" + home_);
    known->second = info.ok() && ours_ && !is_same_file(*info, *ours_);
    return known->second;
  }

 private:
  const std::string home_;
  std::optional<struct stat> ours_;
  std::map<std::string, bool> known_;
};

void find_mounts(const Fd& root, Survey& survey, Troubles& troubles) {
  OtherRoots others(root, survey.home());
  std::set<std::string> seen;  // mount namespaces
  Status visited = visit_dir_at(Fd(), "/proc", [&](const DirEntry& entry) -> Status {
    if (!is_number(entry.name)) return {};
    const std::string process = "/proc/" + entry.name;
    Result<std::string> space = readlink_at(Fd(), process + "/ns/mnt");
    if (!space.ok() || !seen.insert(*space).second) return {};
    Result<std::string> text = read_proc(process + "/mountinfo");
    const bool ended = !text.ok() && text.error().code() != ErrorCode::kNoSpace;
    if (ended) return {};
    if (!text.ok()) return std::move(text).error();
    add_mounted(
        *text, survey, [&](const std::string& path) { return others.contains(path); },
        survey.mounted);
    return {};
  });
  if (visited.ok()) return;
  survey.uses_known = false;
  troubles.note("/proc", visited.error());
}

// The folder that one name in a path means; empty: none of this root.
std::string folder_named(std::string_view name, const Survey& survey) {
  constexpr size_t kShortest = 25;  // BuildKit's
  if (name.size() < kShortest) return "";
  std::string text(name);
  if (survey.folders.contains(text)) return text;
  auto link = survey.links.find(text);
  if (link == survey.links.end() || !link->second.starts_with("../")) return "";
  return link->second.substr(3, link->second.find('/', 3) - 3);
}

}  // namespace

void add_mounted(std::string_view mountinfo, const Survey& survey,
                 const std::function<bool(const std::string& root)>& is_other,
                 std::set<std::string>& mounted) {
  constexpr std::string_view kBetween = ":,= \n";
  const std::string home = "/" + survey.home() + "/";
  while (!mountinfo.empty()) {
    std::string_view path = mountinfo.substr(0, mountinfo.find_first_of(kBetween));
    mountinfo.remove_prefix(std::min(mountinfo.size(), path.size() + 1));
    const size_t home_at = path.find(home);
    for (std::string_view rest = path; !rest.empty();) {
      std::string_view name = rest.substr(0, rest.find('/'));
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      std::string folder = folder_named(name, survey);
      if (folder.empty()) continue;
      if (home_at != path.npos && is_other(std::string(path.substr(0, home_at)))) break;
      mounted.insert(std::move(folder));
    }
  }
}

void read_uses(const Fd& root, Survey& survey, Troubles& troubles) {
  Result<std::set<ChainId>> cached = store::build_cache_layers(root);
  if (cached.ok()) survey.build_cache = std::move(*cached);
  if (!cached.ok()) troubles.note("buildkit/snapshots.db", cached.error());
  Result<std::vector<store::Operation>> operations = store::list_operations(root);
  if (!operations.ok()) troubles.note("strata/staging", operations.error());
  if (operations.ok()) {
    for (store::Operation& operation : *operations) {
      survey.operations_live |= operation.lives;
      survey.leased.merge(operation.lives ? operation.leased : operation.held);
    }
  }
  Result<std::string> unusable = bolt_trouble(root, "buildkit/snapshots.db");
  survey.uses_known = cached.ok() && unusable.ok() && unusable->empty() && operations.ok();
  find_mounts(root, survey, troubles);
  find_daemon(root, survey, troubles);
}

}  // namespace strata::doctor
