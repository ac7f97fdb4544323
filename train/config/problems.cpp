#include "train/config/problems.h"

#include <algorithm>
#include <tuple>

#include "core/error.h"

namespace ghost {

std::string Place::str() const { return line ? fmt::format("{}:{}:{}", source, line, column) : source; }

void Problems::add(const Place& place, const std::string& sentence, const std::vector<std::string>& paths) {
  constexpr size_t kKept = 10000;  // a hostile file has one problem every few bytes
  if (++count_; entries_.size() < kKept) entries_.push_back({place, sentence});
  paths_.insert(paths.begin(), paths.end());
}

void Problems::raise() const {
  constexpr size_t kShown = 40;
  if (entries_.empty()) return;
  std::vector<Entry> sorted = entries_;
  const auto key = [](const Entry& e) { return std::tuple(e.place.order, e.place.line, e.place.column); };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Entry& a, const Entry& b) { return key(a) < key(b); });
  std::string text;
  for (size_t i = 0; i < std::min(sorted.size(), kShown); ++i)
    text += fmt::format("{}{}: {}", i ? "\n" : "", sorted[i].place.str(), sorted[i].sentence);
  if (count_ > kShown) text += fmt::format("\n… and {} more problems", count_ - kShown);
  throw UsageError(text);
}

std::string quoted(const std::string& text) {
  constexpr size_t kShown = 60;
  size_t length = std::min(text.size(), kShown);
  const auto continues = [&](size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80; };
  while (length < text.size() && length > 0 && continues(length)) --length;  // not inside of a UTF-8 sequence
  std::string shown = text.substr(0, length);
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return fmt::format("'{}{}'", shown, length < text.size() ? "…" : "");
}

}  // namespace ghost
