// SPDX-License-Identifier: Apache-2.0
#include "registry/copy_source.h"

#include <algorithm>
#include <thread>

#include "archive/image_files.h"
#include "hash/sha256.h"
#include "registry/piped_source.h"
#include "registry/registry_contents.h"

namespace strata::registry {
namespace {

constexpr unsigned kFruitlessAttempts = 5;  // in a row in which not one byte came
constexpr std::chrono::milliseconds kPause{200};

// Hands on what of a download has not been handed on before.
class ForwardSink final : public BlobSink {
 public:
  explicit ForwardSink(ByteSink& to) : to_(to) {}
  Status begin(const BlobAnswer& answer) override {
    if (answer.offset > done_bytes_) {
      return error(ErrorCode::kInvalid, "the registry's answer begins at byte {}, not at {}",
                   answer.offset, done_bytes_);
    }
    skip_bytes_ = done_bytes_ - answer.offset;
    validator_ = answer.validator;
    return {};
  }
  Status take(ByteSpan bytes) override {
    auto skipped = static_cast<size_t>(std::min<uint64_t>(skip_bytes_, bytes.size()));
    skip_bytes_ -= skipped;
    bytes = bytes.subspan(skipped);
    if (bytes.empty()) return {};
    Status written = to_.write(bytes);
    reader_failed_ = !written.ok();
    if (written.ok()) done_bytes_ += bytes.size();
    return written;
  }
  BlobRange rest() const { return {done_bytes_, {}, validator_}; }
  uint64_t done_bytes() const { return done_bytes_; }
  bool reader_failed() const { return reader_failed_; }

 private:
  ByteSink& to_;
  uint64_t done_bytes_ = 0;
  uint64_t skip_bytes_ = 0;
  std::string validator_;
  bool reader_failed_ = false;
};

class RepositorySource final : public ManifestSource {
 public:
  RepositorySource(std::unique_ptr<Repository> repository, const oci::Reference& name,
                   const Pool& pool)
      : repository_(std::move(repository)), name_(name), pool_(pool) {}

  Result<RemoteManifest> top() override {
    return repository_->get_manifest(name_.digest() ? name_.digest()->to_string() : name_.tag());
  }
  Result<RemoteManifest> manifest(const Digest& digest) override {
    return repository_->get_manifest(digest.to_string());
  }
  Result<std::unique_ptr<ByteSource>> open_blob(const oci::Descriptor& blob) override {
    return std::unique_ptr<ByteSource>(
        std::make_unique<PipedSource>([this, blob](ByteSink& to) { return download(blob, to); }));
  }
  const oci::Reference* repository() const override { return &name_; }

 private:
  Status download(const oci::Descriptor& blob, ByteSink& to) {
    if (blob.size_bytes == 0) return {};  // nothing to ask for
    ForwardSink forward(to);
    ServerOrUrls server(*repository_, blob.urls);
    unsigned fruitless = 0;
    while (true) {
      uint64_t before = forward.done_bytes();
      Status done = server.get_blob(blob.digest, forward.rest(), forward);
      if (done.ok()) return done;
      bool all_here = forward.done_bytes() >= static_cast<uint64_t>(blob.size_bytes);
      bool lost = done.error().code() == ErrorCode::kIo && !forward.reader_failed() && !all_here;
      fruitless = forward.done_bytes() > before ? 0 : fruitless + 1;
      if (!lost || fruitless >= kFruitlessAttempts) {
        return about_blob("blob", blob.digest, std::move(done));
      }
      STRATA_CHECK(pool_.check_cancelled());
      std::this_thread::sleep_for(kPause * (1u << fruitless));
    }
  }

