// SPDX-License-Identifier: Apache-2.0
// One pass over the file: the stages are walked as a build of all of them would run, with the
// environment that each has at that point, and each rule looks at the instruction it is about.
// Source: https://docs.docker.com/reference/build-checks/; BuildKit for the exact texts and lines.
#include "build/lint.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "build/expand.h"
#include "build/expand_instruction.h"
#include "build/lint_rules.h"
#include "build/lint_words.h"
#include "build/words.h"
#include "oci/go_text.h"
#include "oci/reference.h"

namespace strata::build {
namespace {

using oci::go_quote;

// What is known of a stage while it is walked.
struct StageState {
  std::map<std::string, std::string> environment;  // ENV and ARG
  std::set<std::string> arguments;                 // declared by ARG, with or without a value
  bool environment_known = true;
  bool has_shell = false;
  bool has_workdir = false;
};

class Linter {
 public:
  Linter(const Dockerfile& file, const LintOptions& options, LintConfig config)
      : file_(file), options_(options), config_(std::move(config)), own_(config_) {}

  LintReport run() {
    for (const EmptyContinuation& each : file_.empty_continuations) {
      add("NoEmptyContinuation", each.lines, "Empty continuation line");
    }
    check_stage_names();
    check_casing();
    check_default_bases();
    declare_globals();
    for (const Stage& stage : file_.stages) walk(stage);
    std::stable_sort(
        report_.findings.begin(), report_.findings.end(), [](const Finding& a, const Finding& b) {
          return std::tie(a.lines.first, a.message) < std::tie(b.lines.first, b.message);
        });
    if (config_.fail && !report_.findings.empty()) report_.failure = failure();
    return std::move(report_);
  }

 private:
  void add(std::string_view name, const LineRange& lines, std::string message) {
    const LintRule& rule = lint_rule(name);
    if (!own_.runs(rule)) return;
    report_.findings.push_back({std::string(rule.name), std::string(rule.description), rule.url(),
                                std::move(message), lines});
  }

  std::string failure() const {
    std::set<std::string> rules;
    for (const Finding& each : report_.findings) rules.insert(each.rule);
    std::string out = "lint violation found for rules: ";
    for (const std::string& rule : rules) out += (out.ends_with(' ') ? "" : ", ") + rule;
    return out;
  }

  void check_stage_names() {
    std::set<std::string> seen;
    for (const Stage& stage : file_.stages) {
      own_ = config_.with_comments(stage.comments);
      if (stage.name != stage.name_as_written) {
        add("StageNameCasing", stage.lines,
            fmt::format("Stage name '{}' should be lowercase", stage.name_as_written));
      }
      const std::string as =
          is_lower(stage.keyword) ? to_lower(stage.as_keyword) : to_upper(stage.as_keyword);
      if (is_one_case(stage.keyword) && as != stage.as_keyword) {
        add("FromAsCasing", stage.lines,
            fmt::format("'{}' and '{}' keywords' casing do not match", stage.as_keyword,
                        stage.keyword));
      }
      if (stage.name == "context" || stage.name == "scratch") {
        add("ReservedStageName", stage.lines,
            fmt::format("Stage name should not use the same name as reserved stage {}",
                        go_quote(stage.name)));
      }
      if (!stage.name.empty() && !seen.insert(stage.name).second) {
        add("DuplicateStageName", stage.lines,
            fmt::format("Duplicate stage name {}, stage names should be unique",
                        go_quote(stage.name)));
      }
    }
    own_ = config_;
  }

