// SPDX-License-Identifier: Apache-2.0
// Any bytes as a Dockerfile. What must hold: what was read once reads the same from its own pieces;
// line ranges lie in the file and in order; expansion and lint take whatever was read.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "build/expand.h"
#include "build/lint.h"
#include "build/mount.h"
#include "build/parser_dump.h"

namespace strata::build {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_instruction(const Instruction& each, char escape, int& line, int line_count) {
  require(each.lines.first > line && each.lines.first <= each.lines.last);
  require(each.lines.last <= line_count);
  line = each.lines.last;
  // One instruction read by itself, as ONBUILD's trigger is.
  std::string text = each.original;
  const auto add = [&](const std::vector<Heredoc>& heredocs) {
    for (const Heredoc& heredoc : heredocs) text += "\n" + heredoc.content + heredoc.name;
  };
  if (const auto* run = std::get_if<Run>(&each.body)) add(run->command.heredocs);
  if (const auto* copy = std::get_if<Copy>(&each.body)) {
    if (!copy->heredocs.empty()) return;  // their order in the line is not kept
  }
  if (const auto* onbuild = std::get_if<Onbuild>(&each.body)) {
    // Nothing but that it may be asked for.
    require(!onbuild->trigger.empty());
    (void)parse_instruction(onbuild->trigger, escape).ok();
    return;
  }
  const auto again = parse_instruction(text, escape);
  // An original that ends in an escape, or that looks like a comment, says something else alone.
  if (!again.ok()) return;
  Dump first, second;
  std::visit(first, each.body);
  std::visit(second, again->body);
  require(again->original != each.original || first.take() == second.take());
}

void check_input(std::string_view text) {
  const std::vector<std::string> environment{"A=1", "B="};
  const LookUp look_up = look_up_in(environment);
  const auto expanded = expand(text, look_up);
  if (expanded.ok()) {
    for (const std::string& word : expanded->words) require(!word.empty());
  }
  (void)parse_mount(text).ok();
  const auto file = parse_dockerfile(text);
  if (!file.ok()) return;
  require(!file->stages.empty());
  const int line_count = 1 + static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  int line = 0;
  for (const Instruction& each : file->global_args) {
    check_instruction(each, file->escape, line, line_count);
  }
  for (const Stage& stage : file->stages) {
    require(stage.lines.first > line);
    line = stage.lines.last;
    for (const Instruction& each : stage.instructions) {
      check_instruction(each, file->escape, line, line_count);
    }
  }
  (void)lint(*file).ok();
}

}  // namespace
}  // namespace strata::build

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strata::build::check_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
