// SPDX-License-Identifier: Apache-2.0
// The options of every command that speaks to a registry.
// Threads: one at a time.
#pragma once

#include <memory>

#include "cli/command.h"
#include "registry/client.h"

namespace strata::cli {

class RegistryOptions {
 public:
  // --tls-verify, --cert-dir and --authfile.
  void declare(Options& options);
  void declare_auth_file(Options& options);
  // --disable-content-trust, which scripts write for docker: its default is all that there is here.
  void declare_content_trust(Options& options);
  // The user's defaults, changed by what was given. Warnings go to standard error.
  registry::ClientOptions client_options() const;
  // Whether asking a registry may start programs (credential helpers).
  bool may_start_programs() const;
  // Whether the user's files about registries can be read; starts no threads.
  Status check() const;
  // Says on standard error, unless it is quiet, for how long a server makes us wait.
  // Errors: those of Client::open.
  Result<std::unique_ptr<registry::Client>> open_client(Context& context, bool quiet = false) const;
  static void tell_of_waits(Context& context, bool quiet, registry::ClientOptions& options);

 private:
  bool tls_verify_ = true;
  bool no_content_trust_ = true;
  std::string cert_dir_;
  std::string auth_file_;
};

}  // namespace strata::cli
