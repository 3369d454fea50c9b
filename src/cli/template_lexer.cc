// SPDX-License-Identifier: Apache-2.0
// Template:  (text | action | comment)*
//   action   = "{{" ["-" space] token* [space "-"] "}}"       "-" trims the white space of the text
//   beside it comment  = "{{" ["-" space] "/*" … "*/" [space "-"] "}}" token    = field | variable
//   | word | number | string | character | "(" | ")" | "|" | "=" | ":=" | ","
// Source: Go 1.19, package text/template, "Actions"; messages as its lexer words them.
#include "cli/template_lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/go_print.h"
#include "oci/json_cursor.h"

namespace strata::cli {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

bool is_space(char c) { return kSpaces.find(c) != kSpaces.npos; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Letters beyond ASCII count as letters; Go asks Unicode, which no field of docker's needs.
bool is_word(char c) {
  return c == '_' || is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (!stopped_ && at_ <= text_.size()) {
      if (!lex_text()) break;
      lex_action();
    }
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return text_.substr(std::min(at_, text_.size())); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool at_end() const { return at_ >= text_.size(); }

  void emit(Token::Kind kind) {
    std::string_view text = text_.substr(start_, at_ - start_);
    tokens_.push_back({kind, start_, line_, std::string(text)});
    if (kind == Token::Kind::kText || kind == Token::Kind::kRawString ||
        kind == Token::Kind::kSpace) {
      line_ += static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    }
    start_ = at_;
  }
  void fail(std::string message) {
    tokens_.push_back({Token::Kind::kError, start_, line_, std::move(message)});
    stopped_ = true;
  }
  void skip(std::string_view passed) {
    line_ += static_cast<size_t>(std::count(passed.begin(), passed.end(), '\n'));
    at_ += passed.size();
    start_ = at_;
  }
  // How Go prints a character: U+0023 '#'.
  std::string character() const {
    if (at_end()) return "U+FFFFFFFFFFFFFFFF";
    std::string_view one = rest().substr(0, std::max<size_t>(1, oci::utf8_length(rest())));
    return fmt::format("U+{:04X} '{}'", static_cast<uint32_t>(code_point(one)), one);
  }

  // Text up to the next action. False at the end of the template.
  bool lex_text() {
    size_t open = text_.find("{{", at_);
    size_t end = std::min(open, text_.size());
    if (open != text_.npos && trims_left(open + 2)) {
      while (end > at_ && is_space(text_[end - 1])) --end;
    }
    at_ = end;
    if (at_ > start_) emit(Token::Kind::kText);
    if (open == text_.npos) {
      emit(Token::Kind::kEnd);
      return false;
    }
    skip(text_.substr(at_, open - at_));
    return true;
  }
  bool trims_left(size_t at) const {
    return at + 1 < text_.size() && text_[at] == '-' && is_space(text_[at + 1]);
  }

  // The length of the closing delimiter here, its marker included; 0 if there is none.
  size_t closing() const {
    if (rest().starts_with("}}")) return 2;
    bool marked = rest().size() >= 4 && is_space(rest()[0]) && rest().substr(1, 3) == "-}}";
    return marked ? 4 : 0;
  }

  void lex_action() {
    bool marked = trims_left(at_ + 2);
    if (text_.substr(at_ + (marked ? 4 : 2), 2) == "/*") return lex_comment(marked ? 6 : 4);
    at_ += 2;
    emit(Token::Kind::kOpen);
    if (marked) skip(text_.substr(at_, 2));
    parens_ = 0;
    while (!stopped_) {
      if (closing() > 0) {
        if (parens_ > 0) return fail("unclosed left paren");
        return lex_close(true);
      }
      lex_token();
    }
  }

  void lex_comment(size_t opening) {
    size_t end = text_.find("*/", at_ + opening);
    if (end == text_.npos) return fail("unclosed comment");
    skip(text_.substr(at_, end + 2 - at_));
    if (closing() == 0) return fail("comment ends before closing delimiter");
    lex_close(false);
  }

  void lex_close(bool is_token) {
    bool trims = closing() == 4;
    if (trims) skip(text_.substr(at_, 2));
    at_ += 2;
    if (is_token) emit(Token::Kind::kClose);
    start_ = at_;
    if (trims) {
      size_t end = std::min(text_.find_first_not_of(kSpaces, at_), text_.size());
      skip(text_.substr(at_, end - at_));
    }
  }

  void lex_token() {
    char c = peek();
    if (at_end()) return fail("unclosed action");
    if (is_space(c)) return lex_space();
    if (c == '"') return lex_quoted('"', Token::Kind::kString, "unterminated quoted string");
    if (c == '\'')
      return lex_quoted('\'', Token::Kind::kCharacter, "unterminated character constant");
    if (c == '`') return lex_raw();
    if (c == '$') return lex_name(Token::Kind::kVariable);
    bool number = c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]);
    if (c == '.' && !number) return lex_name(Token::Kind::kField);
    if (number || c == '+' || c == '-' || is_digit(c)) return lex_number();
    if (is_word(c)) return lex_word();
    lex_sign(c);
  }

