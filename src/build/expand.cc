// SPDX-License-Identifier: Apache-2.0
// Grammar (E: the escape character, \ or `):
//   word    = { "'" text "'" | '"' { dollar | E ( '"' | "$" | E ) | character } '"' | dollar |
//               E character | character }
//   dollar  = "$" name | "${" name "}" | "${" name [":"] ( "-" | "+" | "?" ) word "}" |
//             "${" name ( "#" | "##" | "%" | "%%" ) pattern "}" |
//             "${" name ( "/" | "//" ) pattern "/" word "}"
//   name    = digits | one of @*#?-$! | letters, digits and _
//   a "$" without a name stands for itself; an E at the very end is dropped.
//   pattern: shell_pattern.h.
// Source: the Dockerfile reference, "Environment replacement"; behaviour of dockerd 20.10's classic
// builder, and of BuildKit for what is newer (# % /).
#include "build/expand.h"

#include <set>

#include "build/shell_pattern.h"
#include "build/words.h"
#include "oci/go_text.h"
#include "oci/json_cursor.h"

namespace strata::build {
namespace {

Error syntax(std::string_view text) { return Error(ErrorCode::kInvalid, std::string(text)); }

// What a text falls into when its unquoted spaces separate.
class Words {
 public:
  void add(char c) {
    if (!is_space(c)) {
      add_raw(c);
    } else if (!word_.empty()) {
      words_.push_back(std::exchange(word_, {}));
    }
  }
  void add_raw(char c) { word_ += c; }
  void add_raw(std::string_view text) { word_ += text; }
  std::vector<std::string> take() {
    if (!word_.empty()) words_.push_back(std::move(word_));
    return std::move(words_);
  }

 private:
  std::string word_;
  std::vector<std::string> words_;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Bytes of the letter or digit that `text` begins with; 0: it begins with neither. Go asks Unicode's
// tables; what is left out here are the punctuation, symbols and spaces that occur in text.
size_t name_character(std::string_view text) {
  if (text.empty()) return 0;
  const char c = text.front();
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_') return 1;
  const size_t length = oci::utf8_length(text);
  if (length < 2) return 0;
  const char32_t code = oci::code_point(text);
  const bool is_sign = code < 0xc0 || code == 0xd7 || code == 0xf7 ||
                       (code >= 0x2000 && code < 0x2c00) || (code >= 0x3000 && code < 0x3041) ||
                       (code >= 0xe000 && code < 0xf900) || (code >= 0xfe10 && code < 0xfe70) ||
                       (code >= 0xff00 && code < 0xff10) || code >= 0x1f000;
  return is_sign && code < 0x20000 ? 0 : length;
}

class Expander {
 public:
  Expander(std::string_view text, const LookUp& look_up, const ExpandOptions& options)
      : rest_(text), look_up_(look_up), options_(options), keep_escapes_(options.keep_quotes) {}

  Result<Expanded> run() {
    Expanded out;
    Words words;
    STRATA_TRY(out.word, read_until('\0', options_.keep_quotes, &words));
    out.words = words.take();
    out.unmatched.assign(unmatched_.begin(), unmatched_.end());
    return out;
  }

 private:
  // The text up to `stop`, which is taken too; '\0': to the end.
  Result<std::string> read_until(char stop, bool keep_escapes, Words* words) {
    if (++depth_ > kMaxDepth) return syntax("substitutions are nested too deeply");
    const bool outer_escapes = std::exchange(keep_escapes_, keep_escapes);
    Result<std::string> out = read_parts(stop, words);
    keep_escapes_ = outer_escapes;
    --depth_;
    return out;
  }

  Result<std::string> read_parts(char stop, Words* words) {
    std::string out;
    Words unused;
    if (words == nullptr) words = &unused;
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (stop != '\0' && c == stop) {
        rest_.remove_prefix(1);
        return out;
      }
      if (c == '$') {
        STRATA_TRY(const std::string value, read_dollar());
        for (const char v : value) words->add(v);
        out += value;
      } else if ((c == '\'' || c == '"') && !options_.quotes_are_text) {
        STRATA_TRY(const std::string quoted,
                   c == '"' ? read_double_quoted() : read_single_quoted());
        words->add_raw(quoted);
        out += quoted;
      } else {
        read_plain(out, *words);
      }
    }
    if (stop == '\0') return out;
    return error(ErrorCode::kInvalid, "unexpected end of statement while looking for matching {}",
                 stop);
  }

