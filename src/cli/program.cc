// SPDX-License-Identifier: Apache-2.0
#include "cli/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/timer.h"
#include "cli/help.h"
#include "cli/routes.h"
#include "cli/signals.h"

namespace strata::cli {
namespace {

constexpr int kUsageExit = 125;
constexpr int kSignalExit = 128;

bool has_own_h(const Options& own) {
  const std::vector<std::string> names = own.names();
  return std::find(names.begin(), names.end(), "-h") != names.end();
}

// One run of the program.
class Program {
 public:
  Program(Output& out, Output& err) : out_(out), err_(err) {}

  int run(std::span<const std::string> words) {
    const int code = route(words);
    if (global_.timings) err_.print(Timer::table());
    return finish(code);
  }

 private:
  // Options before the command, then the command or its group.
  int route(std::span<const std::string> words) {
    std::vector<std::string> rest;
    if (std::optional<int> code = read_options(words, rest, "strata")) return *code;
    if (rest.empty() || rest[0] == "help") return help(rest);
    if (const Group* group = find_group(rest[0])) return route_group(*group, rest);
    const Route* found = find_route("", rest[0]);
    if (found != nullptr) return run_command(*found, false, std::span(rest).subspan(1));
    return fail(fmt::format("strata: '{}' is not a strata command.\nSee 'strata --help'", rest[0]));
  }

  int route_group(const Group& group, std::span<const std::string> words) {
    std::vector<std::string> rest;
    const std::string name = fmt::format("strata {}", group.name);
    if (std::optional<int> code = read_options(words.subspan(1), rest, name)) {
      return help_wanted_ ? print(help_of_group(group)) : *code;
    }
    const Route* found = rest.empty() ? nullptr : find_route(group.name, rest[0]);
    if (found != nullptr) return run_command(*found, true, std::span(rest).subspan(1));
    err_.print(help_of_group(group));
    return rest.empty() ? 0 : 1;
  }

  // Reads global options up to the first other word. An exit code: nothing more is to be done.
  std::optional<int> read_options(std::span<const std::string> words,
                                  std::vector<std::string>& rest, std::string_view name) {
    Options options;
    bool version = false;
    global_.declare(options);
    options.flag('v', "version", "", version);
    options.flag('h', "help", "", help_wanted_);
    Result<std::vector<std::string>> parsed = options.parse(words, Options::AtArgument::kStop);
    if (!parsed.ok()) return usage_error(parsed.error().message(), name);
    rest = std::move(parsed).value();
    if (version) return print("strata version " STRATA_VERSION "\n");
    if (help_wanted_) return print(name == "strata" ? help_of_program() : "");
    return std::nullopt;
  }

  int run_command(const Route& route, bool by_group, std::span<const std::string> words) {
    std::unique_ptr<Command> command = route.make();
    Options own, all;
    bool help = false;
    command->declare(own);
    command->declare(all);
    global_.declare(all);
    // docker's old short form, where the command has none of its own (run -h: the host name).
    all.flag(has_own_h(own) ? kNoShort : 'h', "help", "", help);
    Result<std::vector<std::string>> arguments =
        all.parse(words, command->options_end_at_argument() ? Options::AtArgument::kStop
                                                            : Options::AtArgument::kGoOn);
    if (!arguments.ok()) {
      return usage_error(arguments.error().message(), called_name(route, by_group),
                         command->usage_exit().value_or(kUsageExit));
    }
    if (help) return print(help_of_command(route, by_group, own));
    std::string complaint = argument_complaint(route, by_group, arguments->size());
    if (!complaint.empty()) {
      usage_error(complaint, called_name(route, by_group));
      err_.print(short_help(route, by_group));
      return command->usage_exit().value_or(1);
    }
    Context context(global_, out_, err_);
    Result<int> code = command->run(context, *arguments);
    context.remove_unused_root();
    if (code.ok()) return *code;
    if (received_signal() != 0 && code.error().code() == ErrorCode::kCancelled) {
      return kSignalExit + received_signal();
    }
    return fail("Error: " + readable(code.error().message()), exit_code(code.error().code()));
  }

  int help(std::span<const std::string> words) {  // "help", "help image ls"
    std::vector<std::string> topic(words.begin() + (words.empty() ? 0 : 1), words.end());
    if (topic.empty()) return print(help_of_program());
    const Group* group = find_group(topic[0]);
    if (group == nullptr ? find_route("", topic[0]) == nullptr
                         : topic.size() > 1 && find_route(topic[0], topic[1]) == nullptr) {
      return fail("unknown help topic: " + fmt::format("{}", fmt::join(topic, " ")));
    }
    topic.resize(std::min<size_t>(topic.size(), group == nullptr ? 1 : 2));
    topic.push_back("--help");
    return route(topic);
  }

  int print(std::string_view text) {
    out_.print(text);
    return 0;
  }
  int fail(std::string_view message, int code = 1) {
    (void)out_.flush().ok();  // finish() tells
    err_.print(fmt::format("{}\n", message));
    return code;
  }
  int usage_error(std::string_view message, std::string_view name, int code = kUsageExit) {
    return fail(fmt::format("{}\nSee '{} --help'.", message, name), code);
  }

  int finish(int code) {
    Status written = out_.flush();
    if (!written.ok() && written.error().code() == ErrorCode::kCancelled) {
      return kSignalExit + received_signal();
    }
    if (!written.ok() && !out_.reader_is_gone()) {
      err_.print(fmt::format("Error: {}\n", written.error().message()));
    }
    return written.ok() || code != 0 ? code : 1;
  }

  Output& out_;
  Output& err_;
  GlobalOptions global_;
  bool help_wanted_ = false;
};

}  // namespace

int run_program(std::span<const std::string> words, Output& out, Output& err) {
  return Program(out, err).run(words);
}

}  // namespace strata::cli