  void check_casing() {
    int lower = 0, upper = 0;
    const auto count = [&](const std::string& keyword) {
      if (is_one_case(keyword)) ++(is_lower(keyword) ? lower : upper);
    };
    for (const Stage& stage : file_.stages) {
      count(stage.keyword);
      for (const Instruction& each : stage.instructions) count(each.keyword);
    }
    const bool want_lower = lower > upper;
    const auto check = [&](const auto& each) {
      if (each.keyword == (want_lower ? to_lower(each.keyword) : to_upper(each.keyword))) return;
      own_ = config_.with_comments(each.comments);
      add("ConsistentInstructionCasing", each.lines,
          fmt::format("Command '{}' should match the case of the command majority ({})",
                      each.keyword, want_lower ? "lowercase" : "uppercase"));
      own_ = config_;
    };
    for (const Stage& stage : file_.stages) {
      check(stage);
      for (const Instruction& each : stage.instructions) check(each);
    }
  }

  // FROM with the defaults of the global arguments and nothing that was given.
  void check_default_bases() {
    BuildArgs defaults({}, options_.platform_args);
    for (const Instruction& each : file_.global_args) declare_global(defaults, each);
    for (const Stage& stage : file_.stages) {
      const auto base = expand_word(stage.base, defaults.look_up_global(), file_.escape);
      if (!base.ok()) return;  // the build will say so
      if (oci::Reference::parse(*base).ok()) continue;
      own_ = config_.with_comments(stage.comments);
      add("InvalidDefaultArgInFrom", stage.lines,
          fmt::format("Default value for ARG {} results in empty or invalid base image name",
                      stage.base));
      own_ = config_;
    }
  }

  void declare_global(BuildArgs& args, const Instruction& each) const {
    for (const auto& [key, value] : std::get<Arg>(each.body).variables) {
      std::optional<std::string> expanded = value;
      if (value) {
        auto word = expand_word(*value, args.look_up_global(), file_.escape);
        if (word.ok()) expanded = std::move(*word);
      }
      args.declare_global(key, std::move(expanded));
    }
  }

  void declare_globals() {
    for (const auto& [key, _] : options_.platform_args) global_names_.insert(key);
    for (const auto& [key, _] : options_.build_args) given_names_.insert(key);
    for (const Instruction& each : file_.global_args) {
      declare_global(args_, each);
      for (const auto& [key, _] : std::get<Arg>(each.body).variables) global_names_.insert(key);
      check_description("ARG", names_of(std::get<Arg>(each.body)), each.comments, each.lines);
    }
  }

  static std::vector<std::string> names_of(const Arg& arg) {
    std::vector<std::string> out;
    for (const auto& [key, _] : arg.variables) out.push_back(key);
    return out;
  }

  // The last comment before ARG or FROM ... AS should begin with a name that is declared there.
  void check_description(std::string_view instruction, const std::vector<std::string>& names,
                         const std::vector<std::string>& comments, const LineRange& lines) {
    if (comments.empty() || names.empty()) return;
    const std::string first = split_first(comments.back()).first;
    if (std::find(names.begin(), names.end(), first) != names.end()) return;
    if (first.empty()) return;
    add("InvalidDefinitionDescription", lines,
        fmt::format("Comment for {} should follow the format: `# {} <description>`", instruction,
                    names.size() > 1 ? "<arg_key>" : names[0]));
  }

  void walk(const Stage& stage) {
    own_ = config_.with_comments(stage.comments);
    args_.start_stage();
    StageState state;
    const auto base = expand(stage.base, args_.look_up_global(), {.escape = file_.escape});
    if (base.ok()) {
      report_undeclared(stage, *base);
      state = state_of(base->word);
      if (const auto below = stage_of(base->word)) args_.start_stage_on(args_of_[*below]);
      check_base_platform(stage, base->word);
    }
    if (!stage.platform.empty()) check_platform(stage);
    if (!stage.name.empty()) {
      check_description("FROM", {stage.name}, stage.comments, stage.lines);
    }
    std::map<std::string, LineRange> last_of;  // CMD, ENTRYPOINT, HEALTHCHECK
    for (const Instruction& each : stage.instructions) {
      own_ = config_.with_comments(each.comments);
      check_repeated(each, last_of);
      check_instruction(each, state);
    }
    own_ = config_;
    states_.push_back(std::move(state));
    args_of_.push_back(args_);
  }

