// SPDX-License-Identifier: Apache-2.0
// list     = (text | action)*
// action   = if | with | range | "break" | "continue" | pipe
// if       = "if" pipe list ["else" (if | list)] "end"         with, range: without "else if"
// pipe     = [variable ["," variable] (":=" | "=")] command ("|" command)*
// command  = operand (space operand)*
// operand  = (function | "." | field | variable | literal | "(" pipe ")") field*
// Source: Go 1.19, package text/template; messages as its parser words them. Not here: define,
// template, block: a --format has nothing to share.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/go_print.h"
#include "cli/template_ast.h"
#include "cli/template_functions.h"
#include "cli/template_lexer.h"
#include "oci/json_cursor.h"

namespace strata::cli {
namespace {

using Kind = Token::Kind;

constexpr int kMaxDepth = 200;  // of parentheses and blocks

std::vector<std::string> split_names(std::string_view fields) {  // ".A.B" or "$x.A"
  std::vector<std::string> names;
  size_t at = fields.starts_with('.') ? 1 : 0;
  while (at <= fields.size()) {
    size_t dot = std::min(fields.find('.', at), fields.size());
    names.emplace_back(fields.substr(at, dot - at));
    at = dot + 1;
  }
  return names;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(lex_template(text)) {}

  Result<std::vector<Node>> run() {
    std::vector<Node> nodes;
    while (peek().kind != Kind::kEnd) {
      STRATA_TRY(Ending ending, parse_one(nodes));
      if (ending != Ending::kNone) {
        return fail(fmt::format("unexpected {}", ending == Ending::kEnd ? "{{end}}" : "{{else}}"));
      }
    }
    return nodes;
  }

 private:
  enum class Ending { kNone, kEnd, kElse };

  const Token& peek() const { return tokens_[at_]; }
  const Token& next() {
    last_line_ = tokens_[at_].line;
    return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_];
  }
  const Token& peek_word() {
    while (peek().kind == Kind::kSpace) next();
    return peek();
  }
  const Token& next_word() {
    peek_word();
    return next();
  }
  bool peek_keyword(std::string_view word) {
    return peek_word().kind == Kind::kKeyword && peek().text == word;
  }

  Error fail(std::string message) const {
    return Error(ErrorCode::kInvalid, fmt::format("{}: {}", last_line_, message));
  }
  Error unexpected(const Token& token, std::string_view context) const {
    if (token.kind == Kind::kError) {
      std::string extra;
      if (action_line_ != 0 && action_line_ != token.line) {
        bool action = token.text.ends_with(" action");
        extra = fmt::format("{} started at :{}", action ? "" : " in action", action_line_);
      }
      return fail(token.text + extra);
    }
    return fail(fmt::format("unexpected {} in {}", describe(token), context));
  }
  // As Go prints a token: quoted, cut at 10 characters; keywords in angle brackets.
  static std::string describe(const Token& token) {
    if (token.kind == Kind::kEnd) return "EOF";
    if (token.kind == Kind::kKeyword || token.kind == Kind::kDot) {
      return fmt::format("<{}>", token.text);
    }
    return token.text.size() > 10 ? go_quote(token.text.substr(0, 10)) + "..."
                                  : go_quote(token.text);
  }
  Status expect_close(std::string_view context) {
    const Token& token = next_word();
    return token.kind == Kind::kClose ? Status() : unexpected(token, context);
  }

  // One text or action into `nodes`, or what ends a list.
  Result<Ending> parse_one(std::vector<Node>& nodes) {
    const Token& token = next_word();
    if (token.kind == Kind::kText) {
      Node node;
      node.text = token.text;
      nodes.push_back(std::move(node));
      return Ending::kNone;
    }
    if (token.kind != Kind::kOpen) return unexpected(token, "input");
    action_line_ = token.line;
    Result<Ending> ending = parse_action(nodes);
    action_line_ = 0;
    return ending;
  }

  Result<Ending> parse_action(std::vector<Node>& nodes) {
    const Token& word = peek_word();
    Node node;
    node.position = word.position;
    if (word.kind == Kind::kKeyword && word.text != "nil") {
      next();
      if (word.text == "end") {
        STRATA_CHECK(expect_close("end"));
        return Ending::kEnd;
      }
      if (word.text == "else") {
        if (!peek_keyword("if")) STRATA_CHECK(expect_close("else"));
        return Ending::kElse;
      }
      STRATA_CHECK(parse_keyword(word, node));
    } else {
      node.kind = Node::Kind::kAction;
      STRATA_TRY(node.pipe, parse_pipe("command", Kind::kClose));
    }
    nodes.push_back(std::move(node));
    return Ending::kNone;
  }

