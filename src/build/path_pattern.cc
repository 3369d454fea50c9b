// SPDX-License-Identifier: Apache-2.0
// pattern = { literal | "?" | "*" | "**" ["/"] | class }
// class   = "[" ["^"] range { range } "]"         range = char ["-" char]
// char    = any but "]", and "-" only behind "\"  literal = any, "\" takes the next one as it is
// Source: path_pattern.h.
#include "build/path_pattern.h"

#include <algorithm>

namespace strata::build {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

// The character at the front of `text` (not empty), and its length: UTF-8; a byte that is none counts as U+FFFD.
struct Character {
  char32_t code;
  size_t size;
};

Character decode(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1};
  const size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return {kReplacement, 1};
  char32_t code = first & (0xFFu >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return {kReplacement, 1};
    code = (code << 6) | (next & 0x3Fu);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kLeast[size] || code > 0x10FFFF || surrogate) return {kReplacement, 1};
  return {code, size};
}

Error bad_pattern() { return Error(ErrorCode::kInvalid, "syntax error in pattern"); }

}  // namespace

class PathPattern::Compiler {
 public:
  Compiler(std::string_view rest, DoubleStar double_star)
      : rest_(rest), double_star_(double_star == DoubleStar::kAnyFolders) {}

  Result<std::vector<Token>> run() {
    while (!rest_.empty()) {
      const char front = take();
      if (front == '*') {
        add_star();
      } else if (front == '?') {
        tokens_.push_back({Kind::kAnyOne});
      } else if (front == '[') {
        STRATA_CHECK(add_class());
      } else if (front == '\\') {
        if (rest_.empty()) return bad_pattern();
        add_literal(take());
      } else {
        add_literal(front);
      }
    }
    return std::move(tokens_);
  }

 private:
  char take() {
    const char front = rest_.front();
    rest_.remove_prefix(1);
    return front;
  }
  bool skip(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void add_literal(char byte) {
    if (tokens_.empty() || tokens_.back().kind != Kind::kLiteral) {
      tokens_.push_back({Kind::kLiteral});
    }
    tokens_.back().literal += byte;
  }

  void add_star() {
    if (double_star_ && skip('*')) {
      skip('/');
      tokens_.push_back({rest_.empty() ? Kind::kAnyPath : Kind::kAnyFolders});
    } else if (tokens_.empty() || tokens_.back().kind != Kind::kAnyName) {
      tokens_.push_back({Kind::kAnyName});
    }
  }

  Status add_class() {
    Token token{Kind::kClass};
    token.negated = skip('^');
    while (true) {
      if (!token.ranges.empty() && skip(']')) break;
      STRATA_TRY(const char32_t first, class_character());
      char32_t last = first;
      if (skip('-')) {
        STRATA_TRY(last, class_character());
      }
      token.ranges.push_back({first, last});
    }
    tokens_.push_back(std::move(token));
    return {};
  }

  Result<char32_t> class_character() {
    if (rest_.empty() || rest_.front() == '-' || rest_.front() == ']') return bad_pattern();
    if (skip('\\') && rest_.empty()) return bad_pattern();
    const Character found = decode(rest_);
    if (found.code == kReplacement && found.size == 1) return bad_pattern();
    rest_.remove_prefix(found.size);
    if (rest_.empty()) return bad_pattern();  // a class ends with ']'
    return found.code;
  }

  std::string_view rest_;
  const bool double_star_;
  std::vector<Token> tokens_;
};

// One comparison. Where stars meet stars it remembers what has failed, so that it takes at most
// tokens x length steps.
class PathPattern::Match {
 public:
  Match(const std::vector<Token>& tokens, std::string_view path, bool remember)
      : tokens_(tokens), path_(path), remember_(remember) {}

  bool from(size_t token, size_t at) {
    for (; token < tokens_.size(); ++token) {
      const Token& wanted = tokens_[token];
      switch (wanted.kind) {
        case Kind::kLiteral:
          if (!path_.substr(at).starts_with(wanted.literal)) return false;
          at += wanted.literal.size();
          break;
        case Kind::kAnyOne:
        case Kind::kClass:
          if (at == path_.size() || !takes(wanted, at)) return false;
          break;
        case Kind::kAnyPath:
          return true;
        case Kind::kAnyName:
          if (token + 1 == tokens_.size()) return path_.find('/', at) == std::string_view::npos;
          return any_name(token, at);
        case Kind::kAnyFolders:
          return any_folders(token, at);
      }
    }
    return at == path_.size();
  }

 private:
  bool takes(const Token& wanted, size_t& at) const {
    const Character found = decode(path_.substr(at));
    at += found.size;
    if (wanted.kind == Kind::kAnyOne) return found.code != '/';
    bool inside = std::any_of(wanted.ranges.begin(), wanted.ranges.end(), [&](const Range& range) {
      return range.first <= found.code && found.code <= range.last;
    });
    return inside != wanted.negated;
  }

  bool any_name(size_t token, size_t at) {
    for (;; ++at) {
      if (failed_before(token, at)) return false;
      if (from(token + 1, at)) return true;
      if (at == path_.size() || path_[at] == '/') return false;
    }
  }

  bool any_folders(size_t token, size_t at) {
    while (true) {
      if (failed_before(token, at)) return false;
      if (from(token + 1, at)) return true;
      const size_t slash = path_.find('/', at);
      if (slash == std::string_view::npos) return false;
      at = slash + 1;
    }
  }

  // Marks the rest behind a star at this place as tried. Who has done so before has tried all places
  // that follow as well.
  bool failed_before(size_t token, size_t at) {
    if (!remember_) return false;
    if (tried_.empty()) tried_.resize(tokens_.size() * (path_.size() + 1));
    const size_t index = token * (path_.size() + 1) + at;
    const bool before = tried_[index];
    tried_[index] = true;
    return before;
  }

  const std::vector<Token>& tokens_;
  const std::string_view path_;
  const bool remember_;
  std::vector<bool> tried_;
};

Result<PathPattern> PathPattern::compile(std::string_view text, DoubleStar double_star) {
  PathPattern pattern;
  pattern.text_ = text;
  STRATA_TRY(pattern.tokens_, Compiler(text, double_star).run());
  for (const Token& token : pattern.tokens_) {
    const bool one = token.kind == Kind::kAnyOne || token.kind == Kind::kClass;
    pattern.least_bytes_ += one ? 1 : token.literal.size();
    const bool star = token.kind == Kind::kAnyName || token.kind == Kind::kAnyFolders;
    pattern.stars_ += star ? 1 : 0;
  }
  return pattern;
}

bool PathPattern::matches(std::string_view path) const {
  if (path.size() < least_bytes_) return false;
  if (tokens_.size() == 1 && tokens_[0].kind == Kind::kLiteral) return path == tokens_[0].literal;
  return Match(tokens_, path, stars_ > 1).from(0, 0);
}

bool has_wildcards(std::string_view source) {
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\\') {
      ++i;
    } else if (source[i] == '*' || source[i] == '?' || source[i] == '[') {
      return true;
    }
  }
  return false;
}

}  // namespace strata::build
