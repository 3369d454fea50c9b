// SPDX-License-Identifier: Apache-2.0
//
//   FOLDER/oci-layout  index.json  blobs/sha256/<digest>
//
// What is in the folder stays. Blobs are nameless until they are whole; index.json is read, changed
// and replaced under a lock on the folder, when all of them are on disk.
// Source: OCI image-spec v1.1, image-layout.md; which entry gives way to a new one: c/image 5.22,
// oci/layout.
#include <algorithm>

#include "base/fs_at.h"
#include "base/lock.h"
#include "hash/sha256.h"
#include "registry/copy_target.h"

namespace strata::registry {
namespace {

constexpr const char* kIndexFile = "index.json";
constexpr const char* kBlobsFolder = "blobs/sha256";

class LayoutFolderTarget final : public CopyTarget {
 public:
  LayoutFolderTarget(std::string path, std::vector<LayoutName> names)
      : path_(std::move(path)), names_(std::move(names)) {
    if (names_.empty()) names_.emplace_back();
  }

  Status prepare(const std::vector<oci::Descriptor>&) override {
    STRATA_TRY(Fd base, open_path(path_.starts_with('/') ? "/" : ".", O_RDONLY | O_DIRECTORY));
    STRATA_CHECK(ensure_dirs_at(base, path_, 0755));
    STRATA_TRY(folder_, open_path(path_, O_RDONLY | O_DIRECTORY));
    STRATA_TRY(bool is_layout, exists_at(folder_, std::string(kLayoutFile)));
    bool is_empty = true;
    if (!is_layout) {
      STRATA_CHECK(visit_dir_at(folder_, ".", [&](const DirEntry& entry) -> Status {
        is_empty = is_empty && entry.name == "blobs";  // of a copy that did not end
        return {};
      }));
    }
    if (!is_empty) {
      return error(ErrorCode::kConflict,
                   "{}: expected an OCI layout or an empty folder, found "
                   "other files and no {}",
                   path_, kLayoutFile);
    }
    return ensure_dirs_at(folder_, kBlobsFolder, 0755);
  }

  Result<std::string> put(const oci::Descriptor& blob, const BlobOpener& open) override {
    STRATA_TRY(bool there, has(blob));
    if (there) return std::string("Already exists");
    STRATA_TRY(OutputFile out, OutputFile::create(blob_path(blob.digest)));
    STRATA_TRY(std::unique_ptr<ByteSource> bytes, open());
    VerifyingSource verified(std::move(bytes), blob);
    FdSink to(out.fd());
    STRATA_CHECK(copy_stream(verified, to));
    STRATA_CHECK(out.publish());
    return std::string("Copied");
  }

  Result<UploadedBlob> put_new(const BlobOpener& open) override {
    const std::string name = fmt::format("{}/.new-{}", kBlobsFolder, random_hex(8));
    STRATA_TRY(OutputFile out, OutputFile::create(fmt::format("{}/{}", path_, name)));
    STRATA_TRY(std::unique_ptr<ByteSource> bytes, open());
    FdSink to(out.fd());
    HashingSink hashing(to);
    STRATA_CHECK(copy_stream(*bytes, hashing));
    UploadedBlob blob{hashing.digest(), hashing.size_bytes()};
    STRATA_CHECK(out.publish());  // whole; what it is called was not known before
    std::string known = fmt::format("{}/{}", kBlobsFolder, blob.digest.hex());
    STRATA_CHECK(rename_at(folder_, name, folder_, known, Existing::kReplace));
    return blob;
  }

  Status put_manifest(const RemoteManifest& manifest, bool is_last) override {
    STRATA_TRY(OutputFile out, OutputFile::create(blob_path(manifest.digest)));
    STRATA_CHECK(write_all(out.fd(), as_bytes(manifest.bytes)));
    STRATA_CHECK(out.publish());
    if (is_last) entry_ = layout_entry(manifest);
    return {};
  }

  Status finish() override {
    STRATA_CHECK(sync_file_system(folder_.get()));  // before anything names the blobs
    STRATA_TRY(Fd to_lock, open_path(path_, O_RDONLY | O_DIRECTORY));
    STRATA_TRY(FileLock lock, FileLock::acquire(std::move(to_lock), FileLock::Mode::kExclusive));
    STRATA_TRY(std::optional<std::string> text,
               read_file_if_exists_at(folder_, kIndexFile, kMaxIndexBytes));
    oci::Index index;
    index.media_type = oci::media_type::kOciIndex;
    if (text) {
      STRATA_TRY(index, oci::parse_index(*text).context("{}/{}", path_, kIndexFile));
    }
    for (const LayoutName& name : names_) add_entry(index, name);
    STRATA_TRY(bool is_layout, exists_at(folder_, std::string(kLayoutFile)));
    if (!is_layout) {
      STRATA_CHECK(replace_file_at(folder_, std::string(kLayoutFile), kLayoutText, 0644));
    }
    return replace_file_at(folder_, kIndexFile, oci::index_text(index), 0644);
  }

 private:
  static constexpr size_t kMaxIndexBytes = oci::kMaxManifestBytes;

  std::string blob_path(const Digest& digest) const {
    return fmt::format("{}/{}/{}", path_, kBlobsFolder, digest.hex());
  }

  // Whether the blob is there, and sound: one that is damaged is replaced.
  Result<bool> has(const oci::Descriptor& blob) const {
    std::string name = fmt::format("{}/{}", kBlobsFolder, blob.digest.hex());
    Result<Fd> file = open_at(folder_, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (!file.ok()) return false;
    STRATA_TRY(struct stat info, stat_fd(file->get()));
    if (!S_ISREG(info.st_mode) || info.st_size != blob.size_bytes) return false;
    VerifyingSource verified(std::make_unique<FdSource>(file->get()), blob);
    std::vector<std::byte> block(kReadBytes);
    while (true) {
      Result<size_t> count = verified.read(block);
      if (!count.ok()) return false;
      if (*count == 0) return true;
    }
  }
  static constexpr size_t kReadBytes = 256 << 10;

  // The name moves to the new entry; what had it stays in the index, without one.
  void add_entry(oci::Index& index, const LayoutName& name) const {
    const std::string tag_key(oci::annotation::kRefName);
    const std::string full_key(oci::annotation::kContainerdName);
    for (oci::Descriptor& old : index.manifests) {
      if (!name.is_of(old)) continue;
      old.annotations.erase(tag_key);
      old.annotations.erase(full_key);
    }
    auto same = std::find_if(
        index.manifests.begin(), index.manifests.end(), [&](const oci::Descriptor& old) {
          return old.digest == entry_.digest && !old.annotations.contains(tag_key) &&
                 !old.annotations.contains(full_key);
        });
    if (same == index.manifests.end()) same = index.manifests.insert(same, entry_);
    name.set_on(*same);
  }

  const std::string path_;
  std::vector<LayoutName> names_;
  Fd folder_;
  oci::Descriptor entry_;
};

}  // namespace

std::unique_ptr<CopyTarget> make_layout_folder_target(const std::string& path,
                                                      std::vector<LayoutName> names) {
  return std::make_unique<LayoutFolderTarget>(path, std::move(names));
}

}  // namespace strata::registry
