// SPDX-License-Identifier: Apache-2.0
// ContainedChild: another program as the first process of a PID namespace and in a mount namespace of
// its own. When it ends, and when we do (kill -9 included), the kernel ends whatever it started and
// takes its mounts away.
// Threads: the child's life hangs on the *thread* that started it (PR_SET_PDEATHSIG), so that thread
//          waits for it. signal() may be called by any thread meanwhile.
// Crash:   nothing of the child is left.
// Kernel:  clone with CLONE_PIDFD (5.2); needs CAP_SYS_ADMIN.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"

namespace strata {

struct ContainedStart {
  std::vector<std::string> words;        // words[0]: an absolute path
  std::vector<std::string> environment;  // "NAME=value", all of it
  std::string folder;                    // absolute: its working directory, in its own mounts
  int input = -1;                        // borrowed, these three
  int output = -1;
  int error = -1;
  bool terminal = false;             // `input` becomes the controlling terminal of its session
  std::vector<std::string> unmount;  // mount points that it shall not see; absent ones are fine
  std::vector<std::string> cover;    // folders that it shall see empty
};

class ContainedChild {
 public:
  // Errors: kPermission (no right to make namespaces), kNotFound (no such program), kIo; the text
  // names the step.
  static Result<ContainedChild> start(const ContainedStart& what);
  ContainedChild(ContainedChild&& other) noexcept;
  ContainedChild& operator=(ContainedChild&&) = delete;
  // Kills it if it has not been waited for.
  ~ContainedChild();

  // As seen by us.
  pid_t pid() const { return pid_; }
  // Readable when it has ended.
  int exit_fd() const { return pidfd_.get(); }
  // An ended child is fine.
  Status signal(int number) const;
  // Waits for the end of it and everything in its namespace. Returns its exit code, 128 + signal
  // number after a signal.
  int wait();

 private:
  ContainedChild() = default;
  pid_t pid_ = -1;
  Fd pidfd_;
};

}  // namespace strata
