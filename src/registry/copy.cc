// SPDX-License-Identifier: Apache-2.0
#include "registry/copy.h"

#include "archive/save.h"
#include "base/timer.h"
#include "registry/copy_steps.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "store/resolve.h"
#include "store/transaction.h"

namespace strata::registry {
namespace {

struct Copying {
  const ImagePlace& from;
  const ImagePlace& to;
  const CopyOptions& options;
  const CopyEnds& ends;
  CopyWatcher& watcher;
  Pool& pool;
};

bool has_manifests(Transport transport) {
  return transport == Transport::kRegistry || transport == Transport::kOciArchive ||
         transport == Transport::kOciFolder;
}

Result<std::unique_ptr<ManifestSource>> open_source(const Copying& copy) {
  if (copy.from.transport == Transport::kRegistry) {
    return open_repository_source(*copy.ends.source_client, *copy.from.name, copy.pool);
  }
  return open_layout_source(copy.from, copy.pool);
}

Result<std::unique_ptr<CopyTarget>> make_target(const Copying& copy, const oci::Reference* source) {
  if (copy.to.transport == Transport::kRegistry) {
    return make_repository_target(*copy.ends.target_client, *copy.to.name, source);
  }
  std::vector<LayoutName> names;
  for (const oci::Reference& name : copy.to.entries) {
    names.push_back({name.tag(), name.full_string()});
  }
  if (names.empty()) names.push_back({copy.to.tag});
  return copy.to.transport == Transport::kOciFolder
             ? make_layout_folder_target(copy.to.path, std::move(names))
             : make_layout_archive_target(copy.to.path, std::move(names));
}

Result<TarImage> open_layers(const Copying& copy) {
  if (copy.from.transport == Transport::kDockerArchive) {
    return tar_image_of_archive(copy.from, copy.options.platform, copy.pool);
  }
  if (copy.from.transport == Transport::kRoot) {
    return tar_image_of_store(*copy.ends.source_store, copy.from.image, copy.options.platform,
                              copy.pool);
  }
  STRATA_TRY(std::shared_ptr<ManifestSource> source, open_source(copy));
  return tar_image_of(std::move(source), copy.options.platform);
}

// The name in the target root; none: without one.
Result<oci::Reference> name_in_root(const ImagePlace& to) {
  STRATA_TRY(oci::Reference name, oci::Reference::parse(to.image).context("{}", to.text));
  if (name.digest()) {
    return error(ErrorCode::kInvalid, "{}: expected a name with a tag, found a digest", to.text);
  }
  STRATA_CHECK(name.check_storable());
  return name.with_default_tag();
}

// Tells of a pull or a push as of a copy.
class PullAdapter final : public PullWatcher {
 public:
  explicit PullAdapter(CopyWatcher& watcher) : watcher_(watcher) {}
  void pull_started(const std::string&, const std::string&) override {}
  void layer_listed(const Digest& blob, bool is_here) override {
    if (is_here) watcher_.blob_done(blob, "Already exists");
  }
  void layer_unpacked(const Digest& blob) override { watcher_.blob_done(blob, "Unpacked"); }
  void blob_waits(const Digest&) override {}
  void blob_arrived(const Digest& blob, uint64_t bytes, uint64_t total_bytes) override {
    if (bytes == 0) watcher_.blob_started(blob, total_bytes);
    watcher_.blob_advanced(blob, bytes);
  }
  void blob_read(const Digest&, uint64_t, uint64_t) override {}
  void blob_verified(const Digest&) override {}

 private:
  CopyWatcher& watcher_;
};

class PushAdapter final : public PushProgress {
 public:
  explicit PushAdapter(CopyWatcher& watcher) : watcher_(watcher) {}
  void layers(const std::vector<DiffId>&) override {}
  void layer_advanced(const DiffId& layer, uint64_t bytes_done) override {
    watcher_.blob_advanced(layer.digest(), bytes_done);
  }
  void layer_done(const DiffId& layer, std::string_view status) override {
    watcher_.blob_done(layer.digest(), status == "Pushed" ? "Packed" : status);
  }
  void tag_done(const std::string&, const Digest& digest, uint64_t size_bytes) override {
    report.digest = digest;
    report.manifest_bytes = size_bytes;
  }
  void note(const std::string& text) override { report.warnings.push_back(text); }

  CopyReport report;

