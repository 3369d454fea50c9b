// SPDX-License-Identifier: Apache-2.0
// push and pull where the first argument is another host instead of a registry:
//   strata push ssh://host/root IMAGE...        strata pull ssh://host IMAGE...
// Threads: one at a time.
#pragma once

#include "cli/command.h"
#include "cli/ssh_connection.h"
#include "codec/compress.h"
#include "oci/platform.h"
#include "registry/pull.h"

namespace strata::cli {

// The options that both have for it.
class SshTransferOptions {
 public:
  // --bootstrap, --digests, --no-parents, --remote-program, --wire-compression.
  void declare(Options& options);
  const SshOptions& connection() const { return connection_; }
  bool digests() const { return digests_; }
  bool parents() const { return !no_parents_; }
  // Errors: kInvalid for anything but zstd and none.
  Result<codec::CompressionSpec> compression() const;

 private:
  SshOptions connection_;
  bool digests_ = false;
  bool no_parents_ = false;
  std::string compression_ = "zstd";
};

// Sends the images `arguments[1]...` to `arguments[0]`, an ssh:// address, or fetches them from
// there. Prints progress and the names; returns the exit code.
// Errors: kInvalid (no images named), those of SshConnection and of the transfer.
Result<int> push_over_ssh(Context& context, const std::vector<std::string>& arguments,
                          const SshTransferOptions& options, bool quiet);

// What a pull takes, and when it asks at all.
struct SshPullTerms {
  registry::PullPolicy policy = registry::PullPolicy::kAlways;
  std::optional<oci::Platform> platform = {};  // none: any
};
// Errors: also kNotFound (an image that is for another platform; with kNever one that is not here).
Result<int> pull_over_ssh(Context& context, const std::vector<std::string>& arguments,
                          const SshTransferOptions& options, const SshPullTerms& terms, bool quiet);
// Says what the pull would fetch, and fetches nothing.
Result<int> forecast_over_ssh(Context& context, const std::vector<std::string>& arguments,
                              const SshTransferOptions& options, const SshPullTerms& terms);

// --all-tags with an ssh:// address: names only, each of which means all its tags.
// Errors: kInvalid, docker's text.
Status check_all_tags(const std::vector<std::string>& arguments);

}  // namespace strata::cli
