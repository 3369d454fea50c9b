// SPDX-License-Identifier: Apache-2.0
#include "store/full_disk.h"

#include <sys/statvfs.h>

namespace strata::store {
namespace {

// Nothing that failed for want of more than this wanted it for records alone.
constexpr uint64_t kRecordsBytes = 4u << 20;

}  // namespace

bool is_full_disk(const Error& failure, const Fd& root) {
  struct statvfs disk {};
  if (failure.code() != ErrorCode::kNoSpace || ::fstatvfs(root.get(), &disk) != 0) return false;
  return disk.f_bavail * disk.f_frsize < kRecordsBytes || disk.f_favail == 0;
}

}  // namespace strata::store
