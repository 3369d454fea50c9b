// SPDX-License-Identifier: Apache-2.0
#include "build/config_step.h"

#include <algorithm>
#include <array>

#include "base/signal_names.h"
#include "build/expand_instruction.h"
#include "build/parser.h"
#include "build/ports.h"
#include "oci/go_text.h"

namespace strata::build {
namespace {

// `["a" "b"]`, as Go's %q prints a list.
std::string quoted(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + oci::go_quote(word);
  return "[" + text + "]";
}

// The struct as Go prints it: dockerds up to 24 with %q, later ones with %v.
std::string health_text(const oci::Healthcheck& health, SumForm form) {
  const int64_t durations[] = {health.interval_ns, health.timeout_ns, health.start_period_ns,
                               health.start_interval_ns};
  std::string text;
  if (form == SumForm::kDocker20) {
    for (int i = 0; i < 3; ++i) text += oci::go_quote(oci::go_duration(durations[i])) + " ";
    const auto code = static_cast<char32_t>(health.retries);
    return fmt::format("&{{{} {}{}}}", quoted(health.test), text, oci::go_quote_rune(code));
  }
  for (int64_t duration : durations) text += oci::go_duration(duration) + " ";
  return fmt::format("&{{[{}] {}{}}}", fmt::join(health.test, " "), text, health.retries);
}

// One call operator for each instruction; each returns what the history says after "#(nop)  ".
struct Apply {
  StageConfig& stage;
  BuildArgs& args;
  LookUp look_up;
  char escape;

  oci::ContainerConfig& config() { return stage.config; }

  Result<std::string> operator()(const Env& env) {
    std::string text = "ENV";
    for (const KeyValue& variable : env.variables) {
      if (variable.key.empty()) {
        return error(ErrorCode::kInvalid, "ENV names can not be blank");
      }
      text += fmt::format(" {}={}", variable.key, variable.value);
      oci::set_env(config().env, variable.key, variable.value);
    }
    return text;
  }

  Result<std::string> operator()(const Label& label) {
    std::string text = "LABEL";
    for (const KeyValue& pair : label.labels) {
      if (pair.key.empty()) return error(ErrorCode::kInvalid, "LABEL names can not be blank");
      text += fmt::format(" {}={}", pair.key, pair.value);
      if (!config().labels.has_value()) config().labels.emplace();
      (*config().labels)[pair.key] = pair.value;
    }
    return text;
  }

  Result<std::string> operator()(const Arg& arg) {
    std::string text = "ARG";
    for (const Arg::Variable& variable : arg.variables) {
      text += " " + variable.key + (variable.value.has_value() ? "=" + *variable.value : "");
      args.declare(variable.key, variable.value);
    }
    return text;
  }

  Result<std::string> operator()(const Expose& expose) {
    std::vector<std::string> sorted = expose.ports;
    std::sort(sorted.begin(), sorted.end());
    std::string text = "EXPOSE";
    for (const std::string& port : sorted) {
      STRATA_TRY(std::vector<std::string> specs, expand_words(port, look_up, escape));
      for (const std::string& spec : specs) {
        STRATA_TRY(std::vector<std::string> ports, parse_port_spec(spec));
        config().exposed_ports.insert(ports.begin(), ports.end());
        text += " " + spec;
      }
    }
    return text;
  }

  Result<std::string> operator()(const Volume& volume) {
    std::string text;
    for (const std::string& path : volume.paths) {
      if (path.empty()) {
        return error(ErrorCode::kInvalid, "VOLUME specified can not be an empty string");
      }
      if (!config().volumes.has_value()) config().volumes.emplace();
      config().volumes->insert(path);
      text += (text.empty() ? "" : " ") + path;
    }
    return "VOLUME [" + text + "]";
  }

  Result<std::string> operator()(const User& user) {
    config().user = user.user;
    return "USER " + config().user;
  }

  Result<std::string> operator()(const Workdir& workdir) {
    if (workdir.path.empty()) return error(ErrorCode::kInvalid, "cannot normalize nothing");
    config().working_dir = resolve_workdir(config().working_dir, workdir.path);
    return "WORKDIR " + config().working_dir;
  }

  Result<std::string> operator()(const Cmd& cmd) {
    std::vector<std::string> words = command_words(cmd.command, config());
    stage.cmd_set = stage.cmd_set || !cmd.command.words.empty();
    std::string text = "CMD " + quoted(words);
    config().cmd = std::move(words);
    return text;
  }

  Result<std::string> operator()(const Entrypoint& entrypoint) {
    std::vector<std::string> words = command_words(entrypoint.command, config());
    std::string text = "ENTRYPOINT " + quoted(words);
    config().entrypoint.reset();  // ENTRYPOINT [] is none, though CMD [] is an empty one
    if (!words.empty()) config().entrypoint = std::move(words);
    if (!stage.cmd_set) config().cmd.reset();
    return text;
  }

