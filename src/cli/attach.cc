// SPDX-License-Identifier: Apache-2.0
#include "cli/attach.h"

#include <termios.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/signals.h"
#include "runtime/start.h"

namespace strata::cli {
namespace {

// The user's terminal hands every key on while the program runs.
class RawTerminal {
 public:
  explicit RawTerminal(bool wanted) {
    active_ = wanted && ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!active_) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  }
  ~RawTerminal() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;

 private:
  termios before_{};
  bool active_ = false;
};

std::string runtime_name(const std::string& option) {
  const char* own = std::getenv("STRATA_RUNTIME");
  return option.empty() && own != nullptr ? own : option;
}

void note_in_debug_mode(Context& context, runtime::StartOptions& options) {
  if (std::getenv("STRATA_DEBUG") == nullptr) return;
  options.io.note = [&context](const std::string& text) { context.warn(text); };
}

}  // namespace

Result<int> run_attached(Context& context, store::Store& store, const std::string& id,
                         const Attachment& attachment) {
  STRATA_CHECK(context.out().flush());
  FdSink output(context.out().fd());
  FdSink error(context.err().fd());
  runtime::StartOptions options;
  options.runtime = runtime_name(attachment.runtime);
  options.network = attachment.network;
  if (attachment.input) options.io.input = STDIN_FILENO;
  if (attachment.output) options.io.output_sink = &output;
  if (attachment.error) options.io.error_sink = &error;
  note_in_debug_mode(context, options);
  std::optional<SignalPipe> signals;
  if (attachment.proxy_signals) {
    signals.emplace();
    options.io.signals = signals->reader();
  }
  options.io.cancelled = context.pool().cancelled_fd();
  RawTerminal raw(attachment.input && attachment.terminal);
  Result<int> exit_code = runtime::start_container(store, id, options);
  if (exit_code.ok()) return exit_code;
  if (exit_code.error().code() == ErrorCode::kCancelled) return exit_code;
  return context.fail(fmt::format("strata: {}.", exit_code.error().message()),
                      runtime::start_failure_exit(exit_code.error()));
}

}  // namespace strata::cli
