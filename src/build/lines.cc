// SPDX-License-Identifier: Apache-2.0
// Grammar (a line ends with \n or \r\n; a byte order mark before the first is passed over):
//   file        = { directive } { comment | empty | instruction }
//   directive   = "#" [spaces] ("syntax" | "escape" | "check") [spaces] "=" [spaces] value
//                 only before everything else, each once; the first line that is none ends them
//   comment     = [spaces] "#" anything
//   instruction = [spaces] { part escape [spaces] newline { comment | empty } } part { heredoc content }
//                 escape: \ or what the directive says; after another escape it ends no line. Comments
//                 between the parts count for nothing, empty lines there are read with a warning
//   content     = { line } name          one for each heredoc of the joined text, in order; with "-"
//                 the tabs before name do not count
// Source: the Dockerfile reference, "Parser directives", "Escape", "Here-Documents"; behaviour of
// dockerd 20.10's classic builder.
#include "build/lines.h"

#include <utility>

#include "build/words.h"

namespace strata::build {
namespace {

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  while (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_comment(std::string_view line) { return trim(line).starts_with('#'); }

class Joiner {
 public:
  Joiner(std::string_view text, char escape) : rest_(text) {
    out_.escape = escape;
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  Result<JoinedLines> run() {
    STRATA_CHECK(read_directives());
    std::vector<std::string> comments;
    while (!rest_.empty()) {
      const std::string_view line = trim_left(without_line_end(next_line()));
      if (line.starts_with('#')) {
        comments.emplace_back(trim(line.substr(1)));
        continue;
      }
      if (line.empty()) {
        comments.clear();
        continue;
      }
      STRATA_CHECK(read_instruction(line, std::exchange(comments, {})));
    }
    if (out_.lines.empty()) return error(ErrorCode::kInvalid, "file with no instructions");
    return std::move(out_);
  }

 private:
  // With its line end.
  std::string_view next_line() {
    const size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end == std::string_view::npos ? end : end + 1);
    rest_.remove_prefix(line.size());
    ++line_number_;
    return line;
  }

  static std::string_view trim_left(std::string_view line) {
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    return line;
  }

  // A line that is no directive is left where it is.
  Status read_directives() {
    while (!rest_.empty()) {
      const std::string_view before = rest_;
      const std::optional<Directive> directive = parse_directive(without_line_end(next_line()));
      if (!directive) {
        rest_ = before;
        --line_number_;
        return {};
      }
      STRATA_CHECK(add_directive(*directive));
    }
    return {};
  }

  std::optional<Directive> parse_directive(std::string_view line) const {
    line = trim_left(line);
    const size_t equals = line.find('=');
    if (!line.starts_with('#') || equals == std::string_view::npos) return std::nullopt;
    Directive out{.name = to_lower(trim(line.substr(1, equals - 1))),
                  .value = std::string(trim(line.substr(equals + 1))),
                  .lines = {line_number_, line_number_}};
    const bool known = out.name == "syntax" || out.name == "escape" || out.name == "check";
    if (!known || out.value.empty()) return std::nullopt;
    return out;
  }

  Status add_directive(const Directive& directive) {
    for (const Directive& earlier : out_.directives) {
      if (earlier.name != directive.name) continue;
      return line_error(
          line_number_,
          error(ErrorCode::kInvalid, "only one {} parser directive can be used", directive.name));
    }
    if (directive.name == "escape") {
      if (directive.value != "`" && directive.value != "\\") {
        return line_error(line_number_, error(ErrorCode::kInvalid,
                                              "invalid escape token '{}' does not match ` or \\",
                                              directive.value));
      }
      out_.escape = directive.value[0];
    }
    out_.directives.push_back(directive);
    return {};
  }

  // Takes the escape at the end of a line off it. False: the line ends the instruction.
  bool take_continuation(std::string_view& line) const {
    std::string_view text = line;
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    if (!text.ends_with(out_.escape)) return false;
    text.remove_suffix(1);
    if (text.ends_with(out_.escape)) return false;
    line = text;
    return true;
  }

  Status read_instruction(std::string_view line, std::vector<std::string> comments) {
    JoinedLine out;
    out.lines.first = line_number_;
    out.comments = std::move(comments);
    bool goes_on = take_continuation(line);
    out.text = line;
    bool has_empty_line = false;
    while (goes_on && !rest_.empty()) {
      line = without_line_end(next_line());
      if (is_comment(line)) continue;
      if (trim(line).empty()) {
        has_empty_line = true;
        continue;
      }
      goes_on = take_continuation(line);
      out.text += line;
    }
    if (has_empty_line) {
      out_.empty_continuations.push_back({out.text, {line_number_, line_number_}});
    }
    STRATA_CHECK(read_heredocs(out));
    out.lines.last = line_number_;
    out_.lines.push_back(std::move(out));
    return {};
  }

  Status read_heredocs(JoinedLine& out) {
    out.heredocs = heredocs_of_line(out.text);
    for (Heredoc& heredoc : out.heredocs) {
      bool terminated = false;
      while (!terminated && !rest_.empty()) {
        const std::string_view line = next_line();
        std::string_view name = without_line_end(line);
        while (heredoc.chomp && name.starts_with('\t')) name.remove_prefix(1);
        terminated = name == heredoc.name;
        if (!terminated) heredoc.content += line;
      }
      if (!terminated) {
        return line_error(out.lines.first, error(ErrorCode::kInvalid, "unterminated heredoc"));
      }
    }
    return {};
  }

  std::string_view rest_;
  int line_number_ = 0;
  JoinedLines out_;
};

}  // namespace

Result<JoinedLines> join_lines(std::string_view text, char escape) {
  return Joiner(text, escape).run();
}

Error line_error(int line, const Error& inner) {
  return Error(inner.code(),
               fmt::format("dockerfile parse error line {}: {}", line, inner.message()));
}

}  // namespace strata::build
