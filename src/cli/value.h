// SPDX-License-Identifier: Apache-2.0
// Value: what a --format template works on. It keeps the differences that Go's templates make
// visible: a missing map entry is not nil, a nil list is `null` in JSON but `[]` in text, a number
// out of raw JSON keeps its digits, a struct has field names of its own.
// Threads: values; lists, maps and records are shared and never change.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace strata::cli {

class Record;

class Value {
 public:
  enum class Kind {
    kMissing,  // no such map entry: prints "<no value>"
    kNil,
    kBool,
    kInt,
    kFloat,
    kDuration,  // nanoseconds; prints as "1m30s"
    kNumber,    // a number of raw JSON, as its digits (Go: json.Number)
    kString,
    kTime,  // RFC 3339; prints as "2006-01-02 15:04:05.9 +0000 UTC"
    kList,
    kMap,
    kRecord,  // a struct
  };
  struct List {
    std::vector<Value> items;
    std::string_view item_type;  // Go's name of the items' type
    bool nil = false;
  };
  struct Map {
    std::map<std::string, Value, std::less<>> entries;
    std::string_view item_type;
    bool nil = false;
    bool strict = false;  // asking for a key that is not there is an error
  };
  using RecordPtr = std::shared_ptr<const Record>;

  Value() = default;  // kMissing
  static Value nil(std::string_view type = {});
  static Value boolean(bool value);
  static Value integer(int64_t value, std::string_view type = "int");
  static Value real(double value);
  static Value duration(int64_t nanoseconds);
  static Value number(std::string digits);
  static Value string(std::string value, std::string_view type = "string");
  static Value time(std::string rfc3339);
  static Value list(List list);
  static Value strings(const std::vector<std::string>& items);  // []string
  static Value map(Map map);
  static Value record(RecordPtr record);

  Kind kind() const { return kind_; }
  bool as_bool() const { return std::get<bool>(data_); }
  int64_t as_int() const { return std::get<int64_t>(data_); }  // kInt, kDuration
  double as_float() const { return std::get<double>(data_); }
  const std::string& text() const { return std::get<std::string>(data_); }
  const List& as_list() const { return *std::get<std::shared_ptr<const List>>(data_); }
  const Map& as_map() const { return *std::get<std::shared_ptr<const Map>>(data_); }
  const Record& as_record() const { return *std::get<RecordPtr>(data_); }
  // kString and kNumber: Go's kind of both is string.
  bool is_text() const { return kind_ == Kind::kString || kind_ == Kind::kNumber; }

  // Go's name of the type, for messages: "string", "[]string", "types.ImageInspect".
  std::string type_name() const;
  // What if, and, or take it for: not empty, not zero, not nil.
  bool truth() const;
  // Inside raw JSON every value sits in an interface: some messages give that as its type. A pipe
  // takes it out, and null becomes a value that is missing.
  Value& box() {
    boxed_ = true;
    return *this;
  }
  void unbox();
  std::string interface_type_name() const { return boxed_ ? "interface {}" : type_name(); }

 private:
  Kind kind_ = Kind::kMissing;
  bool boxed_ = false;
  std::string_view type_;
  std::variant<std::monostate, bool, int64_t, double, std::string, std::shared_ptr<const List>,
               std::shared_ptr<const Map>, RecordPtr>
      data_;
};

// A struct, or one of docker's rows with computed columns.
class Record {
 public:
  virtual ~Record() = default;
  virtual std::string type_name() const = 0;
  // The field of this Go name, if there is one. May compute.
  virtual std::optional<Value> field(std::string_view name) const = 0;
  // As the `json` function prints it.
  virtual std::string json() const = 0;
  // As {{.}} prints it: "{a b c}".
  virtual std::string text() const = 0;
};

// A struct with its fields at hand, in Go's order.
class Struct final : public Record {
 public:
  struct Field {
    std::string_view name;  // Go's
    std::string_view json;  // key in JSON; empty: the same as `name`
    Value value;
    bool omit_empty = false;
  };
  Struct(std::string_view type, std::vector<Field> fields)
      : type_(type), fields_(std::move(fields)) {}
  static Value make(std::string_view type, std::vector<Field> fields) {
    return Value::record(std::make_shared<Struct>(type, std::move(fields)));
  }

  std::string type_name() const override { return std::string(type_); }
  std::optional<Value> field(std::string_view name) const override;
  std::string json() const override;
  std::string text() const override;
  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::string_view type_;
  std::vector<Field> fields_;
};

enum class HtmlEscape { kNo, kYes };
// Go's encoding/json, compact. HtmlEscape::kYes writes <, > and & as \u003c, \u003e, \u0026.
std::string to_json(const Value& value, HtmlEscape escape = HtmlEscape::kNo);
// The text as a JSON string with its quotes.
std::string quote_json(std::string_view text, HtmlEscape escape);
// Compact JSON text with line breaks and `indent` for each level, as Go's json.Indent.
std::string indent_json(std::string_view json, std::string_view indent);

// A value of what JSON text holds, as Go decodes it without a type: maps, lists, digits; keys that
// are not there are errors (docker's second try of `inspect --format`). `json` is valid.
Value raw_value(std::string_view json);

}  // namespace strata::cli
