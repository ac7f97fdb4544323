// Loss and hits of a classifier, as sums and counts. These can be added, so that a mean over an epoch, a window of
// steps or a test set does not depend on how samples were put into batches, and goes on after a resume.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/options.h"
#include "core/tensor.h"

namespace ghost {

struct MetricSums {
  double loss_sum = 0;  // Σ of the samples' losses
  double top1 = 0;      // samples whose label has the highest logit; of mixed labels, the share of that which has
  double top5 = 0;      // … one of the min(5, K) highest
  int64_t count = 0;    // samples

  double loss() const { return count ? loss_sum / static_cast<double>(count) : 0; }  // mean
  double top1_percent() const { return percent(top1); }
  double top5_percent() const { return percent(top5); }
  MetricSums& operator+=(const MetricSums& other);
  bool operator==(const MetricSums&) const = default;

 private:
  double percent(double hits) const { return count ? 100 * hits / static_cast<double>(count) : 0; }
};

// What a stored count may be: no run comes near the most, and a few more can be added to it.
inline constexpr Limits kCount{.least = 0, .most = 1e15};

// How the sums are stored (json_fields.h).
template <class Visitor>
void visit_fields(MetricSums& s, Visitor& visit) {
  visit("loss_sum", s.loss_sum);
  visit("top1", s.top1, kCount);
  visit("top5", s.top5, kCount);
  visit("count", s.count, kCount);
}
inline std::string misfit(const MetricSums& s) {
  return s.top1 <= s.top5 && s.top5 <= static_cast<double>(s.count) ? "" : "there are more hits than samples";
}

// Counts the hits of one batch; loss_sum stays 0. logits (N, K) f32 or f64, labels (N) i64 in [0, K).
// Equal logits rank by class index, as argmax does. A NaN ranks above every number, so a broken network hits nothing.
MetricSums count_hits(const Tensor& logits, const Tensor& labels);
// The same against probabilities (N, K), f32: a class that is hit counts by its probability, as in mixup's reference
// (Zhang et al., arXiv 1710.09412).
MetricSums count_soft_hits(const Tensor& logits, const Tensor& targets);

// The class with the highest logit, for each sample; among equal logits the first.
std::vector<int64_t> predicted_classes(const Tensor& logits);

// How often samples of one class were taken for another. Memory is taken for pairs that occur, so of many classes
// hardly any.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int64_t classes);
  // logits (N, K) f32 or f64 with K = classes, labels (N) i64 in [0, K).
  void add(const Tensor& logits, const Tensor& labels);
  int64_t classes() const { return classes_; }
  int64_t at(int64_t truth, int64_t predicted) const;  // samples of class `truth` that were taken for `predicted`
  int64_t samples(int64_t truth) const;                // of this class
  double accuracy_percent(int64_t truth) const;        // of this class; 0 if it has no samples

  struct Pair {
    int64_t truth, predicted, count;  // count > 0
  };
  std::vector<Pair> pairs() const;  // those that occur, by truth and then by predicted

 private:
  int64_t classes_;
  std::map<std::pair<int64_t, int64_t>, int64_t> counts_;  // (truth, predicted)
  std::map<int64_t, int64_t> samples_;                     // by truth
};

}  // namespace ghost
