#include "train/optim/fused.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "core/nearest.h"
#include "core/parallel.h"
#include "nn/state_dict.h"

namespace ghost {
namespace {

constexpr const char* kStep = "step";

std::string entry_name(const std::string& slot, const std::string& parameter) { return slot + "." + parameter; }

void require_finite(const char* what, double value) {
  if (!std::isfinite(value)) fail("optimizer: {} is {}", what, value);
}

// Side by side, since one sum would wait for each of its additions.
template <class T>
double sum_of_squares(const T* values, int64_t count) {
  constexpr int64_t kSums = 16;
  double sums[kSums] = {};
  int64_t k = 0;
  for (; k + kSums <= count; k += kSums)
    for (int64_t j = 0; j < kSums; ++j) {
      const auto v = static_cast<double>(values[k + j]);
      sums[j] += v * v;
    }
  for (; k < count; ++k) sums[0] += static_cast<double>(values[k]) * static_cast<double>(values[k]);
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

// Where each of them ends when all elements are laid end to end.
template <class Actives>
std::vector<int64_t> ends_of(const Actives& all) {
  std::vector<int64_t> ends;
  ends.reserve(all.size());
  for (const auto& active : all) ends.push_back((ends.empty() ? 0 : ends.back()) + active.gradient.numel());
  return ends;
}

// Calls body(item, begin, end) for the parts of the items that lie in [begin, end) of all elements laid end to end.
template <class Body>
void for_each_part(const std::vector<int64_t>& ends, int64_t begin, int64_t end, const Body& body) {
  size_t item = static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), begin) - ends.begin());
  while (begin < end) {
    const int64_t start = item ? ends[item - 1] : 0, stop = std::min(end, ends[item]);
    if (begin < stop) body(item, begin - start, stop - start);
    begin = stop;
    ++item;
  }
}

}  // namespace

// An item with its gradient, as a step or a norm needs it.
struct FusedOptimizer::Active {
  const Item* item = nullptr;
  Tensor gradient;
  const void* g = nullptr;
  void* p = nullptr;
  std::array<void*, kMaxSlots> slot{};
  bool fresh = false;
  double momentum = 0;

  void update(int64_t begin, int64_t end, double lr, double gradient_scale) const;
};

FusedOptimizer::FusedOptimizer(std::string name, std::vector<RuledParameter> parameters) : name_(std::move(name)) {
  std::set<std::string> names;
  for (RuledParameter& ruled : parameters) {
    const Parameter& parameter = ruled.parameter;
    if (!names.insert(parameter.name).second) fail("optimizer: two parameters are called {}", parameter.name);
    if (!is_floating(parameter.tensor.dtype()))
      fail("optimizer: parameter {} is {}, but only f32 and f64 can be trained", parameter.name,
           name_of(parameter.tensor.dtype()));
    Item& item = items_.emplace_back(Item{std::move(ruled)});
    const Tensor& p = item.parameter.tensor;
    for (size_t s = 0; s < item.rule->slots.size(); ++s)
      if (p.requires_grad() && !item.may_be_missing(s)) item.reserved[s] = Tensor::empty(p.shape(), p.dtype());
  }
}

// The items that have a gradient, checked, in order; pointers to their gradients.
std::vector<FusedOptimizer::Active> FusedOptimizer::with_gradient() const {
  std::vector<Active> found;
  for (const Item& item : items_) {
    Tensor gradient = item.parameter.tensor.grad();
    if (!gradient.defined()) continue;
    const Tensor& p = item.parameter.tensor;
    if (!(gradient.shape() == p.shape()) || gradient.dtype() != p.dtype())
      fail("optimizer: parameter {} is {} of {}, but its gradient is {} of {}", item.parameter.name, p.shape().str(),
           name_of(p.dtype()), gradient.shape().str(), name_of(gradient.dtype()));
    Active active{.item = &item, .gradient = std::move(gradient)};
    active.g =
        with_floating(p.dtype(), "optimizer", [&]<class T>() -> const void* { return active.gradient.data<T>(); });
    found.push_back(std::move(active));
  }
  return found;
}

