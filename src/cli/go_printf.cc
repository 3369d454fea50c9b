// SPDX-License-Identifier: Apache-2.0
// Directive of printf:  "%" flag* [width] ["." precision] verb
//   flag = "+" | "-" | "#" | " " | "0"     width, precision = digits | "*"
// Source: Go 1.19, package fmt, "Printing".
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "cli/go_print.h"
#include "oci/json_cursor.h"

namespace strata::cli {
namespace {

using Kind = Value::Kind;

struct Directive {
  bool plus = false, minus = false, sharp = false, space = false, zero = false;
  std::optional<int> width, precision;
  char verb = 0;
};

// Characters, a byte that is not UTF-8 counting as one: the unit of widths.
size_t rune_count(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) {
    at += std::max<size_t>(1, oci::utf8_length(text.substr(at)));
  }
  return count;
}

std::string_view first_runes(std::string_view text, size_t limit) {
  size_t at = 0;
  while (at < text.size() && limit-- > 0) {
    at += std::max<size_t>(1, oci::utf8_length(text.substr(at)));
  }
  return text.substr(0, at);
}

std::string pad(std::string text, const Directive& directive, bool zeros_fit) {
  size_t width = directive.width ? static_cast<size_t>(std::abs(*directive.width)) : 0;
  size_t have = rune_count(text);
  if (have >= width) return text;
  if (directive.minus) return text.append(width - have, ' ');
  if (!directive.zero || !zeros_fit) return text.insert(0, width - have, ' ');
  size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ') ? 1 : 0;
  return text.insert(sign, width - have, '0');
}

std::string go_syntax(const Value& value);  // %#v

std::string bad_verb(const Directive& directive, const Value& value) {
  if (value.kind() == Kind::kNil || value.kind() == Kind::kMissing) {
    return fmt::format("%!{}(<nil>)", directive.verb);
  }
  return fmt::format("%!{}({}={})", directive.verb, value.type_name(), go_text(value));
}

std::string in_base(uint64_t value, unsigned base, bool upper) {
  const std::string_view figures = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  do {
    digits += figures[value % base];
    value /= base;
  } while (value > 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string print_integer(const Directive& directive, const Value& value) {
  int64_t number = value.as_int();
  uint64_t magnitude =
      number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  std::string text, prefix;
  switch (directive.verb) {
    case 'd':
      text = in_base(magnitude, 10, false);
      break;
    case 'b':
      text = in_base(magnitude, 2, false);
      prefix = directive.sharp ? "0b" : "";
      break;
    case 'o':
      text = in_base(magnitude, 8, false);
      prefix = directive.sharp ? "0" : "";
      break;
    case 'O':
      text = in_base(magnitude, 8, false);
      prefix = "0o";
      break;
    case 'x':
      text = in_base(magnitude, 16, false);
      prefix = directive.sharp ? "0x" : "";
      break;
    case 'X':
      text = in_base(magnitude, 16, true);
      prefix = directive.sharp ? "0X" : "";
      break;
    case 'c': {
      std::string character;
      oci::append_utf8(character, static_cast<char32_t>(magnitude));
      return pad(character, directive, false);
    }
    default:
      return bad_verb(directive, value);
  }
  if (directive.precision && text.size() < static_cast<size_t>(*directive.precision)) {
    text.insert(0, *directive.precision - text.size(), '0');
  }
  std::string sign = number < 0 ? "-" : directive.plus ? "+" : directive.space ? " " : "";
  return pad(sign + prefix + text, directive, !directive.precision);
}

std::string print_float(const Directive& directive, double value) {
  if (!std::isfinite(value)) {
    std::string text = std::isnan(value) ? "NaN" : value < 0 ? "-Inf" : "+Inf";
    return pad(text, directive, false);
  }
  std::string sign = std::signbit(value) ? "-" : directive.plus ? "+" : directive.space ? " " : "";
  double magnitude = std::fabs(value);
  std::string text;
  switch (directive.verb) {
    case 'e':
      text = fmt::format("{:.{}e}", magnitude, directive.precision.value_or(6));
      break;
    case 'f':
    case 'F':
      text = fmt::format("{:.{}f}", magnitude, directive.precision.value_or(6));
      break;
    default:
      text = directive.precision
                 ? fmt::format("{:.{}g}", magnitude, std::max(1, *directive.precision))
                 : go_float(magnitude);
  }
  return pad(sign + text, directive, true);
}

std::string print_text(const Directive& directive, const std::string& all) {
  std::string_view text = all;
  if (directive.precision) text = first_runes(text, *directive.precision);
  switch (directive.verb) {
    case 'q':
      return pad(directive.sharp && text.find('`') == text.npos ? fmt::format("`{}`", text)
                                                                : go_quote(text),
                 directive, true);
    case 'x':
    case 'X': {
      std::string hex;
      for (unsigned char byte : text) {
        if (directive.space && !hex.empty()) hex += ' ';
        hex += directive.verb == 'x' ? fmt::format("{:02x}", byte) : fmt::format("{:02X}", byte);
      }
      return pad(hex, directive, true);
    }
    default:
      return pad(std::string(text), directive, true);
  }
}

bool one_of(char verb, std::string_view verbs) { return verbs.find(verb) != verbs.npos; }

std::string print_value(const Directive& directive, const Value& value) {
  const char verb = directive.verb;
  if (verb == 'T')
    return pad(value.type_name().empty() ? "<nil>" : value.type_name(), directive, false);
  if (verb == 'v' && directive.sharp) return pad(go_syntax(value), directive, false);
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kNil:
      return verb == 'v' ? pad("<nil>", directive, false) : bad_verb(directive, value);
    case Kind::kBool:
      if (!one_of(verb, "vt")) return bad_verb(directive, value);
      return pad(go_text(value), directive, false);
    case Kind::kInt:
    case Kind::kDuration: {
      bool text = value.kind() == Kind::kDuration && one_of(verb, "vs");
      if (text) return pad(go_text(value), directive, false);
      Directive as_number = directive;
      if (verb == 'v') as_number.verb = 'd';
      return print_integer(as_number, value);
    }
    case Kind::kFloat:
      return one_of(verb, "vefFgG") ? print_float(directive, value.as_float())
                                    : bad_verb(directive, value);
    case Kind::kString:
    case Kind::kNumber:
    case Kind::kTime:
      if (!one_of(verb, "vsqxX")) return bad_verb(directive, value);
      return print_text(directive, value.kind() == Kind::kTime ? go_text(value) : value.text());
    case Kind::kList:
      return go_joined(value.as_list(),
                       [&](const Value& item) { return print_value(directive, item); });
    case Kind::kMap:
      return go_joined(value.as_map(),
                       [&](const Value& item) { return print_value(directive, item); });
    case Kind::kRecord:
      return pad(go_text(value), directive, false);
  }
  return {};
}

std::string go_syntax(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kNumber:
      return go_quote(value.text());
    case Kind::kList: {
      std::string text;
      for (const Value& item : value.as_list().items) {
        text += (text.empty() ? "" : ", ") + go_syntax(item);
      }
      return value.type_name() + (value.as_list().nil ? "(nil)" : "{" + text + "}");
    }
    case Kind::kMap: {
      std::string text;
      for (const auto& [key, item] : value.as_map().entries) {
        text += fmt::format("{}{}:{}", text.empty() ? "" : ", ", go_quote(key), go_syntax(item));
      }
      return value.type_name() + (value.as_map().nil ? "(nil)" : "{" + text + "}");
    }
    default:
      return go_text(value);
  }
}

// Reads the parts of a directive from `format` at `at`, behind the percent sign.
class DirectiveReader {
 public:
  DirectiveReader(std::string_view format, std::span<const Value> values)
      : format_(format), values_(values) {}

