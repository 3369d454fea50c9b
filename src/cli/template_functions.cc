// SPDX-License-Identifier: Apache-2.0
#include "cli/template_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/go_print.h"

namespace strata::cli {
namespace {

using Kind = Value::Kind;
using Arguments = std::span<const Value>;
using Parameter = TemplateFunction::Parameter;

Error reason(std::string text) { return Error(ErrorCode::kInvalid, std::move(text)); }

bool is_nothing(const Value& value) {
  return value.kind() == Kind::kMissing || value.kind() == Kind::kNil;
}

// --- comparison

enum class Basic { kNone, kBool, kInt, kFloat, kText };

Basic basic_kind(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool:
      return Basic::kBool;
    case Kind::kInt:
    case Kind::kDuration:
      return Basic::kInt;
    case Kind::kFloat:
      return Basic::kFloat;
    case Kind::kString:
    case Kind::kNumber:
      return Basic::kText;
    default:
      return Basic::kNone;
  }
}

Result<bool> equal(const Value& a, const Value& b) {
  Basic kind = basic_kind(a);
  if (kind != basic_kind(b)) {
    if (is_nothing(a) || is_nothing(b)) return false;
    return reason("incompatible types for comparison");
  }
  switch (kind) {
    case Basic::kBool:
      return a.as_bool() == b.as_bool();
    case Basic::kInt:
      return a.as_int() == b.as_int();
    case Basic::kFloat:
      return a.as_float() == b.as_float();
    case Basic::kText:
      return a.text() == b.text();
    case Basic::kNone:
      break;
  }
  if (is_nothing(a) || is_nothing(b)) return is_nothing(a) == is_nothing(b);
  return reason(fmt::format("non-comparable type {}: {}", go_text(b), b.type_name()));
}

Result<bool> less(const Value& a, const Value& b) {
  Basic kind = basic_kind(a);
  if (kind == Basic::kNone || basic_kind(b) == Basic::kNone) {
    return reason("invalid type for comparison");
  }
  if (kind != basic_kind(b)) return reason("incompatible types for comparison");
  switch (kind) {
    case Basic::kInt:
      return a.as_int() < b.as_int();
    case Basic::kFloat:
      return a.as_float() < b.as_float();
    case Basic::kText:
      return a.text() < b.text();
    default:
      return reason("invalid type for comparison");
  }
}

Result<Value> call_eq(Arguments a) {
  if (a.size() < 2) return reason("missing argument for comparison");
  for (const Value& other : a.subspan(1)) {
    STRATA_TRY(bool same, equal(a[0], other));
    if (same) return Value::boolean(true);
  }
  return Value::boolean(false);
}

Result<Value> call_ne(Arguments a) {
  STRATA_TRY(bool same, equal(a[0], a[1]));
  return Value::boolean(!same);
}

Result<Value> call_lt(Arguments a) {
  STRATA_TRY(bool below, less(a[0], a[1]));
  return Value::boolean(below);
}

Result<Value> call_le(Arguments a) {
  STRATA_TRY(bool below, less(a[0], a[1]));
  if (below) return Value::boolean(true);
  return call_eq(a);
}

Result<Value> negated(Result<Value> value) {
  if (!value.ok()) return value;
  return Value::boolean(!value->as_bool());
}

Result<Value> call_gt(Arguments a) { return negated(call_le(a)); }
Result<Value> call_ge(Arguments a) { return negated(call_lt(a)); }
Result<Value> call_not(Arguments a) { return Value::boolean(!a[0].truth()); }

// --- parts of lists, maps and strings

Result<size_t> position(const Value& index, size_t limit) {
  if (is_nothing(index)) return reason("cannot index slice/array with nil");
  if (index.kind() != Kind::kInt && index.kind() != Kind::kDuration) {
    return reason(fmt::format("cannot index slice/array with type {}", index.type_name()));
  }
  if (index.as_int() < 0 || static_cast<uint64_t>(index.as_int()) > limit) {
    return reason(fmt::format("index out of range: {}", index.as_int()));
  }
  return static_cast<size_t>(index.as_int());
}

// What a map gives for a key that it does not have: the zero value of its item type.
Value zero_of(std::string_view type) {
  if (type == "string") return Value::string("");
  if (type == "bool") return Value::boolean(false);
  return type == "struct {}" ? Struct::make("struct {}", {}) : Value();
}

Result<Value> item_at(const Value& whole, const Value& index) {
  if (whole.kind() == Kind::kMap) {
    if (is_nothing(index)) return reason("value is nil; should be of type string");
    if (!index.is_text()) {
      return reason(fmt::format("value has type {}; should be string", index.type_name()));
    }
    auto found = whole.as_map().entries.find(index.text());
    return found != whole.as_map().entries.end() ? found->second
                                                 : zero_of(whole.as_map().item_type);
  }
  if (whole.kind() == Kind::kNil) return reason("index of nil pointer");
  if (whole.kind() != Kind::kList && !whole.is_text()) {
    return reason(fmt::format("can't index item of type {}", whole.type_name()));
  }
  size_t size = whole.is_text() ? whole.text().size() : whole.as_list().items.size();
  STRATA_TRY(size_t at, position(index, size));
  if (at == size)
    return reason(
        fmt::format("reflect: {} index out of range", whole.is_text() ? "string" : "slice"));
  if (whole.is_text()) return Value::integer(static_cast<unsigned char>(whole.text()[at]), "uint8");
  return whole.as_list().items[at];
}

Result<Value> call_index(Arguments a) {
  if (is_nothing(a[0])) return reason("index of untyped nil");
  Value item = a[0];
  for (const Value& index : a.subspan(1)) {
    STRATA_TRY(item, item_at(item, index));
  }
  return item;
}

Result<Value> call_slice(Arguments a) {
  if (is_nothing(a[0])) return reason("slice of untyped nil");
  if (a.size() > 4) return reason(fmt::format("too many slice indexes: {}", a.size() - 1));
  bool text = a[0].is_text();
  if (text && a.size() == 4) return reason("cannot 3-index slice a string");
  if (!text && a[0].kind() != Kind::kList) {
    return reason(fmt::format("can't slice item of type {}", a[0].type_name()));
  }
  size_t size = text ? a[0].text().size() : a[0].as_list().items.size();
  std::array<size_t, 3> bounds{0, size, size};
  for (size_t i = 1; i < a.size(); ++i) {
    STRATA_TRY(bounds[i - 1], position(a[i], size));
  }
  for (size_t i = 0; i < 2; ++i) {
    if (bounds[i] > bounds[i + 1]) {
      return reason(fmt::format("invalid slice index: {} > {}", bounds[i], bounds[i + 1]));
    }
  }
  if (text) return Value::string(a[0].text().substr(bounds[0], bounds[1] - bounds[0]));
  Value::List part{{}, a[0].as_list().item_type};
  const std::vector<Value>& items = a[0].as_list().items;
  part.items.assign(items.begin() + static_cast<ptrdiff_t>(bounds[0]),
                    items.begin() + static_cast<ptrdiff_t>(bounds[1]));
  return Value::list(std::move(part));
}

Result<Value> call_len(Arguments a) {
  switch (a[0].kind()) {
    case Kind::kString:
    case Kind::kNumber:
      return Value::integer(static_cast<int64_t>(a[0].text().size()));
    case Kind::kList:
      return Value::integer(static_cast<int64_t>(a[0].as_list().items.size()));
    case Kind::kMap:
      return Value::integer(static_cast<int64_t>(a[0].as_map().entries.size()));
    case Kind::kMissing:
    case Kind::kNil:
      return reason("len of nil pointer");
    default:
      return reason(fmt::format("len of type {}", a[0].type_name()));
  }
}

// --- printing

Result<Value> call_print(Arguments a) { return Value::string(go_sprint(a)); }
Result<Value> call_println(Arguments a) { return Value::string(go_sprintln(a)); }
Result<Value> call_printf(Arguments a) {
  return Value::string(go_sprintf(a[0].text(), a.subspan(1)));
}
Result<Value> call_json(Arguments a) { return Value::string(to_json(a[0])); }

std::string one_text(Arguments a) {
  return a.size() == 1 && a[0].is_text() ? a[0].text() : go_sprint(a);
}

Result<Value> call_html(Arguments a) {
  std::string out;
  for (char c : one_text(a)) {
    switch (c) {
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\0':
        out += "\uFFFD";
        break;
      default:
        out += c;
    }
  }
  return Value::string(out);
}

Result<Value> call_urlquery(Arguments a) {
  static constexpr std::string_view kPlain = "-_.~";
  std::string out;
  for (unsigned char c : one_text(a)) {
    if (std::isalnum(c) || kPlain.find(static_cast<char>(c)) != kPlain.npos) {
      out += static_cast<char>(c);
    } else {
      out += c == ' ' ? "+" : fmt::format("%{:02X}", c);
    }
  }
  return Value::string(out);
}

// --- docker's; letters beyond ASCII stay as they are

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

Result<Value> call_lower(Arguments a) {
  std::string text = a[0].text();
  std::transform(text.begin(), text.end(), text.begin(), lower);
  return Value::string(text);
}

Result<Value> call_upper(Arguments a) {
  std::string text = a[0].text();
  std::transform(text.begin(), text.end(), text.begin(), upper);
  return Value::string(text);
}

Result<Value> call_title(Arguments a) {
  std::string text = a[0].text();
  bool inside = false;  // a word
  for (char& c : text) {
    if (!inside) c = upper(c);
    inside = c == '_' || std::isalnum(static_cast<unsigned char>(c)) || (c & 0x80) != 0;
  }
  return Value::string(text);
}

Result<Value> call_split(Arguments a) {
  const std::string& text = a[0].text();
  const std::string& separator = a[1].text();
  std::vector<std::string> parts;
  if (separator.empty()) {
    for (char c : text) parts.emplace_back(1, c);
    return Value::strings(parts);
  }
  size_t at = 0;
  for (size_t next; (next = text.find(separator, at)) != text.npos; at = next + separator.size()) {
    parts.push_back(text.substr(at, next - at));
  }
  parts.push_back(text.substr(at));
  return Value::strings(parts);
}

Result<Value> call_join(Arguments a) {
  std::string text;
  const std::vector<Value>& items = a[0].as_list().items;
  for (const Value& item : items) {
    if (&item != items.data()) text += a[1].text();
    text += item.text();
  }
  return Value::string(text);
}

constexpr int64_t kMaxPadding = 1 << 20;

Result<Value> call_pad(Arguments a) {
  if (a[0].text().empty()) return a[0];
  if (a[1].as_int() < 0 || a[2].as_int() < 0) return reason("strings: negative Repeat count");
  if (a[1].as_int() > kMaxPadding || a[2].as_int() > kMaxPadding) {
    return reason("strings: Repeat count causes overflow");
  }
  return Value::string(std::string(a[1].as_int(), ' ') + a[0].text() +
                       std::string(a[2].as_int(), ' '));
}

Result<Value> call_truncate(Arguments a) {
  const std::string& text = a[0].text();
  int64_t length = a[1].as_int();
  if (length < 0) {
    return reason(fmt::format("runtime error: slice bounds out of range [:{}]", length));
  }
  return Value::string(text.substr(0, std::min(text.size(), static_cast<size_t>(length))));
}

const std::vector<TemplateFunction>& functions() {
  constexpr auto kAny = Parameter::kAny;
  constexpr auto kString = Parameter::kString;
  constexpr auto kInt = Parameter::kInt;
  static const std::vector<TemplateFunction> all{
      {"and", {kAny, kAny}, true, nullptr},
      {"or", {kAny, kAny}, true, nullptr},
      {"not", {kAny}, false, call_not},
      {"eq", {kAny, kAny}, true, call_eq},
      {"ne", {kAny, kAny}, false, call_ne},
      {"lt", {kAny, kAny}, false, call_lt},
      {"le", {kAny, kAny}, false, call_le},
      {"gt", {kAny, kAny}, false, call_gt},
      {"ge", {kAny, kAny}, false, call_ge},
      {"index", {kAny, kAny}, true, call_index},
      {"slice", {kAny, kAny}, true, call_slice},
      {"len", {kAny}, false, call_len},
      {"print", {kAny}, true, call_print},
      {"println", {kAny}, true, call_println},
      {"printf", {kString, kAny}, true, call_printf},
      {"html", {kAny}, true, call_html},
      {"urlquery", {kAny}, true, call_urlquery},
      {"json", {kAny}, false, call_json, true},
      {"lower", {kString}, false, call_lower, true},
      {"upper", {kString}, false, call_upper, true},
      {"title", {kString}, false, call_title, true},
      {"split", {kString, kString}, false, call_split, true},
      {"join", {Parameter::kStrings, kString}, false, call_join, true},
      {"pad", {kString, kInt, kInt}, false, call_pad},
      {"truncate", {kString, kInt}, false, call_truncate, true},
  };
  return all;
}

}  // namespace

const TemplateFunction* find_template_function(std::string_view name) {
  for (const TemplateFunction& function : functions()) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

std::string_view parameter_type(Parameter parameter) {
  switch (parameter) {
    case Parameter::kAny:
      return "interface {}";
    case Parameter::kString:
      return "string";
    case Parameter::kInt:
      return "int";
    case Parameter::kStrings:
      return "[]string";
  }
  return {};
}

bool fits(Parameter parameter, const Value& value) {
  return parameter == Parameter::kAny || value.type_name() == parameter_type(parameter);
}

}  // namespace strata::cli
