// SPDX-License-Identifier: Apache-2.0
// The value of RUN --mount: key=value pairs in one line of CSV.
// Source: the Dockerfile reference, "RUN --mount"; docs/formats/dockerfile.md.
// Threads: values.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::build {

struct Mount {
  enum class Type { kBind, kCache, kTmpfs, kSecret, kSsh };
  enum class Sharing { kShared, kPrivate, kLocked };

  Type type = Type::kBind;
  std::string from;    // bind, cache; empty: the context (bind), an empty folder (cache)
  std::string source;  // path in `from`; empty: its root
  std::string target;  // empty: /run/secrets/<id> (secret), /run/buildkit/ssh_agent.<n> (ssh)
  std::string id;      // cache, secret, ssh; empty: the target (cache), the source or the target's
                       // base name (secret), "default" (ssh)
  std::string env;     // secret: variable that holds it
  bool read_only = true;  // bind: true unless rw; cache: false unless ro
  bool required = false;  // secret, ssh
  Sharing sharing = Sharing::kShared;
  uint64_t size_limit_bytes = 0;     // tmpfs; 0: none
  std::optional<uint32_t> mode;      // cache 0755, secret 0400, ssh 0600 if absent
  std::optional<uint32_t> uid, gid;  // 0 if absent
};

using ExpandWord = std::function<Result<std::string>(std::string_view word)>;

// Without `expand` fields with a "$" in them are passed over, and what depends on them is not checked.
// Errors: kInvalid, e.g. "unsupported mount type \"x\"", "unexpected key 'x' in 'x=1'".
Result<Mount> parse_mount(std::string_view text, const ExpandWord& expand = nullptr);

}  // namespace strata::build
