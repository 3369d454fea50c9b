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

// Something that becomes readable when a file of the folder grows, or gets another name.
class GrowthWatch {
 public:
  static Result<GrowthWatch> open(const Fd& folder) {
    GrowthWatch watch;
    watch.inotify_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    const std::string path = fmt::format("/proc/self/fd/{}", folder.get());
    if (!watch.inotify_.valid() || ::inotify_add_watch(watch.inotify_.get(), path.c_str(),
                                                       IN_MODIFY | IN_MOVED_TO | IN_CREATE) < 0) {
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
    STRATA_TRY(since_time_, time_of(since_).context("invalid value for \"since\""));
    STRATA_TRY(until_time_, time_of(until_).context("invalid value for \"until\""));
    STRATA_CHECK(read_host(store, record));
    STRATA_TRY(folder_, open_dir_at(store.root(), runtime::container_folder(record.id)));
    name_ = runtime::log_name(record.id);
    STRATA_TRY(std::vector<Fd> files, runtime::open_log_files(folder_, name_, max_files_));
    if (files.empty()) return 0;  // it never ran
    STRATA_TRY(std::vector<uint64_t> offsets, offsets_of_tail(files));
    for (size_t i = 0; i < files.size(); ++i) STRATA_CHECK(show(context, files[i], offsets[i]));
    if (follow_) STRATA_CHECK(follow(context, store, record.id, files.back(), offsets.back()));
    STRATA_CHECK(catch_up(context, files.back(), offsets.back()));
    if (damaged_ > 0) {
      context.warn(fmt::format("{} line{} of the log {} no records, and left out", damaged_,
                               damaged_ == 1 ? "" : "s", damaged_ == 1 ? "is" : "are"));
    }
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

  Status read_host(const store::Store& store, const runtime::ContainerRecord& record) {
    STRATA_TRY(runtime::HostConfig host, runtime::read_host_config(store, record.id));
    if (host.log_driver.empty() || host.log_driver == "json-file") {
      STRATA_TRY(runtime::LogLimits limits, runtime::LogLimits::parse(host.log_options));
      max_files_ = limits.max_files;
      return {};
    }
    if (host.log_driver != "local") {
      return error(ErrorCode::kUnsupported, "configured logging driver does not support reading");
    }
    return error(ErrorCode::kUnsupported,
                 "container {} keeps its log with the driver \"local\"; strata reads those of "
                 "json-file",
                 record.name);
  }

  // Where in each of the files the wanted lines begin.
  Result<std::vector<uint64_t>> offsets_of_tail(const std::vector<Fd>& files) const {
    std::vector<uint64_t> offsets(files.size(), 0);
    if (tail_ == "all") return offsets;
    size_t lines = lines_of_tail();
    for (size_t i = files.size(); i-- > 0;) {
      STRATA_TRY(offsets[i], runtime::offset_of_tail(files[i], lines));
    }
    return offsets;
  }

  // With all digits of the second, so that the lines stand below each other.
  static std::string timestamp(oci::Time time) {
    const std::string nanoseconds = fmt::format(".{:09}", std::exchange(time.nanoseconds, 0));
    constexpr size_t kToSeconds = 19;  // "2006-01-02T15:04:05"
    return oci::format_time(time).insert(kToSeconds, nanoseconds) + " ";
  }

  Status show(Context& context, const Fd& log, uint64_t& offset) {
    if (ended_) return {};
    STRATA_CHECK(runtime::visit_log(log, offset, [&](std::string_view line) -> Status {
      if (ended_) return {};
      Result<runtime::LogRecord> record = runtime::parse_log_record(line);
      if (!record.ok()) {  // of a host that crashed
        ++damaged_;
        return {};
      }
      if (since_time_ && record->time < *since_time_) return {};
      // Two streams may come in no exact order. The first record that is too late ends it, as docker's.
      ended_ = until_time_ && record->time > *until_time_;
      if (ended_) return {};
      std::string text = timestamps_ ? timestamp(record->time) : "";
      text += record->text;
      if (record->is_error) (void)context.out().flush().ok();  // an error of it stays until the end
      (record->is_error ? context.err() : context.out()).print(text);
      return {};
    }));
    return context.out().flush();
  }

  // Shows what is new, also where `log` was rotated away meanwhile: it becomes the file that is
  // written now. One that was emptied begins anew.
  Status catch_up(Context& context, Fd& log, uint64_t& offset) {
    STRATA_TRY(struct stat before, stat_fd(log.get()));
    if (static_cast<uint64_t>(before.st_size) < offset) offset = 0;
    STRATA_CHECK(show(context, log, offset));
    Result<struct stat> named = lstat_at(folder_, name_);
    if (!named.ok() || is_same_file(*named, before)) return {};
    STRATA_CHECK(show(context, log, offset));  // what came in between
    STRATA_TRY(std::vector<Fd> files, runtime::open_log_files(folder_, name_, max_files_));
    size_t known = files.size();
    for (size_t i = 0; i < files.size(); ++i) {
      STRATA_TRY(struct stat info, stat_fd(files[i].get()));
      if (is_same_file(info, before)) known = i;
    }
    for (size_t i = known == files.size() ? 0 : known + 1; i < files.size(); ++i) {
      offset = 0;
      STRATA_CHECK(show(context, files[i], offset));
    }
    if (!files.empty()) log = std::move(files.back());
    return {};
  }

  // Until the program ends; what it printed last is left to the caller.
  Status follow(Context& context, const store::Store& store, const std::string& id, Fd& log,
                uint64_t& offset) {
    STRATA_TRY(GrowthWatch watch, GrowthWatch::open(folder_));
    Result<Fd> state = open_dir_at(store.root(), runtime::kRunState);
    if (!state.ok()) return {};  // nothing of this root has ever run
    const Fd ended = runtime::open_runtime(*state, id);
    while (ended.valid()) {
      watch.clear();
      STRATA_CHECK(catch_up(context, log, offset));
      if (ended_) return {};
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
  bool ended_ = false;  // by until_time_
  Fd folder_;           // the container's
  std::string name_;
  unsigned max_files_ = 1;
  size_t damaged_ = 0;  // lines
};

}  // namespace

std::unique_ptr<Command> make_logs() { return std::make_unique<Logs>(); }

}  // namespace strata::cli
