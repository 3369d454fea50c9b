// SPDX-License-Identifier: Apache-2.0
// The files of /etc that a container gets from its host: hostname, hosts, resolv.conf.
// Threads: functions without state.
#pragma once

#include <string>

#include "base/fs_at.h"
#include "runtime/run_spec.h"

namespace strata::runtime {

// The host's own name.
std::string host_name();

// Texts as docker writes them. With the host's network hosts and resolv.conf are those of the host,
// but for what the container was told of name servers.
Result<std::string> hosts_text(const RunSpec& spec);
Result<std::string> resolv_conf_text(const RunSpec& spec);

// Writes the three files into `folder`, 0644, and returns the mounts that show them, for those that
// `spec.mounts` does not cover itself. `path` is the absolute path of `folder`.
Result<std::vector<Mount>> write_etc_files(const RunSpec& spec, const Fd& folder,
                                           const std::string& path);

}  // namespace strata::runtime
