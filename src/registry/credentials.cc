// SPDX-License-Identifier: Apache-2.0
//   docker-credential-NAME get     stdin: key    stdout: {"ServerURL","Username","Secret"}
//                                  exit 1 and "credentials not found in native keychain": none
//                          store   stdin: that object
//                          erase   stdin: key
//   Username "<token>": the secret is an identity token.
// Source: docker-credential-helpers, README; FORMATS section 9.1.
#include "registry/credentials.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/fs_at.h"
#include "base/run_program.h"
#include "oci/json.h"

namespace strata::registry {
namespace {

constexpr std::string_view kHubKey = "https://index.docker.io/v1/";
constexpr std::string_view kTokenUser = "<token>";
constexpr size_t kMaxHelperBytes = 1 << 20;

std::string encode_base64(std::string_view text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                               reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(length));
  return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0 || text.size() > kMaxHelperBytes) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                               reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  while (!text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    out.pop_back();
  }
  while (!out.empty() && out.back() == '\0') out.pop_back();  // as docker does
  return out;
}

std::string host_of(std::string_view key) {
  size_t slashes = key.find("://");
  if (slashes != key.npos) key.remove_prefix(slashes + 3);
  return std::string(key.substr(0, key.find('/')));
}

struct AuthFile {
  std::string path;
  boost::json::object content;

  const boost::json::object* section(std::string_view name) const {
    const boost::json::value* value = content.if_contains(name);
    return value == nullptr ? nullptr : value->if_object();
  }
  // The helper for a key; empty: the file itself.
  std::string helper(const std::string& key) const {
    const boost::json::object* helpers = section("credHelpers");
    const boost::json::value* name = nullptr;
    if (helpers != nullptr) name = helpers->if_contains(key);
    if (helpers != nullptr && name == nullptr) name = helpers->if_contains(host_of(key));
    if (name == nullptr) name = content.if_contains("credsStore");
    bool is_name = name != nullptr && name->is_string();
    return is_name ? std::string(name->get_string()) : std::string();
  }
};

Result<AuthFile> read_auth_file(const std::string& path) {
  AuthFile file{path, {}};
  if (path.empty()) return file;
  Result<Fd> fd = open_path(path, O_RDONLY | O_CLOEXEC);
  if (!fd.ok()) {
    bool absent = fd.error().code() == ErrorCode::kNotFound;
    return absent ? Result<AuthFile>(std::move(file)) : std::move(fd).error();
  }
  FdSource source(fd->get());
  STRATA_TRY(std::string text, read_to_end(source, kSmallFileBytes));
  if (text.find_first_not_of(" \t\r\n") == text.npos) return file;
  STRATA_TRY(boost::json::value value, oci::parse_json(text, path));
  if (!value.is_object()) {
    return error(ErrorCode::kInvalid, "{}: expected an object, found {}", path,
                 oci::go_kind(value));
  }
  file.content = std::move(value.get_object());
  return file;
}

Result<Credentials> parse_entry(const boost::json::object& entry, const std::string& where) {
  Credentials found;
  STRATA_TRY(found.user, oci::get_string(entry, "AuthConfig", "username"));
  STRATA_TRY(found.secret, oci::get_string(entry, "AuthConfig", "password"));
  STRATA_TRY(found.identity_token, oci::get_string(entry, "AuthConfig", "identitytoken"));
  STRATA_TRY(found.registry_token, oci::get_string(entry, "AuthConfig", "registrytoken"));
  STRATA_TRY(std::string auth, oci::get_string(entry, "AuthConfig", "auth"));
  if (auth.empty()) return found;
  std::optional<std::string> plain = decode_base64(auth);
  size_t colon = plain ? plain->find(':') : std::string::npos;
  if (colon == std::string::npos) {
    return error(ErrorCode::kInvalid, "{}: \"auth\" is not base64 of user:password", where);
  }
  found.user = plain->substr(0, colon);
  found.secret = plain->substr(colon + 1);
  return found;
}

// Whether a key of an old file means the whole server: "https://host/v1/", "host/v1/", "host/".
bool means_server(std::string_view key, const std::string& host) {
  if (host_of(key) != host) return false;
  if (key.find("://") != key.npos) return true;
  std::string_view path = key.substr(host.size());
  while (path.ends_with('/')) path.remove_suffix(1);
  return path.empty() || path == "/v1" || path == "/v2";
}

