// SPDX-License-Identifier: Apache-2.0
// manifest inspect: a manifest as the registry has it, in the form in which docker prints it: a
// single one with its own members, indented by tabs; a list in docker's own order, by three spaces.
// --verbose: each image manifest with its name, descriptor and platform; those of a list in an array.
// Source: what docker 20.10 prints; the member OCIManifest: docker 23.
#include "cli/registry_options.h"
#include "cli/routes.h"
#include "oci/json.h"

namespace strata::cli {
namespace {

constexpr size_t kMaxConfigBytes = 8 << 20;
constexpr size_t kMaxVerboseBytes = 64 << 20;  // of a list's manifests together
constexpr int kMaxIndexDepth = 4;

// JSON text with the white space of Go's json.Indent("", "\t"); its other bytes stay as they are.
// The text has been parsed before.
class TabIndenter {
 public:
  std::string run(std::string_view text) {
    bool in_string = false;
    for (size_t i = 0; i < text.size(); ++i) {
      char c = text[i];
      if (in_string) {
        out_ += c;
        if (c == '\\' && i + 1 < text.size()) out_ += text[++i];
        in_string = c != '"';
      } else if (c == '"') {
        put_value(c);
        in_string = true;
      } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
        put_outside(c);
      }
    }
    return std::move(out_);
  }

 private:
  void put_outside(char c) {
    if (c == '{' || c == '[') {
      put_value(c);
      ++depth_;
      opened_ = true;
    } else if (c == '}' || c == ']') {
      --depth_;
      if (!opened_) new_line();
      opened_ = false;
      out_ += c;
    } else if (c == ',') {
      out_ += c;
      new_line();
    } else if (c == ':') {
      out_ += ": ";
    } else {
      put_value(c);
    }
  }
  void put_value(char c) {
    if (opened_) new_line();
    opened_ = false;
    out_ += c;
  }
  void new_line() {
    out_ += '\n';
    out_.append(depth_, '\t');
  }

  std::string out_;
  size_t depth_ = 0;
  bool opened_ = false;  // nothing stands in the container yet
};

std::string list_text(const oci::Index& index) {
  boost::json::array manifests;
  for (const oci::Descriptor& entry : index.manifests) {
    boost::json::object object{{"mediaType", entry.media_type},
                               {"size", entry.size_bytes},
                               {"digest", entry.digest.to_string()}};
    if (entry.platform) object["platform"] = oci::platform_json(*entry.platform);
    manifests.push_back(std::move(object));
  }
  boost::json::object list{
      {"schemaVersion", 2}, {"mediaType", index.media_type}, {"manifests", std::move(manifests)}};
  return oci::go_json_indented(list, "", "   ");
}

// What the config of an image says of its platform.
Result<oci::Platform> platform_of_config(registry::Repository& repository,
                                         const oci::Manifest& manifest) {
  STRATA_TRY(std::string text,
             registry::about_blob(
                 "image config", manifest.config.digest,
                 registry::get_small_blob(repository, manifest.config.digest, kMaxConfigBytes)));
  STRATA_TRY(boost::json::value config, oci::parse_json(text, "image config"));
  if (!config.is_object()) return oci::type_error(config, "v1.Platform");
  return oci::parse_platform(config.get_object(), "Platform");
}

// Writes what --verbose prints of one name.
class VerboseText {
 public:
  VerboseText(registry::Repository& repository, const oci::Reference& name)
      : repository_(repository), name_(name) {}

  Result<std::string> run(const registry::RemoteManifest& top) {
    STRATA_TRY(bool is_index, oci::is_index(top.bytes));
    if (!is_index) {
      STRATA_CHECK(add_image(top, name_.full_string(), std::nullopt));
      return TabIndenter().run(text_);
    }
    STRATA_CHECK(add_index(top, 1));
    return TabIndenter().run("[" + text_ + "]");
  }

