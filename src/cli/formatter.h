// SPDX-License-Identifier: Apache-2.0
// docker's lists: rows through a template, aligned under headings if the format begins with
// "table". Threads: one at a time per object.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/pool.h"
#include "base/result.h"
#include "cli/template.h"
#include "cli/value.h"

namespace strata::cli {

// One thing that a row can show: {{.Name}}, and its heading in a table.
template <typename Row>
struct Column {
  std::string_view name;
  std::string_view heading;
  std::string (*text)(const Row& row);
};

// The JSON object of named texts, sorted by name, as {{json .}} prints a row.
std::string json_of_columns(std::vector<std::pair<std::string_view, std::string>> columns);

// A row with columns that are computed when a template asks for them. Borrows the columns.
template <typename Row>
class RowRecord final : public Record {
 public:
  RowRecord(std::string_view type, std::span<const Column<Row>> columns, Row row)
      : type_(type), columns_(columns), row_(std::move(row)) {}

  std::string type_name() const override { return std::string(type_); }
  std::optional<Value> field(std::string_view name) const override {
    for (const Column<Row>& column : columns_) {
      if (column.name == name) return Value::string(column.text(row_));
    }
    return std::nullopt;
  }
  std::string json() const override {
    std::vector<std::pair<std::string_view, std::string>> texts;
    for (const Column<Row>& column : columns_) texts.emplace_back(column.name, column.text(row_));
    return json_of_columns(std::move(texts));
  }
  std::string text() const override {
    std::string all;
    for (const Column<Row>& column : columns_) {
      all += (all.empty() ? "" : " ") + column.text(row_);
    }
    return "{" + all + "}";
  }

 private:
  std::string_view type_;
  std::span<const Column<Row>> columns_;
  Row row_;
};

template <typename Row>
Value headings_of(std::span<const Column<Row>> columns) {
  Value::Map map;
  map.item_type = "string";
  for (const Column<Row>& column : columns) {
    map.entries.emplace(column.name, Value::string(std::string(column.heading)));
  }
  return Value::map(std::move(map));
}

// The word for docker's own blocks of lines, instead of a template. Each command has its own.
inline constexpr std::string_view kRawFormat = "raw";

class Formatter {
 public:
  // `format` as the user gave it, or the default that the command chose: a template, "table
  // <template>", or "json". Errors: kInvalid, `template parsing error: template: …`.
  static Result<Formatter> create(std::string_view format);

  Status add(const Value& row);
  // The rows of `other`, which has the same format, behind those of this one.
  void append(const Formatter& other) { rows_ += other.rows_; }
  size_t rows_bytes() const { return rows_.size(); }
  void reserve(size_t bytes) { rows_.reserve(bytes); }
  // All that was added, with the headings on top if it is a table.
  Result<std::string> finish(const Value& headings) const;

 private:
  Formatter(Template parsed, bool table) : template_(std::move(parsed)), table_(table) {}
  Template template_;
  bool table_;
  std::string rows_;
};

// All rows through one format. Errors: as Formatter.
Result<std::string> format_rows(std::string_view format, std::span<const Value> rows,
                                const Value& headings);

// The same on the workers of a pool, for long lists: `rows_of(i)` gives the rows of the i-th of
// `count` things, on any thread and in any order. They come out in the order of the things.
Result<std::string> format_rows(std::string_view format, size_t count,
                                const std::function<std::vector<Value>(size_t)>& rows_of,
                                const Value& headings, Pool& pool);

// A single thing that is no list.
inline Result<std::string> format_value(std::string_view format, const Value& value) {
  return format_rows(format, {&value, 1}, Value::nil());
}

// Puts "template parsing error: " in front, as docker does.
Error template_error(Error error);

}  // namespace strata::cli