// Makes the slots that this step needs and counts it.
void FusedOptimizer::prepare(Active& active, std::optional<double> momentum) {
  Item& item = items_[static_cast<size_t>(active.item - items_.data())];
  active.momentum = momentum.value_or(item.rule->momentum);
  const auto pointer = [](Tensor& t) {
    return with_floating(t.dtype(), "optimizer", [&]<class T>() -> void* { return t.mutable_data<T>(); });
  };
  const std::vector<OptimizerSlot>& slots = item.rule->slots;
  for (size_t s = 0; s < slots.size(); ++s) {
    Tensor& slot = item.slots[s];
    if (!slot.defined()) {
      if (slots[s].only_with_momentum && active.momentum == 0) continue;
      slot = std::exchange(item.reserved[s], {});
      if (!slot.defined()) slot = Tensor::empty(item.parameter.tensor.shape(), item.parameter.tensor.dtype());
      with_floating(slot.dtype(), "optimizer", [&]<class T>() {
        std::fill_n(slot.mutable_data<T>(), slot.numel(), static_cast<T>(slots[s].initial));
      });
      active.fresh = active.fresh || s == 0;
    }
    active.slot[s] = pointer(slot);
  }
  active.p = pointer(item.parameter.tensor);
  ++item.steps;
}

// Of the elements [begin, end).
void FusedOptimizer::Active::update(int64_t begin, int64_t end, double lr, double gradient_scale) const {
  const StepValues values{.lr = lr * item->lr_scale, .momentum = momentum, .gradient_scale = gradient_scale};
  with_floating(gradient.dtype(), "optimizer", [&]<class T>() {
    ElementRun<T> run{.p = static_cast<T*>(p) + begin,
                      .g = static_cast<const T*>(g) + begin,
                      .n = end - begin,
                      .rows = gradient.rank() > 0 ? gradient.size(0) : 1,
                      .weight_decay = item->weight_decay,
                      .step = item->steps,
                      .fresh = fresh};
    for (size_t s = 0; s < kMaxSlots; ++s)
      if (slot[s]) run.slot[s] = static_cast<T*>(slot[s]) + begin;
    item->rule->update(run, values);
  });
}

void FusedOptimizer::step(double lr, std::optional<double> momentum, double gradient_scale) {
  require_finite("the learning rate", lr);
  require_finite("the gradient scale", gradient_scale);
  if (lr < 0) fail("optimizer: the learning rate is {}, but must be at least 0", lr);
  if (momentum && !(*momentum >= 0 && *momentum < 1))
    fail("optimizer: momentum is {}, but must be in [0, 1)", *momentum);

  std::vector<Active> all = with_gradient();
  for (Active& active : all) prepare(active, momentum);
  const auto whole =
      std::stable_partition(all.begin(), all.end(), [](const Active& a) { return !a.item->rule->whole; });
  const std::vector<int64_t> ends = ends_of(std::span(all.begin(), whole));
  const int64_t total = ends.empty() ? 0 : ends.back();
  parallel_chunks(total, chunk_count(total), [&](int64_t, int64_t begin, int64_t end) {
    for_each_part(ends, begin, end,
                  [&](size_t i, int64_t from, int64_t to) { all[i].update(from, to, lr, gradient_scale); });
  });
  for (auto active = whole; active != all.end(); ++active)
    active->update(0, active->gradient.numel(), lr, gradient_scale);
}