 private:
  Status add_index(const registry::RemoteManifest& remote, int depth) {
    if (depth > kMaxIndexDepth) {
      return error(ErrorCode::kInvalid, "{}: too many indexes in each other", remote.digest);
    }
    STRATA_TRY(oci::Index index, oci::parse_index(remote.bytes).context("{}", remote.digest));
    for (const oci::Descriptor& entry : index.manifests) {
      STRATA_TRY(registry::RemoteManifest manifest,
                 repository_.get_manifest(entry.digest.to_string()));
      STRATA_TRY(bool is_index, oci::is_index(manifest.bytes).context("{}", entry.digest));
      if (is_index) {
        STRATA_CHECK(add_index(manifest, depth + 1));
      } else {
        STRATA_CHECK(add_image(manifest, name_of(entry), entry.platform));
      }
      if (text_.size() <= kMaxVerboseBytes) continue;
      return error(ErrorCode::kUnsupported, "the manifests of {} are longer than {} bytes together",
                   name_.familiar_string(), kMaxVerboseBytes);
    }
    return {};
  }

  // The tag stays, as in docker's names of a list's images.
  std::string name_of(const oci::Descriptor& entry) const {
    std::string tag = name_.tag().empty() ? "" : ":" + name_.tag();
    return fmt::format("{}{}@{}", name_.full_name(), tag, entry.digest);
  }

  // `platform`: what a list says of it; none: what the config says.
  Status add_image(const registry::RemoteManifest& remote, const std::string& name,
                   std::optional<oci::Platform> platform) {
    STRATA_TRY(oci::Manifest manifest,
               oci::parse_manifest(remote.bytes).context("{}", remote.digest));
    if (!platform) {
      STRATA_TRY(platform, platform_of_config(repository_, manifest));
    }
    boost::json::object descriptor{{"mediaType", remote.media_type},
                                   {"digest", remote.digest.to_string()},
                                   {"size", remote.bytes.size()},
                                   {"platform", oci::platform_json(*platform)}};
    const bool is_oci = remote.media_type == oci::media_type::kOciManifest;
    STRATA_TRY(std::string bytes, oci::compact_json(remote.bytes));
    text_ += fmt::format(R"({}{{"Ref":{},"Descriptor":{},"{}":{}}})", text_.empty() ? "" : ",",
                         oci::go_json(boost::json::string(name)), oci::go_json(descriptor),
                         is_oci ? "OCIManifest" : "SchemaV2Manifest", bytes);
    return {};
  }

  registry::Repository& repository_;
  const oci::Reference& name_;
  std::string text_;  // the images, separated by commas
};

class ManifestInspect final : public Command {
 public:
  void declare(Options& options) override {
    options.flag(kNoShort, "insecure", "Allow communication with an insecure registry", insecure_);
    options.flag('v', "verbose", "Output additional info including layers and platform", verbose_);
    registry_.declare(options);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(oci::Reference name, oci::Reference::parse(arguments[0]));
    name = name.with_default_tag();
    registry::ClientOptions options = registry_.client_options();
    options.tls_verify = options.tls_verify && !insecure_;
    STRATA_TRY(std::unique_ptr<registry::Client> client,
               registry::Client::open(std::move(options), context.pool()));
    STRATA_TRY(std::unique_ptr<registry::Repository> repository,
               client->repository(name, registry::Access::kPull));
    Result<registry::RemoteManifest> answer =
        repository->get_manifest(name.digest() ? name.digest()->to_string() : name.tag());
    if (!answer.ok() && answer.error().code() == ErrorCode::kNotFound) {
      return error(ErrorCode::kNotFound, "no such manifest: {}", name.full_string());
    }
    STRATA_TRY(registry::RemoteManifest manifest, std::move(answer));
    if (verbose_) {
      STRATA_TRY(std::string text, VerboseText(*repository, name).run(manifest));
      context.out().print(text + "\n");
      return 0;
    }
    STRATA_TRY(bool is_index, oci::is_index(manifest.bytes));
    if (is_index) {
      STRATA_TRY(oci::Index index, oci::parse_index(manifest.bytes));
      if (index.media_type.empty()) index.media_type = manifest.media_type;
      context.out().print(list_text(index) + "\n");
    } else {
      context.out().print(TabIndenter().run(manifest.bytes) + "\n");
    }
    return 0;
  }

 private:
  bool insecure_ = false;
  bool verbose_ = false;
  RegistryOptions registry_;
};

}  // namespace

std::unique_ptr<Command> make_manifest_inspect() { return std::make_unique<ManifestInspect>(); }

}  // namespace strata::cli
