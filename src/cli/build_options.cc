// SPDX-License-Identifier: Apache-2.0
#include "cli/build_options.h"

#include <sys/stat.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <charconv>
#include <cstdlib>

#include "cli/build_cache_options.h"
#include "cli/container_values.h"
#include "cli/key_values.h"
#include "oci/json.h"
#include "oci/reference.h"

namespace strata::cli {
namespace {

// NAME=VALUE; without "=" the value is that of our own environment, and none if that has none.
std::map<std::string, std::string> pairs_of(const std::vector<std::string>& words,
                                            bool from_environment) {
  std::map<std::string, std::string> pairs;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (equals != word.npos) {
      pairs[name] = word.substr(equals + 1);
    } else if (!from_environment) {
      pairs[name] = "";
    } else if (const char* value = std::getenv(name.c_str())) {
      pairs[name] = value;
    }
  }
  return pairs;
}

Result<std::vector<std::string>> reference_keys(const std::vector<std::string>& tags) {
  std::vector<std::string> keys;
  for (const std::string& tag : tags) {
    STRATA_TRY(const oci::Reference name, oci::Reference::parse(tag));
    if (name.digest()) {
      return error(ErrorCode::kInvalid, "refusing to create a tag with a digest reference");
    }
    STRATA_CHECK(name.check_storable());
    keys.push_back(name.with_default_tag().store_key());
  }
  return keys;
}

// Seconds since 1970: --timestamp, or SOURCE_DATE_EPOCH.
Result<std::optional<int64_t>> fixed_time(std::string text) {
  std::string_view name = "--timestamp";
  if (text.empty()) {
    const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
    if (epoch == nullptr || *epoch == '\0') return std::optional<int64_t>();
    text = epoch;
    name = "SOURCE_DATE_EPOCH";
  }
  int64_t seconds = 0;
  const char* end = text.data() + text.size();
  auto [stop, failure] = std::from_chars(text.data(), end, seconds);
  if (failure != std::errc() || stop != end || seconds < 0) {
    return error(ErrorCode::kInvalid, "{} is \"{}\", expected seconds since 1970", name, text);
  }
  return std::optional(seconds);
}

// "id=x,src=FILE" or "id=x,env=NAME"; with neither the variable x, else the file x.
Status add_secret(const std::string& text, std::map<std::string, build::SecretSource>& secrets) {
  std::string id;
  build::SecretSource source;
  for (const auto& [key, value] : key_values(text)) {
    if (key == "id") {
      id = value;
    } else if (key == "src" || key == "source") {
      source.file = value;
    } else if (key == "env") {
      source.variable = value;
    } else if (key != "type" || (value != "file" && value != "env")) {
      return error(ErrorCode::kInvalid, "--secret {}: unexpected key '{}' in '{}={}'", text, key,
                   key, value);
    }
  }
  if (id.empty()) return error(ErrorCode::kInvalid, "--secret {}: id is missing", text);
  if (source.file.empty() && source.variable.empty()) {
    (std::getenv(id.c_str()) != nullptr ? source.variable : source.file) = id;
  }
  secrets[id] = std::move(source);
  return {};
}

// "default", or "id=SOCKET".
Status add_agent(const std::string& text, std::map<std::string, std::string>& agents) {
  const size_t equals = text.find('=');
  const std::string id = text.substr(0, equals);
  std::string socket = equals == text.npos ? "" : text.substr(equals + 1);
  if (socket.empty()) {
    const char* ours = std::getenv("SSH_AUTH_SOCK");
    socket = ours == nullptr ? "" : ours;
  }
  if (socket.empty()) {
    return error(ErrorCode::kInvalid,
                 "invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
  }
  struct stat info {};
  STRATA_TRY(info, lstat_at(Fd(), socket).context("--ssh {}", text));
  if (!S_ISSOCK(info.st_mode)) {
    return error(ErrorCode::kUnsupported,
                 "--ssh {}: {} is no socket of an agent; add keys to ssh-agent and pass its socket",
                 text, socket);
  }
  agents[id] = std::move(socket);
  return {};
}

}  // namespace

void BuildOptions::declare(Options& options) {
  declare_cache(options);
  options.list(kNoShort, "add-host", "list", "Add a custom host-to-IP mapping (host:ip)",
               extra_hosts_);
  options.list(kNoShort, "allow", "list", "Allow what is not allowed else (security.insecure)",
               allowed_);
  options.list(kNoShort, "build-arg", "list", "Set build-time variables", build_args_);
  options.flag(kNoShort, "check", "Look for what is wrong in the Dockerfile, and build nothing",
               check_);
  options.list(kNoShort, "build-context", "list", "Additional build contexts (name=path)",
               contexts_);
  options.text('f', "file", "string", "Name of the Dockerfile (Default is 'PATH/Dockerfile')",
               file_);
  options.text(kNoShort, "iidfile", "string", "Write the image ID to the file", id_file_);
  options.list(kNoShort, "label", "list", "Set metadata for an image", labels_);
  options.text(kNoShort, "metadata-file", "string", "Write build result metadata to the file",
               metadata_file_);
  options.text(kNoShort, "network", "string", "Network of RUN: host (the default), or none",
               network_);
  options.check_last([](const std::string& value) {
    bool known = value == "default" || value == "host" || value == "none";
    return known ? Status()
                 : Status(Error(ErrorCode::kInvalid,
                                "must be host or none: there is no daemon "
                                "that keeps other networks"));
  });
  options.list('o', "output", "string", "Output destination (format: type=local,dest=path)",
               outputs_);
  options.text(kNoShort, "platform", "string", "Set platform of base images that do not say theirs",
               platform_);
  options.flag(kNoShort, "pull", "Always attempt to pull a newer version of base images", pull_);
  options.flag('q', "quiet", "Suppress the build output and print image ID on success", quiet_);
  options.text(kNoShort, "runtime", "string", "OCI runtime for RUN: crun or runc, or a path",
               runtime_);
  options.list(kNoShort, "secret", "list",
               "Secret for RUN --mount=type=secret (id=mysecret[,src=/local/secret])", secrets_);
  options.text(kNoShort, "shm-size", "bytes", "Size of '/dev/shm'", shm_size_);
  options.check_last(checked_by(parse_size));
  options.flag(kNoShort, "squash", "Squash newly built layers into a single new layer", squash_);
  options.list(kNoShort, "ssh", "list", "SSH agent for RUN --mount=type=ssh (default|id=socket)",
               ssh_);
  options.list('t', "tag", "list", "Name and optionally a tag in the 'name:tag' format", tags_);
  options.check_last(checked_by(oci::Reference::parse));
  options.text(kNoShort, "target", "string", "Set the target build stage to build", target_);
  options.text(kNoShort, "timestamp", "string",
               "Time of the image and its newest file, seconds since 1970 (SOURCE_DATE_EPOCH)",
               timestamp_);
  options.list(kNoShort, "ulimit", "ulimit", "Ulimit options", ulimits_);
  options.check_last(checked_by(parse_ulimit));
}

void BuildOptions::declare_cache(Options& options) {
  options.list(kNoShort, "cache-from", "list",
               "Images or exported caches whose steps are taken for cached (name, "
               "type=registry,ref=name or type=local,src=path)",
               cache_from_);
  options.list(kNoShort, "cache-to", "list",
               "Export the cache (type=registry,ref=name or type=local,dest=path, with mode=min or "
               "mode=max)",
               cache_to_);
  options.text(kNoShort, "docker-cache", "version",
               "Share the cache with dockerds of this version: 20.10 (up to 24), or 25 (and later)",
               docker_cache_);
  options.check_last([](const std::string& value) {
    return value == "20.10" || value == "25"
               ? Status()
               : Status(Error(ErrorCode::kInvalid, "must be 20.10 or 25"));
  });
  options.flag(kNoShort, "no-cache", "Do not use the cache when building the image", no_cache_);
  options.list(kNoShort, "no-cache-filter", "list", "Do not use the cache for these stages",
               no_cache_stages_);
}

Result<build::BuildRequest> BuildOptions::request() const {
  build::BuildRequest request;
  STRATA_TRY(request.tags, reference_keys(tags_));
  request.target = target_;
  request.build_args = pairs_of(build_args_, true);
  request.labels = pairs_of(labels_, false);
  if (!platform_.empty()) {
    STRATA_TRY(request.platform, oci::Platform::parse(platform_));
  }
  if (docker_cache_ == "25") request.form = build::SumForm::kDocker25;
  request.no_cache = no_cache_;
  request.no_cache_stages = no_cache_stages_;
  request.pull = pull_;
  request.squash = squash_;
  STRATA_TRY(request.time, fixed_time(timestamp_));
  if (request.time && !request.build_args.contains("SOURCE_DATE_EPOCH")) {
    request.build_args["SOURCE_DATE_EPOCH"] = fmt::format("{}", *request.time);
  }
  for (const std::string& text : cache_from_) {
    STRATA_TRY(build::CachePlace place, parse_cache_source(text));
    request.cache_from.push_back(std::move(place));
  }
  for (const std::string& text : cache_to_) {
    STRATA_TRY(std::optional<build::CacheTarget> target, parse_cache_target(text));
    if (target.has_value()) request.cache_to.push_back(std::move(*target));
  }
  request.network = network_;
  request.extra_hosts = extra_hosts_;
  for (const std::string& secret : secrets_) STRATA_CHECK(add_secret(secret, request.secrets));
  for (const std::string& agent : ssh_) STRATA_CHECK(add_agent(agent, request.ssh));
  for (const std::string& text : ulimits_) {
    STRATA_TRY(runtime::Ulimit limit, parse_ulimit(text));
    request.ulimits.push_back(std::move(limit));
  }
  if (!shm_size_.empty()) {
    STRATA_TRY(int64_t bytes, parse_size(shm_size_));
    request.shm_size_bytes = static_cast<uint64_t>(bytes);
  }
  for (const std::string& what : allowed_) {
    if (what != "security.insecure" && what != "network.host") {
      return error(ErrorCode::kInvalid, "--allow {}: expected security.insecure or network.host",
                   what);
    }
    request.allow_insecure = request.allow_insecure || what == "security.insecure";
  }
  request.runtime = runtime_;
  for (const std::string& named : contexts_) {
    const size_t equals = named.find('=');
    if (equals == 0 || equals == named.npos) {
      return error(ErrorCode::kInvalid, "invalid context name {}, expected name=path", named);
    }
    request.contexts.push_back({named.substr(0, equals), named.substr(equals + 1)});
  }
  return request;
}

build::ContextOptions BuildOptions::context(const std::string& place, const Fd* root) const {
  build::ContextOptions options;
  options.place = place;
  options.dockerfile = file_;
  options.root = root;
  return options;
}

Result<std::vector<BuildOutput>> BuildOptions::outputs() const {
  std::vector<BuildOutput> outputs;
  for (const std::string& text : outputs_) {
    STRATA_TRY(BuildOutput output, parse_build_output(text));
    outputs.push_back(std::move(output));
  }
  return outputs;
}

Status BuildOptions::write_files(const ImageId& image, const std::vector<std::string>& tags) const {
  if (!id_file_.empty()) {
    STRATA_CHECK(replace_file_at(Fd(), id_file_, image.to_string(), 0644));
  }
  if (metadata_file_.empty()) return {};
  boost::json::object metadata;
  // An image of the store is named by its config, to dockerds too.
  metadata.emplace("containerimage.config.digest", image.to_string());
  metadata.emplace("containerimage.digest", image.to_string());
  std::vector<std::string> names;
  for (const std::string& tag : tags) {
    STRATA_TRY(const oci::Reference reference, oci::Reference::parse(tag));
    names.push_back(reference.full_string());
  }
  if (!names.empty()) metadata.emplace("image.name", fmt::format("{}", fmt::join(names, ",")));
  return replace_file_at(Fd(), metadata_file_, oci::go_json_indented(metadata, "", "  ") + "\n",
                         0644);
}

}  // namespace strata::cli
