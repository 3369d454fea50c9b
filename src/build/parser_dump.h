// SPDX-License-Identifier: Apache-2.0
// A Dockerfile as text, for tests: what was read, one field a line.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "build/parser.h"

namespace strata::build {

class Dump {
 public:
  std::string take() { return std::move(out_); }

  void heading(std::string_view text, const LineRange& lines, int indent) {
    out_ += fmt::format("{:{}}{} [{}-{}]\n", "", indent, text, lines.first, lines.last);
  }
  template <typename T>
  void field(std::string_view name, const T& value) {
    if (!(value == T{})) out_ += fmt::format("      {}: {}\n", name, value);
  }
  void strings(std::string_view name, const std::vector<std::string>& values) {
    if (!values.empty()) out_ += fmt::format("      {}: {}\n", name, values);
  }

  void operator()(const Run& run) {
    command(run.command);
    for (const MountFlag& mount : run.mounts) {
      out_ += fmt::format("      mount: {} from={}\n", mount.text, mount.from);
    }
    field("network", run.network);
    field("security", run.security);
    strings("devices", run.devices);
  }
  void operator()(const Copy& copy) {
    strings("sources", copy.sources);
    heredocs(copy.heredocs);
    field("destination", copy.destination);
    field("from", copy.from);
    field("chown", copy.chown);
    field("chmod", copy.chmod);
    field("link", copy.link);
    field("parents", copy.parents);
    strings("excludes", copy.excludes);
    field("checksum", copy.checksum);
    field("keep_git_dir", copy.keep_git_dir);
    if (copy.unpack) out_ += fmt::format("      unpack: {}\n", *copy.unpack);
  }
  void operator()(const Env& env) { pairs(env.variables); }
  void operator()(const Label& label) { pairs(label.labels); }
  void operator()(const Arg& arg) {
    for (const auto& [key, value] : arg.variables) {
      out_ += fmt::format("      {}{}\n", key, value ? "=" + *value : "");
    }
  }
  void operator()(const Expose& expose) { strings("ports", expose.ports); }
  void operator()(const Volume& volume) { strings("paths", volume.paths); }
  void operator()(const User& user) { field("user", user.user); }
  void operator()(const Workdir& workdir) { field("path", workdir.path); }
  void operator()(const Cmd& cmd) { command(cmd.command); }
  void operator()(const Entrypoint& entrypoint) { command(entrypoint.command); }
  void operator()(const Shell& shell) { strings("words", shell.words); }
  void operator()(const Healthcheck& check) {
    field("none", check.none);
    if (!check.none) command(check.command);
    field("interval", check.interval.count());
    field("timeout", check.timeout.count());
    field("start_period", check.start_period.count());
    field("start_interval", check.start_interval.count());
    field("retries", check.retries);
  }
  void operator()(const StopSignal& stop) { field("signal", stop.signal); }
  void operator()(const Onbuild& onbuild) { field("trigger", onbuild.trigger); }
  void operator()(const Maintainer& maintainer) { field("name", maintainer.name); }

 private:
  void command(const CommandLine& line) {
    out_ += fmt::format("      {}: {}\n", line.is_shell ? "shell" : "exec", line.words);
    heredocs(line.heredocs);
  }
  void heredocs(const std::vector<Heredoc>& all) {
    for (const Heredoc& each : all) {
      out_ += fmt::format("      heredoc {} fd={}{}{}: {:?}\n", each.name, each.file_descriptor,
                          each.expand ? " expand" : "", each.chomp ? " chomp" : "", each.content);
    }
  }
  void pairs(const std::vector<KeyValue>& all) {
    for (const auto& [key, value, has_equals] : all) {
      out_ += fmt::format("      {}{}{}\n", key, has_equals ? "=" : " ", value);
    }
  }

  std::string out_;
};

inline void dump_instruction(Dump& out, const Instruction& each, int indent) {
  out.heading(fmt::format("{} {}", instruction_name(each.body), each.original), each.lines, indent);
  out.strings("comments", each.comments);
  std::visit(out, each.body);
}

inline std::string dump(const Dockerfile& file) {
  Dump out;
  for (const Directive& each : file.directives) {
    out.heading(fmt::format("# {} = {}", each.name, each.value), each.lines, 0);
  }
  for (const Instruction& each : file.global_args) dump_instruction(out, each, 0);
  for (const Stage& stage : file.stages) {
    out.heading(stage.original, stage.lines, 0);
    out.strings("comments", stage.comments);
    out.field("name", stage.name);
    out.field("base", stage.base);
    out.field("platform", stage.platform);
    for (const Instruction& each : stage.instructions) dump_instruction(out, each, 2);
  }
  for (const EmptyContinuation& each : file.empty_continuations) {
    out.heading("empty line in: " + each.instruction, each.lines, 0);
  }
  return out.take();
}

}  // namespace strata::build