double FusedOptimizer::gradient_norm() const {
  const std::vector<Active> all = with_gradient();
  const std::vector<int64_t> ends = ends_of(all);
  const int64_t total = ends.empty() ? 0 : ends.back(), chunks = chunk_count(total);
  std::vector<double> squares(static_cast<size_t>(chunks));
  parallel_chunks(total, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    double sum = 0;
    for_each_part(ends, begin, end, [&](size_t i, int64_t from, int64_t to) {
      with_floating(all[i].gradient.dtype(), "optimizer",
                    [&]<class T>() { sum += sum_of_squares(static_cast<const T*>(all[i].g) + from, to - from); });
    });
    squares[static_cast<size_t>(chunk)] = sum;
  });
  double sum = 0;
  for (const double square : squares) sum += square;
  return std::sqrt(sum);
}

void FusedOptimizer::clear_gradients() {
  for (Item& item : items_) item.parameter.tensor.clear_grad();
}

std::vector<NamedTensor> FusedOptimizer::state() const {
  std::vector<NamedTensor> entries;
  for (const Item& item : items_)
    entries.push_back({entry_name(kStep, item.parameter.name), Tensor::from(std::vector<int64_t>{item.steps}, {})});
  for (size_t s = 0; s < kMaxSlots; ++s)
    for (const Item& item : items_)
      if (item.slots[s].defined())
        entries.push_back(
            {entry_name(item.rule->slots[s].name, item.parameter.name), to_pytorch_axes(item.slots[s]).clone()});
  return entries;
}

void FusedOptimizer::load_state(const std::vector<NamedTensor>& entries) {
  std::map<std::string, const Tensor*> given;
  std::vector<std::string> problems;
  for (const NamedTensor& entry : entries)
    if (!given.emplace(entry.name, &entry.tensor).second)
      problems.push_back(fmt::format("{} is there twice", entry.name));

  // Into a copy: nothing changes unless everything fits.
  std::vector<Item> loaded = items_;
  std::vector<std::string> known;
  const auto take = [&](const std::string& slot, const Parameter& parameter) -> const Tensor* {
    known.push_back(entry_name(slot, parameter.name));
    const auto found = given.find(known.back());
    if (found == given.end()) return nullptr;
    const Tensor* const tensor = found->second;
    given.erase(found);
    return tensor;
  };
  for (Item& item : loaded) {
    const Parameter& parameter = item.parameter;
    const Tensor* const steps = take(kStep, parameter);
    if (steps && (steps->dtype() != DType::i64 || steps->numel() != 1 || steps->item<int64_t>() < 0))
      problems.push_back(fmt::format("{} must be one i64 number of at least 0", known.back()));
    else if (!steps && item.rule->counts_steps)
      problems.push_back(fmt::format("{} is missing", known.back()));
    else
      item.steps = steps ? steps->item<int64_t>() : 1;

    for (size_t s = 0; s < item.rule->slots.size(); ++s) {
      const Tensor* const tensor = take(item.rule->slots[s].name, parameter);
      item.slots[s] = Tensor();
      if (!tensor) {
        if (item.steps > 0 && !item.may_be_missing(s)) problems.push_back(fmt::format("{} is missing", known.back()));
        continue;
      }
      const Tensor ours = from_pytorch_axes(*tensor);
      if (!(ours.shape() == parameter.tensor.shape()) || ours.dtype() != parameter.tensor.dtype()) {
        problems.push_back(fmt::format("{} is {} of {}, but {} of {} is expected", known.back(), tensor->shape().str(),
                                       name_of(tensor->dtype()), to_pytorch_axes(parameter.tensor).shape().str(),
                                       name_of(parameter.tensor.dtype())));
        continue;
      }
      item.slots[s] = ours.clone(), item.reserved[s] = Tensor();
    }
  }
  for (const auto& [name, tensor] : given)
    problems.push_back(fmt::format("{} is unexpected{}", name, did_you_mean(name, known)));
  if (!problems.empty())
    fail("optimizer: this state is not of {} for these parameters:\n  {}", name_, fmt::join(problems, "\n  "));
  items_ = std::move(loaded);
}

}  // namespace ghost
