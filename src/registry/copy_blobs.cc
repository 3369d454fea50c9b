// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include "registry/copy_steps.h"
#include "registry/resolve_image.h"

namespace strata::registry {
namespace {

constexpr int kMaxIndexDepth = 4;
constexpr size_t kBlobsAtOnce = 5;  // as push

// All that belongs to a name: manifests, those below an index before it, and blobs, each once.
struct Parts {
  std::vector<RemoteManifest> manifests;
  std::vector<oci::Descriptor> blobs;
};

class Collector {
 public:
  explicit Collector(ManifestSource& source) : source_(source) {}

  Status collect(RemoteManifest remote, int depth) {
    if (!seen_.insert(remote.digest).second) return {};
    manifests_bytes_ += remote.bytes.size();
    if (depth > kMaxIndexDepth || seen_.size() > kMaxManifests ||
        manifests_bytes_ > kMaxManifestsBytes) {
      return error(ErrorCode::kUnsupported, "{}: more than {} manifests, {} bytes or {} levels",
                   remote.digest, kMaxManifests, kMaxManifestsBytes, kMaxIndexDepth);
    }
    STRATA_TRY(bool is_index, oci::is_index(remote.bytes).context("{}", remote.digest));
    STRATA_CHECK(is_index ? collect_index(remote, depth) : collect_manifest(remote));
    parts_.manifests.push_back(std::move(remote));
    return {};
  }
  Parts take() { return std::move(parts_); }

 private:
  Status collect_index(const RemoteManifest& remote, int depth) {
    STRATA_TRY(oci::Index index, oci::parse_index(remote.bytes).context("{}", remote.digest));
    for (const oci::Descriptor& entry : index.manifests) {
      STRATA_TRY(RemoteManifest below, source_.manifest(entry.digest));
      if (static_cast<uint64_t>(entry.size_bytes) != below.bytes.size()) {
        return error(ErrorCode::kCorrupt, "manifest {}: expected {} bytes, found {}", entry.digest,
                     entry.size_bytes, below.bytes.size());
      }
      STRATA_CHECK(collect(std::move(below), depth + 1));
    }
    return {};
  }

  Status collect_manifest(const RemoteManifest& remote) {
    STRATA_TRY(oci::Manifest manifest,
               oci::parse_manifest(remote.bytes).context("{}", remote.digest));
    for (const oci::Descriptor& layer : manifest.layers) STRATA_CHECK(add(layer));
    return add(manifest.config);
  }

  Status add(const oci::Descriptor& blob) {
    auto [known, is_new] = sizes_.try_emplace(blob.digest, blob.size_bytes);
    if (is_new) parts_.blobs.push_back(blob);
    if (known->second == blob.size_bytes) return {};
    return error(ErrorCode::kInvalid, "blob {} is said to have {} bytes, and {} bytes", blob.digest,
                 known->second, blob.size_bytes);
  }

  ManifestSource& source_;
  Parts parts_;
  std::set<Digest> seen_;
  std::map<Digest, int64_t> sizes_;
  size_t manifests_bytes_ = 0;
};

// Tells how far a blob is.
class WatchedSource final : public ByteSource {
 public:
  WatchedSource(std::unique_ptr<ByteSource> from, const Digest& blob, CopyWatcher& watcher)
      : from_(std::move(from)), blob_(blob), watcher_(watcher) {}
  Result<size_t> read(MutableByteSpan buffer) override {
    Result<size_t> count = from_->read(buffer);
    if (count.ok()) watcher_.blob_advanced(blob_, done_bytes_ += *count);
    return count;
  }

 private:
  std::unique_ptr<ByteSource> from_;
  const Digest blob_;
  CopyWatcher& watcher_;
  uint64_t done_bytes_ = 0;
};

Status copy_blob(ManifestSource& source, CopyTarget& target, const oci::Descriptor& blob,
                 CopyWatcher& watcher, const Pool& pool) {
  STRATA_CHECK(pool.check_cancelled());
  BlobOpener open = [&]() -> Result<std::unique_ptr<ByteSource>> {
    watcher.blob_started(blob.digest, static_cast<uint64_t>(blob.size_bytes));
    STRATA_TRY(std::unique_ptr<ByteSource> bytes, source.open_blob(blob));
    return std::unique_ptr<ByteSource>(
        std::make_unique<WatchedSource>(std::move(bytes), blob.digest, watcher));
  };
  STRATA_TRY(std::string status, target.put(blob, open));
  watcher.blob_done(blob.digest, status);
  return {};
}

// Those that are to be had from elsewhere only: registries do not take them.
void drop_foreign(std::vector<oci::Descriptor>& blobs, CopyWatcher& watcher) {
  std::erase_if(blobs, [&](const oci::Descriptor& blob) {
    if (!blob.urls.empty()) watcher.blob_done(blob.digest, "Skipped foreign layer");
    return !blob.urls.empty();
  });
}

}  // namespace

Result<CopyReport> copy_blobs(ManifestSource& source, CopyTarget& target,
                              const CopyOptions& options, CopyWatcher& watcher, const Pool& pool) {
  STRATA_TRY(RemoteManifest top, source.top());
  if (!options.all) {
    auto fetch = [&](const Digest& digest) { return source.manifest(digest); };
    STRATA_TRY(top, choose_manifest(std::move(top), fetch, options.platform));
  }
  Collector collector(source);
  STRATA_CHECK(collector.collect(std::move(top), 0));
  Parts parts = collector.take();
  drop_foreign(parts.blobs, watcher);
  if (options.format) STRATA_CHECK(convert_manifests(parts.manifests, *options.format));
  CopyReport report{parts.manifests.back().digest, {}, parts.manifests.back().bytes.size()};
  // Beyond this point the manifests and blobs are fixed.

  STRATA_CHECK(target.prepare(parts.blobs));
  STRATA_CHECK(run_in_lanes(kBlobsAtOnce, parts.blobs.size(), [&](size_t i) {
    return copy_blob(source, target, parts.blobs[i], watcher, pool);
  }));
  // Beyond this point every blob is there, verified.
  for (size_t i = 0; i < parts.manifests.size(); ++i) {
    STRATA_CHECK(target.put_manifest(parts.manifests[i], i + 1 == parts.manifests.size()));
  }
  STRATA_CHECK(target.finish());
  return report;
}

}  // namespace strata::registry
