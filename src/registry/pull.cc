// SPDX-License-Identifier: Apache-2.0
#include "registry/pull.h"

#include <algorithm>

#include "archive/unpack_missing.h"
#include "base/timer.h"
#include "registry/local_image.h"
#include "registry/registry_contents.h"
#include "registry/resolve_image.h"

namespace strata::registry {
namespace {

// Layers are told by diffID while they are unpacked; who watches knows their blobs.
class LayerNames final : public archive::LoadProgress {
 public:
  LayerNames(const archive::PlannedImage& image, const oci::Manifest& manifest, size_t layers_here,
             PullWatcher* watcher)
      : watcher_(watcher) {
    for (size_t i = 0; watcher_ != nullptr && i < manifest.layers.size(); ++i) {
      watcher_->layer_listed(manifest.layers[i].digest, i < layers_here);
      if (i >= layers_here) {
        blobs_.lock()->emplace(image.layers[i].diff, manifest.layers[i].digest);
      }
    }
  }
  void layer_started(const DiffId&, uint64_t) override {}
  void layer_advanced(const DiffId&, uint64_t) override {}
  void layer_finished(const DiffId& layer) override {
    auto blobs = blobs_.lock();
    auto blob = blobs->find(layer);
    if (blob == blobs->end()) return;
    watcher_->layer_unpacked(blob->second);
    blobs->erase(blob);
  }

 private:
  PullWatcher* watcher_;
  Guarded<std::multimap<DiffId, Digest>> blobs_;
};

struct Pulling {
  store::Store& store;
  Repository& repository;
  const oci::Reference& reference;
  const PullOptions& options;
  Pool& pool;
};

// The config, verified, and the layers as files of `contents`.
Result<archive::LoadPlan> plan_image(const Pulling& pull, const ResolvedImage& remote,
                                     RegistryContents& contents) {
  const oci::Manifest& manifest = remote.manifest;
  if (manifest.config.size_bytes > static_cast<int64_t>(archive::Contents::kMaxJsonBytes)) {
    return error(ErrorCode::kInvalid, "image config {} has {} bytes, at most {} are possible",
                 manifest.config.digest, manifest.config.size_bytes,
                 archive::Contents::kMaxJsonBytes);
  }
  // Also one that is here: a killed pull may have left it.
  STRATA_CHECK(contents.claim(manifest.config));
  STRATA_TRY(std::string config, read_config_if_here(pull.store, manifest.config.digest));
  if (config.empty()) {
    STRATA_TRY(archive::OpenedFile file, contents.open(manifest.config.digest.to_string()));
    STRATA_TRY(config, about_blob("image config", manifest.config.digest,
                                  read_to_end(*file.source, archive::Contents::kMaxJsonBytes)));
  }
  STRATA_TRY(oci::ImageConfig parsed, oci::ImageConfig::parse(config));
  STRATA_CHECK(check_platform(parsed, pull.reference, pull.options.platform));
  std::vector<std::string> files;
  for (const oci::Descriptor& layer : manifest.layers) files.push_back(layer.digest.to_string());
  STRATA_TRY(
      archive::PlannedImage image,
      archive::plan_image(std::move(config), files).context("manifest {}", remote.manifest_digest));
  archive::LoadPlan plan;
  plan.images.push_back(std::move(image));
  return plan;
}

// Also those that are here: somebody may remove them before we hold them.
Status claim_layers(const oci::Manifest& manifest, RegistryContents& contents) {
  for (const oci::Descriptor& layer : manifest.layers) STRATA_CHECK(contents.claim(layer));
  return {};
}

// Only of what was read, now or before, it is known that it is of that diffID: a manifest may say
// anything of a blob that nobody fetches.
Status record_sources(const Pulling& pull, const archive::PlannedImage& image,
                      const oci::Manifest& manifest, const RegistryContents& contents) {
  const store::DistributionDb& records = pull.store.distribution();
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    const Digest& blob = manifest.layers[i].digest;
    const DiffId& diff = image.layers[i].diff;
    STRATA_TRY(std::optional<DiffId> known, records.diff_of(blob));
    if (!contents.is_verified(blob) && known != diff) continue;
    store::BlobSource source{.blob = blob, .repository = pull.reference.full_name(), .hmac = ""};
    STRATA_TRY(std::vector<store::BlobSource> sources, records.sources_of(diff));
    bool is_recorded = known == diff && !sources.empty() && sources.back() == source;
    if (!is_recorded) STRATA_CHECK(records.add(diff, source));
  }
  return {};
}

// What a pull has left that was killed after it had published the image. The records say which blobs
// these are; who asks only for what is here need not ask the registry for its manifest.
Status forget_kept(const store::Store& store, const ImageId& image) {
  store::BlobFolder blobs(store.root());
  STRATA_TRY(std::vector<Digest> kept, blobs.list());
  if (kept.empty()) return {};
  STRATA_TRY(std::string text, store.images().read_config(image));
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(text)));
  const std::vector<DiffId>& layers = config.diff_ids();
  for (const Digest& blob : kept) {
    STRATA_TRY(std::optional<DiffId> layer, store.distribution().diff_of(blob));
    bool is_here = layer ? std::find(layers.begin(), layers.end(), *layer) != layers.end()
                         : blob == image.digest();
    // Of layers that it had no need to fetch, it left empty files.
    STRATA_TRY(uint64_t bytes, blobs.size_here(blob));
    if (is_here || bytes == 0) STRATA_CHECK(blobs.remove_unclaimed(blob));
  }
  return {};
}