  // The one of the stages so far that a FROM means.
  std::optional<size_t> stage_of(const std::string& base) const {
    for (size_t i = states_.size(); i-- > 0;) {
      if (!base.empty() && file_.stages[i].name == to_lower(base)) return i;
    }
    return std::nullopt;
  }

  // What a stage begins with.
  StageState state_of(const std::string& base) const {
    if (const auto below = stage_of(base)) return states_[*below];
    StageState state;
    state.environment["PATH"];
    if (base == "scratch") return state;
    std::optional<std::vector<std::string>> known;
    if (options_.environment_of) known = options_.environment_of(base);
    state.environment_known = known.has_value();
    for (const std::string& entry : known.value_or(std::vector<std::string>{})) {
      const size_t equals = std::min(entry.find('='), entry.size());
      state.environment[entry.substr(0, equals)] = entry.substr(std::min(equals + 1, entry.size()));
    }
    return state;
  }

  // An image that is here for another platform than the stage is built for.
  void check_base_platform(const Stage& stage, const std::string& base) {
    if (stage_of(base).has_value() || base == "scratch" || !options_.platform_of) return;
    const LookUp look_up = args_.look_up_global();
    const auto asked = expand(stage.platform, look_up, {.escape = file_.escape});
    if (!asked.ok()) return;
    const std::string text =
        asked->word.empty() ? look_up("TARGETPLATFORM").value_or("") : asked->word;
    const Result<oci::Platform> expected = oci::Platform::parse(text);
    const std::optional<oci::Platform> found = options_.platform_of(base);
    if (!expected.ok() || !found.has_value()) return;
    const oci::Platform want = expected->normalized(), got = found->normalized();
    if (want.os == got.os && want.architecture == got.architecture) return;
    add("InvalidBaseImagePlatform", stage.lines,
        fmt::format("Base image {} was pulled with platform {}, expected {} for current build",
                    base, go_quote(got.to_string()), go_quote(want.to_string())));
  }

  void report_undeclared(const Stage& stage, const Expanded& found) {
    for (const std::string& name : found.unmatched) {
      if (global_names_.contains(name)) continue;
      const std::string similar = most_similar(name, global_names_);
      add("UndefinedArgInFrom", stage.lines,
          fmt::format("FROM argument '{}' is not declared{}", name,
                      similar.empty() ? "" : fmt::format(" (did you mean {}?)", similar)));
    }
  }

  void check_platform(const Stage& stage) {
    std::set<std::string> asked;
    const LookUp look_up = [&, inner = args_.look_up_global()](std::string_view name) {
      asked.emplace(name);
      return inner(name);
    };
    const auto platform = expand(stage.platform, look_up, {.escape = file_.escape});
    if (!platform.ok()) return;
    report_undeclared(stage, *platform);
    const auto target = args_.look_up_global()("TARGETPLATFORM");
    if (asked == std::set<std::string>{"TARGETPLATFORM"} && target == platform->word) {
      add("RedundantTargetPlatform", stage.lines,
          fmt::format("Setting platform to predefined {} in FROM is redundant as this is the "
                      "default behavior",
                      stage.platform));
    }
    if (!asked.empty()) return;
    const auto parsed = oci::Platform::parse(platform->word);
    if (!parsed.ok() || stage.name.find(parsed->os) != std::string::npos ||
        stage.name.find(parsed->architecture) != std::string::npos) {
      return;
    }
    add("FromPlatformFlagConstDisallowed", stage.lines,
        fmt::format("FROM --platform flag should not use constant value {}",
                    go_quote(platform->word)));
  }

  void check_repeated(const Instruction& each, std::map<std::string, LineRange>& last_of) {
    const std::string name(instruction_name(each.body));
    if (name != "CMD" && name != "ENTRYPOINT" && name != "HEALTHCHECK") return;
    const auto [last, is_first] = last_of.try_emplace(name, each.lines);
    if (is_first) return;
    // The earlier one is what will not be used.
    add("MultipleInstructionsDisallowed", std::exchange(last->second, each.lines),
        fmt::format("Multiple {} instructions should not be used in the same stage because only "
                    "the last one will be used",
                    each.keyword));
  }

