#include <algorithm>
#include <atomic>
#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <set>
#include <thread>

#include "data/loader.h"
#include "support/picture_files.h"

namespace ghost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Grey pictures of 4x4 whose pixels are their index and one, some of which cannot be read.
class Numbered : public Dataset {
 public:
  explicit Numbered(int64_t size, std::set<int64_t> unreadable = {}, int64_t fatal = -1)
      : size_(size), unreadable_(std::move(unreadable)), fatal_(fatal) {}
  int64_t size() const override { return size_; }
  int64_t channels() const override { return 1; }
  const std::vector<std::string>& class_names() const override { return names_; }
  int64_t label(int64_t index) const override { return index % 3; }
  std::string name(int64_t index) const override { return "picture " + std::to_string(index); }
  Image read(int64_t index) const override {
    reads_++;
    // Later samples come sooner, so that workers finish out of order.
    if (slow_) std::this_thread::sleep_for(std::chrono::microseconds(300 * (size_ - index) / size_));
    if (index == fatal_) throw std::runtime_error("the disk is gone");
    if (unreadable_.contains(index)) throw ImageError(name(index) + ": no picture");
    return test::constant_image(4, 4, {static_cast<uint8_t>(index + 1)});
  }
  mutable std::atomic<int64_t> reads_ = 0;
  bool slow_ = true;

 private:
  int64_t size_;
  std::set<int64_t> unreadable_;
  int64_t fatal_;
  std::vector<std::string> names_{"a", "b", "c"};
};

// Values are pixels again.
DataSplits splits(int64_t image_size = 4) {
  return {.train = nullptr,
          .test = nullptr,
          .image_size = image_size,
          .channels = 1,
          .resize = image_size,
          .mean = {0},
          .std = {1.0 / 255}};
}

struct Seen {
  std::vector<std::vector<int64_t>> batches;  // indices
  std::vector<int64_t> numbers, labels;
  std::vector<float> values, targets;
  std::vector<std::string> warnings;
  bool operator==(const Seen&) const = default;
};

void drain(Loader& loader, Seen& seen) {
  while (const std::optional<Batch> batch = loader.next()) {
    const auto count = static_cast<int64_t>(batch->indices.size());
    EXPECT_EQ(batch->images.size(0), count);
    EXPECT_EQ(batch->labels.shape(), Shape({count}));
    seen.batches.push_back(batch->indices);
    seen.numbers.push_back(batch->number);
    for (const auto label : batch->labels.to_vector<int64_t>()) seen.labels.push_back(label);
    for (const auto value : batch->images.to_vector<float>()) seen.values.push_back(value);
    if (!batch->targets.defined()) continue;
    EXPECT_EQ(batch->targets.shape(), Shape({count, 3}));
    for (const auto value : batch->targets.to_vector<float>()) seen.targets.push_back(value);
  }
}

Seen epoch(const DatasetPtr& data, const LoaderConfig& config, const AugmentConfig& augment = {}, int64_t number = 0,
           int64_t first_batch = 0, int64_t image_size = 4) {
  Seen seen;
  Loader loader(data, splits(image_size), augment, config,
                [&](const std::string& text) { seen.warnings.push_back(text); });
  loader.start(number, first_batch);
  drain(loader, seen);
  return seen;
}

