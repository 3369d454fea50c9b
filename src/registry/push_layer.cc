// SPDX-License-Identifier: Apache-2.0
#include "registry/push_layer.h"

#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "driver/layer_reader.h"
#include "registry/layer_packing.h"
#include "registry/piped_source.h"

namespace strata::registry {
namespace {

// The compressor of one layer uses all cores, and the next one starts while the last bytes go out.
constexpr ptrdiff_t kCompressedAtOnce = 1;
constexpr size_t kReadBlockBytes = 256 << 10;
constexpr size_t kReadBlocks = 12;
constexpr size_t kMostMountsTried = 4;

codec::Compression kind_of(std::string_view media_type) {
  if (media_type == oci::media_type::kOciLayerZstd) return codec::Compression::kZstd;
  if (media_type.ends_with("gzip")) return codec::Compression::kGzip;
  return codec::Compression::kNone;
}

// Hands a download on to an upload.
class ForwardSink final : public BlobSink {
 public:
  explicit ForwardSink(ByteSink& to) : to_(to) {}
  Status begin(const BlobAnswer&) override { return {}; }
  Status take(ByteSpan bytes) override { return to_.write(bytes); }

 private:
  ByteSink& to_;
};

size_t common_prefix(std::string_view a, std::string_view b) {
  auto ends = std::mismatch(
      a.begin(), a.begin() + static_cast<ptrdiff_t>(std::min(a.size(), b.size())), b.begin());
  return static_cast<size_t>(ends.first - a.begin());
}

}  // namespace

LayerPusher::LayerPusher(Parts parts)
    : parts_(std::move(parts)),
      packing_(packing_of(parts_.options.compression)),
      compressors_(std::make_unique<std::counting_semaphore<16>>(kCompressedAtOnce)) {}

Result<PlacedLayer> LayerPusher::place(const ChainId& chain, const DiffId& diff,
                                       const oci::Descriptor* of_origin) {
  Task task{chain, diff};
  std::optional<PlacedLayer> placed;
  if (of_origin != nullptr) {
    STRATA_TRY(placed, as_in_origin(task, *of_origin));
  }
  if (!placed) {
    STRATA_TRY(placed, by_records(task));
  }
  if (!placed) {
    STRATA_TRY(placed, compress(task));
  }
  return *std::move(placed);
}

Result<std::optional<PlacedLayer>> LayerPusher::done(const DiffId& diff, PlacedLayer placed,
                                                     std::string_view status) {
  parts_.progress.layer_done(diff, status);
  if (parts_.store.access() == store::Access::kWrite) {
    const Digest& blob = placed.descriptor.digest;
    const std::string repository = parts_.repository.name().full_name();
    STRATA_CHECK(
        parts_.store.distribution().add(diff, {blob, repository, hmac_of(blob, repository)}));
  }
  return std::optional<PlacedLayer>(std::move(placed));
}

Result<std::optional<PlacedLayer>> LayerPusher::as_in_origin(Task& task,
                                                             const oci::Descriptor& wanted) {
  const oci::Reference& from = parts_.origin->repository;
  const oci::Reference& target = parts_.repository.name();
  PlacedLayer placed{wanted, true};
  if (!wanted.urls.empty()) {
    parts_.progress.layer_done(task.diff, "Skipped foreign layer");
    return std::optional<PlacedLayer>(std::move(placed));
  }
  if (parts_.options.compression &&
      parts_.options.compression->kind != kind_of(wanted.media_type)) {
    return std::optional<PlacedLayer>();
  }
  STRATA_TRY(bool there, parts_.repository.has_blob(wanted.digest));
  if (there) return done(task.diff, std::move(placed), "Layer already exists");
  if (from.domain() != target.domain()) return copy_blob(task, wanted);
  STRATA_TRY(bool mounted, mount(task, wanted.digest, from.path()));
  if (!mounted) return copy_blob(task, wanted);
  return done(task.diff, std::move(placed), "Mounted from " + from.path());
}

Result<bool> LayerPusher::mount(Task& task, const Digest& blob, std::string_view from_path) {
  Result<MountAnswer> answer = parts_.repository.mount_blob(blob, from_path);
  if (!answer.ok()) {
    if (answer.error().code() == ErrorCode::kCancelled) return std::move(answer).error();
    return false;  // no right to read the other repository: there are other ways
  }
  if (!answer->session.empty()) task.session = std::move(answer->session);
  return answer->mounted;
}

Result<std::optional<PlacedLayer>> LayerPusher::copy_blob(Task& task,
                                                          const oci::Descriptor& wanted) {
  STRATA_TRY(std::unique_ptr<Repository> from,
             parts_.client.repository(parts_.origin->repository, Access::kPull));
  Result<bool> there = from->has_blob(wanted.digest);
  if (!there.ok() || !*there) return std::optional<PlacedLayer>();
  UploadSource source;
  source.digest = wanted.digest;
  source.size_bytes = static_cast<uint64_t>(wanted.size_bytes);
  source.open = [&]() -> Result<std::unique_ptr<ByteSource>> {
    return std::unique_ptr<ByteSource>(std::make_unique<PipedSource>([&](ByteSink& to) {
      ForwardSink forward(to);
      return from->get_blob(wanted.digest, {}, forward);
    }));
  };
  STRATA_CHECK(parts_.repository.upload_blob(source, std::exchange(task.session, "")));
  return done(task.diff, PlacedLayer{wanted, true}, "Pushed");
}

Result<std::optional<oci::Descriptor>> LayerPusher::probe(const Digest& blob) {
  BlobText head(codec::kMagicBytes);
  Status status = parts_.repository.get_blob(blob, {0, codec::kMagicBytes}, head);
  if (!status.ok() && status.error().code() == ErrorCode::kNotFound) {
    return std::optional<oci::Descriptor>();
  }
  STRATA_CHECK(std::move(status));
  codec::Compression kind = codec::detect_compression(as_bytes(head.text()));
  bool wanted = !parts_.options.compression || parts_.options.compression->kind == kind;
  if (!wanted || !head.answer().total_bytes || kind == codec::Compression::kXz ||
      kind == codec::Compression::kBzip2) {
    return std::optional<oci::Descriptor>();
  }
  oci::Descriptor descriptor;
  descriptor.media_type = layer_type(kind, false);
  descriptor.digest = blob;
  descriptor.size_bytes = static_cast<int64_t>(*head.answer().total_bytes);
  return std::optional<oci::Descriptor>(std::move(descriptor));
}

// This repository first; then who pushed with the same credentials; then the nearest name; then the
// newest (FORMATS section 9.3).
std::vector<store::BlobSource> LayerPusher::sorted_sources(
    std::vector<store::BlobSource> sources) const {
  const oci::Reference& target = parts_.repository.name();
  const std::string own = target.full_name();
  std::erase_if(sources, [&](const store::BlobSource& source) {
    return !source.repository.starts_with(target.domain() + "/");
  });
  auto rank = [&](const store::BlobSource& source) {
    bool same_credentials = source.hmac == hmac_of(source.blob, source.repository);
    return std::tuple(source.repository == own, same_credentials,
                      common_prefix(source.repository, own));
  };
  std::reverse(sources.begin(), sources.end());  // newest first
  std::stable_sort(sources.begin(), sources.end(),
                   [&](const auto& a, const auto& b) { return rank(a) > rank(b); });
  return sources;
}

Result<std::optional<PlacedLayer>> LayerPusher::by_records(Task& task) {
  STRATA_TRY(std::vector<store::BlobSource> sources,
             parts_.store.distribution().sources_of(task.diff));
  size_t mounts = 0;
  for (const store::BlobSource& source : sorted_sources(std::move(sources))) {
    bool own = source.repository == parts_.repository.name().full_name();
    if (!own && ++mounts > kMostMountsTried) break;
    STRATA_TRY(std::optional<PlacedLayer> placed, by_record(task, source));
    if (placed) return placed;
  }
  return std::optional<PlacedLayer>();
}

Result<std::optional<PlacedLayer>> LayerPusher::by_record(Task& task,
                                                          const store::BlobSource& source) {
  const oci::Reference& target = parts_.repository.name();
  const bool own = source.repository == target.full_name();
  std::string path = source.repository.substr(target.domain().size() + 1);
  if (!own) {
    STRATA_TRY(bool mounted, mount(task, source.blob, path));
    if (!mounted) return std::optional<PlacedLayer>();
  }
  STRATA_TRY(std::optional<oci::Descriptor> descriptor, probe(source.blob));
  if (!descriptor) return std::optional<PlacedLayer>();
  return done(task.diff, PlacedLayer{*std::move(descriptor), false},
              own ? "Layer already exists" : "Mounted from " + path);
}

Result<std::optional<PlacedLayer>> LayerPusher::compress(Task& task) {
  const ChainId& chain = task.chain;
  const DiffId& diff = task.diff;
  STRATA_TRY(store::Layer layer, parts_.store.layers().read(chain));
  STRATA_TRY(Fd files, parts_.store.driver().open_files(layer.cache));
  STRATA_TRY(Fd split, parts_.store.layers().open_tar_split(chain));
  auto produce = [&](ByteSink& to) -> Status {
    auto run = [&]() -> Status {
      BufferPool buffers(kReadBlockBytes, kReadBlocks);
      STRATA_TRY(std::unique_ptr<ByteSink> packer,
                 codec::make_parallel_compressor(packing_, to, parts_.pool));
      CountingSink counted(*packer,
                           [&](uint64_t bytes) { parts_.progress.layer_advanced(diff, bytes); });
      STRATA_CHECK(driver::read_layer({&files, &split}, diff, counted, buffers, parts_.pool));
      return packer->finish();
    };
    Status status = run();
    compressors_->release();
    return status;
  };
  UploadSource source;
  // A layer waits for its turn before its request begins: servers drop bodies that do not come.
  source.open = [&]() -> Result<std::unique_ptr<ByteSource>> {
    compressors_->acquire();  // given back by `produce`
    return std::unique_ptr<ByteSource>(std::make_unique<PipedSource>(produce));
  };
  STRATA_TRY(UploadedBlob blob,
             parts_.repository.upload_blob(source, std::exchange(task.session, ""))
                 .context("layer {}", diff.short_hex()));
  PlacedLayer placed;
  placed.descriptor.media_type = layer_type(packing_.kind, false);
  placed.descriptor.digest = blob.digest;
  placed.descriptor.size_bytes = static_cast<int64_t>(blob.size_bytes);
  return done(diff, std::move(placed), "Pushed");
}

std::string LayerPusher::hmac_of(const Digest& blob, const std::string& repository) const {
  std::string text = blob.to_string() + repository;
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
  unsigned length = 0;
  HMAC(EVP_sha256(), parts_.record_key.data(), static_cast<int>(parts_.record_key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", mac[i]);
  return hex;
}

}  // namespace strata::registry