  std::unique_ptr<Repository> repository_;
  const oci::Reference name_;
  const Pool& pool_;
};

std::string blob_name(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

class LayoutSource final : public ManifestSource {
 public:
  LayoutSource(ImagePlace place, std::unique_ptr<archive::ImageFiles> files)
      : place_(std::move(place)), files_(std::move(files)) {}

  Result<RemoteManifest> top() override {
    STRATA_TRY(std::string text, contents().read_file("index.json").context("{}", place_.path));
    STRATA_TRY(oci::Index index, oci::parse_index(text).context("{}: index.json", place_.path));
    STRATA_TRY(const oci::Descriptor* entry, choose(index));
    STRATA_TRY(RemoteManifest found, manifest(entry->digest));
    if (!entry->media_type.empty()) found.media_type = entry->media_type;
    return found;
  }

  Result<RemoteManifest> manifest(const Digest& digest) override {
    STRATA_TRY(archive::OpenedFile file,
               contents().open(blob_name(digest)).context("{}", place_.path));
    RemoteManifest found;
    STRATA_TRY(found.bytes, read_to_end(*file.source, oci::kMaxManifestBytes)
                                .context("{}: manifest {}", place_.path, digest));
    found.digest = Digest::of(found.bytes);
    if (found.digest != digest) {
      return error(ErrorCode::kCorrupt, "{}: {}: expected {}, found {}", place_.path,
                   blob_name(digest), digest, found.digest);
    }
    STRATA_TRY(bool is_index, oci::is_index(found.bytes).context("manifest {}", digest));
    if (is_index) {
      STRATA_TRY(oci::Index parsed, oci::parse_index(found.bytes).context("manifest {}", digest));
      found.media_type =
          parsed.media_type.empty() ? std::string(oci::media_type::kOciIndex) : parsed.media_type;
      return found;
    }
    STRATA_TRY(oci::Manifest parsed,
               oci::parse_manifest(found.bytes).context("manifest {}", digest));
    found.media_type =
        parsed.media_type.empty() ? std::string(oci::media_type::kOciManifest) : parsed.media_type;
    return found;
  }

  Result<std::unique_ptr<ByteSource>> open_blob(const oci::Descriptor& blob) override {
    Result<archive::OpenedFile> opened = contents().open(blob_name(blob.digest));
    if (!opened.ok() && opened.error().code() == ErrorCode::kNotFound) {
      return blob.urls.empty()
                 ? error(ErrorCode::kCorrupt, "{}: blob {} is not in it", place_.path, blob.digest)
                 : error(ErrorCode::kUnsupported,
                         "{}: foreign layer {} is not in it: it is to be had from {}", place_.path,
                         blob.digest, blob.urls.front());
    }
    STRATA_TRY(archive::OpenedFile file, std::move(opened).context("{}", place_.path));
    if (file.size_bytes != static_cast<uint64_t>(blob.size_bytes)) {
      return error(ErrorCode::kCorrupt, "{}: {}: expected {} bytes, found {}", place_.path,
                   blob_name(blob.digest), blob.size_bytes, file.size_bytes);
    }
    return std::move(file.source);
  }

 private:
  const archive::Contents& contents() const { return files_->contents(); }

  // By the tag of the layout, or by the whole name where containerd or docker wrote one.
  Result<const oci::Descriptor*> choose(const oci::Index& index) const {
    std::vector<const oci::Descriptor*> fitting;
    for (const oci::Descriptor& entry : index.manifests) {
      if (place_.tag.empty() || is_named(entry)) fitting.push_back(&entry);
    }
    bool same = std::all_of(fitting.begin(), fitting.end(), [&](const oci::Descriptor* entry) {
      return entry->digest == fitting.front()->digest;
    });
    if (!fitting.empty() && same) return fitting.front();
    std::string names;
    for (const oci::Descriptor& entry : index.manifests) {
      auto name = entry.annotations.find(std::string(oci::annotation::kRefName));
      if (name != entry.annotations.end()) names += (names.empty() ? "" : ", ") + name->second;
    }
    if (names.empty()) names = "none";
    if (fitting.empty() && place_.tag.empty()) {
      return error(ErrorCode::kNotFound, "{}: index.json names no image", place_.path);
    }
    if (fitting.empty()) {
      return error(ErrorCode::kNotFound, "{}: no image has the tag \"{}\"; tags are: {}",
                   place_.path, place_.tag, names);
    }
    return error(ErrorCode::kInvalid, "{}: it holds {} images{}; say which by a tag: {}",
                 place_.path, fitting.size(),
                 place_.tag.empty() ? "" : " with the tag \"" + place_.tag + "\"", names);
  }

  bool is_named(const oci::Descriptor& entry) const {
    auto tag = entry.annotations.find(std::string(oci::annotation::kRefName));
    if (tag != entry.annotations.end() && tag->second == place_.tag) return true;
    auto name = entry.annotations.find(std::string(oci::annotation::kContainerdName));
    return name != entry.annotations.end() && name->second == place_.tag;
  }

  const ImagePlace place_;
  const std::unique_ptr<archive::ImageFiles> files_;
};

}  // namespace

Result<std::unique_ptr<ManifestSource>> open_repository_source(Client& client,
                                                               const oci::Reference& name,
                                                               const Pool& pool) {
  STRATA_TRY(std::unique_ptr<Repository> repository, client.repository(name, Access::kPull));
  return std::unique_ptr<ManifestSource>(
      std::make_unique<RepositorySource>(std::move(repository), name, pool));
}

Result<std::unique_ptr<ManifestSource>> open_layout_source(const ImagePlace& place, Pool& pool) {
  STRATA_TRY(std::unique_ptr<archive::ImageFiles> files,
             archive::ImageFiles::open(place.path, pool));
  return std::unique_ptr<ManifestSource>(std::make_unique<LayoutSource>(place, std::move(files)));
}

struct VerifyingSource::State {
  std::unique_ptr<ByteSource> from;
  Digest digest;
  uint64_t size_bytes;
  Sha256 hash = {};
  uint64_t read_bytes = 0;
  bool ended = false;
};

VerifyingSource::VerifyingSource(std::unique_ptr<ByteSource> from, const oci::Descriptor& blob)
    : state_(std::make_unique<State>(
          State{std::move(from), blob.digest, static_cast<uint64_t>(blob.size_bytes)})) {}
VerifyingSource::~VerifyingSource() = default;

Result<size_t> VerifyingSource::read(MutableByteSpan buffer) {
  State& state = *state_;
  if (state.ended) return size_t{0};
  STRATA_TRY(size_t count, state.from->read(buffer));
  state.hash.update(buffer.first(count));
  state.read_bytes += count;
  bool wrong_size =
      count == 0 ? state.read_bytes != state.size_bytes : state.read_bytes > state.size_bytes;
  if (wrong_size) {
    return error(ErrorCode::kCorrupt, "blob {}: expected {} bytes, found {}{}", state.digest,
                 state.size_bytes, count == 0 ? "" : "at least ", state.read_bytes);
  }
  if (count > 0) return count;
  Digest found = state.hash.finish();
  if (found != state.digest) {
    return error(ErrorCode::kCorrupt, "blob: expected {}, found {}", state.digest, found);
  }
  state.ended = true;
  return size_t{0};
}

}  // namespace strata::registry
