// SPDX-License-Identifier: Apache-2.0
// stop, kill, wait: of containers that other processes of ours run.
#include <csignal>
#include <limits>

#include "base/signal_names.h"
#include "cli/for_each_container.h"
#include "cli/routes.h"
#include "runtime/container_status.h"
#include "runtime/rootfs.h"
#include "runtime/signal_container.h"

namespace strata::cli {
namespace {

constexpr unsigned kStopSeconds = 10;
constexpr int kForever = -1;

// Where the runs are; a root that was never written to has none.
Result<Fd> run_state(const store::Store& store) {
  Result<Fd> state = open_dir_at(store.root(), runtime::kRunState);
  if (state.ok() || state.error().code() != ErrorCode::kNotFound) return state;
  return error(ErrorCode::kNotFound, "no container of this root runs");
}

class Kill final : public Command {
 public:
  void declare(Options& options) override {
    options.text('s', "signal", "string", "Signal to send to the container", signal_);
  }

  Result<int> run(Context& context, const std::vector<std::string>& names) override {
    STRATA_TRY(store::Store store, context.open_for_reading());
    STRATA_TRY(int number, parse_signal(signal_));
    return for_each_container(context, store, names, [&](const auto& record, const auto& name) {
      Status sent = send(store, record.id, number);
      if (!sent.ok() && sent.error().code() == ErrorCode::kNotFound) {
        return Status(error(ErrorCode::kNotFound,
                            "Cannot kill container: {}: Container {} is not running", name,
                            record.id));
      }
      if (sent.ok()) context.out().print(name + "\n");
      return sent;
    });
  }

 private:
  static Status send(const store::Store& store, const std::string& id, int number) {
    STRATA_TRY(Fd state, run_state(store));
    return runtime::signal_container(state, id, number);
  }

  std::string signal_ = "KILL";
};

class Stop final : public Command {
 public:
  void declare(Options& options) override {
    options.number('t', "time", "Seconds to wait for stop before killing it", seconds_);
    options.check_last([this](const std::string&) {
      given_ = true;
      return Status();
    });
  }

  Result<int> run(Context& context, const std::vector<std::string>& names) override {
    STRATA_TRY(store::Store store, context.open_for_reading());
    return for_each_container(context, store, names,
                              [&](const auto& record, const auto& name) -> Status {
                                STRATA_CHECK(stop(store, record));
                                context.out().print(name + "\n");
                                return {};
                              });
  }

 private:
  Status stop(const store::Store& store, const runtime::ContainerRecord& record) const {
    STRATA_TRY(runtime::ContainerStatus status, runtime::status_of(store, record));
    if (!status.running) return {};
    STRATA_TRY(Fd state, run_state(store));
    int number = SIGTERM;
    if (!record.config.stop_signal.empty()) {
      STRATA_TRY(number, parse_signal(record.config.stop_signal));
    }
    STRATA_CHECK(ended_is_fine(runtime::signal_container(state, record.id, number)));
    STRATA_TRY(bool ended, runtime::wait_for_container(state, record.id, limit_ms(record)));
    if (ended) return {};
    STRATA_CHECK(ended_is_fine(runtime::signal_container(state, record.id, SIGKILL)));
    STRATA_TRY(ended, runtime::wait_for_container(state, record.id, kForever));
    return {};
  }

  static Status ended_is_fine(Status sent) {
    return !sent.ok() && sent.error().code() == ErrorCode::kNotFound ? Status() : sent;
  }

  int limit_ms(const runtime::ContainerRecord& record) const {
    const bool own = given_ || !record.config.stop_timeout;
    const int64_t seconds = own ? seconds_ : *record.config.stop_timeout;
    constexpr int64_t kMostSeconds = std::numeric_limits<int>::max() / 1000;  // 24 days
    return seconds < 0 || seconds > kMostSeconds ? kForever : static_cast<int>(seconds) * 1000;
  }

  unsigned seconds_ = kStopSeconds;
  bool given_ = false;
};

class Wait final : public Command {
 public:
  Result<int> run(Context& context, const std::vector<std::string>& names) override {
    STRATA_TRY(store::Store store, context.open_for_reading());
    return for_each_container(context, store, names,
                              [&](const auto& record, const auto&) -> Status {
                                STRATA_TRY(int64_t code, wait(store, record));
                                context.out().print(fmt::format("{}\n", code));
                                return {};
                              });
  }

 private:
  static Result<int64_t> wait(const store::Store& store, const runtime::ContainerRecord& record) {
    Result<Fd> state = run_state(store);
    if (state.ok()) {
      STRATA_TRY(bool ended, runtime::wait_for_container(*state, record.id, kForever));
      if (!ended) return error(ErrorCode::kCancelled, "interrupted");
    }
    Result<runtime::ContainerRecord> now = runtime::read_container(store, record.id);
    // It went with its end (--rm), and nobody wrote down how that was.
    if (!now.ok()) return std::move(now).error();
    STRATA_TRY(runtime::ContainerStatus status, runtime::status_of(store, *now));
    return status.exit_code;
  }
};

}  // namespace

std::unique_ptr<Command> make_kill() { return std::make_unique<Kill>(); }
std::unique_ptr<Command> make_stop() { return std::make_unique<Stop>(); }
std::unique_ptr<Command> make_wait() { return std::make_unique<Wait>(); }

}  // namespace strata::cli
