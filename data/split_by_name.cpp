#include "data/split_by_name.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "core/rng.h"

namespace ghost {
namespace {

// In [0, 1).
double number_of(const std::string& id, uint64_t seed, std::string_view purpose) {
  return RandomStream(seed, std::string(purpose) + "/" + id).uniform();
}

// How many of each class: shares of `limit` by the method of largest remainders, but none gets less than one as long as
// there are enough. `order` breaks ties.
std::vector<int64_t> quotas(const std::vector<int64_t>& sizes, int64_t limit, const std::vector<double>& order) {
  const auto classes = sizes.size();
  const auto filled = std::count_if(sizes.begin(), sizes.end(), [](int64_t size) { return size > 0; });
  const int64_t all = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  std::vector<int64_t> quota(classes, 0);
  const int64_t least = limit >= filled ? 1 : 0;
  int64_t left = limit;
  for (size_t c = 0; c < classes; c++) {
    quota[c] = std::max(least * (sizes[c] > 0), sizes[c] * limit / all);
    left -= quota[c];
  }
  // By how much a class has less than its share (above 0) or more.
  const auto owed = [&](size_t c) {
    return static_cast<double>(sizes[c]) * static_cast<double>(limit) / static_cast<double>(all) -
           static_cast<double>(quota[c]);
  };
  while (left != 0) {
    size_t best = classes;
    for (size_t c = 0; c < classes; c++) {
      if (left > 0 ? quota[c] >= sizes[c] : quota[c] <= least) continue;
      const double gain = left > 0 ? owed(c) : -owed(c);
      const double best_gain = best == classes ? 0 : left > 0 ? owed(best) : -owed(best);
      if (best == classes || gain > best_gain || (gain == best_gain && order[c] < order[best])) best = c;
    }
    quota[best] += left > 0 ? 1 : -1;
    left += left > 0 ? -1 : 1;
  }
  return quota;
}

}  // namespace

NameSplit split_by_name(const Dataset& dataset, double share, uint64_t seed, std::string_view purpose) {
  NameSplit split;
  for (int64_t i = 0; i < dataset.size(); i++)
    (number_of(dataset.id(i), seed, purpose) < share ? split.chosen : split.rest).push_back(i);
  return split;
}

std::vector<int64_t> limited_choice(const Dataset& dataset, int64_t limit, uint64_t seed, std::string_view purpose) {
  std::vector<int64_t> chosen(static_cast<size_t>(dataset.size()));
  std::iota(chosen.begin(), chosen.end(), int64_t{0});
  if (limit >= dataset.size()) return chosen;
  const size_t classes = dataset.class_names().size();
  std::vector<std::vector<std::pair<double, int64_t>>> of_class(classes);
  for (const int64_t i : chosen)
    of_class[static_cast<size_t>(dataset.label(i))].emplace_back(number_of(dataset.id(i), seed, purpose), i);
  std::vector<int64_t> sizes;
  std::vector<double> order;
  for (size_t c = 0; c < classes; c++) {
    sizes.push_back(std::ssize(of_class[c]));
    order.push_back(number_of(dataset.class_names()[c], seed, std::string(purpose) + " class"));
  }
  const std::vector<int64_t> quota = quotas(sizes, limit, order);
  chosen.clear();
  for (size_t c = 0; c < classes; c++) {
    std::sort(of_class[c].begin(), of_class[c].end());
    for (int64_t i = 0; i < quota[c]; i++) chosen.push_back(of_class[c][static_cast<size_t>(i)].second);
  }
  std::sort(chosen.begin(), chosen.end());  // files of one folder stay together
  return chosen;
}

}  // namespace ghost
