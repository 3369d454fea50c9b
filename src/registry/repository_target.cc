// SPDX-License-Identifier: Apache-2.0
#include "registry/copy_target.h"

namespace strata::registry {
namespace {

class RepositoryTarget final : public CopyTarget {
 public:
  RepositoryTarget(std::unique_ptr<Repository> repository, const oci::Reference& name,
                   std::string mount_path)
      : repository_(std::move(repository)), name_(name), mount_path_(std::move(mount_path)) {}

  Status prepare(const std::vector<oci::Descriptor>&) override { return {}; }

  Result<std::string> put(const oci::Descriptor& blob, const BlobOpener& open) override {
    STRATA_TRY(bool there, repository_->has_blob(blob.digest));
    if (there) return std::string("Already exists");
    std::string session;
    if (!mount_path_.empty()) {
      Result<MountAnswer> answer = repository_->mount_blob(blob.digest, mount_path_);
      if (answer.ok() && answer->mounted) return "Mounted from " + mount_path_;
      if (!answer.ok() && answer.error().code() == ErrorCode::kCancelled) {
        return std::move(answer).error();
      }
      if (answer.ok()) session = answer->session;  // not mounted: an upload has begun
    }
    UploadSource source{open, blob.digest, static_cast<uint64_t>(blob.size_bytes)};
    STRATA_CHECK(repository_->upload_blob(source, session).context("blob {}", blob.digest));
    return std::string("Copied");
  }

  Result<UploadedBlob> put_new(const BlobOpener& open) override {
    return repository_->upload_blob({open});
  }

  Status put_manifest(const RemoteManifest& manifest, bool is_last) override {
    if (is_last && name_.digest() && *name_.digest() != manifest.digest) {
      return error(ErrorCode::kInvalid, "{}: what is copied has digest {}", name_.familiar_string(),
                   manifest.digest);
    }
    bool by_tag = is_last && !name_.digest();
    STRATA_TRY(Digest digest,
               repository_->put_manifest(by_tag ? name_.tag() : manifest.digest.to_string(),
                                         manifest.bytes, manifest.media_type));
    if (digest == manifest.digest) return {};
    return error(ErrorCode::kCorrupt, "{}: expected digest {}, found {}", name_.familiar_string(),
                 manifest.digest, digest);
  }

  Status finish() override { return {}; }

 private:
  const std::unique_ptr<Repository> repository_;
  const oci::Reference name_;
  const std::string mount_path_;  // empty: nowhere to mount from
};

}  // namespace

Result<std::unique_ptr<CopyTarget>> make_repository_target(Client& client,
                                                           const oci::Reference& name,
                                                           const oci::Reference* source) {
  STRATA_TRY(std::unique_ptr<Repository> repository, client.repository(name, Access::kPush));
  bool can_mount =
      source != nullptr && source->domain() == name.domain() && source->path() != name.path();
  return std::unique_ptr<CopyTarget>(std::make_unique<RepositoryTarget>(
      std::move(repository), name, can_mount ? source->path() : ""));
}

}  // namespace strata::registry