Result<std::optional<Credentials>> from_auths(const AuthFile& file, const std::string& key) {
  const boost::json::object* auths = file.section("auths");
  if (auths == nullptr) return std::optional<Credentials>();
  const boost::json::value* entry = auths->if_contains(key);
  for (auto at = auths->begin(); entry == nullptr && at != auths->end(); ++at) {
    if (means_server(at->key(), key)) entry = &at->value();
  }
  if (entry == nullptr || !entry->is_object()) return std::optional<Credentials>();
  STRATA_TRY(Credentials found, parse_entry(entry->get_object(), file.path + ": " + key));
  if (found == Credentials{}) return std::optional<Credentials>();
  return std::optional<Credentials>(std::move(found));
}

Result<ProgramResult> run_helper(const std::string& name, const char* verb,
                                 std::string_view input) {
  if (name.find('/') != name.npos) {
    return error(ErrorCode::kInvalid, "credential helper \"{}\": a name holds no '/'", name);
  }
  return run_program({"docker-credential-" + name, verb}, input, kMaxHelperBytes);
}

Result<std::optional<Credentials>> from_helper(const std::string& name, const std::string& key) {
  STRATA_TRY(ProgramResult result, run_helper(name, "get", key));
  if (result.exit_code != 0) {
    if (result.output.find("credentials not found") != std::string::npos) {
      return std::optional<Credentials>();
    }
    return error(ErrorCode::kPermission,
                 "error getting credentials - err: exit status {}, out: `{}`", result.exit_code,
                 result.output.substr(0, 300));
  }
  STRATA_TRY(boost::json::value value, oci::parse_json(result.output, "docker-credential-" + name));
  if (!value.is_object()) return oci::type_error(value, "credentials.Credentials");
  Credentials found;
  STRATA_TRY(found.user, oci::get_string(value.get_object(), "Credentials", "Username"));
  STRATA_TRY(found.secret, oci::get_string(value.get_object(), "Credentials", "Secret"));
  if (found.user == kTokenUser) found = Credentials{"", "", found.secret, ""};
  return std::optional<Credentials>(std::move(found));
}

// A helper that is not installed knows nobody.
Result<std::optional<Credentials>> find_in(const AuthFile& file, const std::string& key) {
  if (std::string helper = file.helper(key); !helper.empty()) {
    Result<std::optional<Credentials>> found = from_helper(helper, key);
    bool is_missing = !found.ok() && found.error().code() == ErrorCode::kNotFound;
    if (!is_missing && (!found.ok() || *found)) return found;
  }
  return from_auths(file, key);
}

Status write_auth_file(const AuthFile& file) {
  // A link is followed: people keep this file in other places.
  Result<std::string> real = real_path(file.path);
  std::string path = real.ok() ? *real : file.path;
  size_t slash = path.rfind('/');
  std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
  STRATA_TRY(Fd top, open_path(folder.front() == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY));
  std::string below = folder.substr(folder.front() == '/' ? 1 : 0);
  if (!below.empty()) STRATA_CHECK(ensure_dirs_at(top, below, 0700));
  STRATA_TRY(Fd dir, open_path(folder, O_RDONLY | O_DIRECTORY));
  std::string text = oci::go_json_indented(file.content, "", "\t");
  return replace_file_at(dir, slash == path.npos ? path : path.substr(slash + 1), text, 0600);
}

}  // namespace

std::string server_key(std::string_view server) {
  std::string host = host_of(server);
  bool is_hub = host.empty() || host == "docker.io" || host == "index.docker.io" ||
                host == "registry-1.docker.io";
  return is_hub ? std::string(kHubKey) : host;
}

std::string basic_token(const Credentials& credentials) {
  return encode_base64(credentials.user + ":" + credentials.secret);
}

const std::string& CredentialStore::file() const {
  return options_.auth_file.empty() ? options_.docker_config : options_.auth_file;
}

Result<std::optional<Credentials>> CredentialStore::find_server(const std::string& key) const {
  STRATA_TRY(AuthFile docker, read_auth_file(file()));
  return find_in(docker, key);
}

std::vector<std::string> CredentialStore::files() const {
  std::vector<std::string> paths = {file()};
  if (options_.auth_file.empty()) {
    paths.insert(paths.end(), options_.container_auths.begin(), options_.container_auths.end());
  }
  return paths;
}

bool CredentialStore::may_ask_helpers() const {
  for (const std::string& path : files()) {
    Result<AuthFile> auths = read_auth_file(path);
    if (!auths.ok()) continue;  // find() tells
    const boost::json::object* helpers = auths->section("credHelpers");
    const bool named = helpers != nullptr && !helpers->empty();
    if (named || auths->content.contains("credsStore")) return true;
  }
  return false;
}

