// SPDX-License-Identifier: Apache-2.0
#include "places.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "base/fs_at.h"

namespace strata::crash {
namespace {

constexpr uint64_t kPageBytes = 4096;

// A path in the memory of the other process; empty when it cannot be read.
std::string read_text(pid_t thread, uint64_t address) {
  std::string text;
  while (text.size() < PATH_MAX) {
    std::array<char, kPageBytes> page;
    const size_t size = kPageBytes - (address + text.size()) % kPageBytes;  // never over its end
    iovec here{page.data(), size};
    iovec there{reinterpret_cast<void*>(address + text.size()), size};
    const ssize_t count = ::process_vm_readv(thread, &here, 1, &there, 1, 0);
    if (count <= 0) return {};
    const size_t length = ::strnlen(page.data(), static_cast<size_t>(count));
    text.append(page.data(), length);
    if (length < static_cast<size_t>(count)) return text;
  }
  return text;
}

open_how read_how(const StoppedCall& stopped) {
  open_how how = {};
  iovec here{&how, sizeof how};
  iovec there{reinterpret_cast<void*>(stopped.args[2]), sizeof how};
  if (::process_vm_readv(stopped.thread, &here, 1, &there, 1, 0) < 0) return {};
  return how;
}

std::string link_in_proc(pid_t thread, const std::string& name) {
  Result<std::string> target = readlink_at(Fd(), fmt::format("/proc/{}/{}", thread, name));
  return target.ok() ? *target : "";
}

std::string file_of(pid_t thread, uint64_t fd) {
  if (static_cast<int>(fd) == AT_FDCWD) return link_in_proc(thread, "cwd");
  return link_in_proc(thread, fmt::format("fd/{}", static_cast<int>(fd)));
}

// Without ".", ".." and double slashes.
std::string plain(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    std::string part = path.substr(begin, end - begin);
    begin = end + 1;
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(std::move(part));
  }
  std::string joined;
  for (const std::string& part : parts) joined += "/" + part;
  return joined;
}

std::string path_of(const StoppedCall& stopped, uint64_t folder, uint64_t address, bool or_fd) {
  constexpr std::string_view kSelf = "/proc/self/";
  const std::string path = read_text(stopped.thread, address);
  if (path.empty()) return or_fd ? file_of(stopped.thread, folder) : "";
  if (path.starts_with(kSelf)) return link_in_proc(stopped.thread, path.substr(kSelf.size()));
  const bool in_root =
      stopped.call->number == SYS_openat2 && (read_how(stopped).resolve & RESOLVE_IN_ROOT) != 0;
  if (path.front() == '/' && !in_root) return plain(path);
  return plain(file_of(stopped.thread, folder) + "/" + path);
}

std::string target_of(const StoppedCall& stopped, Target target, uint8_t first) {
  const uint64_t argument = stopped.args[first];
  switch (target) {
    case Target::kNone:
      return {};
    case Target::kFd:
      return file_of(stopped.thread, argument);
    case Target::kPath:
      return path_of(stopped, static_cast<uint64_t>(AT_FDCWD), argument, false);
    case Target::kAt:
    case Target::kAtOrFd:
      return path_of(stopped, argument, stopped.args[first + 1u], target == Target::kAtOrFd);
  }
  return {};
}

std::optional<std::string> shorten(const std::string& path,
                                   const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    if (path != folder && !path.starts_with(folder + "/")) continue;
    return path.substr(folder.rfind('/') + 1);
  }
  return std::nullopt;
}

unsigned open_kinds(uint64_t flags) {
  const bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
  return nameless || (flags & (O_CREAT | O_TRUNC)) != 0 ? kChanges | kGrows : 0;
}

}  // namespace

unsigned kinds_of(const StoppedCall& stopped) {
  const unsigned kinds = stopped.call->kinds;
  const uint64_t request = stopped.args[1];
  switch (stopped.call->number) {
    case SYS_open:
      return kinds | open_kinds(stopped.args[1]);
    case SYS_openat:
      return kinds | open_kinds(stopped.args[2]);
    case SYS_openat2:
      return kinds | open_kinds(read_how(stopped).flags);
    case SYS_ioctl:
      return request == FICLONE || request == FICLONERANGE ? kinds : 0;
    case SYS_fcntl:
      return request == F_DUPFD || request == F_DUPFD_CLOEXEC ? kinds : 0;
    default:
      return kinds;
  }
}

std::string program_of(pid_t thread) {
  const std::string path = link_in_proc(thread, "exe");
  return path.substr(path.rfind('/') + 1);
}

std::optional<std::string> place_of(const StoppedCall& stopped,
                                    const std::vector<std::string>& folders) {
  const SystemCall& call = *stopped.call;
  const auto first = shorten(target_of(stopped, call.target, call.first), folders);
  if (call.second_target == Target::kNone) return first;
  const auto second = shorten(target_of(stopped, call.second_target, call.second), folders);
  if (!first && !second) return std::nullopt;
  return fmt::format("{} -> {}", first.value_or("(elsewhere)"), second.value_or("(elsewhere)"));
}

}  // namespace strata::crash
