// SPDX-License-Identifier: Apache-2.0
// pax extended headers: the records of an 'x' or 'g' member. The grammar is at the top of pax.cc.
// Threads: functions of their arguments, values.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tar/member.h"

namespace strata::tar {

inline constexpr std::string_view kXattrKey = "SCHILY.xattr.";  // + the name of the attribute

// The records that mean something here; an empty string is the same as no record. Values are as
// written: what is no number fails only when it is applied.
struct PaxRecords {
  std::string path, linkpath, uname, gname;
  std::string uid, gid, size, mtime, atime, ctime;
  std::map<std::string, std::string> xattrs;
  // GNU.sparse.*; sparse_map also holds the offset/numbytes pairs of version 0.0, with commas.
  std::string sparse_major, sparse_minor, sparse_name, sparse_size, sparse_realsize;
  std::string sparse_numblocks, sparse_map;

  void clear();

  // Replaces what is held by the records in `text`. Of equal keys the last one counts.
  // Errors: kInvalid, `archive/tar: invalid tar header: ...`.
  Status parse(std::string_view text);

  // Overrides the fields of `member` (not the sparse ones).
  // Errors: kInvalid for a number or time that is none.
  Status apply(Member& member) const;
};

// One record, "<length> <key>=<value>\n".
std::string pax_record(std::string_view key, std::string_view value);

// "<seconds>[.<fraction>]", trailing zeros of the fraction dropped; the nanoseconds count forward.
std::string pax_time(int64_t seconds, uint32_t nanoseconds);

}  // namespace strata::tar
