#include "train/hooks/averaged_weights.h"

#include <algorithm>

#include "core/parallel.h"
#include "nn/state_dict.h"

namespace ghost {
namespace {

constexpr int64_t kChunk = 1 << 14;  // elements

// act(begin, end) of runs of n elements.
template <class Act>
void for_runs(int64_t n, const Act& act) {
  parallel_for((n + kChunk - 1) / kChunk,
               [&](int64_t chunk) { act(chunk * kChunk, std::min(n, (chunk + 1) * kChunk)); });
}

template <class T>
void move(Tensor& average, const Tensor& value, double share) {
  T* const to = average.mutable_data<T>();
  const T* const from = value.data<T>();
  const auto part = static_cast<T>(share);
  for_runs(value.numel(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] += part * (from[i] - to[i]);
  });
}

template <class T>
void exchange(Tensor& a, Tensor& b) {
  T *const left = a.mutable_data<T>(), *const right = b.mutable_data<T>();
  for_runs(a.numel(), [&](int64_t begin, int64_t end) { std::swap_ranges(left + begin, left + end, right + begin); });
}

}  // namespace

AveragedWeights::AveragedWeights(Module& model) : model_(model) {
  for (NamedTensor& entry : state_tensors(model)) {
    Tensor average = entry.tensor.clone();
    items_.push_back({std::move(entry.name), std::move(entry.tensor), std::move(average)});
  }
}

void AveragedWeights::take_from_model() {
  for (Item& item : items_) item.average.copy_from(item.value);
}

void AveragedWeights::give_to_model() {
  for (Item& item : items_) item.value.copy_from(item.average);
}

void AveragedWeights::move_towards_model(double share) {
  for (Item& item : items_) {
    if (is_floating(item.value.dtype()))
      with_floating(item.value.dtype(), "moving average", [&]<class T>() { move<T>(item.average, item.value, share); });
    else
      item.average.copy_from(item.value);
  }
}

void AveragedWeights::swap() {
  for (Item& item : items_) {
    if (is_floating(item.value.dtype()))
      with_floating(item.value.dtype(), "moving average", [&]<class T>() { exchange<T>(item.average, item.value); });
    else
      exchange<int64_t>(item.average, item.value);
  }
}

std::vector<NamedTensor> AveragedWeights::state() const {
  std::vector<NamedTensor> entries;
  entries.reserve(items_.size());
  for (const Item& item : items_) entries.push_back({item.name, to_pytorch_axes(item.average)});
  return entries;
}

// The model takes the entries in the average's place, since it knows how to check them.
void AveragedWeights::load_state(const std::vector<NamedTensor>& entries) {
  swap();
  try {
    load_state_dict(model_, entries);
  } catch (...) {
    swap();
    throw;
  }
  swap();
}

}  // namespace ghost
