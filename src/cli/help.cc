// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>

namespace strata::cli {
namespace {

constexpr std::string_view kAskForMore =
    "Run 'strata {}COMMAND --help' for more information on a command.\n";

struct Line {
  std::string_view name;
  std::string_view summary;
};

std::string command_lines(std::vector<Line> lines) {
  std::sort(lines.begin(), lines.end(),
            [](const Line& a, const Line& b) { return a.name < b.name; });
  std::string out;
  for (const Line& line : lines) out += fmt::format("  {:<9}   {}\n", line.name, line.summary);
  return out;
}

std::string arguments(size_t count) {
  return fmt::format("{} argument{}", count, count == 1 ? "" : "s");
}

}  // namespace

std::string called_name(const Route& route, bool by_group) {
  return by_group ? fmt::format("strata {} {}", route.group, route.name)
                  : fmt::format("strata {}", route.flat);
}

std::string help_of_program() {
  GlobalOptions defaults;
  Options options;
  bool version = false;
  bool help = false;
  defaults.declare(options);
  options.flag(kNoShort, "help", "Print this, or the help of a command", help);
  options.flag('v', "version", "Print version information and quit", version);
  std::string out =
      "\nUsage:  strata [OPTIONS] COMMAND\n\nContainer images on Docker's own store, without a "
      "daemon\n";
  out += "\nOptions (before or after the command):\n" + options.help();
  std::vector<Line> lines;
  for (const Group& group : groups()) lines.push_back({group.name, group.summary});
  out += "\nManagement Commands:\n" + command_lines(std::move(lines));
  lines.clear();
  for (const Route& route : routes()) {
    if (!route.flat.empty() && !route.summary.empty()) lines.push_back({route.flat, route.summary});
  }
  out += "\nCommands:\n" + command_lines(std::move(lines));
  return out + "\n" + fmt::format(kAskForMore, "");
}

std::string help_of_group(const Group& group) {
  std::vector<Line> lines;
  for (const Route& route : routes()) {
    if (route.group == group.name && !route.summary.empty())
      lines.push_back({route.name, route.summary});
  }
  return fmt::format("\nUsage:  strata {} COMMAND\n\n{}\n\nCommands:\n{}\n", group.name,
                     group.summary, command_lines(std::move(lines))) +
         fmt::format(kAskForMore, fmt::format("{} ", group.name));
}

std::string short_help(const Route& route, bool by_group) {
  return fmt::format("\nUsage:  {} {}\n\n{}\n", called_name(route, by_group), route.usage,
                     route.summary);
}

std::string help_of_command(const Route& route, bool by_group, const Options& own_options) {
  std::string out = short_help(route, by_group);
  if (by_group && !route.aliases.empty()) {
    out += fmt::format("\nAliases:\n  {}, ", route.name);
    for (char c : route.aliases) out += c == ' ' ? ", " : std::string(1, c);
    out += '\n';
  }
  std::string options = own_options.help();
  return options.empty() ? out : out + "\nOptions:\n" + options;
}

std::string argument_complaint(const Route& route, bool by_group, size_t count) {
  const size_t least = route.min_arguments;
  const size_t most = route.max_arguments;
  if (count >= least && count <= most) return {};
  std::string rule;
  if (most == 0) {
    rule = "accepts no arguments";
  } else if (least == most) {
    rule = fmt::format("requires exactly {}", arguments(least));
  } else if (most == kAnyNumber) {
    rule = fmt::format("requires at least {}", arguments(least));
  } else if (least == 0) {
    rule = fmt::format("requires at most {}", arguments(most));
  } else {
    rule = fmt::format("requires at least {} and at most {}", least, arguments(most));
  }
  return fmt::format("\"{}\" {}.", called_name(route, by_group), rule);
}

}  // namespace strata::cli