Status commit(store::Transaction& txn) {
  Timer timer("commit");
  return txn.commit();
}

// Fetches what is missing and publishes the image.
Result<PullReport> fetch(const Pulling& pull, const ResolvedImage& remote,
                         RegistryContents& contents) {
  BufferPool buffers(archive::kBlockBytes, archive::kBlocks);
  STRATA_TRY(archive::LoadPlan plan, plan_image(pull, remote, contents));
  archive::PlannedImage& image = plan.images.front();
  STRATA_TRY(size_t layers_here, pull.store.count_present(image.config.chain_ids()));
  // Beyond this point image and layers are fixed.

  // From now on what is downloaded stays, whatever another pull of it does.
  STRATA_CHECK(claim_layers(remote.manifest, contents));
  LayerNames names(image, remote.manifest, layers_here, pull.options.watcher);

  // In parallel, while they arrive: against the digest of the blob, and against the diffID.
  STRATA_TRY(store::Transaction txn, pull.store.begin());
  PullReport report{image.config.id(), remote.name_digest, false, {}};
  STRATA_TRY(report.warnings, archive::unpack_missing_layers(
                                  plan, contents, {pull.store, txn, pull.pool, buffers, &names}));

  // First: whatever becomes of this process now, the next pull knows which blobs are of no use.
  STRATA_CHECK(record_sources(pull, image, remote.manifest, contents));

  // Publish: layers, config, names.
  STRATA_TRY([[maybe_unused]] ImageId id, txn.add_image(image.config.raw()));
  STRATA_TRY(report.is_new, set_names(pull.store, txn, pull.reference, remote.name_digest, id));
  STRATA_CHECK(commit(txn));
  STRATA_CHECK(contents.remove_all());  // they have done their duty
  return report;
}

}  // namespace

Result<PullReport> pull(store::Store& store, Repository& repository,
                        const oci::Reference& reference, const PullOptions& options, Pool& pool) {
  Pulling pulling{store, repository, reference, options, pool};

  // The image may be here, and be the one that the registry has: then a digest is all we ask for.
  STRATA_TRY(std::optional<PullReport> here, find_local(store, repository, reference, options));
  if (here) {
    STRATA_CHECK(forget_kept(store, here->image));
    return std::move(*here);
  }

  // Name -> index -> manifest.
  STRATA_TRY(ResolvedImage remote, resolve_image(repository, reference, options.platform));
  tell_started(reference, options);

  // Blobs that an earlier run has left can turn out to be spoiled: then once more, without them. That
  // may have been the config; if then layers are, all goes that was left.
  store::BlobFolder blobs(store.root());
  STRATA_CHECK(blobs.remove_unclaimed(store::BlobFolder::kStaleAfter, false));
  RegistryContents contents(repository, blobs, options.download, pool, options.watcher);
  Result<PullReport> report = fetch(pulling, remote, contents);
  for (bool all : {false, true}) {
    bool is_spoiled = !report.ok() && (report.error().code() == ErrorCode::kCorrupt ||
                                       report.error().code() == ErrorCode::kInvalid);
    if (!is_spoiled) return report;
    STRATA_TRY(bool again, contents.forget_doubtful(all));
    if (!again) return report;
    report = fetch(pulling, remote, contents);
  }
  return report;
}

}  // namespace strata::registry
