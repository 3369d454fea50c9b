// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>
#include <vector>

namespace strata::cli {
namespace {

constexpr size_t kMinWidth = 10;
constexpr size_t kPadding = 3;

struct Line {
  std::vector<std::string_view> cells;
  std::vector<size_t> widths;  // of all cells but the last
};

size_t characters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::vector<Line> split_lines(std::string_view text) {
  std::vector<Line> lines(1);
  size_t begin = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\t' && text[at] != '\n') continue;
    lines.back().cells.push_back(text.substr(begin, at - begin));
    begin = at + 1;
    if (text[at] == '\n') lines.emplace_back();
  }
  lines.back().cells.push_back(text.substr(begin));
  return lines;
}

// Sets the widths from `column` on in lines [begin, end). A column reaches over neighbouring lines
// that all have a cell behind it; a line that ends earlier divides it.
void set_widths(std::vector<Line>& lines, size_t begin, size_t end, size_t column) {
  auto has_column = [&](size_t line) { return lines[line].cells.size() > column + 1; };
  for (size_t first = begin; first < end; ++first) {
    if (!has_column(first)) continue;
    size_t width = kMinWidth;
    size_t last = first;
    for (; last < end && has_column(last); ++last) {
      width = std::max(width, characters(lines[last].cells[column]) + kPadding);
    }
    for (size_t line = first; line < last; ++line) lines[line].widths.push_back(width);
    set_widths(lines, first, last, column + 1);
    first = last;
  }
}

}  // namespace

std::string align_table(std::string_view cells) {
  std::vector<Line> lines = split_lines(cells);
  set_widths(lines, 0, lines.size(), 0);
  std::string out;
  for (const Line& line : lines) {
    if (&line != lines.data()) out += '\n';
    for (size_t i = 0; i < line.cells.size(); ++i) {
      out += line.cells[i];
      if (i < line.widths.size()) out.append(line.widths[i] - characters(line.cells[i]), ' ');
    }
  }
  return out;
}

}  // namespace strata::cli
