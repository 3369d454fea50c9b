// SPDX-License-Identifier: Apache-2.0
#include "doctor/survey_uses.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/stream.h"
#include "store/build_cache.h"
#include "store/parts.h"
#include "store/work_folder.h"

namespace strata::doctor {
namespace {

constexpr size_t kProcFileBytes = 64u << 20;

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// A file of /proc says that its size is 0, so it is read as a stream.
Result<std::string> read_proc(const std::string& path) {
  STRATA_TRY(Fd file, open_path(path, O_RDONLY));
  FdSource source(file.get());
  return read_to_end(source, kProcFileBytes);
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
//   /proc/locks: "1: FLOCK  ADVISORY  WRITE 1234 08:01:131 0 EOF"
std::optional<time_t> start_of_holder(ino_t inode) {
  Result<std::string> locks = read_proc("/proc/locks");
  std::string_view rest = locks.ok() ? std::string_view(*locks) : std::string_view();
  std::optional<time_t> first;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.find("FLOCK") == line.npos || line.find("WRITE") == line.npos) continue;
    std::string_view holder = skip_fields(line, 4);
    std::string_view file = skip_fields(holder, 1);
    file = file.substr(0, file.find(' '));
    if (file.rfind(':') == file.npos || number_at(file.substr(file.rfind(':') + 1)) != inode) {
      continue;
    }
    std::optional<time_t> start = start_of(std::string(holder.substr(0, holder.find(' '))));
    if (start && (!first || *start < *first)) first = start;
  }
  return first;
}

void find_daemon(const Fd& root, Survey& survey) {
  const std::string path(store::kDaemonLock);
  Result<struct stat> info = lstat_at(root, path);
  if (!info.ok() || !S_ISREG(info->st_mode)) return;
  // Shared, and given back at once: a dockerd that starts tries again for a second.
  Result<std::optional<FileLock>> lock = store::keep_daemon_out(root);
  if (lock.ok() || lock.error().code() != ErrorCode::kBusy) return;
  survey.daemon_runs = true;
  survey.daemon_since = start_of_holder(info->st_ino);
}

void find_mounts(Survey& survey) {
  std::set<std::string> seen;  // mount namespaces
  Status visited = visit_dir_at(Fd(), "/proc", [&](const DirEntry& entry) -> Status {
    if (!is_number(entry.name)) return {};
    const std::string process = "/proc/" + entry.name;
    Result<std::string> space = readlink_at(Fd(), process + "/ns/mnt");
    if (!space.ok() || !seen.insert(*space).second) return {};
    Result<std::string> text = read_proc(process + "/mountinfo");
    if (text.ok()) add_mounted(*text, survey, survey.mounted);
    return {};
  });
  if (!visited.ok()) survey.uses_known = false;
}

}  // namespace

void add_mounted(std::string_view mountinfo, const Survey& survey, std::set<std::string>& mounted) {
  constexpr std::string_view kBetween = "/:,= \n";
  while (!mountinfo.empty()) {
    std::string_view word = mountinfo.substr(0, mountinfo.find_first_of(kBetween));
    mountinfo.remove_prefix(std::min(mountinfo.size(), word.size() + 1));
    if (word.size() < 25) continue;  // BuildKit's names are the shortest
    std::string name(word);
    if (survey.folders.contains(name)) mounted.insert(name);
    auto link = survey.links.find(name);
    if (link == survey.links.end() || !link->second.starts_with("../")) continue;
    mounted.insert(link->second.substr(3, link->second.find('/', 3) - 3));
  }
}

Status read_uses(const Fd& root, Survey& survey) {
  Result<std::set<ChainId>> cached = store::build_cache_layers(root);
  if (cached.ok()) survey.build_cache = std::move(*cached);
  Result<std::vector<store::Operation>> operations = store::list_operations(root);
  if (operations.ok()) {
    for (store::Operation& operation : *operations) {
      survey.operations_live |= operation.lives;
      if (operation.lives) survey.leased.merge(operation.leased);
    }
  }
  survey.uses_known = cached.ok() && operations.ok();
  find_mounts(survey);
  find_daemon(root, survey);
  return {};
}

}  // namespace strata::doctor
