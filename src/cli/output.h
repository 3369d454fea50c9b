// SPDX-License-Identifier: Apache-2.0
// Standard output and error of the program. Output is collected and written in large pieces; an
// error of writing stays and is reported once, at the end.
// Threads: one at a time per object.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/interrupt.h"

namespace strata::cli {

// A message as it may go to a terminal: names in it are from archives and servers. Control characters
// (but newline and tab) become escapes, and of a very long one the middle is left out.
std::string readable(std::string_view message);

// The same for a name or a text within a line: line breaks and bytes that are no UTF-8 become escapes as well, as
// Go's %q writes them.
std::string in_one_line(std::string_view text);

class Output {
 public:
  // `fd` is borrowed. kAtOnce: nothing is held back.
  enum class Hold { kBlocks, kAtOnce };
  explicit Output(int fd, Hold hold = Hold::kBlocks) : fd_(fd), hold_(hold) {}

  void print(std::string_view text);
  bool is_terminal() const;
  int fd() const { return fd_; }
  // Writes what is held back. The first error of writing, from now on. Errors: kIo, kNoSpace, kCancelled (nobody
  // reads what has been written already, and a signal came).
  Status flush();
  // True when nobody reads what we write (EPIPE): an end without many words.
  bool reader_is_gone() const { return reader_is_gone_; }

 private:
  const int fd_;
  const Hold hold_;
  std::string held_;
  std::optional<WaitingSink> sink_;  // once there was something to write
  Status status_;
  bool reader_is_gone_ = false;
};

}  // namespace strata::cli