std::vector<int64_t> flat(const Seen& seen) {
  std::vector<int64_t> all;
  for (const auto& batch : seen.batches) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

const AugmentConfig kAugment{{"crop_padding", 2}, {"flip", true}, {"brightness", 0.5}, {"mixup.alpha", 0.4}};

TEST(Loader, EvaluationGoesThroughTheSamplesInOrder) {
  const auto data = std::make_shared<Numbered>(50);
  const Seen seen = epoch(data, {.batch_size = 20});
  std::vector<int64_t> order(50);
  std::iota(order.begin(), order.end(), 0);
  EXPECT_EQ(flat(seen), order);
  EXPECT_THAT(seen.numbers, ElementsAre(0, 1, 2));
  EXPECT_EQ(seen.batches.back().size(), 10u);
  for (size_t i = 0; i < 50; i++) {
    EXPECT_EQ(seen.labels[i], static_cast<int64_t>(i % 3));
    for (size_t p = 0; p < 16; p++) EXPECT_NEAR(seen.values[16 * i + p], static_cast<float>(i + 1), 1e-4);
  }
}

TEST(Loader, EvaluationMixesNothing) {
  const auto data = std::make_shared<Numbered>(20);
  const Seen seen = epoch(data, {.batch_size = 20}, kAugment);
  EXPECT_TRUE(seen.targets.empty());
  EXPECT_EQ(seen.values, epoch(data, {.batch_size = 20}).values);
}

TEST(Loader, TrainingTakesEverySampleOnceInAnOrderOfSeedAndEpoch) {
  const auto data = std::make_shared<Numbered>(50);
  const auto order = [&](uint64_t seed, int64_t number) {
    return flat(epoch(data, {.batch_size = 20, .training = true, .seed = seed}, {}, number));
  };
  std::vector<int64_t> first = order(0, 0);
  EXPECT_EQ(order(0, 0), first);
  EXPECT_NE(order(0, 1), first);
  EXPECT_NE(order(1, 0), first);
  std::sort(first.begin(), first.end());
  for (int64_t i = 0; i < 50; i++) EXPECT_EQ(first[static_cast<size_t>(i)], i);
}

TEST(Loader, WorkersAndPrefetchDoNotChangeTheBits) {
  const auto data = std::make_shared<Numbered>(100, std::set<int64_t>{3, 50, 51, 99});
  const auto with = [&](int64_t workers, int64_t prefetch) {
    return epoch(
        data,
        {.batch_size = 23, .training = true, .seed = 7, .workers = workers, .prefetch = prefetch, .max_unreadable = 1},
        kAugment, 2);
  };
  const Seen one = with(1, 4);
  EXPECT_EQ(one.warnings.size(), 4u);
  EXPECT_EQ(one.targets.size(), 3 * 96u);
  EXPECT_EQ(flat(one).size(), 96u);
  EXPECT_EQ(with(4, 4), one);
  EXPECT_EQ(with(3, 1), one);
  EXPECT_EQ(with(0, 2), one);
}

TEST(Loader, ResumingInsideAnEpochGivesTheSameRest) {
  const auto data = std::make_shared<Numbered>(100, std::set<int64_t>{8});
  const LoaderConfig config{.batch_size = 16, .training = true, .seed = 5, .workers = 2, .max_unreadable = 1};
  const Seen whole = epoch(data, config, kAugment, 1);
  for (const int64_t first : {1, 3, 6, 7}) {
    const Seen rest = epoch(data, config, kAugment, 1, first);
    ASSERT_EQ(rest.batches.size(), whole.batches.size() - static_cast<size_t>(first));
    EXPECT_TRUE(std::equal(rest.batches.begin(), rest.batches.end(), whole.batches.begin() + first));
    EXPECT_TRUE(std::equal(rest.numbers.begin(), rest.numbers.end(), whole.numbers.begin() + first));
    EXPECT_TRUE(std::equal(rest.values.rbegin(), rest.values.rend(), whole.values.rbegin()));
  }
}

TEST(Loader, AugmentationDependsOnTheEpoch) {
  const auto data = std::make_shared<Numbered>(1);
  const auto values = [&](int64_t number) {
    return epoch(data, {.batch_size = 1, .training = true}, {{"crop_padding", 3}, {"brightness", 0.9}}, number).values;
  };
  EXPECT_EQ(values(0), values(0));
  std::set<std::vector<float>> different;
  for (int64_t i = 0; i < 20; i++) different.insert(values(i));
  EXPECT_GT(different.size(), 5u);
}

TEST(Loader, UnreadableImagesAreLeftOutOfTheirBatchAndNamedOnce) {
  const auto data = std::make_shared<Numbered>(12, std::set<int64_t>{1, 4, 5, 6, 7, 11});
  std::vector<std::string> warnings;
  Loader loader(data, splits(), {}, {.batch_size = 4, .workers = 3, .max_unreadable = 0.5},
                [&](const std::string& text) { warnings.push_back(text); });
  for (int64_t round = 0; round < 2; round++) {
    loader.start(round);
    Seen seen;
    drain(loader, seen);
    EXPECT_THAT(seen.batches, ElementsAre(ElementsAre(0, 2, 3), ElementsAre(8, 9, 10)));  // of the second none is left
    EXPECT_THAT(seen.numbers, ElementsAre(0, 2));
    EXPECT_NEAR(seen.values[16], 3, 1e-4);
    EXPECT_EQ(warnings.size(), 6u);
  }
  EXPECT_EQ(warnings[0], "image left out: picture 1: no picture");
  EXPECT_EQ(loader.batches(), 3);
}

TEST(Loader, MoreUnreadableImagesThanAllowedStopTheRun) {
  const auto data = std::make_shared<Numbered>(40, std::set<int64_t>{2, 21, 30});
  for (const int64_t workers : {0, 1, 4}) {
    std::vector<std::string> warnings;
    Loader loader(data, splits(), {}, {.batch_size = 8, .workers = workers, .max_unreadable = 0.05},
                  [&](const std::string& text) { warnings.push_back(text); });
    loader.start(0);
    for (int i = 0; i < 3; i++) EXPECT_TRUE(loader.next());  // two of 40 are 5 %
    try {
      loader.next();
      FAIL() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("3 of 40 images cannot be read"));
      EXPECT_THAT(error.what(), HasSubstr("the first is picture 2: no picture"));
      EXPECT_THAT(error.what(), HasSubstr("data.max_unreadable"));
    }
    EXPECT_EQ(warnings.size(), 3u);
  }
}