  std::string run() {
    while (at_ < format_.size()) {
      size_t percent = std::min(format_.find('%', at_), format_.size());
      out_ += format_.substr(at_, percent - at_);
      at_ = percent + 1;
      if (percent < format_.size()) directive();
    }
    if (next_ < values_.size()) extra();
    return std::move(out_);
  }

 private:
  bool at_flag(Directive& directive) {
    if (at_ >= format_.size()) return false;
    switch (format_[at_]) {
      case '+':
        return directive.plus = true;
      case '-':
        return directive.minus = true;
      case '#':
        return directive.sharp = true;
      case ' ':
        return directive.space = true;
      case '0':
        return directive.zero = true;
      default:
        return false;
    }
  }

  std::optional<int> number() {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      if (next_ >= values_.size() || values_[next_].kind() != Kind::kInt) return std::nullopt;
      return static_cast<int>(
          std::clamp<int64_t>(values_[next_++].as_int(), -kMaxWidth, kMaxWidth));
    }
    std::optional<int> value;
    while (at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9') {
      value = std::min(kMaxWidth, value.value_or(0) * 10 + (format_[at_++] - '0'));
    }
    return value;
  }

  void directive() {
    Directive directive;
    while (at_flag(directive)) ++at_;
    directive.width = number();
    if (directive.width && *directive.width < 0) directive.minus = true;
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      directive.precision = number().value_or(0);
    }
    if (directive.minus) directive.zero = false;
    if (at_ >= format_.size()) {
      out_ += "%!(NOVERB)";
      return;
    }
    directive.verb = format_[at_++];
    if (directive.verb == '%') {
      out_ += '%';
    } else if (next_ >= values_.size()) {
      out_ += fmt::format("%!{}(MISSING)", directive.verb);
    } else {
      out_ += print_value(directive, values_[next_++]);
    }
  }

  void extra() {
    out_ += "%!(EXTRA ";
    for (size_t i = next_; i < values_.size(); ++i) {
      if (i > next_) out_ += ", ";
      std::string type = values_[i].type_name();
      out_ += type.empty() ? "<nil>" : fmt::format("{}={}", type, go_text(values_[i]));
    }
    out_ += ")";
  }

  static constexpr int kMaxWidth = 1'000'000;  // Go's own limit
  std::string_view format_;
  std::span<const Value> values_;
  std::string out_;
  size_t at_ = 0;
  size_t next_ = 0;
};

}  // namespace

std::string go_sprintf(std::string_view format, std::span<const Value> values) {
  return DirectiveReader(format, values).run();
}

}  // namespace strata::cli
