// SPDX-License-Identifier: Apache-2.0
// Rulesets: landlock_create_ruleset(attributes) -> fd; landlock_add_rule(fd, folder, rights) for each folder;
//           landlock_restrict_self(fd). A right that is handled and that no rule gives is refused. Structures may
//           be longer than the kernel knows, if the rest is zero.
// Filter:   a BPF program over seccomp_data { int nr; u32 arch; u64 pointer; u64 args[6]; }. But for clone it
//           looks at nothing but the number, so the kernel finds allowed ones in a bitmap without running it.
// Source:   linux/landlock.h (its numbers are here because Debian 12's header ends with ABI 2), linux/seccomp.h,
//           linux/filter.h.
#include "base/confine.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "base/pool.h"

#if defined(__SANITIZE_ADDRESS__)
#define STRATA_LEAKS_ARE_LOOKED_FOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STRATA_LEAKS_ARE_LOOKED_FOR 1
#endif
#endif

namespace strata {
namespace {

constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr uint32_t kVersionQuery = 1u << 0;
constexpr int kPathBeneath = 1;

// Linux 5.19: before it, no file could be renamed into another folder.
constexpr long kFirstAbi = 2;

constexpr uint64_t kExecute = 1ull << 0;
constexpr uint64_t kReadFile = 1ull << 2;
constexpr uint64_t kReadFolder = 1ull << 3;
constexpr uint64_t kRemoveFolder = 1ull << 4;
constexpr uint64_t kMakeSocket = 1ull << 9;
constexpr uint64_t kDeviceIoctl = 1ull << 15;
constexpr uint64_t kReads = kReadFile | kReadFolder;
constexpr uint64_t kNeverGiven = kExecute | kMakeSocket | kDeviceIoctl;

struct RulesetAttributes {
  uint64_t files = 0;
  uint64_t network = 0;
  uint64_t scopes = 0;
};

struct PathRule {
  uint64_t rights;
  int32_t folder;
} __attribute__((packed));

// All rights on files that this version of Landlock knows.
uint64_t rights_on_files(long abi) {
  if (abi >= 5) return (1ull << 16) - 1;  // 6.10: ioctl on devices
  if (abi >= 3) return (1ull << 15) - 1;  // 6.2: truncate
  return (1ull << 14) - 1;                // 5.19: link and rename into another folder
}

long landlock_abi() {
  return ::syscall(kCreateRuleset, nullptr, size_t{0}, kVersionQuery);  // -1: none
}

bool confine_files(const Confinement& how) {
  const long abi = landlock_abi();
  if (abi < kFirstAbi) return false;
  RulesetAttributes attributes;
  attributes.files = rights_on_files(abi) & ~(how.read_elsewhere ? kReads : 0);
  if (abi >= 4 && !how.network)
    attributes.network = (1ull << 0) | (1ull << 1);             // 6.7: bind and connect, TCP
  if (abi >= 6 && !how.network) attributes.scopes = 1ull << 0;  // 6.12: abstract unix sockets
  Fd ruleset(static_cast<int>(::syscall(kCreateRuleset, &attributes, sizeof attributes, 0)));
  if (!ruleset.valid()) return false;
  const auto allow = [&](int folder, uint64_t rights) {
    const PathRule rule{rights, folder};
    return ::syscall(kAddRule, ruleset.get(), kPathBeneath, &rule, 0) == 0;
  };
  for (const int folder : how.folders) {
    if (!allow(folder, attributes.files & ~kNeverGiven)) return false;
  }
  if (how.empty_folders_below >= 0 && !allow(how.empty_folders_below, kRemoveFolder)) return false;
  return ::syscall(kRestrictSelf, ruleset.get(), 0) == 0;
}

// What no unpacking needs. Sorted by what they are about.
constexpr auto kRefusedCalls = std::to_array<uint32_t>({
    __NR_execve,
    __NR_execveat,
#ifdef __NR_fork
    __NR_fork,
    __NR_vfork,
#endif
    __NR_process_vm_readv,
    __NR_process_vm_writev,
    __NR_kcmp,
    438 /* pidfd_getfd */,
    __NR_perf_event_open,
    __NR_userfaultfd,
#ifndef STRATA_LEAKS_ARE_LOOKED_FOR  // the leak sanitizer debugs its own process
    __NR_ptrace,
#endif
    __NR_mount,
    __NR_umount2,
    __NR_pivot_root,
    __NR_chroot,
    __NR_unshare,
    __NR_setns,
    428 /* open_tree */,
    429 /* move_mount */,
    430 /* fsopen */,
    431 /* fsconfig */,
    432 /* fsmount */,
    433 /* fspick */,
    442 /* mount_setattr */,
    __NR_quotactl,
    443 /* quotactl_fd */,
    __NR_swapon,
    __NR_swapoff,
    __NR_open_by_handle_at,
    __NR_fanotify_init,
    __NR_bpf,
    __NR_init_module,
    __NR_finit_module,
    __NR_delete_module,
    __NR_kexec_load,
    __NR_kexec_file_load,
    __NR_reboot,
    __NR_syslog,
    __NR_acct,
    __NR_settimeofday,
    __NR_clock_settime,
    __NR_adjtimex,
    __NR_clock_adjtime,
    __NR_sethostname,
    __NR_setdomainname,
    __NR_vhangup,
    __NR_personality,
    __NR_add_key,
    __NR_request_key,
    __NR_keyctl,
    425 /* io_uring_setup */,
    426 /* io_uring_enter */,
    427 /* io_uring_register */,
#ifdef __NR_iopl
    __NR_iopl,
    __NR_ioperm,
    __NR_modify_ldt,
    __NR_uselib,
#endif
});

constexpr auto kNetworkCalls =
    std::to_array<uint32_t>({__NR_socket, __NR_socketpair, __NR_bind, __NR_connect, __NR_listen,
                             __NR_accept, __NR_accept4});

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kArchitecture = 0;  // not known here: no filter
#endif
constexpr uint32_t kForeignCallNumbers = 0x40000000;  // x32
constexpr uint32_t kClone3 = 435;                     // its flags are out of a filter's reach

class FilterProgram {
 public:
  explicit FilterProgram(bool network) {
    load(offsetof(seccomp_data, arch));
    unless(BPF_JEQ, kArchitecture, refuse(EPERM));
    load(offsetof(seccomp_data, nr));
    when(BPF_JGE, kForeignCallNumbers, refuse(EPERM));
    for (const uint32_t call : kRefusedCalls) when(BPF_JEQ, call, refuse(EPERM));
    if (!network) {
      for (const uint32_t call : kNetworkCalls) when(BPF_JEQ, call, refuse(EPERM));
    }
    when(BPF_JEQ, kClone3, refuse(ENOSYS));  // then the C library takes clone
#ifndef STRATA_LEAKS_ARE_LOOKED_FOR
    // Threads, and no processes.
    code_[used_++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 4);
    load(offsetof(seccomp_data, args));  // the low half: both architectures are little-endian
    when(BPF_JSET, CLONE_THREAD, SECCOMP_RET_ALLOW);
    answer(refuse(EPERM));
#endif
    answer(SECCOMP_RET_ALLOW);
  }
  bool install() {
    sock_fprog program{static_cast<unsigned short>(used_), code_.data()};
    // SPEC_ALLOW: older kernels slow a filtered thread down otherwise, which is of use only to those that run
    // foreign code.
    return ::syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                     &program) == 0;
  }

