// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <thread>

#include "cli/command.h"
#include "cli/signals.h"

namespace strata::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Each is a thread.
constexpr unsigned kMostJobs = 1024;

std::string default_root() {
  if (::geteuid() == 0) return "/var/lib/strata";
  std::string data = environment("XDG_DATA_HOME");
  if (data.empty()) data = environment("HOME") + "/.local/share";
  return data + "/strata";
}

}  // namespace

void GlobalOptions::declare(Options& options) {
  options.text(kNoShort, "root", "string", "Data root to work on (STRATA_ROOT)", root);
  options.check_last([](const std::string& value) {
    return value.empty() ? Status(Error(ErrorCode::kInvalid, "must not be empty")) : Status();
  });
  options.text(kNoShort, "storage-driver", "string", "overlay2 or vfs; the root's own if not given",
               driver);
  options.number(kNoShort, "jobs", "Threads to work with; as many as processors if not given",
                 jobs);
  options.check_last([](const std::string& value) {
    const bool zero = !value.empty() && value.find_first_not_of('0') == value.npos;
    if (zero) return Status(Error(ErrorCode::kInvalid, "must be at least 1"));
    unsigned wanted = 0;
    const char* end = value.data() + value.size();
    const auto [stop, failed] = std::from_chars(value.data(), end, wanted);
    const bool many =
        stop == end && (failed == std::errc::result_out_of_range || wanted > kMostJobs);
    return many ? Status(error(ErrorCode::kInvalid, "must be at most {}", kMostJobs)) : Status();
  });
  options.flag(kNoShort, "quiet", "Print results only", quiet);
  options.text(kNoShort, "progress", "string", "auto, plain, tty, json, or rawjson (build)",
               progress);
  options.check_last([](const std::string& value) {
    constexpr std::array<std::string_view, 5> kModes{"auto", "plain", "tty", "json", "rawjson"};
    const bool known = std::find(kModes.begin(), kModes.end(), value) != kModes.end();
    return known ? Status()
                 : Status(Error(ErrorCode::kInvalid, "must be auto, plain, tty, json or rawjson"));
  });
  options.flag(kNoShort, "sync", "Wait until new layers are on disk", sync);
  options.flag(kNoShort, "timings", "Print the time of each step on standard error", timings);
}

Context::Context(const GlobalOptions& global, Output& out, Output& err)
    : global_(global), out_(out), err_(err) {}

Context::~Context() { stop_at_signal(nullptr); }

std::string Context::root() const {
  if (!global_.root.empty()) return global_.root;
  std::string root = environment("STRATA_ROOT");
  return root.empty() ? default_root() : root;
}

Pool& Context::pool() {
  if (!pool_) {
    unsigned processors = std::max(1u, std::thread::hardware_concurrency());
    pool_ = std::make_unique<Pool>(global_.jobs > 0 ? global_.jobs : processors);
    stop_at_signal(pool_.get());
  }
  return *pool_;
}

Result<store::Store> Context::open_for_reading() {
  return store::Store::open({root(), global_.driver, store::Access::kRead, false});
}

Result<std::optional<store::Store>> Context::open_if_there() {
  Result<Fd> folder = open_path(root(), O_RDONLY | O_DIRECTORY);
  if (!folder.ok() && folder.error().code() == ErrorCode::kNotFound) {
    // A root that was named is most likely misspelled; nothing of it is an answer all the same.
    if (root() != default_root()) warn(fmt::format("{}: the folder does not exist", root()));
    return std::optional<store::Store>();
  }
  STRATA_TRY(store::Store store, open_for_reading());
  return std::optional<store::Store>(std::move(store));
}

Result<store::Store> Context::open_for_writing(IfMissing if_missing) {
  if (if_missing == IfMissing::kCreate) STRATA_CHECK(note_new_root(root()));
  return store::Store::open({.root = root(),
                             .driver = global_.driver,
                             .access = store::Access::kWrite,
                             .create = if_missing == IfMissing::kCreate,
                             .wait_for_disk = global_.sync});
}

Status Context::note_new_root(const std::string& path) {
  if (new_root_) return {};
  STRATA_TRY(new_root_, store::NewRoot::look(path));
  return {};
}

void Context::remove_unused_root() {
  if (new_root_) new_root_->remove_if_unused();
}

ProgressMode Context::progress_mode() const {
  if (global_.quiet) return ProgressMode::kNone;
  if (global_.progress == "json" || global_.progress == "rawjson") return ProgressMode::kJson;
  if (global_.progress == "plain") return ProgressMode::kPlain;
  bool terminal = global_.progress == "tty" || err_.is_terminal();
  return terminal ? ProgressMode::kTerminal : ProgressMode::kPlain;
}

int Context::fail(std::string_view message, int exit_code) {
  (void)out_.flush().ok();  // reported at the end
  err_.print(message);
  err_.print("\n");
  return exit_code;
}

int Context::print(const Result<std::string>& text) {
  if (!text.ok()) return fail(text.error().message());
  out_.print(*text);
  return 0;
}

void Context::warn(std::string_view message) {
  err_.print(fmt::format("WARNING: {}\n", readable(message)));
}

Result<bool> Context::confirm(std::string_view question) {
  out_.print(question);
  out_.print("\nAre you sure you want to continue? [y/N] ");
  if (!out_.flush().ok()) return false;
  std::string answer;
  char c = 0;
  while (answer.size() < 100) {
    pollfd polled[] = {{STDIN_FILENO, POLLIN, 0}, {pool().cancelled_fd(), POLLIN, 0}};
    if (::poll(polled, std::size(polled), -1) < 0 && errno != EINTR) break;
    STRATA_CHECK(pool().check_cancelled());
    if (polled[0].revents == 0) continue;
    if (::read(STDIN_FILENO, &c, 1) != 1 || c == '\n') break;
    answer += c;
  }
  return answer == "y" || answer == "Y";
}

}  // namespace strata::cli