  void lex_sign(char c) {
    ++at_;
    switch (c) {
      case '|':
        return emit(Token::Kind::kPipe);
      case '=':
        return emit(Token::Kind::kAssign);
      case ':':
        if (peek() != '=') return fail("expected :=");
        ++at_;
        return emit(Token::Kind::kDeclare);
      case '(':
        ++parens_;
        return emit(Token::Kind::kLeftParen);
      case ')':
        emit(Token::Kind::kRightParen);
        if (--parens_ < 0) fail("unexpected right paren U+0029 ')'");
        return;
      default:
        if (c < 0x20 || c == 0x7f) {
          return fail(fmt::format("unrecognized character in action: U+{:04X}", c));
        }
        emit(Token::Kind::kOther);
    }
  }

  void lex_space() {
    while (!at_end() && is_space(peek()) && closing() == 0) ++at_;
    if (at_ > start_) emit(Token::Kind::kSpace);
  }

  // What may follow a name: "$x+2" is refused, ".X.Y" becomes two fields.
  bool at_terminator() const {
    static constexpr std::string_view kTerminators = ".,|:)(";
    return at_end() || is_space(peek()) || kTerminators.find(peek()) != kTerminators.npos ||
           rest().starts_with("}}");
  }

  void lex_name(Token::Kind kind) {  // field or variable; the sign comes first
    ++at_;
    if (at_terminator()) return emit(kind == Token::Kind::kField ? Token::Kind::kDot : kind);
    while (!at_end() && is_word(peek())) ++at_;
    if (!at_terminator()) return fail("bad character " + character());
    emit(kind);
  }

  void lex_word() {
    static constexpr std::array<std::string_view, 11> kKeywords{
        "if",       "else", "end",    "range",    "with", "break",
        "continue", "nil",  "define", "template", "block"};
    while (!at_end() && is_word(peek())) ++at_;
    if (!at_terminator()) return fail("bad character " + character());
    std::string_view word = text_.substr(start_, at_ - start_);
    if (std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end()) {
      return emit(Token::Kind::kKeyword);
    }
    emit(word == "true" || word == "false" ? Token::Kind::kBool : Token::Kind::kIdentifier);
  }

  bool accept(std::string_view set) {
    bool found = !at_end() && set.find(peek()) != set.npos;
    if (found) ++at_;
    return found;
  }

  // Takes what looks like a number; the parser reads it, and refuses what is none.
  void lex_number() {
    accept("+-");
    std::string_view digits = "0123456789_";
    if (accept("0")) {
      if (accept("xX")) {
        digits = "0123456789abcdefABCDEF_";
      } else if (accept("oO")) {
        digits = "01234567_";
      } else if (accept("bB")) {
        digits = "01_";
      }
    }
    const bool decimal = digits.size() == 11;
    while (accept(digits)) {
    }
    if (accept(".")) {
      while (accept(digits)) {
      }
    }
    if (decimal && accept("eE")) {
      accept("+-");
      while (accept(digits)) {
      }
    }
    if (!at_end() && is_word(peek())) {
      ++at_;
      return fail("bad number syntax: " + go_quote(text_.substr(start_, at_ - start_)));
    }
    emit(Token::Kind::kNumber);
  }

  void lex_quoted(char quote, Token::Kind kind, const char* unterminated) {
    ++at_;
    while (!at_end() && peek() != quote) {
      if (peek() == '\\') ++at_;
      if (at_end() || peek() == '\n') return fail(unterminated);
      ++at_;
    }
    if (at_end()) return fail(unterminated);
    ++at_;
    emit(kind);
  }

  void lex_raw() {
    size_t end = text_.find('`', at_ + 1);
    if (end == text_.npos) return fail("unterminated raw quoted string");
    at_ = end + 1;
    emit(Token::Kind::kRawString);
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t start_ = 0;
  size_t line_ = 1;
  int parens_ = 0;
  bool stopped_ = false;
};

}  // namespace

std::vector<Token> lex_template(std::string_view text) { return Lexer(text).run(); }

}  // namespace strata::cli
