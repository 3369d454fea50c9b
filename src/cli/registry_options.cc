// SPDX-License-Identifier: Apache-2.0
#include "cli/registry_options.h"

#include <unistd.h>

#include <set>

#include "base/guarded.h"
#include "base/interrupt.h"
#include "registry/credentials.h"
#include "registry/registries.h"

namespace strata::cli {

void RegistryOptions::declare_auth_file(Options& options) {
  options.text(kNoShort, "authfile", "string", "Credentials file, instead of docker's config.json",
               auth_file_);
}

void RegistryOptions::declare(Options& options) {
  declare_auth_file(options);
  options.text(kNoShort, "cert-dir", "string", "Folder of *.crt, *.cert and *.key for the registry",
               cert_dir_);
  options.flag(kNoShort, "tls-verify", "Check certificates, and use HTTPS only", tls_verify_);
}

void RegistryOptions::declare_content_trust(Options& options) {
  options.flag(kNoShort, "disable-content-trust", "", no_content_trust_);
  options.hide_last();
  options.check_last([](const std::string& value) {
    const bool wanted = value == "false" || value == "False" || value == "0" || value == "f";
    return wanted ? Status(Error(ErrorCode::kUnsupported, "content trust is not supported"))
                  : Status();
  });
}

registry::ClientOptions RegistryOptions::client_options() const {
  registry::ClientOptions options = registry::client_options();
  options.tls_verify = tls_verify_;
  options.cert_dir = cert_dir_;
  options.auth_file = auth_file_;
  auto said = std::make_shared<Guarded<std::set<std::string>>>();
  options.warn = [said](const std::string& message) {
    if (!said->lock()->insert(message).second) return;
    Output(STDERR_FILENO, Output::Hold::kAtOnce)
        .print(fmt::format("WARNING: {}\n", readable(message)));
  };
  return options;
}

bool RegistryOptions::may_start_programs() const {
  return registry::CredentialStore(client_options()).may_ask_helpers();
}

Status RegistryOptions::check() const {
  STRATA_TRY([[maybe_unused]] registry::Registries read,
             registry::Registries::read(client_options()));
  return {};
}

void RegistryOptions::tell_of_waits(Context& context, bool quiet,
                                    registry::ClientOptions& options) {
  if (quiet || context.global().quiet) return;
  options.on_wait = [fd = context.err().fd()](const std::string& host, std::chrono::seconds time) {
    std::string line = fmt::format("{} asks to wait {} seconds\n", host, time.count());
    (void)WaitingSink(fd).write(as_bytes(line)).ok();
  };
}

Result<std::unique_ptr<registry::Client>> RegistryOptions::open_client(Context& context,
                                                                       bool quiet) const {
  registry::ClientOptions options = client_options();
  tell_of_waits(context, quiet, options);
  return registry::Client::open(std::move(options), context.pool());
}

}  // namespace strata::cli
