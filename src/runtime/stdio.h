// SPDX-License-Identifier: Apache-2.0
// Stdio: the standard files of a program that runs, and the loop that carries bytes between them and
// ours until it has ended.
// Threads: one at a time.
#pragma once

#include <optional>

#include "base/contained_child.h"
#include "runtime/console_socket.h"
#include "runtime/run_process.h"

namespace strata::runtime {

// A terminal for the program. kPair: we make it, and the runtime, which has the other side as its own
// standard files, makes another and copies (runc in the foreground). kSocket: the runtime makes it and
// hands it over (crun).
enum class Console { kNone, kPair, kSocket };

class Stdio {
 public:
  // Makes pipes, or a pseudo terminal of the size that io.input has, where the program does not get
  // io's own descriptors. In `bundle` a file `pid` appears when the program does: then io.on_start
  // is called. What comes on standard error without it is the runtime's complaint, which is told otherwise.
  static Result<Stdio> open(const RunIo& io, Console console, const Fd& bundle);

  // What the program is started with; borrowed. To be closed by close_program_side() afterwards, or
  // the ends of the streams would never come.
  int program_input() const { return program_[0].get(); }
  int program_output() const { return program_output_; }
  int program_error() const { return program_error_; }
  void close_program_side();

  // Returns when the child has ended and all that it printed was handed on. When told so (cancelled,
  // SIGKILL), or after an error, it kills the child first. Errors: kCancelled, those of the sinks.
  Status carry(const ContainedChild& child);
  // Of a child that has ended: whether the program has ever started.
  bool has_started() const { return started_; }

 private:
  Stdio(const RunIo& io, const Fd& bundle) : io_(io), bundle_(bundle) {}
  Status open_pipes();
  Status open_pair();
  Status open_socket();
  Status take_terminal(Fd ours);
  Status set_terminal_size();
  // One turn of the loop: waits, then does what is due. False: the child has ended.
  Result<bool> turn(const ContainedChild& child);
  Status take_input();
  void give_input();
  // Hands on what is there. Closes `from` at its end.
  Status hand_on(Fd& from, bool& more);
  // Looks whether the program has started.
  Status look_for_start();
  // It has: says so, and gives what was held back of standard error until then.
  Status notice_start();
  Status pass_signals(const ContainedChild& child);

  const RunIo& io_;
  const Fd& bundle_;
  bool started_ = false;
  Fd bundle_events_;  // something has come into the bundle
  Fd program_[3];
  int program_output_ = -1;
  int program_error_ = -1;
  Fd to_program_;  // its input; the pseudo terminal is both
  Fd from_output_;
  Fd from_error_;
  std::optional<ConsoleSocket> socket_;
  bool terminal_ = false;
  bool shared_ = false;  // the runtime's complaints come where the program's output does
  bool input_open_ = false;
  std::string held_;     // from where the runtime may complain
  std::string pending_;  // read from io.input, not yet taken by the program
};

}  // namespace strata::runtime