  void check_instruction(const Instruction& each, StageState& state) {
    std::set<std::string> unmatched;
    InstructionBody body = expanded(each, state, unmatched);
    if (const auto* arg = std::get_if<Arg>(&body)) {
      // A value that was given counts instead of the default, whatever that asks for.
      const auto& variables = arg->variables;
      const bool given = std::all_of(variables.begin(), variables.end(), [&](const auto& variable) {
        return given_names_.contains(variable.key);
      });
      if (given) unmatched.clear();
    }
    report_unmatched(each, state, unmatched);
    if (const auto* env = std::get_if<Env>(&body)) check_env(each, *env, state);
    if (const auto* label = std::get_if<Label>(&body)) check_legacy(each, label->labels);
    if (const auto* arg = std::get_if<Arg>(&body)) check_arg(each, *arg, state);
    if (const auto* copy = std::get_if<Copy>(&body)) check_copy(each, *copy);
    if (const auto* expose = std::get_if<Expose>(&body)) check_expose(each, *expose);
    if (const auto* cmd = std::get_if<Cmd>(&body)) check_json(each, cmd->command, state);
    if (const auto* entry = std::get_if<Entrypoint>(&body)) check_json(each, entry->command, state);
    if (std::holds_alternative<Shell>(body)) state.has_shell = true;
    if (std::holds_alternative<Maintainer>(body)) {
      add("MaintainerDeprecated", each.lines,
          "Maintainer instruction is deprecated in favor of using label");
    }
    if (const auto* workdir = std::get_if<Workdir>(&body)) {
      if (!state.has_workdir && !workdir->path.starts_with('/')) {
        add("WorkdirRelativePath", each.lines,
            fmt::format("Relative workdir {} can have unexpected results if the base image changes",
                        go_quote(workdir->path)));
      }
      state.has_workdir = true;
    }
  }

  // The instruction with its words expanded; as it was if that fails, which the build will say.
  InstructionBody expanded(const Instruction& each, const StageState& state,
                           std::set<std::string>& unmatched) const {
    const LookUp look_up = [&](std::string_view name) -> std::optional<std::string> {
      const auto found = state.environment.find(std::string(name));
      if (found == state.environment.end()) return std::nullopt;
      return found->second;
    };
    const auto with = [&](ExpandOptions expand_options) -> ExpandWord {
      return [&, expand_options](std::string_view word) -> Result<std::string> {
        STRATA_TRY(Expanded out, expand(word, look_up, expand_options));
        unmatched.insert(out.unmatched.begin(), out.unmatched.end());
        return std::move(out.word);
      };
    };
    const ExpandWord word = with({.escape = file_.escape});
    InstructionBody body = each.body;
    if (!expand_instruction(body, word, with({.quotes_are_text = true})).ok()) return each.body;
    if (auto* expose = std::get_if<Expose>(&body)) {
      std::vector<std::string> ports;
      for (const std::string& port : expose->ports) {
        const auto all = expand(port, look_up, {.escape = file_.escape});
        if (!all.ok()) return each.body;
        unmatched.insert(all->unmatched.begin(), all->unmatched.end());
        ports.insert(ports.end(), all->words.begin(), all->words.end());
      }
      expose->ports = std::move(ports);
    }
    if (const auto* run = std::get_if<Run>(&body)) {
      for (const MountFlag& mount : run->mounts) (void)parse_mount(mount.text, word).ok();
    }
    return body;
  }

  void report_unmatched(const Instruction& each, const StageState& state,
                        const std::set<std::string>& unmatched) {
    if (!state.environment_known) return;
    std::set<std::string> known;
    for (const auto& [key, _] : state.environment) known.insert(key);
    for (const std::string& name : unmatched) {
      if (state.arguments.contains(name)) continue;
      const std::string similar = most_similar(name, known);
      add("UndefinedVar", each.lines,
          fmt::format("Usage of undefined variable '${}'{}", name,
                      similar.empty() ? "" : fmt::format(" (did you mean ${}?)", similar)));
    }
  }