  Status parse_keyword(const Token& word, Node& node) {
    if (word.text == "break" || word.text == "continue") {
      std::string action = "{{" + word.text + "}}";
      STRATA_CHECK(expect_close(action));
      if (range_depth_ == 0) return fail(action + " outside {{range}}");
      node.kind = word.text == "break" ? Node::Kind::kBreak : Node::Kind::kContinue;
      return {};
    }
    if (word.text == "if") return parse_block(Node::Kind::kIf, "if", node);
    if (word.text == "with") return parse_block(Node::Kind::kWith, "with", node);
    if (word.text == "range") return parse_block(Node::Kind::kRange, "range", node);
    return fail(fmt::format("{{{{{}}}}} is not supported in a format", word.text));
  }

  Status parse_block(Node::Kind kind, std::string_view context, Node& node) {
    if (++depth_ > kMaxDepth) return fail("blocks nest too deeply");
    const size_t scope = variables_.size();
    const bool range = kind == Node::Kind::kRange;
    node.kind = kind;
    STRATA_TRY(node.pipe, parse_pipe(context, Kind::kClose));
    if (range) ++range_depth_;
    STRATA_TRY(Ending ending, parse_list(node.body));
    if (range) --range_depth_;
    if (ending == Ending::kElse && kind == Node::Kind::kIf && peek_keyword("if")) {
      next();
      Node inner;
      inner.position = peek_word().position;
      STRATA_CHECK(parse_block(Node::Kind::kIf, "if", inner));  // shares our {{end}}
      node.otherwise.push_back(std::move(inner));
    } else if (ending == Ending::kElse) {
      STRATA_TRY(Ending last, parse_list(node.otherwise));
      if (last != Ending::kEnd) return fail("expected end; found {{else}}");
    }
    variables_.resize(scope);
    --depth_;
    return {};
  }

  Result<Ending> parse_list(std::vector<Node>& nodes) {
    while (peek_word().kind != Kind::kEnd) {
      STRATA_TRY(Ending ending, parse_one(nodes));
      if (ending != Ending::kNone) return ending;
    }
    return fail("unexpected EOF");
  }

  Result<Pipe> parse_pipe(std::string_view context, Kind end) {
    Pipe pipe;
    pipe.position = peek_word().position;
    STRATA_CHECK(parse_declaration(context, pipe));
    while (true) {
      const Token& token = peek_word();
      if (token.kind == end) {
        next();
        break;
      }
      if (!begins_operand(token)) {
        next();
        return unexpected(token, context);
      }
      STRATA_TRY(Command command, parse_command());
      pipe.commands.push_back(std::move(command));
    }
    if (pipe.commands.empty()) return fail(fmt::format("missing value for {}", context));
    for (size_t i = 1; i < pipe.commands.size(); ++i) {
      Operand::Kind first = pipe.commands[i].words.front().kind;
      if (first == Operand::Kind::kDot || first == Operand::Kind::kNil ||
          first == Operand::Kind::kConstant) {
        return fail(fmt::format("non executable command in pipeline stage {}", i + 1));
      }
    }
    return pipe;
  }

  static bool begins_operand(const Token& token) {
    switch (token.kind) {
      case Kind::kBool:
      case Kind::kCharacter:
      case Kind::kDot:
      case Kind::kField:
      case Kind::kIdentifier:
      case Kind::kNumber:
      case Kind::kRawString:
      case Kind::kString:
      case Kind::kVariable:
      case Kind::kLeftParen:
        return true;
      default:
        return token.kind == Kind::kKeyword && token.text == "nil";
    }
  }

  // "$x :=", "$x =", and for range "$i, $x :=". Leaves everything as it was where there is none.
  Status parse_declaration(std::string_view context, Pipe& pipe) {
    while (peek_word().kind == Kind::kVariable) {
      const size_t before = at_;
      std::string name = next().text;
      const Token& sign = peek_word();
      bool comma = sign.kind == Kind::kOther && sign.text == ",";
      if (sign.kind != Kind::kAssign && sign.kind != Kind::kDeclare && !comma) {
        at_ = before;
        return {};
      }
      pipe.assigns = sign.kind == Kind::kAssign;
      next();
      pipe.variables.push_back(name);
      variables_.push_back(name);
      if (!comma) return {};
      if (context != "range" || pipe.variables.size() > 1) {
        return fail(fmt::format("too many declarations in {}", context));
      }
      Kind follows = peek_word().kind;
      if (follows != Kind::kVariable && follows != Kind::kClose && follows != Kind::kRightParen) {
        return fail("range can only initialize variables");
      }
    }
    return {};
  }

