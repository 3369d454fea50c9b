// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <array>
#include <cerrno>
#include <system_error>

namespace strata {
namespace {

struct CodeRow {
  ErrorCode code;
  std::string_view name;
  int exit_code;
};

// The one table from error codes to what the outside sees. docker exits with 1 for all of these.
constexpr std::array kCodes{
    CodeRow{ErrorCode::kIo, "io", 1},
    CodeRow{ErrorCode::kNotFound, "not-found", 1},
    CodeRow{ErrorCode::kInvalid, "invalid", 1},
    CodeRow{ErrorCode::kCorrupt, "corrupt", 1},
    CodeRow{ErrorCode::kConflict, "conflict", 1},
    CodeRow{ErrorCode::kBusy, "busy", 1},
    CodeRow{ErrorCode::kPermission, "permission", 1},
    CodeRow{ErrorCode::kNoSpace, "no-space", 1},
    CodeRow{ErrorCode::kUnsupported, "unsupported", 1},
    CodeRow{ErrorCode::kCancelled, "cancelled", 130},
};

const CodeRow& row(ErrorCode code) { return kCodes.at(static_cast<size_t>(code)); }

ErrorCode code_of_errno(int value) {
  switch (value) {
    case ENOENT:
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermission;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ErrorCode::kNoSpace;
    case EBUSY:
    case EWOULDBLOCK:
      return ErrorCode::kBusy;
    case ENAMETOOLONG:
    case ENOTDIR:
    case ELOOP:
      return ErrorCode::kInvalid;
    case ENOSYS:
    case EOPNOTSUPP:
      return ErrorCode::kUnsupported;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

std::string_view to_string(ErrorCode code) { return row(code).name; }

int exit_code(ErrorCode code) { return row(code).exit_code; }

Error errno_error(int errno_value, std::string_view what) {
  return error(code_of_errno(errno_value), "{}: {}", what,
               std::generic_category().message(errno_value));
}

}  // namespace strata
