// SPDX-License-Identifier: Apache-2.0
// Headers of tars that strata makes itself: outer archives of save, layers of commit and build.
// Byte for byte those that dockerd writes with Go's archive/tar.  Source: FORMATS sections 6 and 8.
// A tar: for each member encode_header(), payload, padding_bytes(size) zeros; kEndOfArchive.
// Threads: functions of their arguments.
#pragma once

#include <array>
#include <string>

#include "base/result.h"
#include "tar/header.h"  // padding_bytes
#include "tar/member.h"

namespace strata::tar {

// What dockerd puts besides name, type, numeric owner and size.
enum class HeaderStyle {
  kDocker20,  // mode with the type bits of stat(2); user and group names as in the member
  kDocker28,  // bare mode; no names
};

// The header blocks of `member`: one ustar block, or a pax 'x' member before it when ustar cannot
// hold a value, or there are xattrs, or times other than whole seconds of mtime.
// Type bits that member.mode has are used in kDocker20 (a hard link to a device has those of the
// device); where it has none, they are those of the type, and none for a whiteout. size_bytes is
// written as it is; `sparse` and declared_size_bytes are not looked at.
// Errors: kInvalid for what neither ustar nor pax can say (a NUL in a name, a mode or device number
// out of range, a file whose name ends in '/', more than kMaxMetaBytes of records, a type of
// metas).
Result<std::string> encode_header(const Member& member, HeaderStyle style);

// The type of the member that a file of this mode (stat(2)) becomes: kRegular also for what no tar can hold.
char type_of_mode(uint32_t mode);

// Two zero blocks.
inline constexpr std::array<std::byte, 2 * kBlockBytes> kEndOfArchive{};

}  // namespace strata::tar