  Result<Command> parse_command() {
    Command command;
    while (true) {
      if (begins_operand(peek_word())) {
        STRATA_TRY(Operand operand, parse_operand());
        command.words.push_back(std::move(operand));
      }
      const Token& token = peek();
      if (token.kind == Kind::kSpace) {
        next();
        continue;
      }
      if (token.kind == Kind::kClose || token.kind == Kind::kRightParen) break;
      next();
      if (token.kind == Kind::kPipe) break;
      return unexpected(token, "operand");
    }
    if (command.words.empty()) return fail("empty command");
    return command;
  }

  Result<Operand> parse_operand() {
    STRATA_TRY(Operand operand, parse_term());
    if (peek().kind != Kind::kField) return operand;
    const size_t position = peek().position;
    std::string fields;
    while (peek().kind == Kind::kField) fields += next().text;
    switch (operand.kind) {
      case Operand::Kind::kDot:
      case Operand::Kind::kNil:
      case Operand::Kind::kConstant:
        return fail(fmt::format("unexpected . after term {}", go_quote(operand.text)));
      case Operand::Kind::kFunction: {  // the value of a function without arguments
        auto pipe = std::make_shared<Pipe>();
        pipe->commands.push_back({{operand}});
        operand.pipe = std::move(pipe);
        operand.names.clear();
        [[fallthrough]];
      }
      case Operand::Kind::kPipe:
        operand.kind = Operand::Kind::kChain;
        break;
      default:
        break;
    }
    for (std::string& name : split_names(fields)) operand.names.push_back(std::move(name));
    operand.position = position;
    operand.text += fields;
    return operand;
  }

  Result<Operand> parse_term() {
    const Token& token = next_word();
    Operand operand;
    operand.position = token.position;
    operand.text = token.text;
    switch (token.kind) {
      case Kind::kIdentifier:
        if (find_template_function(token.text) == nullptr) {
          return fail(fmt::format("function {} not defined", go_quote(token.text)));
        }
        operand.kind = Operand::Kind::kFunction;
        operand.names = {token.text};
        return operand;
      case Kind::kKeyword:
        operand.kind = Operand::Kind::kNil;
        return operand;
      case Kind::kField:
        operand.kind = Operand::Kind::kField;
        operand.names = split_names(token.text);
        return operand;
      case Kind::kVariable:
        operand.kind = Operand::Kind::kVariable;
        operand.names = {token.text};
        if (std::find(variables_.begin(), variables_.end(), token.text) == variables_.end()) {
          return fail(fmt::format("undefined variable {}", go_quote(token.text)));
        }
        return operand;
      case Kind::kLeftParen:
        return parse_parenthesis(std::move(operand));
      case Kind::kDot:
        return operand;
      default:
        return parse_constant(token, std::move(operand));
    }
  }

  Result<Operand> parse_constant(const Token& token, Operand operand) {
    operand.kind = Operand::Kind::kConstant;
    Result<Value> value = read_literal(token);
    if (!value.ok()) return fail(value.error().message());
    operand.constant = std::move(value).value();
    return operand;
  }

  Result<Operand> parse_parenthesis(Operand operand) {
    if (++depth_ > kMaxDepth) return fail("parentheses nest too deeply");
    STRATA_TRY(Pipe pipe, parse_pipe("parenthesized pipeline", Kind::kRightParen));
    --depth_;
    operand.kind = Operand::Kind::kPipe;
    operand.text = "(" + pipe.text() + ")";
    operand.position = pipe.position;
    operand.pipe = std::make_shared<Pipe>(std::move(pipe));
    return operand;
  }

  std::vector<Token> tokens_;
  std::vector<std::string> variables_{"$"};
  size_t at_ = 0;
  size_t last_line_ = 1;
  size_t action_line_ = 0;
  int range_depth_ = 0;
  int depth_ = 0;
};

}  // namespace

std::string text_of(std::span<const Operand> words) {
  std::string out;
  for (const Operand& word : words) out += (out.empty() ? "" : " ") + word.text;
  return out;
}

std::string Pipe::text() const {
  std::string out;
  for (const std::string& name : variables) out += (out.empty() ? "" : ", ") + name;
  if (!variables.empty()) out += assigns ? " = " : " := ";
  for (const Command& command : commands) {
    out += (&command == commands.data() ? "" : " | ") + text_of(command.words);
  }
  return out;
}

Result<std::vector<Node>> parse_template(std::string_view text) { return Parser(text).run(); }

}  // namespace strata::cli
