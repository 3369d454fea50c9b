// SPDX-License-Identifier: Apache-2.0
//
// /proc/<pid>/cgroup  lines of "hierarchy:controllers:path"; cgroup2 is "0::path"
// Source: cgroups(7).
#include "runtime/freezer.h"

#include <chrono>
#include <optional>
#include <thread>

#include "runtime/container_status.h"

namespace strata::runtime {
namespace {

constexpr size_t kProcFileBytes = size_t{16} << 20;
constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kPause = std::chrono::milliseconds(2);

struct FreezeFile {
  std::string path;
  std::string freeze, frozen, thaw;
};

// A file of /proc or of cgroups says that its size is 0, so it is read as a stream.
Result<std::string> read_stream(const std::string& path) {
  STRATA_TRY(Fd file, open_path(path, O_RDONLY));
  FdSource source(file.get());
  return read_to_end(source, kProcFileBytes);
}

Status write_text(const std::string& path, const std::string& text) {
  STRATA_TRY(Fd file, open_path(path, O_WRONLY));
  return write_all(file.get(), as_bytes(text)).context("{}", path);
}

// The path of a process in the hierarchy that has the controller; none where there is none.
std::optional<std::string> cgroup_of(std::string_view text, std::string_view controller) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    size_t names = line.find(':');
    size_t path = line.find(':', names + 1);
    if (names == std::string_view::npos || path == std::string_view::npos) continue;
    if (line.substr(names + 1, path - names - 1) == controller) {
      return std::string(line.substr(path + 1));
    }
  }
  return std::nullopt;
}

// Freezing a cgroup that we are in would freeze us.
bool is_within(const std::string& path, const std::string& cgroup) {
  return cgroup == "/" || path == cgroup || path.starts_with(cgroup + "/");
}

Result<FreezeFile> freeze_file(int64_t pid, const std::string& container_id) {
  STRATA_TRY(std::string theirs, read_stream(fmt::format("/proc/{}/cgroup", pid)));
  STRATA_TRY(std::string ours, read_stream("/proc/self/cgroup"));
  if (auto path = cgroup_of(theirs, "freezer")) {
    if (!is_within(cgroup_of(ours, "freezer").value_or("/"), *path)) {
      return FreezeFile{fmt::format("/sys/fs/cgroup/freezer{}/freezer.state", *path), "FROZEN",
                        "FROZEN\n", "THAWED"};
    }
  } else if (auto unified = cgroup_of(theirs, "")) {
    if (!is_within(cgroup_of(ours, "").value_or("/"), *unified)) {
      return FreezeFile{fmt::format("/sys/fs/cgroup{}/cgroup.freeze", *unified), "1", "1\n", "0"};
    }
  }
  return error(ErrorCode::kUnsupported,
               "container {} is running and has no cgroup of its own, so it cannot be paused: stop "
               "it, or use --pause=false",
               container_id);
}

Status wait_until_frozen(const FreezeFile& file) {
  // cgroup2 says in another file when it is done.
  std::string path = file.path;
  std::string wanted = file.frozen;
  if (size_t at = path.find("cgroup.freeze"); at != std::string::npos) {
    path.replace(at, std::string::npos, "cgroup.events");
    wanted = "frozen 1\n";
  }
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < kPatience) {
    STRATA_TRY(std::string state, read_stream(path));
    if (state.find(wanted) != std::string::npos) return {};
    std::this_thread::sleep_for(kPause);
  }
  return error(ErrorCode::kIo, "{}: not frozen after {} seconds", path, kPatience.count());
}

}  // namespace

Frozen::Frozen(Frozen&& other) noexcept
    : file_(std::exchange(other.file_, "")), thaw_(std::move(other.thaw_)) {}

Frozen::~Frozen() {
  if (!file_.empty()) (void)write_text(file_, thaw_).ok();
}

Result<Frozen> Frozen::freeze(const store::Store& store, const ContainerRecord& container) {
  Frozen frozen;
  STRATA_TRY(ContainerStatus status, status_of(store, container));
  if (!status.running) return frozen;
  STRATA_TRY(FreezeFile file, freeze_file(status.pid, container.id));
  STRATA_TRY(std::string before, read_stream(file.path));
  if (before == file.frozen) return frozen;
  STRATA_CHECK(write_text(file.path, file.freeze));
  frozen.file_ = file.path;
  frozen.thaw_ = file.thaw;
  STRATA_CHECK(wait_until_frozen(file));
  return frozen;
}

}  // namespace strata::runtime
