#include "train/run/metrics.h"

#include <algorithm>

namespace ghost {

MetricSums& MetricSums::operator+=(const MetricSums& other) {
  loss_sum += other.loss_sum;
  top1 += other.top1;
  top5 += other.top5;
  count += other.count;
  return *this;
}

namespace {

void check(const char* who, const Tensor& logits, const Tensor& labels) {
  if (logits.rank() != 2 || labels.rank() != 1 || labels.dtype() != DType::i64 || labels.size(0) != logits.size(0))
    fail("{}: expects logits (N, K) and i64 labels (N), but got {} and {} {}", who, logits.shape().str(),
         name_of(labels.dtype()), labels.shape().str());
}

// How many classes rank above `label`. Written with negations so that a NaN ranks above everything.
template <class T>
int64_t rank_of(const T* z, int64_t classes, int64_t label) {
  int64_t above = 0;
  for (int64_t j = 0; j < classes; ++j)
    if (j != label && (!(z[j] <= z[label]) || (z[j] == z[label] && j < label))) ++above;
  return above;
}

}  // namespace

MetricSums count_hits(const Tensor& logits, const Tensor& labels) {
  check("count_hits", logits, labels);
  const int64_t n = logits.size(0), classes = logits.size(1), k = std::min<int64_t>(5, classes);
  const int64_t* label = labels.data<int64_t>();
  MetricSums sums;
  with_floating(logits.dtype(), "count_hits", [&]<class T>() {
    const T* z = logits.data<T>();
    for (int64_t i = 0; i < n; ++i) {
      if (label[i] < 0 || label[i] >= classes)
        fail("count_hits: label {} of sample {} lies outside [0, {})", label[i], i, classes);
      const int64_t rank = rank_of(z + i * classes, classes, label[i]);
      sums.top1 += rank < 1;
      sums.top5 += rank < k;
    }
  });
  sums.count = n;
  return sums;
}

MetricSums count_soft_hits(const Tensor& logits, const Tensor& targets) {
  if (logits.rank() != 2 || targets.shape() != logits.shape() || targets.dtype() != DType::f32)
    fail("count_soft_hits: expects logits (N, K) and f32 targets (N, K), but got {} and {} {}", logits.shape().str(),
         name_of(targets.dtype()), targets.shape().str());
  const int64_t n = logits.size(0), classes = logits.size(1), k = std::min<int64_t>(5, classes);
  const auto* probability = targets.data<float>();
  MetricSums sums;
  with_floating(logits.dtype(), "count_soft_hits", [&]<class T>() {
    const T* z = logits.data<T>();
    for (int64_t i = 0; i < n; ++i, z += classes, probability += classes)
      for (int64_t label = 0; label < classes; ++label) {
        if (probability[label] == 0) continue;
        const int64_t rank = rank_of(z, classes, label);
        if (rank < 1) sums.top1 += static_cast<double>(probability[label]);
        if (rank < k) sums.top5 += static_cast<double>(probability[label]);
      }
  });
  // Shares that were rounded to f32 may add up to a little more than one.
  sums.top5 = std::min(sums.top5, static_cast<double>(n));
  sums.top1 = std::min(sums.top1, sums.top5);
  sums.count = n;
  return sums;
}

std::vector<int64_t> predicted_classes(const Tensor& logits) {
  if (logits.rank() != 2 || logits.size(1) < 1)
    fail("predicted_classes: expects logits (N, K), but got {}", logits.shape().str());
  const int64_t n = logits.size(0), classes = logits.size(1);
  std::vector<int64_t> predicted(static_cast<size_t>(n));
  with_floating(logits.dtype(), "predicted_classes", [&]<class T>() {
    const T* z = logits.data<T>();
    for (int64_t i = 0; i < n; ++i)
      predicted[static_cast<size_t>(i)] = std::max_element(z + i * classes, z + (i + 1) * classes) - (z + i * classes);
  });
  return predicted;
}

ConfusionMatrix::ConfusionMatrix(int64_t classes) : classes_(classes) {}

void ConfusionMatrix::add(const Tensor& logits, const Tensor& labels) {
  check("confusion matrix", logits, labels);
  if (logits.size(1) != classes_)
    fail("confusion matrix: has {} classes, but logits are {}", classes_, logits.shape().str());
  const std::vector<int64_t> predicted = predicted_classes(logits);
  const int64_t* label = labels.data<int64_t>();
  for (size_t i = 0; i < predicted.size(); ++i) {
    if (label[i] < 0 || label[i] >= classes_)
      fail("confusion matrix: label {} of sample {} lies outside [0, {})", label[i], i, classes_);
    ++counts_[{label[i], predicted[i]}];
    ++samples_[label[i]];
  }
}

int64_t ConfusionMatrix::at(int64_t truth, int64_t predicted) const {
  const auto found = counts_.find({truth, predicted});
  return found == counts_.end() ? 0 : found->second;
}

int64_t ConfusionMatrix::samples(int64_t truth) const {
  const auto found = samples_.find(truth);
  return found == samples_.end() ? 0 : found->second;
}

std::vector<ConfusionMatrix::Pair> ConfusionMatrix::pairs() const {
  std::vector<Pair> all;
  all.reserve(counts_.size());
  for (const auto& [pair, count] : counts_) all.push_back({pair.first, pair.second, count});
  return all;
}

double ConfusionMatrix::accuracy_percent(int64_t truth) const {
  const int64_t total = samples(truth);
  return total ? 100.0 * static_cast<double>(at(truth, truth)) / static_cast<double>(total) : 0;
}

}  // namespace ghost
