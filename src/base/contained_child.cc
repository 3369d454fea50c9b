// SPDX-License-Identifier: Apache-2.0
#include "base/contained_child.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/pipe.h"

namespace strata {
namespace {

// What the child could not do, as it is written into the pipe.
enum class Step : int { kLife, kMounts, kProc, kTerminal, kFiles, kFolder, kProgram };

const char* name_of(Step step) {
  switch (step) {
    case Step::kLife:
      return "tie to its parent";
    case Step::kMounts:
      return "make its mounts its own";
    case Step::kProc:
      return "mount /proc";
    case Step::kTerminal:
      return "take the terminal";
    case Step::kFiles:
      return "set its standard files";
    case Step::kFolder:
      return "enter its folder";
    case Step::kProgram:
      return "execute";
  }
  return "";
}

struct Failure {
  Step step;
  int errno_value;
};

// Everything the child needs, made before it is: after the clone of one thread of many only system
// calls are safe.
struct Plan {
  const ContainedStart& what;
  std::vector<char*> words;
  std::vector<char*> environment;
  // Takes a Failure; the first has no errno and says that the child will die with its parent. Closed
  // by exec.
  int report = -1;
  // What the child waits for then, since until then the parent may have died unnoticed.
  int go_reader = -1;
  int go_writer = -1;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

[[noreturn]] void fail(const Plan& plan, Step step) {
  Failure failure{step, errno};
  (void)!::write(plan.report, &failure, sizeof failure);
  ::_exit(127);
}

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void set_files(const Plan& plan) {
  const int wanted[] = {plan.what.input, plan.what.output, plan.what.error};
  int copies[3];
  // First out of the way of 0, 1 and 2, which may be among them.
  for (int i = 0; i < 3; ++i) {
    copies[i] = ::fcntl(wanted[i], F_DUPFD_CLOEXEC, 3);
    if (copies[i] < 0) fail(plan, Step::kFiles);
  }
  for (int i = 0; i < 3; ++i) {
    if (::dup2(copies[i], i) < 0) fail(plan, Step::kFiles);
  }
}

void die_with_parent(const Plan& plan) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail(plan, Step::kLife);
  ::close(plan.go_writer);
  const Failure armed{Step::kLife, 0};
  char go = 0;
  if (::write(plan.report, &armed, sizeof armed) != sizeof armed) ::_exit(127);
  if (::read(plan.go_reader, &go, 1) != 1) ::_exit(127);  // the parent is dead
}

[[noreturn]] void run_child(const Plan& plan) {
  die_with_parent(plan);
  reset_signals();
  // What the host unmounts shall go here too, and nothing of ours shall be seen there.
  if (::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) fail(plan, Step::kMounts);
  for (const std::string& point : plan.what.unmount) ::umount2(point.c_str(), MNT_DETACH);
  for (const std::string& folder : plan.what.cover) {
    if (::mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
      fail(plan, Step::kMounts);
    }
  }
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    fail(plan, Step::kProc);
  }
  ::setsid();
  set_files(plan);
  if (plan.what.terminal && ::ioctl(0, TIOCSCTTY, 0) != 0) fail(plan, Step::kTerminal);
  // By its name: a descriptor would mean the folder among the mounts of the parent.
  if (::chdir(plan.what.folder.c_str()) != 0) fail(plan, Step::kFolder);
  ::execve(plan.words[0], plan.words.data(), plan.environment.data());
  fail(plan, Step::kProgram);
}

// fork() with namespaces: a copy of this thread alone. Returns 0 in the child.
pid_t clone_contained(int& pidfd) {
  return static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | CLONE_PIDFD | SIGCHLD,
                                      nullptr, &pidfd, nullptr, nullptr));
}

// The child's next word; none when it was executed, or is dead.
Result<std::optional<Failure>> next_report(const Fd& report) {
  Failure failure{};
  ssize_t count = 0;
  do {
    count = ::read(report.get(), &failure, sizeof failure);
  } while (count < 0 && errno == EINTR);
  if (count == 0) return std::optional<Failure>();
  if (count != sizeof failure) return errno_error(EIO, "hear of a child");
  return std::optional<Failure>(failure);
}

Status see_it_executed(const Fd& report, const Fd& go, const std::string& program) {
  STRATA_TRY(std::optional<Failure> armed, next_report(report));
  if (!armed) return error(ErrorCode::kIo, "{}: it did not start", program);
  if (armed->errno_value == 0) {
    STRATA_CHECK(write_all(go.get(), as_bytes("g")));
    STRATA_TRY(armed, next_report(report));
  }
  if (!armed) return {};
  return errno_error(armed->errno_value, fmt::format("{}: {}", program, name_of(armed->step)));
}

}  // namespace

Result<ContainedChild> ContainedChild::start(const ContainedStart& what) {
  Plan plan{what, pointers(what.words), pointers(what.environment)};
  STRATA_TRY(Pipe report, make_pipe());
  plan.report = report.writer.get();
  STRATA_TRY(Pipe go, make_pipe());
  plan.go_reader = go.reader.get();
  plan.go_writer = go.writer.get();
  ContainedChild child;
  int pidfd = -1;
  child.pid_ = clone_contained(pidfd);
  if (child.pid_ == 0) run_child(plan);
  if (child.pid_ < 0) {
    return errno_error(errno, "make PID and mount namespaces (needs root, CAP_SYS_ADMIN)");
  }
  child.pidfd_ = Fd(pidfd);
  report.writer = Fd();
  STRATA_CHECK(see_it_executed(report.reader, go.writer, what.words[0]));
  return child;
}

ContainedChild::ContainedChild(ContainedChild&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Status ContainedChild::signal(int number) const {
  if (pid_ < 0) return {};
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) == 0) return {};
  return errno == ESRCH ? Status() : Status(errno_error(errno, "signal a child"));
}

int ContainedChild::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

ContainedChild::~ContainedChild() {
  if (pid_ < 0) return;
  (void)signal(SIGKILL).ok();  // it may have ended
  (void)wait();
}

}  // namespace strata
