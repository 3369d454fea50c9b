// SPDX-License-Identifier: Apache-2.0
// Where another host's images are: ssh://[user@]host[:port][/root].
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::cli {

struct SshUrl {
  std::string destination;  // "host" or "user@host", as ssh wants it
  std::string port;         // empty: as ssh is configured
  std::string root;         // absolute; empty: the other side's own
};

bool is_ssh_url(std::string_view text);
// "%20" in the path is a space, as in every URL. Errors: kInvalid, naming the part; so is what ssh
// would take for an option.
Result<SshUrl> parse_ssh_url(std::string_view text);

// The word as a POSIX shell reads it back.
std::string quote_for_shell(std::string_view word);
std::string quote_for_shell(const std::vector<std::string>& words);

}  // namespace strata::cli
