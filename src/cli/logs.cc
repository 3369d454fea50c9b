// SPDX-License-Identifier: Apache-2.0
// logs: what a container's program has printed, and prints.
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "cli/filters.h"
#include "cli/routes.h"
#include "runtime/container_files.h"
#include "runtime/container_record.h"
#include "runtime/json_log.h"
#include "runtime/rootfs.h"
#include "runtime/signal_container.h"

namespace strata::cli {
namespace {

// Something that becomes readable when the file grows.
class GrowthWatch {
 public:
  static Result<GrowthWatch> open(const Fd& file) {
    GrowthWatch watch;
    watch.inotify_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    const std::string path = fmt::format("/proc/self/fd/{}", file.get());
    if (!watch.inotify_.valid() ||
        ::inotify_add_watch(watch.inotify_.get(), path.c_str(), IN_MODIFY) < 0) {
      return errno_error(errno, "watch the log");
    }
    return watch;
  }
  int fd() const { return inotify_.get(); }
  void clear() const {
    std::array<char, 4096> events;
    while (::read(inotify_.get(), events.data(), events.size()) > 0) {
    }
  }

 private:
  Fd inotify_;
};

class Logs final : public Command {
 public:
  void declare(Options& options) override {
    options.flag(kNoShort, "details", "Show extra details provided to logs", details_);
    options.hide_last();
    options.flag('f', "follow", "Follow log output", follow_);
    options.text(kNoShort, "since", "string",
                 "Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m)",
                 since_);
    options.text('n', "tail", "string", "Number of lines to show from the end of the logs", tail_);
    options.flag('t', "timestamps", "Show timestamps", timestamps_);
    options.text(kNoShort, "until", "string",
                 "Show logs before a timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m)",
                 until_);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    STRATA_TRY(store::Store store, context.open_for_reading());
    STRATA_TRY(runtime::ContainerRecord record, runtime::find_container(store, arguments[0]));
    STRATA_TRY(since_time_, time_of(since_));
    STRATA_TRY(until_time_, time_of(until_));
    const std::string path =
        fmt::format("{}/{}", runtime::container_folder(record.id), runtime::log_name(record.id));
    Result<Fd> log = open_at(store.root(), path, O_RDONLY);
    const bool never_ran = !log.ok() && log.error().code() == ErrorCode::kNotFound;
    if (never_ran) return 0;
    if (!log.ok()) return std::move(log).error();
    uint64_t offset = 0;
    if (tail_ != "all") {
      STRATA_TRY(offset, runtime::offset_of_tail(*log, lines_of_tail()));
    }
    if (follow_) STRATA_CHECK(follow(context, store, record.id, *log, offset));
    STRATA_CHECK(show(context, *log, offset));
    return 0;
  }

 private:
  static Result<std::optional<oci::Time>> time_of(const std::string& text) {
    Filters filters;
    if (!text.empty()) filters.add("until", text);
    return filters.until();
  }

  // What is no number is all of it, as for docker.
  size_t lines_of_tail() const {
    size_t lines = 0;
    auto [end, failure] = std::from_chars(tail_.data(), tail_.data() + tail_.size(), lines);
    const bool number = failure == std::errc() && end == tail_.data() + tail_.size();
    return number ? lines : static_cast<size_t>(-1);
  }

  Status show(Context& context, const Fd& log, uint64_t& offset) const {
    STRATA_CHECK(runtime::visit_log(log, offset, [&](std::string_view line) -> Status {
      STRATA_TRY(runtime::LogRecord record, runtime::parse_log_record(line));
      if (since_time_ && record.time < *since_time_) return {};
      if (until_time_ && record.time > *until_time_) return {};
      std::string text = timestamps_ ? oci::format_time(record.time) + " " : "";
      text += record.text;
      if (record.is_error) (void)context.out().flush().ok();  // an error of it stays until the end
      (record.is_error ? context.err() : context.out()).print(text);
      return {};
    }));
    return context.out().flush();
  }

  // Until the program ends; what it printed last is left to the caller.
  Status follow(Context& context, const store::Store& store, const std::string& id, const Fd& log,
                uint64_t& offset) const {
    STRATA_TRY(GrowthWatch watch, GrowthWatch::open(log));
    Result<Fd> state = open_dir_at(store.root(), runtime::kRunState);
    if (!state.ok()) return {};  // nothing of this root has ever run
    const Fd ended = runtime::open_runtime(*state, id);
    while (ended.valid()) {
      watch.clear();
      STRATA_CHECK(show(context, log, offset));
      pollfd polled[] = {{ended.get(), POLLIN, 0},
                         {watch.fd(), POLLIN, 0},
                         {context.pool().cancelled_fd(), POLLIN, 0}};
      if (::poll(polled, std::size(polled), -1) < 0 && errno != EINTR) {
        return errno_error(errno, "poll");
      }
      STRATA_CHECK(context.pool().check_cancelled());
      if (polled[0].revents != 0) break;
    }
    // Who runs it writes the rest.
    return runtime::wait_for_run(*state, id);
  }

  bool details_ = false, follow_ = false, timestamps_ = false;
  std::string since_, until_, tail_ = "all";
  std::optional<oci::Time> since_time_;
  std::optional<oci::Time> until_time_;
};

}  // namespace

std::unique_ptr<Command> make_logs() { return std::make_unique<Logs>(); }

}  // namespace strata::cli
