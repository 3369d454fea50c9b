// SPDX-License-Identifier: Apache-2.0
// The socket over which crun hands over the pseudo terminal that it has made for a container.
// Source:  the OCI runtime command line, --console-socket: one message with one descriptor (SCM_RIGHTS).
// Threads: one at a time.
#pragma once

#include "base/fd.h"

namespace strata::runtime {

class ConsoleSocket {
 public:
  // The name in the bundle.
  static constexpr const char* kName = "console.sock";

  static Result<ConsoleSocket> open(const Fd& bundle);
  // Readable when the runtime has come.
  int fd() const { return socket_.get(); }
  // Our side of the terminal; none when the runtime has failed before that, which it tells elsewhere.
  Result<Fd> receive() const;

 private:
  explicit ConsoleSocket(Fd socket) : socket_(std::move(socket)) {}
  Fd socket_;
};

}  // namespace strata::runtime