std::vector<std::string> CredentialStore::problems() const {
  std::vector<std::string> found;
  for (const std::string& path : files()) {
    auto note = [&](const Error& error) {
      const bool named = error.message().find(path) != std::string::npos;
      found.push_back(fmt::format("Error loading config file: {}{}", named ? "" : path + ": ",
                                  error.message()));
    };
    Result<AuthFile> file = read_auth_file(path);
    if (!file.ok()) note(file.error());
    const boost::json::object* auths = file.ok() ? file->section("auths") : nullptr;
    if (auths == nullptr) continue;
    for (const auto& entry : *auths) {
      Result<std::optional<Credentials>> read = from_auths(*file, entry.key());
      if (!read.ok()) note(read.error());
    }
  }
  return found;
}

Result<std::optional<Credentials>> CredentialStore::find(std::string_view repository) const {
  const std::string host = host_of(repository);
  const std::string key = server_key(host);
  for (const std::string& path : files()) {
    Result<AuthFile> file = read_auth_file(path);
    if (!file.ok()) continue;
    auto filed_for = [&](const std::string& part) -> std::optional<Credentials> {
      Result<std::optional<Credentials>> found = from_auths(*file, part);
      return found.ok() ? *std::move(found) : std::nullopt;
    };
    // Containers' files have keys for parts of a registry, "quay.io/team/x".
    for (std::string part(repository); part != host; part.resize(part.rfind('/'))) {
      if (std::optional<Credentials> found = filed_for(part)) return found;
    }
    if (std::string helper = file->helper(key); !helper.empty()) {
      Result<std::optional<Credentials>> found = from_helper(helper, key);
      if (found.ok() && *found) return found;
      if (!found.ok() && found.error().code() == ErrorCode::kCancelled) return found;
      const bool failed = !found.ok() && found.error().code() != ErrorCode::kNotFound;
      if (failed && options_.warn) options_.warn(found.error().message());
    }
    if (std::optional<Credentials> found = filed_for(key)) return found;
    if (std::optional<Credentials> found = filed_for(host)) return found;
  }
  return std::optional<Credentials>();
}

Result<Kept> CredentialStore::put(const std::string& key, const Credentials& credentials) const {
  STRATA_TRY(AuthFile auths, read_auth_file(file()));
  bool has_token = !credentials.identity_token.empty();
  boost::json::object entry;
  std::string helper = auths.helper(key);
  if (!helper.empty()) {
    boost::json::object stored{
        {"ServerURL", key},
        {"Username", has_token ? std::string(kTokenUser) : credentials.user},
        {"Secret", has_token ? credentials.identity_token : credentials.secret}};
    STRATA_TRY(ProgramResult result, run_helper(helper, "store", oci::go_json(stored)));
    if (result.exit_code != 0) {
      return error(ErrorCode::kPermission,
                   "error storing credentials - err: exit status {}, out: `{}`", result.exit_code,
                   result.output.substr(0, 300));
    }
  } else {
    // With a token the file keeps the user's name alone.
    Credentials kept = credentials;
    if (has_token) kept.secret.clear();
    entry["auth"] = basic_token(kept);
    if (has_token) entry["identitytoken"] = credentials.identity_token;
  }
  boost::json::value& section = auths.content["auths"];
  if (!section.is_object()) section = boost::json::object();
  section.get_object()[key] = std::move(entry);
  STRATA_CHECK(write_auth_file(auths));
  return helper.empty() ? Kept::kInFile : Kept::kByHelper;
}

Status CredentialStore::remove(const std::string& key) const {
  STRATA_TRY(AuthFile auths, read_auth_file(file()));
  std::vector<std::string> names = {key};
  if (key.find("://") == key.npos) names.insert(names.end(), {"http://" + key, "https://" + key});
  if (std::string helper = auths.helper(key); !helper.empty()) {
    for (const std::string& name : names) {
      STRATA_TRY(ProgramResult result, run_helper(helper, "erase", name));
      (void)result;  // what it does not have, it need not erase
    }
  }
  boost::json::value* section = auths.content.if_contains("auths");
  if (section == nullptr || !section->is_object()) return {};
  size_t erased = 0;
  for (const std::string& name : names) erased += section->get_object().erase(name);
  return erased == 0 ? Status() : write_auth_file(auths);
}

}  // namespace strata::registry
