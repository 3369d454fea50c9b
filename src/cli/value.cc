// SPDX-License-Identifier: Apache-2.0
#include "cli/value.h"

#include <fmt/format.h>

#include "cli/go_print.h"
#include "oci/json.h"
#include "oci/json_cursor.h"

namespace strata::cli {
namespace {

using Kind = Value::Kind;

// Go leaves a field with omitempty out when it is false, 0, nil, or of length 0; never a struct.
bool is_empty(const Value& value) {
  return value.kind() != Kind::kRecord && value.kind() != Kind::kTime && !value.truth();
}

Value raw_next(oci::JsonCursor& cursor);

Value raw_object(oci::JsonCursor& cursor) {
  Value::Map map;
  map.item_type = "interface {}";
  map.strict = true;
  cursor.enter_object();
  for (oci::JsonString key; cursor.next_member(key);) {
    std::string name = key.decode();
    map.entries.insert_or_assign(std::move(name), raw_next(cursor).box());
  }
  return Value::map(std::move(map));
}

Value raw_array(oci::JsonCursor& cursor) {
  Value::List list;
  list.item_type = "interface {}";
  cursor.enter_array();
  while (cursor.next_element()) list.items.push_back(raw_next(cursor).box());
  return Value::list(std::move(list));
}

Value raw_next(oci::JsonCursor& cursor) {
  switch (cursor.peek()) {
    case oci::JsonCursor::Kind::kObject:
      return raw_object(cursor);
    case oci::JsonCursor::Kind::kArray:
      return raw_array(cursor);
    case oci::JsonCursor::Kind::kString: {
      oci::JsonString text;
      cursor.read_string(text);
      return Value::string(text.decode());
    }
    case oci::JsonCursor::Kind::kNumber: {
      std::string_view digits;
      cursor.read_number(digits);
      return Value::number(std::string(digits));
    }
    case oci::JsonCursor::Kind::kBool: {
      bool value = false;
      cursor.read_bool(value);
      return Value::boolean(value);
    }
    default:
      cursor.read_null();
      return Value::nil();
  }
}

}  // namespace

Value Value::nil(std::string_view type) {
  Value value;
  value.kind_ = Kind::kNil;
  value.type_ = type;
  return value;
}

Value Value::boolean(bool data) {
  Value value;
  value.kind_ = Kind::kBool;
  value.type_ = "bool";
  value.data_ = data;
  return value;
}

Value Value::integer(int64_t data, std::string_view type) {
  Value value;
  value.kind_ = Kind::kInt;
  value.type_ = type;
  value.data_ = data;
  return value;
}

Value Value::real(double data) {
  Value value;
  value.kind_ = Kind::kFloat;
  value.type_ = "float64";
  value.data_ = data;
  return value;
}

Value Value::duration(int64_t nanoseconds) {
  Value value = integer(nanoseconds, "time.Duration");
  value.kind_ = Kind::kDuration;
  return value;
}

Value Value::number(std::string digits) {
  Value value = string(std::move(digits), "json.Number");
  value.kind_ = Kind::kNumber;
  return value;
}

Value Value::string(std::string data, std::string_view type) {
  Value value;
  value.kind_ = Kind::kString;
  value.type_ = type;
  value.data_ = std::move(data);
  return value;
}

Value Value::time(std::string rfc3339) {
  Value value = string(std::move(rfc3339), "time.Time");
  value.kind_ = Kind::kTime;
  return value;
}

Value Value::list(List list) {
  Value value;
  value.kind_ = Kind::kList;
  value.data_ = std::make_shared<const List>(std::move(list));
  return value;
}

Value Value::strings(const std::vector<std::string>& items) {
  List list;
  list.item_type = "string";
  for (const std::string& item : items) list.items.push_back(string(item));
  return Value::list(std::move(list));
}

Value Value::map(Map map) {
  Value value;
  value.kind_ = Kind::kMap;
  value.data_ = std::make_shared<const Map>(std::move(map));
  return value;
}

Value Value::record(RecordPtr record) {
  Value value;
  value.kind_ = Kind::kRecord;
  value.data_ = std::move(record);
  return value;
}

void Value::unbox() {
  if (boxed_ && kind_ == Kind::kNil) kind_ = Kind::kMissing;
  boxed_ = false;
}

std::string Value::type_name() const {
  switch (kind_) {
    case Kind::kList:
      return fmt::format("[]{}", as_list().item_type);
    case Kind::kMap:
      return fmt::format("map[string]{}", as_map().item_type);
    case Kind::kRecord:
      return as_record().type_name();
    default:
      return std::string(type_);
  }
}

bool Value::truth() const {
  switch (kind_) {
    case Kind::kMissing:
    case Kind::kNil:
      return false;
    case Kind::kBool:
      return as_bool();
    case Kind::kInt:
    case Kind::kDuration:
      return type_.starts_with('*') || as_int() != 0;  // a pointer that leads to a 0 is not nil
    case Kind::kFloat:
      return as_float() != 0;
    case Kind::kNumber:
    case Kind::kString:
      return !text().empty();
    case Kind::kList:
      return !as_list().items.empty();
    case Kind::kMap:
      return !as_map().entries.empty();
    case Kind::kTime:
    case Kind::kRecord:
      return true;
  }
  return false;
}

std::optional<Value> Struct::field(std::string_view name) const {
  for (const Field& field : fields_) {
    if (field.name == name) return field.value;
  }
  return std::nullopt;
}

std::string Struct::json() const {
  std::string text;
  for (const Field& field : fields_) {
    if (field.omit_empty && is_empty(field.value)) continue;
    text += text.empty() ? "{" : ",";
    text += quote_json(field.json.empty() ? field.name : field.json, HtmlEscape::kNo);
    text += ":" + to_json(field.value);
  }
  return text.empty() ? "{}" : text + "}";
}

std::string Struct::text() const {
  std::string text;
  for (const Field& field : fields_) {
    if (&field != fields_.data()) text += ' ';
    text += go_text(field.value);
  }
  return "{" + text + "}";
}

std::string quote_json(std::string_view text, HtmlEscape escape) {
  std::string out;
  oci::append_go_string(out, text);
  if (escape == HtmlEscape::kYes) return out;
  // The same with the three characters as they were. A backslash in `out` always begins an escape.
  std::string plain;
  for (size_t at = 0; at < out.size();) {
    std::string_view six = std::string_view(out).substr(at, 6);
    if (six == "\\u003c" || six == "\\u003e" || six == "\\u0026") {
      plain += six == "\\u003c" ? '<' : six == "\\u003e" ? '>' : '&';
      at += 6;
    } else {
      size_t length = out[at] == '\\' ? 2 : 1;
      plain.append(out, at, length);
      at += length;
    }
  }
  return plain;
}

std::string to_json(const Value& value, HtmlEscape escape) {
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kNil:
      return "null";
    case Kind::kString:
    case Kind::kTime:
      return quote_json(value.text(), escape);
    case Kind::kDuration:
      return fmt::format("{}", value.as_int());
    case Kind::kRecord:
      return value.as_record().json();
    case Kind::kList: {
      if (value.as_list().nil) return "null";
      std::string text;
      for (const Value& item : value.as_list().items) {
        text += (text.empty() ? "" : ",") + to_json(item, escape);
      }
      return "[" + text + "]";
    }
    case Kind::kMap: {
      if (value.as_map().nil) return "null";
      std::string text;
      for (const auto& [key, item] : value.as_map().entries) {
        if (!text.empty()) text += ',';
        text += quote_json(key, escape) + ":" + to_json(item, escape);
      }
      return "{" + text + "}";
    }
    default:
      return go_text(value);
  }
}

std::string indent_json(std::string_view json, std::string_view indent) {
  std::string out;
  size_t depth = 0;
  bool in_string = false;
  auto break_line = [&] {
    out += '\n';
    for (size_t i = 0; i < depth; ++i) out += indent;
  };
  for (size_t at = 0; at < json.size(); ++at) {
    char c = json[at];
    if (in_string) {
      out += c;
      if (c == '\\') out += json[++at];
      if (c == '"') in_string = false;
    } else if (c == '{' || c == '[') {
      out += c;
      ++depth;
      bool empty = at + 1 < json.size() && (json[at + 1] == '}' || json[at + 1] == ']');
      if (!empty) break_line();
    } else if (c == '}' || c == ']') {
      --depth;
      if (json[at - 1] != '{' && json[at - 1] != '[') break_line();
      out += c;
    } else {
      out += c;
      in_string = c == '"';
      if (c == ',') break_line();
      if (c == ':') out += ' ';
    }
  }
  return out;
}

Value raw_value(std::string_view json) {
  oci::JsonCursor cursor(json);
  return raw_next(cursor);
}

}  // namespace strata::cli
