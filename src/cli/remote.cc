// SPDX-License-Identifier: Apache-2.0
// remote: images in registries, without pulling them.
//   inspect  the image's config in the form of `inspect`, with digest and layers
//   digest   the digest of a tag
//   rm       removes a tag or a manifest
#include "cli/registry_options.h"
#include "cli/routes.h"
#include "hash/sha256.h"
#include "oci/image_config.h"
#include "oci/json.h"
#include "oci/platform.h"

namespace strata::cli {
namespace {

constexpr size_t kMaxConfigBytes = 8 << 20;

struct Remote {
  oci::Reference name;
  std::unique_ptr<registry::Client> client;
  std::unique_ptr<registry::Repository> repository;

  // What is asked for: the digest where there is one, else the tag.
  std::string reference() const { return name.digest() ? name.digest()->to_string() : name.tag(); }
};

Result<Remote> open_remote(Context& context, const RegistryOptions& options,
                           const std::string& text, registry::Access access) {
  STRATA_TRY(oci::Reference name, oci::Reference::parse(text));
  STRATA_TRY(std::unique_ptr<registry::Client> client, options.open_client(context));
  STRATA_TRY(std::unique_ptr<registry::Repository> repository, client->repository(name, access));
  return Remote{name.with_default_tag(), std::move(client), std::move(repository)};
}

class RemoteInspect final : public Command {
 public:
  void declare(Options& options) override {
    options.text(kNoShort, "platform", "string", "The image of this platform, of several",
                 platform_);
    registry_.declare(options);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(Remote remote,
               open_remote(context, registry_, arguments[0], registry::Access::kPull));
    STRATA_TRY(registry::RemoteManifest manifest,
               remote.repository->get_manifest(remote.reference()));
    const Digest digest = manifest.digest;
    STRATA_TRY(manifest, choose(*remote.repository, std::move(manifest)));
    STRATA_TRY(oci::Manifest parsed, oci::parse_manifest(manifest.bytes));
    STRATA_TRY(std::string text, registry::about_blob("image config", parsed.config.digest,
                                                      registry::get_small_blob(*remote.repository,
                                                                               parsed.config.digest,
                                                                               kMaxConfigBytes)));
    STRATA_TRY(boost::json::value config, oci::parse_json(text, "image config"));
    context.out().print(
        oci::go_json_indented(describe(remote.name, digest, manifest, parsed, config), "", "    "));
    context.out().print("\n");
    return 0;
  }

 private:
  // Through indexes to the image of the platform that is wanted.
  Result<registry::RemoteManifest> choose(registry::Repository& repository,
                                          registry::RemoteManifest manifest) const {
    oci::Platform wanted = oci::Platform::host();
    if (!platform_.empty()) {
      STRATA_TRY(wanted, oci::Platform::parse(platform_));
    }
    for (int depth = 0; depth < 4; ++depth) {
      STRATA_TRY(bool index, oci::is_index(manifest.bytes));
      if (!index) return manifest;
      STRATA_TRY(oci::Index list, oci::parse_index(manifest.bytes));
      const oci::Descriptor* found = nullptr;
      for (const oci::Descriptor& entry : list.manifests) {
        bool fits = !entry.platform || oci::is_same_platform(wanted, *entry.platform);
        if (found == nullptr && fits) found = &entry;
      }
      if (found == nullptr) {
        return error(ErrorCode::kNotFound,
                     "no matching manifest for {} in the manifest list entries",
                     wanted.to_string());
      }
      STRATA_TRY(manifest, repository.get_manifest(found->digest.to_string()));
    }
    return error(ErrorCode::kInvalid, "indexes are nested too deeply");
  }

  static boost::json::object describe(const oci::Reference& name, const Digest& digest,
                                      const registry::RemoteManifest& manifest,
                                      const oci::Manifest& parsed,
                                      const boost::json::value& config) {
    boost::json::array layers;
    int64_t size_bytes = 0;
    for (const oci::Descriptor& layer : parsed.layers) {
      layers.push_back(boost::json::object{{"MediaType", layer.media_type},
                                           {"Size", layer.size_bytes},
                                           {"Digest", layer.digest.to_string()}});
      size_bytes += layer.size_bytes;
    }
    return boost::json::object{{"Name", name.familiar_string()},
                               {"Digest", digest.to_string()},
                               {"MediaType", manifest.media_type},
                               {"Id", parsed.config.digest.to_string()},
                               {"CompressedSize", size_bytes},
                               {"Layers", std::move(layers)},
                               {"Config", config}};
  }

  std::string platform_;
  RegistryOptions registry_;
};

class RemoteDigest final : public Command {
 public:
  void declare(Options& options) override { registry_.declare(options); }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(Remote remote,
               open_remote(context, registry_, arguments[0], registry::Access::kPull));
    STRATA_TRY(Digest digest, remote.repository->head_manifest(remote.reference()));
    context.out().print(digest.to_string() + "\n");
    return 0;
  }

 private:
  RegistryOptions registry_;
};

class RemoteRemove final : public Command {
 public:
  void declare(Options& options) override { registry_.declare(options); }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    for (const std::string& argument : arguments) {
      STRATA_TRY(Remote remote,
                 open_remote(context, registry_, argument, registry::Access::kDelete));
      if (remote.name.digest()) {
        STRATA_CHECK(remote.repository->delete_manifest(remote.reference()));
        context.out().print(fmt::format(
            "Deleted: {}\n",
            remote.name.name_only().with_digest(*remote.name.digest()).familiar_string()));
        continue;
      }
      STRATA_CHECK(remove_tag(context, remote));
    }
    return 0;
  }

 private:
  // Registries of the protocol's version 1.1 remove a tag alone. Older ones remove the manifest
  // only, and all of its tags go with it: that is done when no other tag has it.
  static Status remove_tag(Context& context, Remote& remote) {
    const std::string name = remote.name.familiar_string();
    STRATA_TRY(Digest digest, remote.repository->head_manifest(remote.name.tag()));
    Status removed = remote.repository->delete_manifest(remote.name.tag());
    if (removed.ok()) {
      context.out().print(fmt::format("Untagged: {}\n", name));
      return {};
    }
    if (removed.error().code() == ErrorCode::kPermission) return removed;
    STRATA_TRY(std::vector<std::string> tags, remote.repository->list_tags());
    for (const std::string& tag : tags) {
      if (tag == remote.name.tag()) continue;
      Result<Digest> other = remote.repository->head_manifest(tag);
      if (!other.ok() && other.error().code() == ErrorCode::kNotFound) continue;
      STRATA_CHECK(other);
      if (*other != digest) continue;
      return error(ErrorCode::kConflict,
                   "{}: the registry removes manifests only, and {} is that of the tag {} too; "
                   "remove both with {}@{}",
                   name, digest, tag, remote.name.familiar_name(), digest);
    }
    STRATA_CHECK(remote.repository->delete_manifest(digest.to_string()));
    context.out().print(
        fmt::format("Untagged: {}\nDeleted: {}@{}\n", name, remote.name.familiar_name(), digest));
    return {};
  }

  RegistryOptions registry_;
};

}  // namespace

std::unique_ptr<Command> make_remote_inspect() { return std::make_unique<RemoteInspect>(); }
std::unique_ptr<Command> make_remote_digest() { return std::make_unique<RemoteDigest>(); }
std::unique_ptr<Command> make_remote_rm() { return std::make_unique<RemoteRemove>(); }

}  // namespace strata::cli
