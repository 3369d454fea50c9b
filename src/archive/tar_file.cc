// SPDX-License-Identifier: Apache-2.0
#include "archive/tar_file.h"

#include "tar/writer.h"

namespace strata::archive {
namespace {

constexpr uint64_t kMostOctalBytes = (uint64_t{1} << 33) - 1;  // eleven digits

tar::Member regular(const std::string& name, uint64_t size_bytes, int64_t mtime_seconds) {
  tar::Member member;
  member.name = name;
  member.type = tar::kRegular;
  member.mode = 0644;
  member.size_bytes = size_bytes;
  member.mtime_seconds = mtime_seconds;
  return member;
}

// One block whatever the size is: its place was fixed before the size was known.
Result<std::string> one_block_header(tar::Member member) {
  const uint64_t size_bytes = member.size_bytes;
  if (size_bytes > kMostOctalBytes) member.size_bytes = 0;
  STRATA_TRY(std::string header, tar::encode_header(member, tar::HeaderStyle::kDocker28));
  if (header.size() != tar::kBlockBytes) {
    return error(ErrorCode::kInvalid, "{}: its header takes more than a block", member.name);
  }
  if (size_bytes <= kMostOctalBytes) return header;
  char* field = header.data() + tar::kSizeField.offset;
  field[0] = static_cast<char>(0x80);
  for (size_t i = 1; i < tar::kSizeField.size; ++i) {
    size_t shift = 8 * (tar::kSizeField.size - 1 - i);
    field[i] = shift < 64 ? static_cast<char>(size_bytes >> shift) : '\0';
  }
  tar::seal_ustar(tar::MutableBlock(reinterpret_cast<std::byte*>(header.data()), tar::kBlockBytes));
  return header;
}

}  // namespace

Result<TarFile> TarFile::create(const std::string& path) {
  STRATA_TRY(OutputFile out, OutputFile::create(path));
  if (!out.seekable()) {
    return error(ErrorCode::kUnsupported,
                 "cannot write to \"{}\": expected a file, found a pipe or a device", path);
  }
  return TarFile(std::move(out));
}

Status TarFile::add(const tar::Member& header, std::string_view text) {
  STRATA_TRY(std::string block, tar::encode_header(header, tar::HeaderStyle::kDocker28));
  STRATA_CHECK(pwrite_all(out_.fd(), as_bytes(block), end_));
  STRATA_CHECK(pwrite_all(out_.fd(), as_bytes(text), end_ + block.size()));
  end_ += block.size() + header.size_bytes + tar::padding_bytes(header.size_bytes);
  return {};
}

Status TarFile::add_folder(const std::string& name, int64_t mtime_seconds) {
  tar::Member member = regular(name + "/", 0, mtime_seconds);
  member.type = tar::kDirectory;
  member.mode = 0755;
  return add(member, "");
}

Status TarFile::add_text(const std::string& name, std::string_view text, int64_t mtime_seconds) {
  return add(regular(name, text.size(), mtime_seconds), text);
}

Result<PlaceSink> TarFile::reserve(const std::string& name, uint64_t size_bytes) {
  uint64_t end = end_ + tar::kBlockBytes;
  if (size_bytes > UINT64_MAX / 4 || end > UINT64_MAX / 4) {
    return error(ErrorCode::kInvalid, "{}: {} bytes do not fit into a file", name, size_bytes);
  }
  STRATA_CHECK(add(regular(name, size_bytes, 0), ""));
  uint64_t payload = end_ - size_bytes - tar::padding_bytes(size_bytes);
  return PlaceSink(out_.fd(), payload);
}

PlaceSink TarFile::begin() { return PlaceSink(out_.fd(), end_ + tar::kBlockBytes); }

Status TarFile::end(const std::string& name, uint64_t size_bytes, int64_t mtime_seconds) {
  STRATA_TRY(std::string header, one_block_header(regular(name, size_bytes, mtime_seconds)));
  STRATA_CHECK(pwrite_all(out_.fd(), as_bytes(header), end_));
  end_ += tar::kBlockBytes + size_bytes + tar::padding_bytes(size_bytes);
  return {};
}

Status TarFile::publish() {
  STRATA_CHECK(pwrite_all(out_.fd(), tar::kEndOfArchive, end_));
  return out_.publish();
}

}  // namespace strata::archive
