#include "train/cli/text_table.h"

#include <algorithm>

#include "core/quoted.h"
#include "train/cli/text.h"

namespace ghost::cli {

std::string TextTable::text(const Terminal& terminal) const {
  constexpr int kBetween = 2;
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : rows_) {
    std::vector<std::string>& cells = rows.emplace_back();
    for (const std::string& cell : row) cells.push_back(printable(cell));
  }
  std::vector<int> width;
  for (size_t c = 0; c < columns_.size(); c++) {
    int most = display_width(columns_[c].title);
    for (const auto& row : rows) most = std::max(most, display_width(row[c]));
    width.push_back(most);
  }
  int all = -kBetween;
  for (const int w : width) all += w + kBetween;
  const bool narrow = terminal.interactive() && all > terminal.columns();

  const auto line = [&](const auto& cell) {
    std::string text;
    for (size_t c = 0; c < columns_.size(); c++) {
      if (narrow && columns_[c].expendable) continue;
      const std::string value = cell(c);
      if (!text.empty()) text.append(kBetween, ' ');
      text += padded(value, width[c], columns_[c].align == Align::left);
    }
    return text.substr(0, text.find_last_not_of(' ') + 1);
  };
  std::string text = terminal.styled("1", line([&](size_t c) { return columns_[c].title; })) + "\n";
  for (const auto& row : rows) text += line([&](size_t c) { return row[c]; }) + "\n";
  return text;
}

}  // namespace ghost::cli
