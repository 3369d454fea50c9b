// SPDX-License-Identifier: Apache-2.0
// SshConnection: a strata on another host, reached by the system's ssh.
// What runs there is `strata system serve-stdio`; with `bootstrap` it is a copy of this program in a
// private temporary folder, which removes itself as soon as it runs.
// Threads: as Wire.
// Crash:   the program there reads the end of its input, and ends.
#pragma once

#include <memory>
#include <optional>

#include "archive/wire.h"
#include "base/child.h"
#include "cli/ssh_url.h"

namespace strata::cli {

struct SshOptions {
  bool bootstrap = false;
  std::string program = "strata";  // over there; a name or a path
};

class SshConnection {
 public:
  // Starts ssh, or what STRATA_SSH says (a shell's words, as GIT_SSH_COMMAND), and waits for the
  // greeting. Errors: kNotFound (no ssh here; no strata there, and what to do), kIo (ssh could not
  // connect, and has said why on standard error; or nothing came for STRATA_GREETING_SECONDS),
  // kUnsupported (versions or machines do not fit, or libraries are missing there).
  static Result<SshConnection> open(const SshUrl& url, const SshOptions& options, const Pool& pool);

  archive::Wire& wire() { return *wire_; }
  // After the transfer: ends the program over there.
  void close() { (void)child_->wait(); }

 private:
  SshConnection(Child child, SshUrl url)
      : child_(std::make_unique<Child>(std::move(child))), url_(std::move(url)) {}
  // Up to the greeting of the program there. What ends it, explain() knows more of.
  Status hear(const SshOptions& options, const Pool& pool);
  Status send_program();
  Error explain(Error error, const SshOptions& options);

  std::unique_ptr<Child> child_;
  SshUrl url_;
  std::optional<archive::Wire> wire_;
};

}  // namespace strata::cli
