// SPDX-License-Identifier: Apache-2.0
//
//   blobs/  blobs/sha256/  the blobs, manifests behind them  index.json  oci-layout
//
// Source: OCI image-spec v1.1, image-layout.md; what is in the tar is dated 0, so that the same image
// always gives the same archive.
#include <map>

#include "archive/tar_file.h"
#include "hash/sha256.h"
#include "registry/copy_target.h"

namespace strata::registry {
namespace {

std::string blob_name(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

class LayoutArchiveTarget final : public CopyTarget {
 public:
  LayoutArchiveTarget(archive::TarFile tar, std::vector<LayoutName> names)
      : tar_(std::move(tar)), names_(std::move(names)) {
    if (names_.empty()) names_.emplace_back();
  }

  Status prepare(const std::vector<oci::Descriptor>& blobs) override {
    STRATA_CHECK(tar_.add_folder("blobs"));
    STRATA_CHECK(tar_.add_folder("blobs/sha256"));
    for (const oci::Descriptor& blob : blobs) STRATA_CHECK(reserve(blob));
    return {};
  }

  Result<std::string> put(const oci::Descriptor& blob, const BlobOpener& open) override {
    if (!places_.contains(blob.digest)) STRATA_CHECK(reserve(blob));
    STRATA_TRY(std::unique_ptr<ByteSource> bytes, open());
    VerifyingSource verified(std::move(bytes), blob);
    archive::PlaceSink place = places_.at(blob.digest);
    STRATA_CHECK(copy_stream(verified, place));
    return std::string("Copied");
  }

  Result<UploadedBlob> put_new(const BlobOpener& open) override {
    STRATA_TRY(std::unique_ptr<ByteSource> bytes, open());
    archive::PlaceSink place = tar_.begin();
    HashingSink hashing(place);
    STRATA_CHECK(copy_stream(*bytes, hashing));
    UploadedBlob blob{hashing.digest(), hashing.size_bytes()};
    STRATA_CHECK(tar_.end(blob_name(blob.digest), blob.size_bytes));
    return blob;
  }

  Status put_manifest(const RemoteManifest& manifest, bool is_last) override {
    STRATA_CHECK(tar_.add_text(blob_name(manifest.digest), manifest.bytes));
    if (!is_last) return {};
    for (const LayoutName& name : names_) {
      index_.manifests.push_back(layout_entry(manifest));
      name.set_on(index_.manifests.back());
    }
    return {};
  }

  Status finish() override {
    index_.media_type = oci::media_type::kOciIndex;
    STRATA_CHECK(tar_.add_text("index.json", oci::index_text(index_)));
    STRATA_CHECK(tar_.add_text(std::string(kLayoutFile), kLayoutText));
    return tar_.publish();
  }

 private:
  Status reserve(const oci::Descriptor& blob) {
    STRATA_TRY(archive::PlaceSink place,
               tar_.reserve(blob_name(blob.digest), static_cast<uint64_t>(blob.size_bytes)));
    places_.emplace(blob.digest, place);
    return {};
  }

  archive::TarFile tar_;
  std::vector<LayoutName> names_;
  std::map<Digest, archive::PlaceSink> places_;
  oci::Index index_;
};

}  // namespace

void LayoutName::set_on(oci::Descriptor& entry) const {
  if (!tag.empty()) entry.annotations[std::string(oci::annotation::kRefName)] = tag;
  if (!full.empty()) entry.annotations[std::string(oci::annotation::kContainerdName)] = full;
}

bool LayoutName::is_of(const oci::Descriptor& entry) const {
  const auto old = entry.annotations.find(std::string(oci::annotation::kContainerdName));
  if (!full.empty() && old != entry.annotations.end()) return old->second == full;
  const auto old_tag = entry.annotations.find(std::string(oci::annotation::kRefName));
  return !tag.empty() && old_tag != entry.annotations.end() && old_tag->second == tag;
}

oci::Descriptor layout_entry(const RemoteManifest& manifest) {
  oci::Descriptor entry;
  entry.media_type = manifest.media_type;
  entry.digest = manifest.digest;
  entry.size_bytes = static_cast<int64_t>(manifest.bytes.size());
  return entry;
}

Result<std::unique_ptr<CopyTarget>> make_layout_archive_target(const std::string& path,
                                                               std::vector<LayoutName> names) {
  STRATA_TRY(archive::TarFile tar, archive::TarFile::create(path));
  return std::unique_ptr<CopyTarget>(
      std::make_unique<LayoutArchiveTarget>(std::move(tar), std::move(names)));
}

}  // namespace strata::registry
