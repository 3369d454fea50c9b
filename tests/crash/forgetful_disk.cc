// SPDX-License-Identifier: Apache-2.0
// forgetful_disk: a disk that remembers in which order it was written, so that a test can forget
// what a power cut would have lost.
//
//   forgetful_disk FOLDER IMAGE LOG
//
// Serves IMAGE as FOLDER/disk, the only file of a FUSE file system, for a loop device to be put on
// it; what a file system on that device writes arrives here as writes, and its flushes as fsync.
// Both are appended to LOG:
//   log    := record*
//   record := 'W' offset:u64 length:u64 byte{length}  |  'F' 0:u64 0:u64        little-endian
// Says "ready" when the file is there, and ends when FOLDER is unmounted. Needs root.
// Source of the protocol: linux/fuse.h; kernel 3.15 or newer.
// Threads: one; requests are answered one after the other, so the log's order is the disk's.
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/fs_at.h"

namespace strata::crash {
namespace {

constexpr uint64_t kFolderNode = FUSE_ROOT_ID;
constexpr uint64_t kDiskNode = 2;
constexpr const char* kDiskName = "disk";
constexpr uint32_t kWriteBytesMax = 128 * 1024;
constexpr size_t kRequestBytesMax = kWriteBytesMax + 4096;
constexpr uint64_t kValidSeconds = 3600;

class ForgetfulDisk {
 public:
  static Result<ForgetfulDisk> mount_at(const std::string& folder, const std::string& image,
                                        const std::string& log) {
    ForgetfulDisk disk;
    STRATA_TRY(disk.image_, open_path(image, O_RDWR));
    STRATA_TRY(disk.log_, open_path(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600));
    STRATA_TRY(struct stat info, stat_fd(disk.image_.get()));
    disk.size_bytes_ = static_cast<uint64_t>(info.st_size);
    STRATA_TRY(disk.kernel_, open_path("/dev/fuse", O_RDWR));
    const std::string options =
        fmt::format("fd={},rootmode=40755,user_id=0,group_id=0", disk.kernel_.get());
    if (::mount("forgetful", folder.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
      return errno_error(errno, "mount " + folder);
    }
    return disk;
  }

  // Returns when the file system is unmounted.
  Status serve() {
    std::vector<std::byte> buffer(kRequestBytesMax);
    while (true) {
      const ssize_t count = ::read(kernel_.get(), buffer.data(), buffer.size());
      if (count < 0 && errno == ENODEV) return {};
      if (count < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
      if (count < 0) return errno_error(errno, "read a request");
      fuse_in_header header;
      std::memcpy(&header, buffer.data(), sizeof header);
      ByteSpan rest = ByteSpan(buffer).first(static_cast<size_t>(count)).subspan(sizeof header);
      STRATA_CHECK(answer(header, rest));
    }
  }

 private:
  template <typename T>
  static T read_as(ByteSpan bytes) {
    T value = {};
    std::memcpy(&value, bytes.data(), std::min(sizeof value, bytes.size()));
    return value;
  }

  Status reply(const fuse_in_header& to, int error_number, ByteSpan body) {
    fuse_out_header header = {};
    header.len = static_cast<uint32_t>(sizeof header + body.size());
    header.error = -error_number;
    header.unique = to.unique;
    std::array<iovec, 2> parts{iovec{&header, sizeof header},
                               iovec{const_cast<std::byte*>(body.data()), body.size()}};
    // ENOENT: whoever asked was interrupted, and has gone.
    if (::writev(kernel_.get(), parts.data(), 2) < 0 && errno != ENOENT) {
      return errno_error(errno, "answer a request");
    }
    return {};
  }
  Status refuse(const fuse_in_header& to, int error_number) { return reply(to, error_number, {}); }
  template <typename T>
  Status give(const fuse_in_header& to, const T& body) {
    return reply(to, 0, std::as_bytes(std::span(&body, 1)));
  }

  fuse_attr attributes_of(uint64_t node) const {
    fuse_attr attributes = {};
    attributes.ino = node;
    attributes.nlink = 1;
    attributes.mode = node == kDiskNode ? S_IFREG | 0600 : S_IFDIR | 0755;
    attributes.size = node == kDiskNode ? size_bytes_ : 0;
    attributes.blocks = attributes.size / 512;
    attributes.blksize = 4096;
    return attributes;
  }

  Status answer(const fuse_in_header& header, ByteSpan rest) {
    switch (header.opcode) {
      case FUSE_INIT:
        return greet(header, rest);
      case FUSE_LOOKUP:
        return look_up(header, as_text(rest));
      case FUSE_GETATTR: {
        fuse_attr_out out = {};
        out.attr_valid = kValidSeconds;
        out.attr = attributes_of(header.nodeid);
        return give(header, out);
      }
      case FUSE_OPEN:
      case FUSE_OPENDIR:
        return give(header, fuse_open_out{});
      case FUSE_READ:
        return read_disk(header, read_as<fuse_read_in>(rest));
      case FUSE_WRITE:
        return write_disk(header, read_as<fuse_write_in>(rest),
                          rest.subspan(sizeof(fuse_write_in)));
      case FUSE_FSYNC:
        STRATA_CHECK(record('F', 0, {}));
        return reply(header, 0, {});
      case FUSE_FLUSH:
      case FUSE_RELEASE:
      case FUSE_RELEASEDIR:
      case FUSE_READDIR:
      case FUSE_DESTROY:
        return reply(header, 0, {});
      case FUSE_STATFS:
        return give(header, fuse_statfs_out{});
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return {};  // these want no answer
      case FUSE_FALLOCATE:
        return refuse(header, EOPNOTSUPP);  // no discards: what is written stays written
      default:
        return refuse(header, ENOSYS);
    }
  }

  Status greet(const fuse_in_header& header, ByteSpan rest) {
    const auto in = read_as<fuse_init_in>(rest);
    fuse_init_out out = {};
    out.major = FUSE_KERNEL_VERSION;
    out.minor = std::min<uint32_t>(in.minor, FUSE_KERNEL_MINOR_VERSION);
    out.max_readahead = in.max_readahead;
    out.flags = FUSE_BIG_WRITES;
    out.max_write = kWriteBytesMax;
    return give(header, out);
  }

  Status look_up(const fuse_in_header& header, std::string_view name) {
    if (header.nodeid != kFolderNode || name.substr(0, name.find('\0')) != kDiskName) {
      return refuse(header, ENOENT);
    }
    fuse_entry_out out = {};
    out.nodeid = kDiskNode;
    out.entry_valid = kValidSeconds;
    out.attr_valid = kValidSeconds;
    out.attr = attributes_of(kDiskNode);
    return give(header, out);
  }

  Status read_disk(const fuse_in_header& header, const fuse_read_in& in) {
    std::vector<std::byte> bytes(in.size);
    STRATA_TRY(size_t count, pread_full(image_.get(), bytes, in.offset));
    return reply(header, 0, ByteSpan(bytes).first(count));
  }

  Status write_disk(const fuse_in_header& header, const fuse_write_in& in, ByteSpan bytes) {
    STRATA_CHECK(pwrite_all(image_.get(), bytes, in.offset));
    STRATA_CHECK(record('W', in.offset, bytes));
    fuse_write_out out = {};
    out.size = static_cast<uint32_t>(bytes.size());
    return give(header, out);
  }

  Status record(char kind, uint64_t offset, ByteSpan bytes) {
    std::vector<std::byte> text(1 + 2 * sizeof(uint64_t) + bytes.size());
    const uint64_t length = bytes.size();
    text[0] = static_cast<std::byte>(kind);
    std::memcpy(&text[1], &offset, sizeof offset);
    std::memcpy(&text[1 + sizeof offset], &length, sizeof length);
    if (!bytes.empty()) std::memcpy(&text[1 + 2 * sizeof offset], bytes.data(), bytes.size());
    return write_all(log_.get(), text);
  }

  Fd kernel_;
  Fd image_;
  Fd log_;
  uint64_t size_bytes_ = 0;
};

Status run(const std::vector<std::string>& words) {
  if (words.size() != 3) return error(ErrorCode::kInvalid, "FOLDER, IMAGE and LOG are expected");
  STRATA_TRY(ForgetfulDisk disk, ForgetfulDisk::mount_at(words[0], words[1], words[2]));
  std::puts("ready");
  std::fflush(stdout);
  return disk.serve();
}

}  // namespace
}  // namespace strata::crash

int main(int argc, char** argv) {
  strata::Status done = strata::crash::run(std::vector<std::string>(argv + 1, argv + argc));
  if (done.ok()) return 0;
  std::fprintf(stderr, "forgetful_disk: %s\n", done.error().message().c_str());
  return 1;
}
