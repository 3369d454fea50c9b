// SPDX-License-Identifier: Apache-2.0
// push: an image, or all tags of a repository, to a registry; images to another host.
#include "registry/push.h"

#include <malloc.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "cli/registry_options.h"
#include "cli/routes.h"
#include "cli/ssh_transfer.h"

namespace strata::cli {
namespace {

constexpr int kReturnedBytes = 512 << 10;

// docker's lines. Each layer ends with one line, in the order of the layers whatever the order in
// which they end; on a terminal bars are shown until then.
class PushDisplay final : public registry::PushProgress {
 public:
  PushDisplay(Context& context, bool quiet)
      : context_(context),
        quiet_(quiet),
        bars_(quiet || context.progress_mode() == ProgressMode::kPlain ? ProgressMode::kNone
                                                                       : context.progress_mode(),
              "Pushing",
              ProgressDisplay::to_descriptor(is_json() ? context.out().fd() : context.err().fd())) {
  }

  // A line of docker's, of a layer or of the whole.
  void say(std::string_view status, std::string_view id = {}) {
    print(line_of(status, id));
    flush();
  }

  void layers(const std::vector<DiffId>& top_first) override {
    auto state = state_.lock();
    state->order = top_first;
    state->done.clear();
    state->printed = 0;
    for (const DiffId& layer : top_first) print(line_of("Preparing", layer.short_hex()));
    flush();
  }

  void layer_advanced(const DiffId& layer, uint64_t bytes_done) override {
    if (bytes_done == 0) return;
    if (state_.lock()->started.insert(layer).second) bars_.layer_started(layer, 0);
    bars_.layer_advanced(layer, bytes_done);
  }

  void layer_done(const DiffId& layer, std::string_view status) override {
    auto state = state_.lock();
    if (state->started.contains(layer)) bars_.layer_finished(layer);
    state->done[layer] = status;
    while (state->printed < state->order.size()) {
      const DiffId& next = state->order[state->printed];
      auto found = state->done.find(next);
      if (found == state->done.end()) break;
      state->held += line_of(found->second, next.short_hex());
      ++state->printed;
    }
    if (!bars_shown()) print(std::exchange(state->held, ""));
    flush();
  }

  void tag_done(const std::string& tag, const Digest& digest, uint64_t size_bytes) override {
    if (bars_shown()) bars_.close();
    print(std::exchange(state_.lock()->held, ""));
    say(fmt::format("{}: digest: {} size: {}", tag, digest, size_bytes));
    if (!is_json()) return;
    print(fmt::format(
        "{{\"progressDetail\":{{}},\"aux\":{{\"Tag\":\"{}\",\"Digest\":\"{}\",\"Size\":{}}}}}\n",
        tag, digest, size_bytes));
    flush();
  }

  void note(const std::string& text) override { context_.err().print("NOTE: " + text + "\n"); }

  void close() { bars_.close(); }

 private:
  struct State {
    std::vector<DiffId> order;
    std::map<DiffId, std::string> done;
    std::set<DiffId> started;
    size_t printed = 0;
    std::string held;  // lines that wait for the bars to end
  };
  bool is_json() const { return context_.progress_mode() == ProgressMode::kJson; }
  std::string line_of(std::string_view status, std::string_view id) const {
    return status_line(context_.progress_mode(), status, id);
  }
  bool bars_shown() const { return context_.progress_mode() == ProgressMode::kTerminal; }
  void print(std::string_view text) {
    if (!quiet_) context_.out().print(text);
  }
  void flush() { (void)context_.out().flush().ok(); }  // reported at the end

  Context& context_;
  const bool quiet_;
  ProgressDisplay bars_;
  Guarded<State> state_;
};

class Push final : public Command {
 public:
  void declare(Options& options) override {
    options.flag('a', "all-tags", "Push all tags of an image to the repository", all_tags_);
    options.text(kNoShort, "compression", "string",
                 "gzip or zstd, with \":LEVEL\" if wanted, of layers that are uploaded",
                 compression_);
    options.flag('q', "quiet", "Suppress verbose output", quiet_);
    registry_.declare(options);
    registry_.declare_content_trust(options);
    ssh_.declare(options);
  }

  Result<int> run(Context& context, const std::vector<std::string>& arguments) override {
    if (is_ssh_url(arguments[0])) {
      if (!compression_.empty()) {
        return context.fail(
            "--compression is for registries; --wire-compression says how images travel to an "
            "ssh:// address");
      }
      if (all_tags_) STRATA_CHECK(check_all_tags(arguments));
      return push_over_ssh(context, arguments, ssh_, quiet_ || context.global().quiet);
    }
    if (arguments.size() > 1) return context.fail("\"strata push\" requires exactly 1 argument.");
    STRATA_TRY(oci::Reference name, oci::Reference::parse(arguments[0]));
    STRATA_TRY(registry::PushOptions options, push_options(name));
    bound_memory();
    const bool quiet = quiet_ || context.global().quiet;
    PushDisplay display(context, quiet);
    if (!all_tags_ && name.is_name_only()) display.say("Using default tag: latest");
    if (!all_tags_ && !name.digest()) name = name.with_default_tag();
    STRATA_TRY(store::Store store, open(context));
    STRATA_TRY(std::unique_ptr<registry::Client> client, registry_.open_client(context));
    display.say(fmt::format("The push refers to repository [{}]", name.full_name()));
    Status status = registry::push(store, *client, name, options, display, context.pool());
    display.close();
    STRATA_CHECK(std::move(status));
    if (quiet) context.out().print(name.full_string() + "\n");
    return 0;
  }

 private:
  Result<registry::PushOptions> push_options(const oci::Reference& name) const {
    registry::PushOptions options;
    options.all_tags = all_tags_;
    if (!compression_.empty()) {
      STRATA_TRY(options.compression, codec::parse_compression_spec(compression_));
      if (options.compression->kind == codec::Compression::kNone) {
        return error(ErrorCode::kInvalid, "--compression must be gzip or zstd");
      }
    }
    if (all_tags_ && !name.is_name_only()) {
      return error(ErrorCode::kInvalid, "tag can't be used with --all-tags/-a");
    }
    return options;
  }

  // The blocks of a layer's compressor go back to the system when it ends, and all threads share
  // one heap: else glibc keeps freed blocks for each thread (a peak of 76 MiB instead of 55).
  static void bound_memory() {
    ::mallopt(M_MMAP_THRESHOLD, kReturnedBytes);
    ::mallopt(M_ARENA_MAX, 1);
  }

  // Beside a dockerd that runs on the root the image can be read; only what it became there cannot
  // be recorded.
  static Result<store::Store> open(Context& context) {
    Result<store::Store> store = context.open_for_writing();
    if (store.ok()) return store;
    if (store.error().code() != ErrorCode::kBusy &&
        store.error().code() != ErrorCode::kPermission) {
      return store;
    }
    context.warn("the digest will not be recorded: " + store.error().message());
    return context.open_for_reading();
  }

  bool all_tags_ = false;
  std::string compression_;
  bool quiet_ = false;
  RegistryOptions registry_;
  SshTransferOptions ssh_;
};

}  // namespace

std::unique_ptr<Command> make_push() { return std::make_unique<Push>(); }

}  // namespace strata::cli
