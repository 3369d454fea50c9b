// SPDX-License-Identifier: Apache-2.0
#include "cli/formatter.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/table.h"

namespace strata::cli {
namespace {

constexpr std::string_view kTable = "table";
constexpr size_t kThingsPerTask = 128;

// In a format \t and \n may be written as two characters: shells do not make it easier.
std::string unescape(std::string_view format) {
  std::string out;
  for (size_t at = 0; at < format.size(); ++at) {
    std::string_view two = format.substr(at, 2);
    if (two == "\\t" || two == "\\n") {
      out += two == "\\t" ? '\t' : '\n';
      ++at;
    } else {
      out += format[at];
    }
  }
  return out;
}

}  // namespace

std::string json_of_columns(std::vector<std::pair<std::string_view, std::string>> columns) {
  std::sort(columns.begin(), columns.end());
  std::string out;
  for (const auto& [name, text] : columns) {
    out += fmt::format("{}\"{}\":{}", out.empty() ? "{" : ",", name,
                       quote_json(text, HtmlEscape::kYes));
  }
  return out + "}";
}

Error template_error(Error error) { return std::move(error.add_context("template parsing error")); }

Result<Formatter> Formatter::create(std::string_view format) {
  const bool table = format.starts_with(kTable);
  if (table) format.remove_prefix(kTable.size());
  while (format.starts_with(' ')) format.remove_prefix(1);
  while (format.ends_with(' ')) format.remove_suffix(1);
  Result<Template> parsed =
      Template::parse(!table && format == "json" ? "{{json .}}" : unescape(format));
  if (!parsed.ok()) return template_error(std::move(parsed).error());
  return Formatter(std::move(parsed).value(), table);
}

Status Formatter::add(const Value& row) {
  Result<std::string> text = template_.execute(row);
  if (!text.ok()) return template_error(std::move(text).error());
  rows_ += *text;
  rows_ += '\n';
  return {};
}

Result<std::string> Formatter::finish(const Value& headings) const {
  if (!table_) return rows_;
  STRATA_TRY(std::string heading, template_.execute(headings, Template::Functions::kHeader));
  return align_table(heading + '\n' + rows_);
}

Result<std::string> format_rows(std::string_view format, std::span<const Value> rows,
                                const Value& headings) {
  STRATA_TRY(Formatter formatter, Formatter::create(format));
  for (const Value& row : rows) STRATA_CHECK(formatter.add(row));
  return formatter.finish(headings);
}

Result<std::string> format_rows(std::string_view format, size_t count,
                                const std::function<std::vector<Value>(size_t)>& rows_of,
                                const Value& headings, Pool& pool) {
  STRATA_TRY(Formatter formatter, Formatter::create(format));
  std::vector<Formatter> parts((count + kThingsPerTask - 1) / kThingsPerTask, formatter);
  auto render = [&](size_t task) -> Status {
    const size_t end = std::min(count, (task + 1) * kThingsPerTask);
    for (size_t i = task * kThingsPerTask; i < end; ++i) {
      for (const Value& row : rows_of(i)) STRATA_CHECK(parts[task].add(row));
    }
    return pool.check_cancelled();
  };
  STRATA_CHECK(pool.parallel_for(parts.size(), render));
  size_t bytes = 0;
  for (const Formatter& part : parts) bytes += part.rows_bytes();
  formatter.reserve(bytes);
  for (const Formatter& part : parts) formatter.append(part);
  return formatter.finish(headings);
}

}  // namespace strata::cli
