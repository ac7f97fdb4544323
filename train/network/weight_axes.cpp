#include "train/network/weight_axes.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <numeric>
#include <unordered_map>

namespace ghost {
namespace {

// Axis i of the file is axis axes[i] of PyTorch's (O, I, H, W).
using Axes = std::array<int, 4>;

bool fits(const Shape& came, const Shape& ours, const Axes& axes) {
  for (size_t i = 0; i < axes.size(); ++i)
    if (came[static_cast<int>(i)] != ours[axes[i]]) return false;
  return true;
}

// Orders of axes that a file may have, one for all its entries or, in TensorFlow's, two: a depthwise kernel has its
// channels where others have their inputs. The likely ones first: a square kernel does not tell H from W. Inputs
// exchanged for outputs alone are another network, not another order.
std::vector<std::vector<Axes>> all_orders() {
  constexpr Axes kLast{0, 2, 3, 1}, kFirst{2, 3, 1, 0}, kDepthwise{2, 3, 0, 1}, kExchanged{1, 0, 2, 3};
  std::vector<std::vector<Axes>> orders{{kLast}, {kFirst}, {kDepthwise}, {kFirst, kDepthwise}};
  Axes axes{0, 1, 2, 3};
  while (std::next_permutation(axes.begin(), axes.end()))
    if (axes != kLast && axes != kFirst && axes != kDepthwise && axes != kExchanged) orders.push_back({axes});
  return orders;
}

std::string described(const Axes& axes) {
  constexpr const char* kNames[] = {"O", "I", "H", "W"};
  return fmt::format("({}, {}, {}, {})", kNames[axes[0]], kNames[axes[1]], kNames[axes[2]], kNames[axes[3]]);
}

// What brings the file's axes to PyTorch's: permute's arguments.
std::string way_back(const Axes& axes) {
  Axes back{};
  for (size_t i = 0; i < axes.size(); ++i) back[static_cast<size_t>(axes[i])] = static_cast<int>(i);
  return fmt::format("permute({}, {}, {}, {})", back[0], back[1], back[2], back[3]);
}

struct Pair {
  const NamedTensor *came, *ours;
};

// The convolutions that both have.
std::vector<Pair> convolutions(const std::vector<NamedTensor>& ours, const std::vector<NamedTensor>& entries) {
  std::unordered_map<std::string, const NamedTensor*> known;
  for (const NamedTensor& e : ours) known.emplace(e.name, &e);
  std::vector<Pair> pairs;
  for (const NamedTensor& e : entries)
    if (const auto found = known.find(e.name);
        found != known.end() && e.tensor.rank() == 4 && found->second->tensor.rank() == 4)
      pairs.push_back({&e, found->second});
  return pairs;
}

// How the file's convolutions look if they are read in these orders of axes.
struct Reading {
  int64_t needed = 0;   // fit in this way alone
  int64_t against = 0;  // fit as they are, and not in this way
  int64_t neither = 0;
  const Pair* first = nullptr;  // of the needed
};
Reading reading(const std::vector<Pair>& pairs, const std::vector<Axes>& order) {
  Reading r;
  for (const Pair& p : pairs) {
    const Shape &came = p.came->tensor.shape(), &ours = p.ours->tensor.shape();
    const bool as_it_is = came == ours;
    const bool in_order =
        std::any_of(order.begin(), order.end(), [&](const Axes& axes) { return fits(came, ours, axes); });
    if (in_order && !as_it_is && r.needed++ == 0) r.first = &p;
    r.against += as_it_is && !in_order;
    r.neither += !as_it_is && !in_order;
  }
  return r;
}

}  // namespace

std::string other_axes(const std::vector<NamedTensor>& ours, const std::vector<NamedTensor>& entries) {
  const std::vector<Pair> pairs = convolutions(ours, entries);
  for (const std::vector<Axes>& order : all_orders()) {
    const Reading found = reading(pairs, order);
    if (found.needed == 0 || found.against > 0 || found.neither > found.needed) continue;
    std::string names, ways;
    for (const Axes& axes : order) {
      names += (names.empty() ? "" : " or ") + described(axes);
      ways += fmt::format("{}w.{}.contiguous()", ways.empty() ? "" : " or ", way_back(axes));
    }
    const bool channels_last = order.front()[0] > 1 || order.front()[1] > 1;
    return fmt::format(
        "{}: {} of its {} convolutions fit only with axes in the order {}, where PyTorch has (O, I, H, W); the first "
        "is {}, {} for {}. Save it with PyTorch's axes, {} of each weight of a convolution{}",
        channels_last ? "the file is channels-last" : "the file has its axes in another order", found.needed,
        pairs.size(), names, found.first->came->name, found.first->came->tensor.shape().str(),
        found.first->ours->tensor.shape().str(), ways,
        order.front().back() == 0 ? ", and w.t().contiguous() of each linear layer's if they are (I, O)" : "");
  }
  return {};
}

}  // namespace ghost
