// SPDX-License-Identifier: Apache-2.0
#include "doctor/file_locks.h"

#include <sstream>

#include "base/fs_at.h"
#include "base/stream.h"

namespace strata::doctor {
namespace {

constexpr size_t kProcFileBytes = 64u << 20;

}  // namespace

Result<std::string> read_proc(const std::string& path) {
  STRATA_TRY(Fd file, open_path(path, O_RDONLY));
  FdSource source(file.get());
  return read_to_end(source, kProcFileBytes);
}

Result<std::vector<FileLockHeld>> held_file_locks() {
  STRATA_TRY(std::string text, read_proc("/proc/locks"));
  std::vector<FileLockHeld> held;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, type, mode, access;
    FileLockHeld lock;
    words >> number >> type >> mode >> access >> lock.pid >> lock.place;
    if (type != "FLOCK") continue;  // "->": one that waits
    lock.exclusive = access == "WRITE";
    held.push_back(std::move(lock));
  }
  return held;
}

}  // namespace strata::doctor