TEST(Loader, OtherExceptionsOfWorkersArriveAtTheirBatch) {
  const auto data = std::make_shared<Numbered>(40, std::set<int64_t>{}, 17);
  for (const int64_t workers : {0, 1, 4}) {
    Loader loader(data, splits(), {}, {.batch_size = 8, .workers = workers}, nullptr);
    loader.start(0);
    EXPECT_TRUE(loader.next());
    EXPECT_TRUE(loader.next());
    EXPECT_THROW(loader.next(), std::runtime_error);
    EXPECT_TRUE(loader.next());  // and the rest can still be had
  }
}

TEST(Loader, CanBeRestartedOrLeftAtAnyTime) {
  const auto data = std::make_shared<Numbered>(200);
  for (const int64_t workers : {0, 1, 4})
    for (int taken = 0; taken < 5; taken++) {
      Loader loader(data, splits(), {}, {.batch_size = 16, .workers = workers}, nullptr);
      loader.start(0);
      for (int i = 0; i < taken; i++) EXPECT_TRUE(loader.next());
      loader.start(1, 2);
      EXPECT_EQ(loader.next()->indices.front(), 32);
    }
}

TEST(Loader, ReadsNoFurtherAheadThanAsked) {
  const auto data = std::make_shared<Numbered>(100);
  data->slow_ = false;
  Loader loader(data, splits(), {}, {.batch_size = 10, .workers = 2, .prefetch = 3}, nullptr);
  loader.start(0);
  loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(data->reads_, 40);  // one taken, three ahead
}

TEST(Loader, BeforeTheFirstStartAndAfterTheEndThereIsNothing) {
  Loader loader(std::make_shared<Numbered>(3), splits(), {}, {.batch_size = 2}, nullptr);
  EXPECT_FALSE(loader.next());
  loader.start(0);
  EXPECT_TRUE(loader.next());
  EXPECT_TRUE(loader.next());
  EXPECT_FALSE(loader.next());
  EXPECT_FALSE(loader.next());
  loader.start(1, 2);
  EXPECT_FALSE(loader.next());
  EXPECT_THROW(loader.start(1, 3), Error);
}

TEST(Loader, RefusesNumbersOutOfRange) {
  const auto message = [](const LoaderConfig& config) -> std::string {
    try {
      Loader loader(std::make_shared<Numbered>(3), splits(), {}, config, nullptr);
      return "";
    } catch (const UsageError& error) {
      return error.what();
    }
  };
  EXPECT_THAT(message({.batch_size = 0}), HasSubstr("batch_size is 0"));
  EXPECT_THAT(message({.workers = -1}), HasSubstr("data.workers is -1"));
  EXPECT_THAT(message({.prefetch = 0}), HasSubstr("data.prefetch is 0"));
  EXPECT_EQ(message({.prefetch = 1025}), "data.prefetch is 1025, but must be at most 1024") << "as in a configuration";
  EXPECT_THAT(message({.max_unreadable = -0.1}), HasSubstr("data.max_unreadable is -0.1"));
}

TEST(Loader, TrainingPicturesGrowOverTheEpochs) {
  const auto numbered = std::make_shared<Numbered>(10);
  const OverEpochs sizes{{0, 2}, {3, 6}, {4, 4}};
  for (const int64_t workers : {0, 2}) {
    Loader training(numbered, splits(), {},
                    {.batch_size = 4, .training = true, .seed = 1, .workers = workers, .image_sizes = sizes});
    const std::vector<int64_t> expected{2, 2, 2, 6, 4, 4};
    for (const int64_t epoch : {0, 1, 2, 3, 4, 5, 3}) {
      training.start(epoch, epoch == 3 ? 1 : 0);
      while (const std::optional<Batch> batch = training.next()) {
        const int64_t side = expected[static_cast<size_t>(epoch)];
        EXPECT_EQ(batch->images.shape(), (Shape{std::ssize(batch->indices), side, side, 1})) << "epoch " << epoch;
        EXPECT_FLOAT_EQ(batch->images.to_vector<float>()[0], static_cast<float>(batch->indices[0] + 1));
      }
    }
    Loader testing(numbered, splits(), {}, {.batch_size = 4, .workers = workers, .image_sizes = sizes});
    testing.start(0);
    EXPECT_EQ(testing.next()->images.shape(), (Shape{4, 4, 4, 1})) << "evaluation has a size of its own";
  }
}

}  // namespace
}  // namespace ghost
