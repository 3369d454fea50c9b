// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>
#include <span>
#include <vector>

namespace strata::cli {
namespace {

constexpr size_t kMinWidth = 10;
constexpr size_t kPadding = 3;

struct Cell {
  std::string_view text;
  size_t characters = 0;
  size_t width = 0;  // 0 for the last of a line
};

// All cells in one vector: 10,000 lines are 10 allocations instead of 70,000.
struct Table {
  std::vector<Cell> cells;
  std::vector<size_t> lines{0};  // where each begins; the end behind the last

  size_t line_count() const { return lines.size() - 1; }
  std::span<Cell> line(size_t i) {
    return std::span(cells).subspan(lines[i], lines[i + 1] - lines[i]);
  }
};

size_t characters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

Table split_lines(std::string_view text) {
  Table table;
  const auto ends = [](char c) { return c == '\t' || c == '\n'; };
  table.cells.reserve(1 + static_cast<size_t>(std::count_if(text.begin(), text.end(), ends)));
  size_t begin = 0;
  auto add_cell = [&](size_t end) {
    std::string_view cell = text.substr(begin, end - begin);
    table.cells.push_back({cell, characters(cell)});
  };
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\t' && text[at] != '\n') continue;
    add_cell(at);
    begin = at + 1;
    if (text[at] == '\n') table.lines.push_back(table.cells.size());
  }
  add_cell(text.size());
  table.lines.push_back(table.cells.size());
  return table;
}

// Sets the widths from `column` on in lines [begin, end). A column reaches over neighbouring lines
// that all have a cell behind it; a line that ends earlier divides it.
void set_widths(Table& table, size_t begin, size_t end, size_t column) {
  auto has_column = [&](size_t line) { return table.line(line).size() > column + 1; };
  for (size_t first = begin; first < end; ++first) {
    if (!has_column(first)) continue;
    size_t width = kMinWidth;
    size_t last = first;
    for (; last < end && has_column(last); ++last) {
      width = std::max(width, table.line(last)[column].characters + kPadding);
    }
    for (size_t line = first; line < last; ++line) table.line(line)[column].width = width;
    set_widths(table, first, last, column + 1);
    first = last;
  }
}

// Where every line has as many cells, a column is one width from top to bottom, and nothing has to
// be remembered of the cells: nearly all tables, also those of 10,000 lines.
class RegularTable {
 public:
  explicit RegularTable(std::string_view text) : text_(text) {}

  // False when lines differ. The empty line behind the last newline does not count.
  bool measure() {
    size_t column = 0;
    size_t width = 0;
    bool first_line = true;
    for (char c : text_) {
      if (c != '\t' && c != '\n') {
        width += is_first_byte(c);
        continue;
      }
      if (c == '\t') {
        if (first_line) widths_.push_back(kMinWidth);
        if (column == widths_.size()) return false;
        widths_[column] = std::max(widths_[column], width + kPadding);
        ++column;
      } else if (column != widths_.size()) {
        return false;
      } else {
        column = 0;
        first_line = false;
        ++lines_;
      }
      width = 0;
    }
    return text_.ends_with('\n');
  }

  std::string align() const {
    std::string out;
    size_t line_width = 0;
    for (size_t width : widths_) line_width += width;
    out.reserve(text_.size() + lines_ * line_width);
    size_t begin = 0;
    size_t column = 0;
    size_t width = 0;
    for (size_t at = 0; at < text_.size(); ++at) {
      const char c = text_[at];
      if (c != '\t' && c != '\n') {
        width += is_first_byte(c);
        continue;
      }
      const bool ends_line = c == '\n';
      out.append(text_, begin, at - begin + ends_line);
      if (!ends_line) out.append(widths_[column] - width, ' ');
      column = ends_line ? 0 : column + 1;
      begin = at + 1;
      width = 0;
    }
    return out;
  }

 private:
  static bool is_first_byte(char c) { return (c & 0xc0) != 0x80; }

  const std::string_view text_;
  std::vector<size_t> widths_;  // of all columns but the last
  size_t lines_ = 0;
};

}  // namespace

std::string align_table(std::string_view cells) {
  RegularTable regular(cells);
  if (regular.measure()) return regular.align();
  Table table = split_lines(cells);
  set_widths(table, 0, table.line_count(), 0);
  std::string out;
  size_t padding = 0;
  for (const Cell& cell : table.cells)
    padding += cell.width - std::min(cell.width, cell.characters);
  out.reserve(cells.size() + padding);
  for (size_t line = 0; line < table.line_count(); ++line) {
    if (line > 0) out += '\n';
    for (const Cell& cell : table.line(line)) {
      out += cell.text;
      if (cell.width > 0) out.append(cell.width - cell.characters, ' ');
    }
  }
  return out;
}

}  // namespace strata::cli