 private:
  CopyWatcher& watcher_;
};

// Registry -> root: as pull, by digest, so that it can go on after an interruption; then the name.
Result<CopyReport> pull_into_root(const Copying& copy, const oci::Reference& name) {
  store::Store& store = *copy.ends.target_store;
  STRATA_TRY(std::unique_ptr<Repository> repository,
             copy.ends.source_client->repository(*copy.from.name, Access::kPull));
  Digest digest;
  if (copy.from.name->digest()) {
    digest = *copy.from.name->digest();
  } else {
    STRATA_TRY(digest, repository->head_manifest(copy.from.name->tag()));
  }
  PullAdapter adapter(copy.watcher);
  PullOptions options;
  options.platform = copy.options.platform;
  options.watcher = &adapter;
  STRATA_TRY(PullReport pulled,
             pull(store, *repository, copy.from.name->with_digest(digest), options, copy.pool));
  STRATA_TRY(store::Transaction txn, store.begin());
  STRATA_CHECK(txn.set_reference(name.store_key(), pulled.image));
  STRATA_CHECK(txn.commit());
  return CopyReport{{}, pulled.image, 0, std::move(pulled.warnings)};
}

// Root -> registry: as push, under any name.
Result<CopyReport> push_from_root(const Copying& copy) {
  if (copy.to.name->digest()) {
    return error(ErrorCode::kInvalid, "{}: cannot push a digest reference", copy.to.text);
  }
  STRATA_TRY(store::Resolved found, store::resolve(*copy.ends.source_store, copy.from.image));
  PushOptions options;
  options.compression = copy.options.compression;
  options.image = found.image;
  PushAdapter adapter(copy.watcher);
  STRATA_CHECK(push(*copy.ends.source_store, *copy.ends.target_client, *copy.to.name, options,
                    adapter, copy.pool));
  return std::move(adapter.report);
}

// Root -> docker archive: as save.
Result<CopyReport> save_from_root(const Copying& copy) {
  STRATA_TRY(store::Resolved found, store::resolve(*copy.ends.source_store, copy.from.image));
  archive::SaveOptions options;
  options.names = {found.image.to_string()};
  options.tags.emplace();
  if (copy.to.name) options.tags->push_back(*copy.to.name);
  STRATA_CHECK(archive::save_to_file(*copy.ends.source_store, options, copy.to.path, copy.pool));
  return CopyReport{{}, found.image};
}

}  // namespace

// Options that would be without effect are refused.
Status check_copy(const ImagePlace& from, const ImagePlace& to, const CopyOptions& options) {
  bool from_blobs = has_manifests(from.transport);
  bool to_blobs = has_manifests(to.transport);
  if (options.compression && (from_blobs || !to_blobs)) {
    return error(ErrorCode::kInvalid, "--compression: from {} to {} no layer is compressed: {}",
                 from.text, to.text,
                 to_blobs ? "blobs stay as they are, and so do their digests"
                          : "layers are kept unpacked there");
  }
  if (options.compression && options.compression->kind == codec::Compression::kNone &&
      to.transport == Transport::kRegistry) {
    return error(ErrorCode::kInvalid, "--compression must be gzip or zstd for a registry");
  }
  if (options.format && !to_blobs) {
    return error(ErrorCode::kInvalid, "--format: {} has no manifest of either kind", to.text);
  }
  if (options.all && !to_blobs) {
    return error(ErrorCode::kInvalid,
                 "--all: {} cannot hold an index with several platforms; say which by --platform",
                 to.text);
  }
  if (options.all && options.platform) {
    return error(ErrorCode::kInvalid, "--all and --platform exclude each other");
  }
  if (to.number) {
    return error(ErrorCode::kInvalid, "{}: expected a name, found a number", to.text);
  }
  return {};
}

Result<CopyReport> copy(const ImagePlace& from, const ImagePlace& to, const CopyOptions& options,
                        const CopyEnds& ends, CopyWatcher& watcher, Pool& pool) {
  Timer timer("copy");
  Copying copying{from, to, options, ends, watcher, pool};
  STRATA_CHECK(check_copy(from, to, options));
  const bool from_root = from.transport == Transport::kRoot;

  // Blobs and manifests as they are.
  if (has_manifests(from.transport) && has_manifests(to.transport)) {
    STRATA_TRY(std::unique_ptr<ManifestSource> source, open_source(copying));
    STRATA_TRY(std::unique_ptr<CopyTarget> target, make_target(copying, source->repository()));
    return copy_blobs(*source, *target, options, watcher, pool);
  }
  // What a store does itself.
  if (from_root && to.transport == Transport::kRegistry && !options.platform && !options.format) {
    return push_from_root(copying);
  }
  if (from_root && to.transport == Transport::kDockerArchive && !options.platform) {
    return save_from_root(copying);
  }
  if (to.transport == Transport::kRoot) {
    STRATA_TRY(oci::Reference name, name_in_root(to));
    if (from.transport == Transport::kRegistry) return pull_into_root(copying, name);
    STRATA_TRY(TarImage image, open_layers(copying));
    return unpack_into_root(std::move(image), *ends.target_store, name, watcher, pool);
  }
  // Layers packed or unpacked on the way.
  STRATA_TRY(TarImage image, open_layers(copying));
  if (to.transport == Transport::kDockerArchive) {
    STRATA_CHECK(write_docker_archive(image, to, watcher, pool));
    return CopyReport{{}, image.config.id()};
  }
  STRATA_TRY(std::unique_ptr<CopyTarget> target, make_target(copying, nullptr));
  bool oci_types = to.transport != Transport::kRegistry;
  if (options.format) oci_types = *options.format == ManifestFormat::kOci;
  return pack_image(image, *target, oci_types, options, watcher, pool);
}

}  // namespace strata::registry
