// SPDX-License-Identifier: Apache-2.0
#include "doctor/root_source.h"

#include "archive/contents.h"
#include "doctor/place.h"
#include "driver/layer_reader.h"
#include "hash/sha256.h"

namespace strata::doctor {
namespace {

constexpr std::string_view kContainerdBlobs =
    "containerd/daemon/io.containerd.content.v1.content/blobs/sha256/";
constexpr size_t kBlockBytes = 256 << 10;
constexpr size_t kBlocks = 12;

// The layer's tar, with the descriptors that it is read through.
class OwnedTar final : public ByteSource {
 public:
  OwnedTar(Fd files, Fd split)
      : files_(std::move(files)),
        split_(std::move(split)),
        tar_(driver::open_layer_tar({&files_, &split_})) {}
  Result<size_t> read(MutableByteSpan buffer) override { return tar_->read(buffer); }

 private:
  const Fd files_, split_;
  std::unique_ptr<ByteSource> tar_;
};

class OwnedFile final : public ByteSource {
 public:
  explicit OwnedFile(Fd file) : file_(std::move(file)), bytes_(file_.get()) {}
  Result<size_t> read(MutableByteSpan buffer) override { return bytes_.read(buffer); }

 private:
  const Fd file_;
  FdSource bytes_;
};

// Whether the file has all of the blob.
Result<bool> is_blob(const Fd& root, const std::string& path, const Digest& blob,
                     const Pool& pool) {
  STRATA_TRY(Fd file, open_at(root, path, O_RDONLY | O_NOFOLLOW));
  Sha256 sha256;
  std::vector<std::byte> block(kBlockBytes);
  FdSource bytes(file.get());
  while (true) {
    STRATA_CHECK(pool.check_cancelled());
    STRATA_TRY(size_t count, bytes.read(block));
    if (count == 0) return sha256.finish() == blob;
    sha256.update(ByteSpan(block).first(count));
  }
}

}  // namespace

Result<bool> RootSource::has_layer(const DiffId& diff) {
  Result<std::optional<ChainId>> chain = find_sound(diff);
  if (chain.ok() && *chain) return true;
  if (!chain.ok() && chain.error().code() == ErrorCode::kCancelled) return std::move(chain).error();
  STRATA_TRY(std::vector<std::string> blobs, blobs_of(diff));
  if (blobs.empty() && !chain.ok()) return std::move(chain).error();
  return !blobs.empty();
}

Result<std::optional<ChainId>> RootSource::find_sound(const DiffId& diff) {
  {
    auto verified = verified_.lock();
    if (auto known = verified->find(diff); known != verified->end()) return known->second;
  }
  STRATA_TRY(std::vector<store::Layer> layers, store_.layers().find_by_diff(diff));
  std::optional<ChainId> sound;
  std::optional<Error> trouble;  // it may be one that could not be read
  BufferPool buffers(kBlockBytes, kBlocks);
  for (const store::Layer& layer : layers) {
    if (damaged_.contains(layer.chain)) continue;
    Result<Fd> files = store_.driver().open_files(layer.cache);
    Result<Fd> split = store_.layers().open_tar_split(layer.chain);
    Status verified;
    if (!files.ok()) verified = files.error();
    if (!split.ok()) verified = split.error();
    if (verified.ok()) verified = driver::verify_layer({&*files, &*split}, diff, buffers, pool_);
    if (!verified.ok() && verified.error().code() == ErrorCode::kCancelled)
      return std::move(verified).error();
    if (!verified.ok() && is_trouble(verified.error())) trouble = verified.error();
    if (!verified.ok()) continue;
    sound = layer.chain;
    break;
  }
  if (!sound && trouble) return *trouble;
  verified_.lock()->insert_or_assign(diff, sound);
  return sound;
}

// Paths of blobs that are known to be that layer, packed, and are whole.
Result<std::vector<std::string>> RootSource::blobs_of(const DiffId& diff) const {
  std::vector<std::string> found;
  std::optional<Error> trouble;
  Result<std::vector<store::BlobSource>> sources = store_.distribution().sources_of(diff);
  if (!sources.ok() && is_trouble(sources.error())) return std::move(sources).error();
  if (!sources.ok()) return found;
  for (const store::BlobSource& source : *sources) {
    for (std::string path :
         {"strata/blobs/" + source.blob.hex(), std::string(kContainerdBlobs) + source.blob.hex()}) {
      Result<bool> whole = is_blob(store_.root(), path, source.blob, pool_);
      if (whole.ok() && *whole) found.push_back(std::move(path));
      if (!whole.ok() && is_trouble(whole.error())) trouble = whole.error();
    }
  }
  if (found.empty() && trouble) return *trouble;
  return found;
}

Result<std::unique_ptr<ByteSource>> RootSource::open_layer(const DiffId& diff) {
  Result<std::optional<ChainId>> sound = find_sound(diff);
  const std::optional<ChainId> chain = sound.ok() ? *sound : std::nullopt;
  if (chain) {
    STRATA_TRY(store::Layer layer, store_.layers().read(*chain));
    STRATA_TRY(Fd files, store_.driver().open_files(layer.cache));
    STRATA_TRY(Fd split, store_.layers().open_tar_split(*chain));
    return std::unique_ptr<ByteSource>(
        std::make_unique<OwnedTar>(std::move(files), std::move(split)));
  }
  STRATA_TRY(const std::vector<std::string> blobs, blobs_of(diff));
  for (const std::string& path : blobs) {
    STRATA_TRY(Fd blob, open_at(store_.root(), path, O_RDONLY | O_NOFOLLOW));
    return open_unpacked(std::make_unique<OwnedFile>(std::move(blob)), pool_);
  }
  if (!sound.ok()) return std::move(sound).error();
  return error(ErrorCode::kNotFound, "{}: it has no sound layer {}", name(), diff);
}

Result<std::optional<std::string>> RootSource::find_config(const ImageId& image) {
  Result<std::string> config = store_.images().read_config(image);
  if (config.ok()) return std::optional(std::move(config).value());
  Result<std::string> blob = read_file_at(
      store_.root(), std::string(kContainerdBlobs) + image.hex(), archive::Contents::kMaxJsonBytes);
  if (blob.ok() && ImageId(Digest::of(*blob)) == image)
    return std::optional(std::move(blob).value());
  if (is_trouble(config.error())) return std::move(config).error();
  if (!blob.ok() && is_trouble(blob.error())) return std::move(blob).error();
  return std::optional<std::string>();
}

Result<std::vector<std::pair<std::string, ImageId>>> RootSource::names() {
  STRATA_TRY(store::References references, store_.references());
  return references.all();
}

Result<std::unique_ptr<LayerSource>> open_root_source(const std::string& root,
                                                      const std::string& driver,
                                                      std::set<ChainId> damaged, Pool& pool) {
  STRATA_TRY(store::Store store, store::Store::open({.root = root, .driver = driver}));
  return std::unique_ptr<LayerSource>(
      std::make_unique<RootSource>(std::move(store), std::move(damaged), pool));
}

}  // namespace strata::doctor
