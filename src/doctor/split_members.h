// SPDX-License-Identifier: Apache-2.0
// Reads a tar-split as the members that it tells of. The headers are in its segments, and go through tar::Parser; the content of most
// files is not, and is not read here.
// Source:  FORMATS section 4; "Consequences" there for what docker records so that it cannot be given back.
// Threads: functions of their arguments.
#pragma once

#include <string>

#include "base/pool.h"
#include "tar/parser.h"
#include "tar/split.h"

namespace strata::doctor {

// What is told, in the order of the tar. Between on_member and on_member_end comes on_content, or on_payload for what the segments hold,
// or nothing. An error that a method returns ends the reading.
class SplitEvents : public tar::ParserEvents {
 public:
  // Bytes of the tar, before the parser is given them.
  virtual Status on_segment(ByteSpan) { return {}; }
  // The member's content is what its file has, `bytes` of it. `expanded`: it is a sparse member, and its whole file is meant: the tar's
  // own bytes are lost.
  virtual Status on_content(const tar::SplitEntry& entry, uint64_t bytes, bool expanded) = 0;
  // The same for a sparse member that has lost its map, too: there is no on_member for it.
  virtual Status on_headless(const tar::SplitEntry& entry, uint64_t bytes) = 0;

  Status on_raw(ByteSpan) override { return {}; }
  Status on_payload(ByteSpan, uint64_t) override { return {}; }
  Status on_member_end() override { return {}; }
};

// Why the record could not be read to its end; empty: it could. `split_file`'s position is not used.
// Errors: those of `events`, kCancelled.
Result<std::string> read_split(const Fd& split_file, SplitEvents& events, const Pool& pool);

}  // namespace strata::doctor
