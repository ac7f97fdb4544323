#include "core/nearest.h"

#include <algorithm>
#include <cctype>

#include "core/quoted.h"

namespace ghost {
namespace {

// Damerau and Levenshtein's distance in its restricted form ("optimal string alignment"): three rows of the table. What
// exceeds the limit is some number above it.
size_t distance(const std::string& a, const std::string& b, size_t limit) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > limit) return limit + 1;
  std::vector<size_t> two_above(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) above[j] = j;
  for (size_t i = 1; i <= a.size(); i++) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
    if (*std::min_element(row.begin(), row.end()) > limit && *std::min_element(above.begin(), above.end()) > limit)
      return limit + 1;
    std::swap(two_above, above), std::swap(above, row);
  }
  return above[b.size()];
}

bool is_part(const std::string& part, const std::string& whole) {
  constexpr size_t kShortestTellingPart = 3;
  if (part.size() < kShortestTellingPart) return false;
  const auto boundary = [&](size_t i) { return i == whole.size() || whole[i] == '_' || whole[i] == '.'; };
  for (size_t at = whole.find(part); at != std::string::npos; at = whole.find(part, at + 1))
    if ((at == 0 || boundary(at - 1)) && boundary(at + part.size())) return true;
  return false;
}

}  // namespace

std::string nearest(const std::string& wanted, const std::vector<std::string>& known) {
  const std::string w = lower(wanted);
  const std::string *best = nullptr, *related = nullptr;
  size_t best_distance = 0;
  for (const std::string& name : known) {
    const std::string n = lower(name);
    const size_t longer = std::max(w.size(), n.size());
    const size_t allowed = std::max<size_t>(longer / 3, longer >= 4 ? 2 : 1);
    const size_t d = distance(w, n, best ? std::min(best_distance, allowed) : allowed);
    if (d <= allowed && d < longer && (!best || d < best_distance)) best = &name, best_distance = d;
    if (!related && (is_part(w, n) || is_part(n, w))) related = &name;
  }
  if (!best) best = related;
  return best ? *best : std::string();
}

std::string did_you_mean(const std::string& wanted, const std::vector<std::string>& known) {
  const std::string name = nearest(wanted, known);
  return name.empty() ? name : "; did you mean '" + name + "'?";
}

std::string any_of(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); i++) text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  return text;
}

}  // namespace ghost
