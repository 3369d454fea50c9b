// SPDX-License-Identifier: Apache-2.0
#include "archive/folder_contents.h"

#include <algorithm>

#include "tar/path.h"

namespace strata::archive {
namespace {

// A file that the source owns.
class OwnedFileSource final : public ByteSource {
 public:
  OwnedFileSource(Fd file, uint64_t size_bytes)
      : file_(std::move(file)), range_(file_.get(), 0, size_bytes) {}
  Result<size_t> read(MutableByteSpan buffer) override { return range_.read(buffer); }

 private:
  Fd file_;
  RangeSource range_;
};

class FolderContents final : public Contents {
 public:
  explicit FolderContents(const Fd& folder) : folder_(folder) {}

  bool has(const std::string& name) const override { return open(name).ok(); }

  Result<OpenedFile> open(const std::string& name) const override {
    if (name.starts_with('/') || tar::leaves_root(name)) {
      return error(ErrorCode::kInvalid, "invalid path \"{}\": it points outside of the archive",
                   name);
    }
    STRATA_TRY(Fd file, open_in_root(folder_, name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    STRATA_TRY(struct stat info, stat_fd(file.get()));
    if (!S_ISREG(info.st_mode)) return error(ErrorCode::kInvalid, "{} is not a regular file", name);
    auto size_bytes = static_cast<uint64_t>(info.st_size);
    return OpenedFile{std::make_unique<OwnedFileSource>(std::move(file), size_bytes), size_bytes};
  }

  // Two levels are enough: legacy archives have <id>/json.
  Result<std::vector<std::string>> names() const override {
    std::vector<std::string> all;
    STRATA_TRY(std::vector<DirEntry> top, list_dir_at(folder_, "."));
    for (const DirEntry& entry : top) {
      Result<Fd> below = open_in_root(folder_, entry.name, O_RDONLY | O_DIRECTORY);
      if (!below.ok()) {
        all.push_back(entry.name);
        continue;
      }
      STRATA_TRY(std::vector<DirEntry> files, list_dir_at(*below, "."));
      for (const DirEntry& file : files) all.push_back(entry.name + "/" + file.name);
    }
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  const Fd& folder_;
};

}  // namespace

Result<std::unique_ptr<Contents>> open_folder_contents(const Fd& folder) {
  return std::unique_ptr<Contents>(std::make_unique<FolderContents>(folder));
}

}  // namespace strata::archive
