// SPDX-License-Identifier: Apache-2.0
#include "archive/image_files.h"

#include <sys/stat.h>

#include <array>

#include "archive/folder_contents.h"
#include "archive/tar_file_contents.h"
#include "base/fs_at.h"
#include "codec/compression.h"

namespace strata::archive {

Result<std::unique_ptr<ImageFiles>> ImageFiles::open(const std::string& path) {
  std::unique_ptr<ImageFiles> files(new ImageFiles());
  STRATA_TRY(files->file_, open_path(path, O_RDONLY));
  STRATA_TRY(struct stat info, stat_fd(files->file_.get()));
  if (S_ISDIR(info.st_mode)) {
    STRATA_TRY(files->contents_, open_folder_contents(files->file_));
    return files;
  }
  if (!S_ISREG(info.st_mode)) {
    return error(ErrorCode::kUnsupported, "{} is not a file: an archive is read in any order",
                 path);
  }
  std::array<std::byte, codec::kMagicBytes> head;
  STRATA_TRY(size_t count, pread_full(files->file_.get(), head, 0));
  codec::Compression kind = codec::detect_compression(ByteSpan(head).first(count));
  if (kind != codec::Compression::kNone) {
    return error(ErrorCode::kUnsupported,
                 "{} is compressed with {}, and an archive is read in any order: decompress it "
                 "first, or load it",
                 path, codec::to_string(kind));
  }
  STRATA_TRY(files->contents_, index_tar_file(files->file_).context("{}", path));
  return files;
}

}  // namespace strata::archive
