// Hits and confusions of a batch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

#include "support/modules.h"
#include "train/run/metrics.h"

namespace ghost {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Metrics, RankTiesByIndexAndNeverRewardANaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor labels = Tensor::from<int64_t>({0, 1, 6}, {3});
  const Tensor tied = Tensor::full({3, 7}, 0.5);
  EXPECT_EQ(count_hits(tied, labels).top1, 1);
  EXPECT_EQ(count_hits(tied, labels).top5, 2);
  EXPECT_THAT(predicted_classes(tied), ElementsAre(0, 0, 0));
  EXPECT_EQ(count_hits(Tensor::full({3, 7}, nan), labels).top5, 0);
  EXPECT_EQ(count_hits(Tensor::from<float>({0, 9, nan}, {1, 3}), Tensor::from<int64_t>({1}, {1})).top1, 0);
  EXPECT_EQ(count_hits(Tensor::zeros({3, 7}), labels).count, 3);
  EXPECT_THAT(error_of([&] { count_hits(Tensor::zeros({3, 2}), labels); }), HasSubstr("label 6"));
}

TEST(Metrics, MixedLabelsCountByTheirShares) {
  // Predicted are 1, 0 and 2; the classes rank 1 2 0, 0 1 2 and 2 0 1.
  const Tensor logits = Tensor::from<float>({0, 9, 1, 3, 2, 1, 5, 0, 6}, {3, 3});
  const Tensor targets = Tensor::from<float>({0.25, 0.75, 0, 0.5, 0.5, 0, 1, 0, 0}, {3, 3});
  const MetricSums sums = count_soft_hits(logits, targets);
  EXPECT_DOUBLE_EQ(sums.top1, 0.75 + 0.5 + 0);
  EXPECT_DOUBLE_EQ(sums.top5, 3);
  EXPECT_EQ(sums.count, 3);
  // Of labels that are whole it is the same as of labels.
  const Tensor whole = Tensor::from<float>({0, 1, 0, 0, 0, 1, 0, 0, 1}, {3, 3});
  EXPECT_EQ(count_soft_hits(logits, whole), count_hits(logits, Tensor::from<int64_t>({1, 2, 2}, {3})));
  EXPECT_THAT(error_of([&] { count_soft_hits(logits, Tensor::zeros({3, 2})); }), HasSubstr("f32 (3, 2)"));
}

TEST(Metrics, ConfusionMatrixCountsRowsByLabel) {
  ConfusionMatrix confusion(3);
  confusion.add(Tensor::from<float>({5, 1, 0, 0, 0, 9, 1, 2, 0}, {3, 3}), Tensor::from<int64_t>({0, 0, 1}, {3}));
  EXPECT_EQ(confusion.at(0, 0), 1);
  EXPECT_EQ(confusion.at(0, 2), 1);
  EXPECT_EQ(confusion.at(1, 1), 1);
  EXPECT_EQ(confusion.accuracy_percent(0), 50);
  EXPECT_EQ(confusion.accuracy_percent(2), 0);
  EXPECT_EQ(confusion.samples(2), 0);
  ASSERT_EQ(confusion.pairs().size(), 3U);
  EXPECT_EQ(confusion.pairs()[1].predicted, 2);
}

TEST(Metrics, ConfusionOfManyClassesTakesMemoryForWhatOccurs) {
  constexpr int64_t kClasses = 1'000'000;  // squared, they would take 8 TB
  ConfusionMatrix confusion(kClasses);
  Tensor logits = Tensor::zeros({1, kClasses});
  logits.mutable_data<float>()[kClasses - 1] = 1;
  confusion.add(logits, Tensor::from<int64_t>({7}, {1}));
  EXPECT_EQ(confusion.at(7, kClasses - 1), 1);
  EXPECT_EQ(confusion.pairs().size(), 1U);
}

}  // namespace
}  // namespace ghost
