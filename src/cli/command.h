// SPDX-License-Identifier: Apache-2.0
// What a command is: its words and its help in a row of the route table, and an object with its
// options that runs once.
// Threads: one at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/pool.h"
#include "base/result.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "store/new_root.h"
#include "store/store.h"

namespace strata::cli {

// Options that every command takes, before or after its name.
struct GlobalOptions {
  std::string root;
  std::string driver;
  unsigned jobs = 0;  // 0: as many as processors
  bool quiet = false;
  std::string progress = "auto";
  bool timings = false;
  bool sync = false;

  void declare(Options& options);
};

// What a command works with.
class Context {
 public:
  Context(const GlobalOptions& global, Output& out, Output& err);
  ~Context();
  Context(const Context&) = delete;

  Output& out() { return out_; }
  Output& err() { return err_; }
  const GlobalOptions& global() const { return global_; }
  std::string root() const;  // of --root, STRATA_ROOT, or the default
  Pool& pool();              // made at first use; stops at a signal

  // Errors: those of Store::open.
  Result<store::Store> open_for_reading();
  // None when there is no root at all: a list of nothing is empty, not wrong.
  Result<std::optional<store::Store>> open_if_there();
  // kCreate: the root is made where it is missing.
  enum class IfMissing { kFail, kCreate };
  Result<store::Store> open_for_writing(IfMissing if_missing = IfMissing::kFail);
  // To be called before a root is made there, by those who do not use open_for_writing.
  Status note_new_root(const std::string& path);
  // Of the root that this command made; null if it was there.
  const store::NewRoot* new_root() const { return new_root_ ? &*new_root_ : nullptr; }
  // When the command has ended: a root that it made and did not use goes again.
  void remove_unused_root();

  ProgressMode progress_mode() const;
  // Prints the message as it is, and gives the exit code back.
  int fail(std::string_view message, int exit_code = 1);
  // Prints the text; for an error its message as it is, without "Error: ", as docker does for
  // templates. Returns the exit code.
  int print(const Result<std::string>& text);
  void warn(std::string_view message);
  // Asks the user on standard output; anything but "y" is no. Errors: kCancelled, by a signal.
  Result<bool> confirm(std::string_view question);

 private:
  const GlobalOptions& global_;
  Output& out_;
  Output& err_;
  std::unique_ptr<Pool> pool_;
  std::optional<store::NewRoot> new_root_;
};

class Command {
 public:
  virtual ~Command() = default;
  // Declares the command's own options.
  virtual void declare(Options&) {}
  // True when what follows the first argument is all arguments: the words of another program.
  virtual bool options_end_at_argument() const { return false; }
  // The exit code for words that it does not understand. None: docker's, 125 for an option, 1 for an argument.
  virtual std::optional<int> usage_exit() const { return std::nullopt; }
  // Does it and returns the exit code. Errors are printed as "Error: <message>" by the caller.
  virtual Result<int> run(Context& context, const std::vector<std::string>& arguments) = 0;
};

}  // namespace strata::cli
