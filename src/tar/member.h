// SPDX-License-Identifier: Apache-2.0
// Member: one entry of a tar as its readers and writers see it, after ustar, pax and GNU headers
// have been merged into one set of values.
// Source:  the fields of Go's archive/tar Header: docker decides by them what a layer is.
// Threads: values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace strata::tar {

// Member::type. A NUL in the header has become kRegular, or kDirectory when the name ends in '/'.
// Other characters ('7', 'V', 'D', ...) are passed on as they are; docker refuses to unpack them.
inline constexpr char kRegular = '0';
inline constexpr char kHardLink = '1';
inline constexpr char kSymlink = '2';
inline constexpr char kCharDevice = '3';
inline constexpr char kBlockDevice = '4';
inline constexpr char kDirectory = '5';
inline constexpr char kFifo = '6';
inline constexpr char kPaxGlobal = 'g';  // its records do not apply to the members that follow
inline constexpr char kGnuSparse = 'S';  // a regular file; Member::sparse is set

// True for the types that never have payload, whatever their header's size field says.
constexpr bool is_header_only(char type) { return type >= kHardLink && type <= kFifo; }

// A stretch of a sparse file that has data.
struct SparseExtent {
  uint64_t offset = 0;  // in the expanded file
  uint64_t length = 0;  // > 0
  bool operator==(const SparseExtent&) const = default;
};

// Where the payload of a sparse member belongs: extents in order, apart from each other or
// touching; all else up to logical_size_bytes is zeros. The lengths add up to Member::size_bytes.
struct SparseMap {
  uint64_t logical_size_bytes = 0;
  std::vector<SparseExtent> extents;
};

struct Member {
  std::string name;       // bytes as in the tar: perhaps not UTF-8, "./" and trailing '/' kept
  std::string link_name;  // target of a hard link (relative to the root) or of a symlink
  char type = kRegular;

  uint32_t mode = 0;  // the low 32 bits of the field; some writers put S_IFMT bits in it
  uint32_t uid = 0;   // low 32 bits, which is what chown(2) takes; 2^32-1 is "leave"
  uint32_t gid = 0;
  // False when the field held what chown(2) cannot take: Go passes such owners on, and the kernel
  // cuts them.
  bool uid_in_range = true;
  bool gid_in_range = true;
  std::string user_name;
  std::string group_name;

  // Payload bytes in the stream: those that on_payload reports. 0 for header-only types and 'g'.
  uint64_t size_bytes = 0;
  // What the header claims, which for header-only types may be anything, also negative; for a
  // sparse file its logical size. tar-split records of dockerd hold this number.
  int64_t declared_size_bytes = 0;

  int64_t mtime_seconds = 0;
  uint32_t mtime_nanoseconds = 0;  // always counted forward from the second, also before 1970
  bool has_atime = false;
  int64_t atime_seconds = 0;
  uint32_t atime_nanoseconds = 0;
  bool has_ctime = false;
  int64_t ctime_seconds = 0;
  uint32_t ctime_nanoseconds = 0;

  uint32_t dev_major = 0;
  uint32_t dev_minor = 0;

  // pax records SCHILY.xattr.<name>. Empty values are kept: dockerd 20.10 skips them, 28 sets them.
  std::map<std::string, std::string> xattrs;

  std::optional<SparseMap> sparse;

  // Size of the file that unpacking makes.
  uint64_t logical_size_bytes() const { return sparse ? sparse->logical_size_bytes : size_bytes; }
};

// Owner IDs are unsigned 32-bit numbers; -1 is accepted for 2^32-1, and what is as small likewise.
constexpr bool is_owner_id(int64_t value) {
  return value >= INT32_MIN && value <= int64_t{UINT32_MAX};
}

}  // namespace strata::tar
