// SPDX-License-Identifier: Apache-2.0
#include "registry/local_image.h"

namespace strata::registry {
namespace {

// The image that `key` stands for, if it can be used and is for the platform.
Result<std::optional<ImageId>> usable_image(const store::Store& store,
                                            const store::References& references,
                                            const std::string& key, const oci::Platform& wanted) {
  std::optional<ImageId> image = references.find(key);
  if (!image) return image;
  STRATA_TRY(std::optional<oci::ImageConfig> config, read_if_whole(store, *image));
  bool usable = config && oci::is_same_platform(wanted, config->platform().normalized());
  return usable ? image : std::optional<ImageId>();
}

// Whether the name stands for the image by now, and the digest for any.
bool has_names(const store::References& references, const oci::Reference& reference,
               const Digest& digest, const ImageId& image) {
  return references.find(reference.store_key()) == image &&
         references.find(reference.with_digest(digest).store_key());
}

}  // namespace

Result<std::string> read_config_if_here(const store::Store& store, const Digest& config) {
  Result<std::string> text = store.images().read_config(ImageId(config));
  bool unusable = !text.ok() && (text.error().code() == ErrorCode::kNotFound ||
                                 text.error().code() == ErrorCode::kCorrupt);
  return unusable ? Result<std::string>(std::string()) : std::move(text);
}

Result<std::optional<oci::ImageConfig>> read_if_whole(const store::Store& store,
                                                      const ImageId& image) {
  STRATA_TRY(std::string text, read_config_if_here(store, image.digest()));
  Result<oci::ImageConfig> config = oci::ImageConfig::parse(std::move(text));
  if (!config.ok()) return std::optional<oci::ImageConfig>();
  std::vector<ChainId> chains = config->chain_ids();
  STRATA_TRY(size_t layers_here, store.count_present(chains));
  if (layers_here < chains.size()) return std::optional<oci::ImageConfig>();
  return std::optional(std::move(*config));
}

Status check_platform(const oci::ImageConfig& config, const oci::Reference& reference,
                      const std::optional<oci::Platform>& wanted) {
  if (config.os_or_default() != "linux") {
    return error(ErrorCode::kUnsupported,
                 "image operating system \"{}\" cannot be used on this platform", config.os());
  }
  oci::Platform found = config.platform().normalized();
  if (!wanted || oci::match_rank(*wanted, found)) return {};
  return oci::other_platform(reference.familiar_string(), *wanted, found);
}

Result<bool> set_names(const store::Store& store, store::Transaction& txn,
                       const oci::Reference& reference, const Digest& digest,
                       const ImageId& image) {
  STRATA_TRY(store::References references, store.references());
  std::string key = reference.store_key();
  STRATA_CHECK(txn.set_reference(reference.with_digest(digest).store_key(), image));
  if (!reference.digest()) STRATA_CHECK(txn.set_reference(key, image));
  return references.find(key) != image;
}

void tell_started(const oci::Reference& reference, const PullOptions& options) {
  if (options.watcher == nullptr) return;
  options.watcher->pull_started(reference.digest() ? reference.familiar_string() : reference.tag(),
                                reference.path());
}

Result<std::optional<PullReport>> find_local(store::Store& store, Repository& repository,
                                             const oci::Reference& reference,
                                             const PullOptions& options) {
  const oci::Platform wanted = options.platform.value_or(oci::Platform::host()).normalized();
  STRATA_TRY(store::References references, store.references());
  STRATA_TRY(std::optional<ImageId> named,
             usable_image(store, references, reference.store_key(), wanted));
  bool asks = options.policy == PullPolicy::kAlways || options.policy == PullPolicy::kNewer;
  if (!asks && named) return std::optional(PullReport{*named, {}, false, {}});
  if (options.policy == PullPolicy::kNever) {
    return error(ErrorCode::kNotFound, "No such image: {}", reference.familiar_string());
  }
  if (!asks) return std::optional<PullReport>();

  Result<Digest> digest = repository.head_manifest(
      reference.digest() ? reference.digest()->to_string() : reference.tag());
  if (!digest.ok()) {
    bool will_do = options.policy == PullPolicy::kNewer && named;
    if (!will_do) return std::move(digest).error();
    return std::optional(PullReport{*named, {}, false, {digest.error().message()}});
  }
  STRATA_TRY(std::optional<ImageId> image,
             usable_image(store, references, reference.with_digest(*digest).store_key(), wanted));
  if (!image) return std::optional<PullReport>();
  tell_started(reference, options);
  PullReport report{*image, *digest, false, {}};
  if (has_names(references, reference, *digest, *image)) return std::optional(std::move(report));
  STRATA_TRY(store::Transaction txn, store.begin());
  STRATA_TRY(report.is_new, set_names(store, txn, reference, *digest, *image));
  STRATA_CHECK(txn.commit());
  return std::optional(std::move(report));
}

}  // namespace strata::registry
