// SPDX-License-Identifier: Apache-2.0
// The program gets a seccomp filter that stops it (SECCOMP_RET_TRACE) at the calls of interest only;
// all others run at full speed. Source: seccomp(2), ptrace(2); x86-64 only, where a call that the
// tracer renumbers to -1 is left out and its result is what the tracer puts into rax.
#include "tracer.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>

namespace strata::crash {
namespace {

constexpr long kOptions = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                          PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

constexpr unsigned kAlways = kChanges | kGrows | kOpens;  // of an open or ioctl only the flags tell

std::vector<sock_filter> filter_for(unsigned kinds) {
  std::vector<sock_filter> filter{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
                                  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
                                  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                                  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const SystemCall& call : disk_calls()) {
    const unsigned possible = (call.kinds & kOpens) != 0 ? call.kinds | kAlways : call.kinds;
    if ((possible & kinds) == 0) continue;
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call.number), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return filter;
}

// In the child, between fork and exec. It waits until it is traced: without a tracer, the calls of
// the filter would fail.
[[noreturn]] void become(std::vector<char*>& words, std::vector<sock_filter>& filter) {
  ::raise(SIGSTOP);
  sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    ::perror("strike: seccomp");
    ::_exit(126);
  }
  ::execvp(words[0], words.data());
  ::perror(words[0]);
  ::_exit(127);
}

Error last_error(std::string_view what) { return errno_error(errno, what); }

// A thread may have been killed since it stopped.
Status unless_gone(long result, std::string_view what) {
  return result == 0 || errno == ESRCH ? Status() : Status(last_error(what));
}

Status go_on(pid_t thread, int signal) {
  return unless_gone(::ptrace(PTRACE_CONT, thread, nullptr, static_cast<long>(signal)), "ptrace");
}

Status leave_out(pid_t thread, int error_number) {
  user_regs_struct registers;
  STRATA_CHECK(unless_gone(::ptrace(PTRACE_GETREGS, thread, nullptr, &registers), "registers"));
  registers.orig_rax = ~0ULL;
  registers.rax = static_cast<unsigned long long>(-static_cast<long long>(error_number));
  return unless_gone(::ptrace(PTRACE_SETREGS, thread, nullptr, &registers), "registers");
}

}  // namespace

Result<int> Tracer::run(const std::vector<std::string>& words) {
  STRATA_CHECK(start(words));
  STRATA_CHECK(follow());
  return exit_code_;
}

Status Tracer::start(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::vector<sock_filter> filter = filter_for(kinds_);
  first_ = ::fork();
  if (first_ < 0) return last_error("fork");
  if (first_ == 0) become(arguments, filter);
  int status = 0;
  if (::waitpid(first_, &status, WUNTRACED) < 0) return last_error("wait");
  if (::ptrace(PTRACE_SEIZE, first_, nullptr, kOptions) != 0) return last_error("ptrace");
  threads_.insert(first_);
  ::kill(first_, SIGCONT);
  return {};
}

Status Tracer::follow() {
  while (true) {
    int status = 0;
    const pid_t thread = ::waitpid(-1, &status, __WALL);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0) return errno == ECHILD ? Status() : Status(last_error("wait"));
    if (WIFSTOPPED(status)) {
      STRATA_CHECK(handle_stop(thread, status));
    } else {
      handle_end(thread, status);
    }
  }
}

void Tracer::handle_end(pid_t thread, int status) {
  threads_.erase(thread);
  if (thread != first_) return;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Status Tracer::handle_stop(pid_t thread, int status) {
  threads_.insert(thread);
  if (killing_) ::kill(thread, SIGKILL);  // it was just being started
  const int signal = WSTOPSIG(status);
  switch (status >> 16) {
    case 0:  // a signal on its way
      return go_on(thread, signal);
    case PTRACE_EVENT_SECCOMP:
      return handle_call(thread);
    case PTRACE_EVENT_STOP:
      if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) {
        return unless_gone(::ptrace(PTRACE_LISTEN, thread, nullptr, nullptr), "ptrace");
      }
      return go_on(thread, 0);
    default:  // a new thread or program
      return go_on(thread, 0);
  }
}

Status Tracer::handle_call(pid_t thread) {
  __ptrace_syscall_info info = {};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) < 0) return go_on(thread, 0);
  StoppedCall stopped{.thread = thread, .call = find_call(info.seccomp.nr), .args = {}};
  std::copy(std::begin(info.seccomp.args), std::end(info.seccomp.args), stopped.args.begin());
  if (stopped.call == nullptr || killing_) return go_on(thread, 0);
  const Verdict verdict = judge_(stopped);
  if (verdict.act == Verdict::Act::kKill) {
    kill_all();
    return {};
  }
  if (verdict.act == Verdict::Act::kFail) STRATA_CHECK(leave_out(thread, verdict.error));
  return go_on(thread, 0);
}

// The call that a killed thread was about to make is not made: the signal comes first.
void Tracer::kill_all() {
  killing_ = true;
  for (pid_t thread : threads_) ::kill(thread, SIGKILL);
}

}  // namespace strata::crash