  Result<std::string> operator()(const Shell& shell) {
    config().shell = shell.words;
    return fmt::format("SHELL [{}]", fmt::join(shell.words, " "));
  }

  Result<std::string> operator()(const Healthcheck& check) {
    oci::Healthcheck health;
    if (check.none) {
      health.test = {"NONE"};
    } else {
      health.test = {check.command.is_shell ? "CMD-SHELL" : "CMD"};
      health.test.insert(health.test.end(), check.command.words.begin(), check.command.words.end());
    }
    health.interval_ns = check.interval.count();
    health.timeout_ns = check.timeout.count();
    health.start_period_ns = check.start_period.count();
    health.start_interval_ns = check.start_interval.count();
    health.retries = check.retries;
    std::string text = "HEALTHCHECK " + health_text(health, stage.form);
    config().healthcheck = std::move(health);
    return text;
  }

  Result<std::string> operator()(const StopSignal& stop) {
    STRATA_TRY([[maybe_unused]] const int number, parse_signal(stop.signal));
    config().stop_signal = stop.signal;
    return "STOPSIGNAL " + stop.signal;
  }

  Result<std::string> operator()(const Onbuild& onbuild) {
    if (!config().on_build.has_value()) config().on_build.emplace();
    config().on_build->push_back(onbuild.trigger);
    return "ONBUILD " + onbuild.trigger;
  }

  Result<std::string> operator()(const Maintainer& maintainer) {
    stage.author = maintainer.name;
    return "MAINTAINER " + maintainer.name;
  }

  Result<std::string> operator()(const Run&) { return not_config("RUN"); }
  Result<std::string> operator()(const Copy& copy) {
    return not_config(copy.is_add ? "ADD" : "COPY");
  }
  static Error not_config(std::string_view name) {
    return error(ErrorCode::kInvalid, "{} changes files, not only the config", name);
  }
};

}  // namespace

std::vector<std::string> shell_of(const oci::ContainerConfig& config) {
  return config.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : config.shell;
}

std::vector<std::string> command_words(const CommandLine& command,
                                       const oci::ContainerConfig& config) {
  if (!command.is_shell) return command.words;
  std::vector<std::string> words = shell_of(config);
  words.insert(words.end(), command.words.begin(), command.words.end());
  return words;
}

std::string resolve_workdir(std::string_view current, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  std::vector<std::string_view> parts;
  const std::string joined = fmt::format("{}/{}", current, path);
  for (std::string_view rest = joined; !rest.empty();) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return fmt::format("/{}", fmt::join(parts, "/"));
}

Status expand_body(InstructionBody& body, const oci::ContainerConfig& config, const BuildArgs& args,
                   char escape) {
  static const std::vector<std::string> kNothing;
  const LookUp look_up = args.look_up(config.env.has_value() ? *config.env : kNothing);
  auto word = [&](std::string_view text) { return expand_word(text, look_up, escape); };
  auto content = [&](std::string_view text) -> Result<std::string> {
    const ExpandOptions options{.escape = escape, .quotes_are_text = true};
    STRATA_TRY(Expanded expanded, expand(text, look_up, options));
    return std::move(expanded.word);
  };
  return expand_instruction(body, word, content);
}

Result<std::string> apply_to_config(const Instruction& instruction, StageConfig& stage,
                                    BuildArgs& args, char escape) {
  InstructionBody body = instruction.body;
  STRATA_CHECK(expand_body(body, stage.config, args, escape));
  StageConfig changed = stage;
  static const std::vector<std::string> kNothing;
  const std::vector<std::string>& env = stage.config.env ? *stage.config.env : kNothing;
  Apply apply{changed, args, args.look_up(env), escape};
  STRATA_TRY(std::string text, std::visit(apply, body));
  stage = std::move(changed);
  return text;
}

Status apply_changes(std::span<const std::string> changes, oci::ContainerConfig& config) {
  STRATA_TRY(const std::vector<Instruction> instructions, parse_changes(changes));
  StageConfig stage;
  stage.config = config;
  BuildArgs args({}, {});
  for (const Instruction& instruction : instructions) {
    STRATA_TRY([[maybe_unused]] std::string what, apply_to_config(instruction, stage, args, '\\'));
  }
  config = std::move(stage.config);
  return {};
}

std::vector<std::string> no_command(const oci::ContainerConfig& config, const std::string& what) {
  std::vector<std::string> words = shell_of(config);
  words.emplace_back("#(nop) ");
  words.push_back(what);
  return words;
}

}  // namespace strata::build
