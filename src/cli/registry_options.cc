// SPDX-License-Identifier: Apache-2.0
#include "cli/registry_options.h"

#include "registry/credentials.h"
#include "registry/registries.h"

namespace strata::cli {

void RegistryOptions::declare(Options& options) {
  options.text(kNoShort, "authfile", "string", "Credentials file, instead of docker's config.json",
               auth_file_);
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

Result<std::unique_ptr<registry::Client>> RegistryOptions::open_client(Context& context) const {
  return registry::Client::open(client_options(), context.pool());
}

}  // namespace strata::cli
