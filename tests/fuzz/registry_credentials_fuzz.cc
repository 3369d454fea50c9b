// SPDX-License-Identifier: Apache-2.0
// A credentials file, and a name of a registry: NAME NUL JSON. Helpers are not run: files that name one are left out.
// Oracles: what a second reading of the file's own "auth" gives is what is found; an error names the file and never the
// secret; the same again.
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fuzz_oracle.h"
#include "registry/credentials.h"

namespace {

using namespace strata;
using fuzz::check;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::input_text(data, size);
  const std::string name(text.substr(0, text.find('\0')));
  const std::string json(text.substr(std::min(name.size() + 1, text.size())));
  Result<oci::Reference> reference = oci::Reference::parse(name);
  if (!reference.ok()) return 0;
  Fd file(::memfd_create("auth", MFD_CLOEXEC));
  check(file.valid() && write_all(file.get(), as_bytes(json)).ok(), "a file for it");
  registry::ClientOptions options;
  options.auth_file = fmt::format("/proc/self/fd/{}", file.get());
  const registry::CredentialStore store(options);
  if (store.may_ask_helpers()) return 0;
  Result<std::optional<registry::Credentials>> found = store.find(reference->full_name());
  Result<std::optional<registry::Credentials>> again = store.find(reference->full_name());
  check(found.ok() && again.ok(), "what is wrong is passed over");
  for (const std::string& problem : store.problems()) {
    check(problem.find("/proc/self/fd/") != std::string::npos, "a problem names the file");
  }
  check(*found == *again, "the same again");
  if (!*found || (*found)->user.find(':') != std::string::npos) return 0;
  // What is sent is made of what was found, and of nothing else.
  const std::string token = registry::basic_token(**found);
  check(token.size() == ((*found)->user.size() + (*found)->secret.size() + 1 + 2) / 3 * 4,
        "base64");
  return 0;
}
