// SPDX-License-Identifier: Apache-2.0
#include "archive/image_files.h"

#include <sys/stat.h>

#include <array>

#include "archive/folder_contents.h"
#include "archive/tar_file_contents.h"
#include "base/interrupt.h"
#include "base/nameless_file.h"
#include "codec/decompress.h"

namespace strata::archive {

namespace {

Result<bool> is_plain(const Fd& file, const struct stat& info) {
  if (!S_ISREG(info.st_mode)) return false;
  std::array<std::byte, codec::kMagicBytes> head;
  STRATA_TRY(size_t count, pread_full(file.get(), head, 0));
  return codec::detect_compression(ByteSpan(head).first(count)) == codec::Compression::kNone;
}

// The tar that comes out of a pipe or a compressed file, as a file.
Result<Fd> spool(const Fd& file, Pool& pool) {
  STRATA_TRY(Fd spooled, temporary_file());
  WaitingSource raw(file.get());
  codec::GunzipHelpers helpers(pool);
  STRATA_TRY(std::unique_ptr<ByteSource> tar, codec::open_decompressed(raw, helpers));
  std::vector<std::byte> block(kBlockBytes);
  while (true) {
    STRATA_CHECK(pool.check_cancelled());
    STRATA_TRY(size_t count, read_full(*tar, block));
    if (count == 0) return spooled;
    STRATA_CHECK(write_all(spooled.get(), ByteSpan(block).first(count)).context("temporary file"));
  }
}

}  // namespace

Result<std::unique_ptr<ImageFiles>> ImageFiles::open(const std::string& path, Pool& pool) {
  std::unique_ptr<ImageFiles> files(new ImageFiles());
  STRATA_TRY(files->file_, open_path(path, O_RDONLY));
  STRATA_TRY(struct stat info, stat_fd(files->file_.get()));
  if (S_ISDIR(info.st_mode)) {
    STRATA_TRY(files->contents_, open_folder_contents(files->file_));
    return files;
  }
  if (!S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode)) {
    return error(ErrorCode::kInvalid, "{}: expected a file or a pipe, found a device", path);
  }
  STRATA_TRY(bool plain, is_plain(files->file_, info));
  if (!plain) {
    STRATA_TRY(files->file_, spool(files->file_, pool).context("{}", path));
  }
  STRATA_TRY(files->contents_, index_tar_file(files->file_).context("{}", path));
  return files;
}

}  // namespace strata::archive
