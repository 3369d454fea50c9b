// SPDX-License-Identifier: Apache-2.0
// The profile is a list of system calls that are allowed, and one of those that are not, which fail with EPERM. What is on neither
// is newer than the lists and fails with ENOSYS, as does clone3: programs have another way then (fchmodat for fchmodat2,
// clone, whose flags can be looked at, for clone3), where EPERM would end them.
// Source: the profile that dockerd 20.10 hands to runc, for each capability and architecture; runc adds the ENOSYS for what is
// newer by itself, crun does not. Only personalities that are not allowed come out otherwise: ENOSYS, not EPERM.
#include "runtime/seccomp.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <string_view>

#include "runtime/take_word.h"

namespace strata::runtime {
namespace {

// Names are divided by spaces, as they are handed on one by one.
constexpr std::string_view kAlways =
    "accept accept4 access adjtimex alarm bind brk capget capset chdir chmod chown chown32 "
    "clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect "
    "copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old "
    "epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat "
    "exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark "
    "fchdir fchmod fchmodat fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr "
    "flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 "
    "fsync ftruncate ftruncate64 futex futex_time64 futex_waitv futimesat getcpu getcwd "
    "getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups "
    "getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom "
    "getresgid getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid "
    "getsockname getsockopt get_thread_area gettid gettimeofday getuid getuid32 getxattr "
    "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel ioctl "
    "io_destroy io_getevents io_pgetevents io_pgetevents_time64 ioprio_get ioprio_set "
    "io_setup io_submit io_uring_enter io_uring_register io_uring_setup ipc kill "
    "landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 "
    "lgetxattr link linkat listen listxattr llistxattr _llseek lremovexattr lseek lsetxattr "
    "lstat lstat64 madvise membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod "
    "mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open "
    "mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink "
    "mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap nanosleep "
    "newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal pipe "
    "pipe2 poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease "
    "pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink readlinkat "
    "readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr "
    "rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending "
    "rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
    "rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr "
    "sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler "
    "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
    "sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop "
    "semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto setfsgid "
    "setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid "
    "setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid "
    "setreuid32 setrlimit set_robust_list setsid setsockopt set_thread_area set_tid_address "
    "setuid setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd "
    "signalfd4 sigprocmask sigreturn socket socketcall socketpair splice stat stat64 statfs "
    "statfs64 statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time "
    "timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
    "timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
    "timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink "
    "unlinkat utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid "
    "write writev ";

// What a capability of the container adds.
struct OfCapability {
  std::string_view capability;
  std::string_view names;
};
constexpr std::string_view kSysAdmin = "CAP_SYS_ADMIN";
constexpr OfCapability kOfCapabilities[] = {
    {"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
    {kSysAdmin,
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount "
     "mount_setattr move_mount name_to_handle_at open_tree perf_event_open quotactl quotactl_fd "
     "setdomainname sethostname setns syslog umount umount2 unshare"},
    {"CAP_SYS_BOOT", "reboot"},
    {"CAP_SYS_CHROOT", "chroot"},
    {"CAP_SYS_MODULE", "delete_module init_module finit_module"},
    {"CAP_SYS_PACCT", "acct"},
    {"CAP_SYS_PTRACE",
     "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"},
    {"CAP_SYS_RAWIO", "iopl ioperm"},
    {"CAP_SYS_TIME", "settimeofday stime clock_settime"},
    {"CAP_SYS_TTY_CONFIG", "vhangup"},
    {"CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy"},
    {"CAP_SYSLOG", "syslog"},
};

// Allowed to nobody; calls of old kernels among them.
constexpr std::string_view kNever =
    "_sysctl add_key afs_syscall bdflush break clock_settime64 create_module ftime "
    "get_kernel_syms getpmsg gtty idle kexec_file_load kexec_load keyctl lock migrate_pages "
    "move_pages mpx nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname pivot_root "
    "pkey_alloc pkey_free pkey_mprotect prof profil putpmsg query_module readdir request_key "
    "security sgetmask sigaction signal sigpending sigsuspend ssetmask stty swapoff swapon "
    "sysfs tuxcall ulimit uselib userfaultfd ustat vm86 vm86old vserver";

// The architecture that this is built for: what programs of it may be, and calls of its own.
struct Architecture {
  std::array<std::string_view, 3> names;
  std::string_view calls;
};
#if defined(__x86_64__)
constexpr Architecture kHere = {{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"},
                                "arch_prctl modify_ldt"};
#elif defined(__aarch64__)
constexpr Architecture kHere = {
    {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", ""},
    "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"};
#elif defined(__s390x__)
constexpr Architecture kHere = {{"SCMP_ARCH_S390X", "SCMP_ARCH_S390", ""},
                                "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr"};
#elif defined(__powerpc64__)
constexpr Architecture kHere = {{"SCMP_ARCH_PPC64LE", "", ""}, "sync_file_range2 swapcontext"};
#elif defined(__riscv)
constexpr Architecture kHere = {{"SCMP_ARCH_RISCV64", "", ""}, "riscv_flush_icache"};
#else
constexpr Architecture kHere = {{"SCMP_ARCH_NATIVE", "", ""}, ""};
#endif

// The personalities that programs may ask for: Linux, Linux with 32 bits, the two with uname of 2.6,
// and the question which it is.
constexpr uint64_t kPersonalities[] = {0, 0x8, 0x20000, 0x20008, 0xffffffff};
constexpr uint64_t kNamespaceFlags[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                        CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
constexpr int kEperm = 1;
constexpr int kEnosys = 38;
#if defined(__s390x__)
constexpr int kCloneFlagsIndex = 1;
#else
constexpr int kCloneFlagsIndex = 0;
#endif

namespace json = boost::json;

json::object rule(std::string_view names) {
  json::array list;
  while (!names.empty()) list.emplace_back(take_word(names, ' '));
  return {{"names", std::move(list)}, {"action", "SCMP_ACT_ALLOW"}};
}

json::object refused(json::object rule) {
  rule["action"] = "SCMP_ACT_ERRNO";
  rule["errnoRet"] = kEperm;
  return rule;
}

json::object on(json::object rule, json::object argument) {
  rule["args"] = json::array{std::move(argument)};
  return rule;
}

// Where these bits of the flags are `value`.
json::object clone_rule(uint64_t bits, uint64_t value) {
  return on(rule("clone"), {{"index", kCloneFlagsIndex},
                            {"value", bits},
                            {"valueTwo", value},
                            {"op", "SCMP_CMP_MASKED_EQ"}});
}

// clone with none of the flags that make namespaces.
void add_clone(json::array& calls) {
  uint64_t all = 0;
  for (uint64_t flag : kNamespaceFlags) {
    all |= flag;
    calls.push_back(refused(clone_rule(flag, flag)));
  }
  calls.push_back(clone_rule(all, 0));
}

// Those of kNever, and of capabilities that are not there.
json::object refused_calls(const std::function<bool(std::string_view)>& has) {
  std::set<std::string_view> allowed = {"clone", "clone3"};
  std::set<std::string_view> refused_names;
  auto add = [](std::string_view names, std::set<std::string_view>& to) {
    while (!names.empty()) to.insert(take_word(names, ' '));
  };
  add(kNever, refused_names);
  add(kAlways, allowed);
  allowed.insert("ptrace");
  for (const OfCapability& more : kOfCapabilities) {
    add(more.names, has(more.capability) ? allowed : refused_names);
  }
  json::object result = refused(rule(""));
  for (std::string_view name : refused_names) {
    if (!allowed.contains(name)) result["names"].as_array().emplace_back(name);
  }
  return result;
}

}  // namespace

json::object seccomp_profile(const std::vector<std::string>& capabilities) {
  const auto has = [&](std::string_view name) {
    return std::find(capabilities.begin(), capabilities.end(), name) != capabilities.end();
  };
  json::array calls;
  calls.push_back(rule(kAlways));
  calls.push_back(rule("ptrace"));  // safe since Linux 4.8
  for (uint64_t value : kPersonalities) {
    calls.push_back(
        on(rule("personality"), {{"index", 0}, {"value", value}, {"op", "SCMP_CMP_EQ"}}));
  }
  if (!kHere.calls.empty()) calls.push_back(rule(kHere.calls));
  for (const OfCapability& more : kOfCapabilities) {
    if (has(more.capability)) calls.push_back(rule(more.names));
  }
  if (!has(kSysAdmin)) add_clone(calls);
  calls.push_back(refused_calls(has));
  json::array architectures;
  for (std::string_view name : kHere.names) {
    if (!name.empty()) architectures.emplace_back(name);
  }
  return {{"defaultAction", "SCMP_ACT_ERRNO"},
          {"defaultErrnoRet", kEnosys},
          {"architectures", std::move(architectures)},
          {"syscalls", std::move(calls)}};
}

}  // namespace strata::runtime
