// SPDX-License-Identifier: Apache-2.0
// Grammar:
//   file  = { ARG } stage { stage }        lines.cc and parse_instruction.cc say what a line is
//   stage = FROM { instruction }
// Source: the Dockerfile reference; behaviour of dockerd 20.10's classic builder.
#include "build/parser.h"

#include <charconv>

#include "build/lines.h"
#include "build/parse_instruction.h"
#include "build/words.h"

namespace strata::build {

const Directive* Dockerfile::directive(std::string_view name) const {
  for (const Directive& each : directives) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

std::optional<size_t> Dockerfile::find_stage(std::string_view name, size_t end) const {
  const std::string wanted = to_lower(name);
  for (size_t i = std::min(end, stages.size()); i-- > 0;) {
    if (!wanted.empty() && stages[i].name == wanted) return i;
  }
  size_t number = 0;
  const auto [rest, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool is_number = failed == std::errc() && rest == name.data() + name.size();
  if (is_number && number < std::min(end, stages.size())) return number;
  return std::nullopt;
}

Result<Dockerfile> parse_dockerfile(std::string_view text) {
  STRATA_TRY(JoinedLines joined, join_lines(text));
  Dockerfile out;
  out.escape = joined.escape;
  out.directives = std::move(joined.directives);
  out.empty_continuations = std::move(joined.empty_continuations);
  for (const JoinedLine& line : joined.lines) {
    auto parsed = parse_line(line, joined.escape);
    if (!parsed.ok()) return line_error(line.lines.first, parsed.error());
    if (auto* stage = std::get_if<Stage>(&*parsed)) {
      out.stages.push_back(std::move(*stage));
      continue;
    }
    auto& instruction = std::get<Instruction>(*parsed);
    if (!out.stages.empty()) {
      out.stages.back().instructions.push_back(std::move(instruction));
    } else if (std::holds_alternative<Arg>(instruction.body)) {
      out.global_args.push_back(std::move(instruction));
    } else {
      return error(ErrorCode::kInvalid, "no build stage in current context");
    }
  }
  if (out.stages.empty()) {
    return error(ErrorCode::kInvalid, "dockerfile contains no stages to build");
  }
  return out;
}

Result<Instruction> parse_instruction(std::string_view text, char escape) {
  STRATA_TRY(const JoinedLines joined, join_lines(text, escape));
  if (joined.lines.size() != 1) {
    return error(ErrorCode::kInvalid, "onbuild trigger should be a single expression");
  }
  auto parsed = parse_line(joined.lines[0], joined.escape);
  if (!parsed.ok()) return std::move(parsed).error();
  if (auto* instruction = std::get_if<Instruction>(&*parsed)) return std::move(*instruction);
  return error(ErrorCode::kInvalid, "FROM isn't allowed as an ONBUILD trigger");
}

Result<std::vector<Instruction>> parse_changes(std::span<const std::string> changes) {
  std::string text;
  for (const std::string& change : changes) text += change + "\n";
  std::vector<Instruction> out;
  if (trim(text).empty()) return out;
  STRATA_TRY(const JoinedLines joined, join_lines(text));
  for (const JoinedLine& line : joined.lines) {
    const std::string keyword = to_lower(split_command(line.text).keyword);
    constexpr std::string_view kValid =
        " cmd entrypoint env expose healthcheck label onbuild stopsignal user volume workdir ";
    if (kValid.find(" " + keyword + " ") == std::string_view::npos) {
      return error(ErrorCode::kInvalid, "{} is not a valid change command", keyword);
    }
    auto parsed = parse_line(line, joined.escape);
    if (!parsed.ok()) return std::move(parsed).error();
    out.push_back(std::move(std::get<Instruction>(*parsed)));
  }
  return out;
}

Result<RunScript> run_script(const Run& run) {
  const CommandLine& command = run.command;
  if (!command.is_shell || command.words.size() != 1 || command.heredocs.empty()) {
    return error(ErrorCode::kInvalid, "RUN has no heredoc to run");
  }
  if (parse_heredoc(command.words[0])) {
    std::string text = command.heredocs[0].text();
    if (text.starts_with("#!")) return RunScript{command.heredocs[0].name, std::move(text)};
    return RunScript{{}, std::move(text)};
  }
  std::string text = command.words[0];
  for (const Heredoc& heredoc : command.heredocs) {
    text += "\n" + heredoc.content + heredoc.name;
  }
  return RunScript{{}, std::move(text)};
}

}  // namespace strata::build