 private:
  static uint32_t refuse(int error) {
    return SECCOMP_RET_ERRNO | (static_cast<uint32_t>(error) & SECCOMP_RET_DATA);
  }
  void load(size_t offset) {
    code_[used_++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
  }
  void answer(uint32_t action) { code_[used_++] = BPF_STMT(BPF_RET | BPF_K, action); }
  void when(uint16_t test, uint32_t value, uint32_t action) {
    code_[used_++] = BPF_JUMP(static_cast<uint16_t>(BPF_JMP | BPF_K | test), value, 0, 1);
    answer(action);
  }
  void unless(uint16_t test, uint32_t value, uint32_t action) {
    code_[used_++] = BPF_JUMP(static_cast<uint16_t>(BPF_JMP | BPF_K | test), value, 1, 0);
    answer(action);
  }

  std::array<sock_filter, 2 * (kRefusedCalls.size() + kNetworkCalls.size()) + 16> code_;
  size_t used_ = 0;
};

bool confine_calls(const Confinement& how) {
  return kArchitecture != 0 && FilterProgram(how.network).install();
}

}  // namespace

Confined confine_thread(const Confinement& how) {
  // Both ask for it of those who are not root. Programs that are started keep it; none are.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return {};
  Confined done;
  done.files = confine_files(how);
  done.calls = confine_calls(how);
  return done;
}

Confined confinement_available() {
  const uint32_t action = SECCOMP_RET_ERRNO;
  return {landlock_abi() >= kFirstAbi,
          kArchitecture != 0 && ::syscall(__NR_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0};
}

Status run_confined(const Confinement& how, const std::function<Status()>& body) {
  Stage stage([&]() -> Status {
    confine_thread(how);
    return body();
  });
  return stage.join();
}

}  // namespace strata