  void check_legacy(const Instruction& each, const std::vector<KeyValue>& pairs) {
    for (const KeyValue& pair : pairs) {
      if (pair.has_equals) continue;
      add("LegacyKeyValueFormat", each.lines,
          fmt::format("\"{0} key=value\" should be used instead of legacy \"{0} key value\" format",
                      each.keyword));
    }
  }

  void check_secret(const Instruction& each, const std::string& key) {
    if (!names_a_secret(key)) return;
    add("SecretsUsedInArgOrEnv", each.lines,
        fmt::format("Do not use ARG or ENV instructions for sensitive data ({} {})",
                    instruction_name(each.body), go_quote(key)));
  }

  void check_env(const Instruction& each, const Env& env, StageState& state) {
    check_legacy(each, env.variables);
    for (const KeyValue& pair : env.variables) {
      check_secret(each, pair.key);
      state.environment[pair.key] = pair.value;
    }
  }

  void check_arg(const Instruction& each, const Arg& arg, StageState& state) {
    check_description("ARG", names_of(arg), each.comments, each.lines);
    for (const auto& [key, value] : arg.variables) {
      check_secret(each, key);
      args_.declare(key, value);
      state.arguments.insert(key);
      if (const auto now = args_.value(key)) state.environment.try_emplace(key, *now);
    }
  }

  void check_copy(const Instruction& each, const Copy& copy) {
    if (!options_.is_ignored || !copy.from.empty()) return;
    for (const std::string& source : copy.sources) {
      if (is_remote(source) || !options_.is_ignored(source)) continue;
      add("CopyIgnoredFile", each.lines,
          fmt::format("Attempting to {} file {} that is excluded by .dockerignore",
                      copy.is_add ? "Add" : "Copy", go_quote(source)));
    }
  }

  void check_expose(const Instruction& each, const Expose& expose) {
    for (const std::string& port : expose.ports) {
      const size_t slash = std::min(port.find('/'), port.size());
      if (to_lower(port.substr(slash)) != port.substr(slash)) {
        add("ExposeProtoCasing", each.lines,
            fmt::format("Defined protocol '{}' in EXPOSE instruction should be lowercase", port));
      }
      if (port.find(':') != std::string::npos) {
        add("ExposeInvalidFormat", each.lines,
            fmt::format("EXPOSE instruction should not define an IP address or host-port mapping, "
                        "found '{}'",
                        port));
      }
    }
  }

  void check_json(const Instruction& each, const CommandLine& command, const StageState& state) {
    if (!command.is_shell || state.has_shell) return;
    add("JSONArgsRecommended", each.lines,
        fmt::format("JSON arguments recommended for {} to prevent unintended behavior related to "
                    "OS signals",
                    each.keyword));
  }

  const Dockerfile& file_;
  const LintOptions& options_;
  const LintConfig config_;
  LintConfig own_;  // with what the comments before an instruction say
  BuildArgs args_{options_.build_args, options_.platform_args};
  std::vector<BuildArgs> args_of_;  // what each stage so far ends with
  std::set<std::string> global_names_, given_names_;
  std::vector<StageState> states_;  // of the stages so far
  LintReport report_;
};

}  // namespace

Result<LintReport> lint(const Dockerfile& file, const LintOptions& options) {
  const Directive* directive = file.directive("check");
  std::string text = directive == nullptr ? "" : directive->value;
  const auto given = options.build_args.find("BUILDKIT_DOCKERFILE_CHECK");
  if (given != options.build_args.end()) text = given->second;
  STRATA_TRY(LintConfig config, LintConfig::parse(text));
  return Linter(file, options, std::move(config)).run();
}

}  // namespace strata::build
