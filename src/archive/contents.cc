// SPDX-License-Identifier: Apache-2.0
#include "archive/contents.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "archive/folder_contents.h"
#include "archive/stream_contents.h"
#include "archive/tar_file_contents.h"
#include "archive/texts_contents.h"
#include "base/timer.h"
#include "codec/compression.h"
#include "tar/header.h"

namespace strata::archive {
namespace {

// True when the descriptor is a regular file that holds a tar as it is, from its first byte on.
Result<bool> is_plain_tar_file(int fd) {
  STRATA_TRY(struct stat info, stat_fd(fd));
  if (!S_ISREG(info.st_mode) || ::lseek(fd, 0, SEEK_CUR) != 0) return false;
  std::array<std::byte, codec::kMagicBytes> head;
  STRATA_TRY(size_t count, pread_full(fd, head, 0));
  return codec::detect_compression(ByteSpan(head).first(count)) == codec::Compression::kNone;
}

}  // namespace

uint64_t Contents::size_bytes(const std::string& name) const {
  Result<OpenedFile> file = open(name);
  return file.ok() ? file->size_bytes : 0;
}

Result<std::optional<UnpackedEarly>> Contents::take_unpacked(const std::string&) {
  return std::optional<UnpackedEarly>();
}

Result<std::string> Contents::read_file(const std::string& name) const {
  STRATA_TRY(OpenedFile file, open(name));
  return read_to_end(*file.source, kMaxJsonBytes).context("read {}", name);
}

Status check_is_tar(ByteSpan head) {
  if (head.empty()) return error(ErrorCode::kInvalid, "it is empty, expected an image archive");
  if (head.size() < tar::kBlockBytes) {
    return error(ErrorCode::kInvalid, "not a tar archive: unexpected EOF after {} bytes",
                 head.size());
  }
  const tar::Block block = head.first<tar::kBlockBytes>();
  const bool padding = std::ranges::all_of(block, [](std::byte b) { return b == std::byte{0}; });
  if (padding || tar::header_format(block) != tar::HeaderFormat::kBadChecksum) return {};
  tar::Member member;
  return tar::decode_header(block, member).context("not a tar archive");
}

Status check_holes(const tar::Member& member) {
  if (!member.sparse || member.logical_size_bytes() <= member.size_bytes + kMaxHoleBytes) return {};
  return error(ErrorCode::kInvalid, "\"{}\" is a sparse file of {} bytes, of which {} are there",
               member.name, member.logical_size_bytes(), member.size_bytes);
}

Result<std::unique_ptr<Contents>> open_contents(const ArchiveInput& input, store::Transaction& txn,
                                                Pool& pool, BufferPool& buffers,
                                                LoadProgress* progress) {
  Timer timer("open the archive");
  STRATA_TRY(struct stat info, stat_fd(input.fd->get()));
  if (S_ISDIR(info.st_mode)) return open_folder_contents(*input.fd);
  STRATA_TRY(bool plain, is_plain_tar_file(input.fd->get()));
  if (plain) return index_tar_file(*input.fd).context("{}", input.name);
  return consume_stream(*input.fd, txn, pool, buffers, progress).context("{}", input.name);
}

Result<std::unique_ptr<Contents>> open_texts(const ArchiveInput& input, Pool& pool) {
  STRATA_TRY(struct stat info, stat_fd(input.fd->get()));
  if (S_ISDIR(info.st_mode)) return open_folder_contents(*input.fd);
  STRATA_TRY(bool plain, is_plain_tar_file(input.fd->get()));
  if (plain) return index_tar_file(*input.fd).context("{}", input.name);
  return consume_texts(*input.fd, pool).context("{}", input.name);
}

}  // namespace strata::archive
