// SPDX-License-Identifier: Apache-2.0
// Source: syscalls(2) and the pages it names.
#include "system_calls.h"

#include <sys/syscall.h>

#include <algorithm>

namespace strata::crash {
namespace {

using enum Target;
constexpr unsigned kWrites = kChanges | kGrows;

constexpr SystemCall kCalls[] = {
    {SYS_open, "open", kOpens | kReads, kPath, 0},
    {SYS_openat, "openat", kOpens | kReads, kAt, 0},
    {SYS_openat2, "openat2", kOpens | kReads, kAt, 0},
    {SYS_creat, "creat", kOpens | kWrites, kPath, 0},
    {SYS_write, "write", kWrites, kFd, 0},
    {SYS_pwrite64, "pwrite64", kWrites, kFd, 0},
    {SYS_writev, "writev", kWrites, kFd, 0},
    {SYS_pwritev, "pwritev", kWrites, kFd, 0},
    {SYS_pwritev2, "pwritev2", kWrites, kFd, 0},
    {SYS_copy_file_range, "copy_file_range", kWrites, kFd, 2},
    {SYS_sendfile, "sendfile", kWrites, kFd, 0},
    {SYS_splice, "splice", kWrites, kFd, 2},
    {SYS_ftruncate, "ftruncate", kWrites, kFd, 0},
    {SYS_truncate, "truncate", kWrites, kPath, 0},
    {SYS_fallocate, "fallocate", kWrites, kFd, 0},
    {SYS_ioctl, "ioctl", kWrites, kFd, 0},
    {SYS_fsync, "fsync", kWrites, kFd, 0},
    {SYS_fdatasync, "fdatasync", kWrites, kFd, 0},
    {SYS_syncfs, "syncfs", kWrites, kFd, 0},
    {SYS_sync_file_range, "sync_file_range", kChanges, kFd, 0},
    {SYS_mkdir, "mkdir", kWrites, kPath, 0},
    {SYS_mkdirat, "mkdirat", kWrites, kAt, 0},
    {SYS_mknod, "mknod", kWrites, kPath, 0},
    {SYS_mknodat, "mknodat", kWrites, kAt, 0},
    {SYS_symlink, "symlink", kWrites, kPath, 1},
    {SYS_symlinkat, "symlinkat", kWrites, kAt, 1},
    {SYS_link, "link", kWrites, kPath, 1},
    {SYS_linkat, "linkat", kWrites, kAt, 2},
    {SYS_rename, "rename", kWrites, kPath, 0, kPath, 1},
    {SYS_renameat, "renameat", kWrites, kAt, 0, kAt, 2},
    {SYS_renameat2, "renameat2", kWrites, kAt, 0, kAt, 2},
    {SYS_unlink, "unlink", kChanges, kPath, 0},
    {SYS_unlinkat, "unlinkat", kChanges, kAt, 0},
    {SYS_rmdir, "rmdir", kChanges, kPath, 0},
    {SYS_chmod, "chmod", kChanges, kPath, 0},
    {SYS_fchmod, "fchmod", kChanges, kFd, 0},
    {SYS_fchmodat, "fchmodat", kChanges, kAt, 0},
    {452, "fchmodat2", kChanges, kAtOrFd, 0},
    {SYS_chown, "chown", kChanges, kPath, 0},
    {SYS_lchown, "lchown", kChanges, kPath, 0},
    {SYS_fchown, "fchown", kChanges, kFd, 0},
    {SYS_fchownat, "fchownat", kChanges, kAtOrFd, 0},
    {SYS_utimensat, "utimensat", kChanges, kAtOrFd, 0},
    {SYS_setxattr, "setxattr", kWrites, kPath, 0},
    {SYS_lsetxattr, "lsetxattr", kWrites, kPath, 0},
    {SYS_fsetxattr, "fsetxattr", kWrites, kFd, 0},
    {SYS_removexattr, "removexattr", kChanges, kPath, 0},
    {SYS_lremovexattr, "lremovexattr", kChanges, kPath, 0},
    {SYS_fremovexattr, "fremovexattr", kChanges, kFd, 0},
    {SYS_mount, "mount", kChanges, kPath, 1},
    {SYS_umount2, "umount2", kChanges, kPath, 0},
    {SYS_move_mount, "move_mount", kChanges, kAtOrFd, 2},
    {SYS_read, "read", kReads, kFd, 0},
    {SYS_pread64, "pread64", kReads, kFd, 0},
    {SYS_readv, "readv", kReads, kFd, 0},
    {SYS_preadv, "preadv", kReads, kFd, 0},
    {SYS_getdents64, "getdents64", kReads, kFd, 0},
    {SYS_newfstatat, "newfstatat", kReads, kAtOrFd, 0},
    {SYS_statx, "statx", kReads, kAtOrFd, 0},
    {SYS_readlinkat, "readlinkat", kReads, kAtOrFd, 0},
    {SYS_fgetxattr, "fgetxattr", kReads, kFd, 0},
    {SYS_flistxattr, "flistxattr", kReads, kFd, 0},
    {SYS_lgetxattr, "lgetxattr", kReads, kPath, 0},
    {SYS_llistxattr, "llistxattr", kReads, kPath, 0},
    {SYS_pipe2, "pipe2", kOpens, kNone, 0},
    {SYS_socket, "socket", kOpens, kNone, 0},
    {SYS_socketpair, "socketpair", kOpens, kNone, 0},
    {SYS_dup, "dup", kOpens, kNone, 0},
    {SYS_fcntl, "fcntl", kOpens, kNone, 0},
    {SYS_eventfd2, "eventfd2", kOpens, kNone, 0},
    {SYS_epoll_create1, "epoll_create1", kOpens, kNone, 0},
    {SYS_memfd_create, "memfd_create", kOpens, kNone, 0},
};

}  // namespace

std::span<const SystemCall> disk_calls() { return kCalls; }

const SystemCall* find_call(uint64_t number) {
  auto found = std::find_if(std::begin(kCalls), std::end(kCalls), [&](const SystemCall& call) {
    return call.number == static_cast<long>(number);
  });
  return found == std::end(kCalls) ? nullptr : &*found;
}

}  // namespace strata::crash