  // One character that means nothing, or an escape and what it protects.
  void read_plain(std::string& out, Words& words) {
    const char c = take();
    if (c != options_.escape) {
      words.add(c);
      out += c;
      return;
    }
    if (keep_escapes_) {
      words.add_raw(c);
      out += c;
    }
    if (rest_.empty()) return;
    words.add_raw(rest_.front());
    out += take();
  }

  Result<std::string> read_single_quoted() {
    const size_t end = rest_.find('\'', 1);
    if (end == std::string_view::npos) {
      rest_ = {};
      return syntax("unexpected end of statement while looking for matching single-quote");
    }
    const std::string_view quoted = rest_.substr(0, end + 1);
    rest_.remove_prefix(quoted.size());
    return std::string(options_.keep_quotes ? quoted : quoted.substr(1, quoted.size() - 2));
  }

  Result<std::string> read_double_quoted() {
    std::string out;
    const auto quote = [&] {
      if (options_.keep_quotes) out += '"';
      rest_.remove_prefix(1);
    };
    quote();
    while (!rest_.empty()) {
      if (rest_.front() == '"') {
        quote();
        return out;
      }
      if (rest_.front() == '$') {
        STRATA_TRY(const std::string value, read_dollar());
        out += value;
        continue;
      }
      char c = take();
      if (c == options_.escape) {
        if (keep_escapes_) out += c;
        if (rest_.empty()) break;
        const char next = rest_.front();
        // Where escapes are kept one before anything else comes out twice, as it does in docker: a
        // pattern's "\\" then stands for the character itself.
        if (next == '"' || next == '$' || next == options_.escape) c = take();
      }
      out += c;
    }
    return syntax("unexpected end of statement while looking for matching double-quote");
  }

  // A variable that is made of itself twice doubles with each line.
  Result<std::string> read_dollar() {
    STRATA_TRY(std::string value, read_substitution());
    substituted_bytes_ += value.size();
    if (substituted_bytes_ > kMaxExpandedBytes) return too_long();
    return value;
  }

  static Error too_long() {
    return error(ErrorCode::kInvalid, "variables make it longer than {} bytes", kMaxExpandedBytes);
  }

  Result<std::string> read_substitution() {
    rest_.remove_prefix(1);
    if (!rest_.starts_with('{')) {
      const std::string name = read_name();
      if (name.empty()) return std::string("$");
      const std::optional<std::string> value = find(name);
      if (!value && options_.keep_unset) return "$" + name;
      return value.value_or("");
    }
    rest_.remove_prefix(1);
    if (rest_.empty()) return syntax("syntax error: missing '}'");
    if (rest_.front() == '{' || rest_.front() == '}' || rest_.front() == ':') {
      return syntax("syntax error: bad substitution");
    }
    const std::string name = read_name();
    if (rest_.empty()) return syntax("syntax error: missing '}'");
    const char modifier = take();
    switch (modifier) {
      case '}': {
        const std::optional<std::string> value = find(name);
        if (!value && options_.keep_unset) return "${" + name + "}";
        return value.value_or("");
      }
      case '/':
        return read_replacement(name);
      case ':':
        if (rest_.empty()) return syntax("syntax error: missing '}'");
        return read_modified(name, take(), true);
      default:
        return read_modified(name, modifier, false);
    }
  }

  // ${name-word} and its kin; the modifier is taken.
  Result<std::string> read_modified(const std::string& name, char modifier, bool null_is_unset) {
    const std::string shown = (null_is_unset ? ":" : "") + std::string(1, modifier);
    const bool is_pattern = modifier == '#' || modifier == '%';
    if (!is_pattern && modifier != '-' && modifier != '+' && modifier != '?') {
      return error(ErrorCode::kInvalid, "unsupported modifier ({}) in substitution", modifier);
    }
    STRATA_TRY(const std::string word, read_until_brace(is_pattern));
    const std::optional<std::string> value = find(name);
    if (!value && options_.keep_unset) return "${" + name + shown + word + "}";
    const bool counts_as_set = value && !(null_is_unset && value->empty());
    switch (modifier) {
      case '-':
        return counts_as_set ? *value : word;
      case '+':
        return counts_as_set ? word : std::string();
      case '?':
        if (counts_as_set) return *value;
        if (!word.empty()) return syntax(name + ": " + word);
        return syntax(name + ": is not allowed to be " + (value ? "empty" : "unset"));
      default:
        return trim_pattern(value.value_or(""), word, modifier);
    }
  }

