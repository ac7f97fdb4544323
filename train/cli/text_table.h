// A table of text in columns, for the terminal.
#pragma once
#include <string>
#include <vector>

#include "train/cli/terminal.h"

namespace ghost::cli {

enum class Align { right, left };

struct Column {
  std::string title;
  Align align = Align::right;
  bool expendable = false;  // left out if the terminal is too narrow for all columns
};

class TextTable {
 public:
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // One text for each column, without colours; it is made printable() (core/quoted.h).
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Titles and rows, a line each, two spaces between columns.
  std::string text(const Terminal& terminal) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace ghost::cli
