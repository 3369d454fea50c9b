// SPDX-License-Identifier: Apache-2.0
// login, logout: credentials for a registry, checked with it and kept where docker keeps them.
#include <termios.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "cli/registry_options.h"
#include "cli/routes.h"
#include "registry/credentials.h"

namespace strata::cli {
namespace {

constexpr size_t kMaxSecretBytes = 1 << 20;

// What docker's messages call the server: the hub by its key.
std::string shown(const std::string& server) {
  std::string key = registry::server_key(server);
  return server.empty() ? key : key.find("://") != key.npos ? server : key;
}

// The name under which it is spoken to.
std::string domain(const std::string& server) {
  std::string key = registry::server_key(server);
  return key.find("://") == key.npos ? key : std::string(oci::kDefaultDomain);
}

// The terminal without echo, as long as this lives.
class HiddenInput {
 public:
  HiddenInput() : is_terminal_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!is_terminal_) return;
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  HiddenInput(const HiddenInput&) = delete;
  ~HiddenInput() {
    if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_{};
  const bool is_terminal_;
};

// Up to the end of the line, or of the input.
Result<std::string> read_line() {
  WaitingSource input(STDIN_FILENO);
  std::string line;
  std::byte byte;
  while (line.size() < kMaxSecretBytes) {
    STRATA_TRY(size_t count, input.read({&byte, 1}));
    if (count == 0 || byte == std::byte{'\n'}) break;
    line += static_cast<char>(byte);
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

class Login final : public Command {
 public:
  void declare(Options& options) override {
    options.text('p', "password", "string", "Password", password_);
    options.flag(kNoShort, "password-stdin", "Take the password from stdin", from_stdin_);
    options.text('u', "username", "string", "Username", user_);
    registry_.declare(options);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    const std::string server = arguments.empty() ? "" : arguments[0];
    const std::string key = registry::server_key(server);
    registry::ClientOptions options = registry_.client_options();
    options.warn = nullptr;  // what is wrong with credentials is an error here
    registry::CredentialStore store(options);
    STRATA_CHECK(check_words(context));
    STRATA_TRY(std::unique_ptr<registry::Client> client,
               registry::Client::open(options, context.pool()));
    if (user_.empty() && password_.empty()) {
      STRATA_TRY(bool done, try_known(context, *client, store, server));
      if (done) return 0;
    }
    STRATA_CHECK(ask(context, server));
    STRATA_TRY(std::string token, client->check_login(domain(server), user_, password_));
    registry::Credentials credentials{user_, password_, token, ""};
    STRATA_TRY(registry::Kept kept, store.put(key, credentials));
    if (kept == registry::Kept::kInFile && token.empty()) {
      context.err().print(fmt::format(
          "WARNING! Your password will be stored unencrypted in {}.\n"
          "Configure a credential helper to remove this warning. See\n"
          "https://docs.docker.com/engine/reference/commandline/login/#credentials-store\n\n",
          store.file()));
    }
    context.out().print("Login Succeeded\n");
    return 0;
  }

 private:
  Status check_words(Context& context) {
    if (!password_.empty()) {
      context.err().print(
          "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
      if (from_stdin_) {
        return error(ErrorCode::kInvalid, "--password and --password-stdin are mutually exclusive");
      }
    }
    if (!from_stdin_) return {};
    if (user_.empty()) {
      return error(ErrorCode::kInvalid, "Must provide --username with --password-stdin");
    }
    WaitingSource source(STDIN_FILENO);
    STRATA_TRY(password_, read_to_end(source, kMaxSecretBytes));
    if (password_.ends_with('\n')) password_.pop_back();
    if (password_.ends_with('\r')) password_.pop_back();
    return {};
  }

  // Whether what is stored already will do, and whether the server takes it.
  static Result<bool> try_known(Context& context, registry::Client& client,
                                const registry::CredentialStore& store, const std::string& server) {
    STRATA_TRY(std::optional<registry::Credentials> known,
               store.find_server(registry::server_key(server)));
    if (!known || known->user.empty() || known->secret.empty()) return false;
    context.out().print("Authenticating with existing credentials...\n");
    STRATA_CHECK(context.out().flush());
    Result<std::string> taken = client.check_login(domain(server), known->user, known->secret);
    if (taken.ok()) {
      context.out().print("Login Succeeded\n");
      return true;
    }
    context.err().print("Login did not succeed, error: " + taken.error().message() + "\n");
    return false;
  }

  Status ask(Context& context, const std::string& server) {
    if (!user_.empty() && !password_.empty()) return {};
    if (::isatty(STDIN_FILENO) != 1) {
      return error(ErrorCode::kInvalid,
                   "Cannot perform an interactive login from a non TTY device");
    }
    if (user_.empty()) {
      if (domain(server) == oci::kDefaultDomain) {
        context.out().print(
            "Login with your Docker ID to push and pull images from Docker Hub. If you don't have "
            "a "
            "Docker ID, head over to https://hub.docker.com to create one.\n");
      }
      context.out().print("Username: ");
      STRATA_CHECK(context.out().flush());
      STRATA_TRY(user_, read_line());
    }
    if (user_.empty()) return error(ErrorCode::kInvalid, "username is empty");
    if (password_.empty()) {
      context.out().print("Password: ");
      STRATA_CHECK(context.out().flush());
      HiddenInput hidden;
      STRATA_TRY(password_, read_line());
      context.out().print("\n");
      STRATA_CHECK(context.out().flush());  // the warning below goes to the same terminal
    }
    if (password_.empty()) return error(ErrorCode::kInvalid, "password is empty");
    return {};
  }

  std::string user_;
  std::string password_;
  bool from_stdin_ = false;
  RegistryOptions registry_;
};

class Logout final : public Command {
 public:
  void declare(Options& options) override { registry_.declare_auth_file(options); }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    const std::string server = arguments.empty() ? "" : arguments[0];
    registry::CredentialStore store(registry_.client_options());
    // As docker says it, whether there are any or not.
    context.out().print(fmt::format("Removing login credentials for {}\n", shown(server)));
    STRATA_CHECK(store.remove(registry::server_key(server)));
    return 0;
  }

 private:
  RegistryOptions registry_;
};

}  // namespace

std::unique_ptr<Command> make_login() { return std::make_unique<Login>(); }
std::unique_ptr<Command> make_logout() { return std::make_unique<Logout>(); }

}  // namespace strata::cli