  Result<std::string> read_until_brace(bool keep_escapes) {
    Result<std::string> word = read_until('}', keep_escapes, nullptr);
    if (!word.ok() && rest_.empty()) return syntax("syntax error: missing '}'");
    return word;
  }

  // ${name#pattern}, ${name%%pattern}; `text` may begin with the second # or %.
  static Result<std::string> trim_pattern(const std::string& value, std::string_view text,
                                          char modifier) {
    const bool greedy = text.starts_with(modifier);
    if (greedy) text.remove_prefix(1);
    STRATA_TRY(const ShellPattern pattern, ShellPattern::parse(text));
    return modifier == '#' ? pattern.without_prefix(value, greedy)
                           : pattern.without_suffix(value, greedy);
  }

  Result<std::string> read_replacement(const std::string& name) {
    const bool all = rest_.starts_with('/');
    if (all) rest_.remove_prefix(1);
    Result<std::string> pattern_text = read_until('/', true, nullptr);
    if (!pattern_text.ok()) {
      return rest_.empty() ? syntax("syntax error: missing '/' in ${}")
                           : std::move(pattern_text).error();
    }
    STRATA_TRY(const std::string replacement, read_until_brace(true));
    const std::optional<std::string> value = find(name);
    if (!value && options_.keep_unset) {
      return "${" + name + "/" + *pattern_text + "/" + replacement + "}";
    }
    STRATA_TRY(const ShellPattern pattern, ShellPattern::parse(*pattern_text));
    if (value && value->size() * replacement.size() > kMaxReplacedBytes) return too_long();
    return pattern.replace(value.value_or(""), replacement, all);
  }

  std::string read_name() {
    std::string name;
    if (rest_.empty()) return name;
    if (is_digit(rest_.front())) {
      while (!rest_.empty() && is_digit(rest_.front())) name += take();
      return name;
    }
    if (std::string_view("@*#?-$!").find(rest_.front()) != std::string_view::npos) {
      return {take()};
    }
    while (const size_t length = name_character(rest_)) {
      name += rest_.substr(0, length);
      rest_.remove_prefix(length);
    }
    return name;
  }

  std::optional<std::string> find(const std::string& name) {
    std::optional<std::string> value = look_up_(name);
    if (!value) unmatched_.insert(name);
    return value;
  }

  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  static constexpr int kMaxDepth = 200;
  static constexpr size_t kMaxReplacedBytes = 64 * kMaxExpandedBytes;  // if each character matched

  std::string_view rest_;
  const LookUp& look_up_;
  const ExpandOptions& options_;
  bool keep_escapes_;
  int depth_ = 0;
  size_t substituted_bytes_ = 0;
  std::set<std::string> unmatched_;
};

}  // namespace

LookUp look_up_in(const std::vector<std::string>& environment) {
  return [&environment](std::string_view name) -> std::optional<std::string> {
    for (auto entry = environment.rbegin(); entry != environment.rend(); ++entry) {
      const std::string_view text = *entry;
      if (!text.starts_with(name)) continue;
      if (text.size() == name.size()) return std::string();
      if (text[name.size()] == '=') return std::string(text.substr(name.size() + 1));
    }
    return std::nullopt;
  };
}

Result<Expanded> expand(std::string_view word, const LookUp& look_up,
                        const ExpandOptions& options) {
  return Expander(word, look_up, options)
      .run()
      .context("failed to process {}", oci::go_quote(word));
}

Result<std::string> expand_word(std::string_view word, const LookUp& look_up, char escape) {
  STRATA_TRY(Expanded out, expand(word, look_up, {.escape = escape}));
  return std::move(out.word);
}

Result<std::vector<std::string>> expand_words(std::string_view word, const LookUp& look_up,
                                              char escape) {
  STRATA_TRY(Expanded out, expand(word, look_up, {.escape = escape}));
  return std::move(out.words);
}

}  // namespace strata::build
