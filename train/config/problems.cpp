#include "train/config/problems.h"

#include <algorithm>
#include <tuple>

#include "core/error.h"

namespace ghost {

std::string Place::str() const {
  return line ? fmt::format("{}:{}:{}", printable(source), line, column) : printable(source);
}

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

}  // namespace ghost
