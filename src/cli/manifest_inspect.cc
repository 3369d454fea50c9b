// SPDX-License-Identifier: Apache-2.0
// manifest inspect: a manifest as the registry has it, in the form in which docker prints it: a
// single one with its own members, indented by tabs; a list in docker's own order, by three spaces.
#include "cli/registry_options.h"
#include "cli/routes.h"
#include "oci/json.h"

namespace strata::cli {
namespace {

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

boost::json::object platform_of(const oci::Platform& platform) {
  boost::json::object object{{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.variant.empty()) object["variant"] = platform.variant;
  return object;
}

std::string list_text(const oci::Index& index) {
  boost::json::array manifests;
  for (const oci::Descriptor& entry : index.manifests) {
    boost::json::object object{{"mediaType", entry.media_type},
                               {"size", entry.size_bytes},
                               {"digest", entry.digest.to_string()}};
    if (entry.platform) object["platform"] = platform_of(*entry.platform);
    manifests.push_back(std::move(object));
  }
  boost::json::object list{
      {"schemaVersion", 2}, {"mediaType", index.media_type}, {"manifests", std::move(manifests)}};
  return oci::go_json_indented(list, "", "   ");
}

class ManifestInspect final : public Command {
 public:
  void declare(Options& options) override {
    options.flag(kNoShort, "insecure", "Allow communication with an insecure registry", insecure_);
    registry_.declare(options);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(oci::Reference name, oci::Reference::parse(arguments[0]));
    registry::ClientOptions options = registry_.client_options();
    options.tls_verify = options.tls_verify && !insecure_;
    STRATA_TRY(std::unique_ptr<registry::Client> client,
               registry::Client::open(std::move(options), context.pool()));
    STRATA_TRY(std::unique_ptr<registry::Repository> repository,
               client->repository(name, registry::Access::kPull));
    std::string tag = name.with_default_tag().tag();
    STRATA_TRY(registry::RemoteManifest manifest,
               repository->get_manifest(name.digest() ? name.digest()->to_string() : tag));
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
  RegistryOptions registry_;
};

}  // namespace

std::unique_ptr<Command> make_manifest_inspect() { return std::make_unique<ManifestInspect>(); }

}  // namespace strata::cli
