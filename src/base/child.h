// SPDX-License-Identifier: Apache-2.0
// Child: another program that runs beside us, with pipes to its input and from its output.
// Threads: one at a time per object; the descriptors may be used by two, one for each direction.
// Crash:   a child that has lost us reads the end of its input.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"

namespace strata {

class Child {
 public:
  // Looks for `words[0]` in PATH and starts it; standard error is ours.
  // Errors: kNotFound (no such program), kPermission, kIo.
  static Result<Child> start(const std::vector<std::string>& words);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  // Closes both ends, and waits; a child that does not end within some seconds is killed.
  ~Child();

  const Fd& input() const { return input_; }    // what it reads
  const Fd& output() const { return output_; }  // what it writes
  void close_input() { input_ = Fd(); }
  // Asks it to end (SIGTERM); the destructor sees to it.
  void terminate();
  // Ends it at once; `wait` is still to be called.
  void kill();
  // Closes its input; then wait() has the exit code at once. Errors: kCancelled, see interrupt.h.
  Status wait_until_ended();
  // Closes its input and waits for its end. Returns its exit code, 128 + signal number after one.
  int wait();

 private:
  Child() = default;
  pid_t pid_ = -1;
  Fd input_;
  Fd output_;
};

}  // namespace strata
