// The loop: what it computes, what it tells, and that stopping anywhere changes nothing.
#include "train/loop/trainer.h"

#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/ops/shape_ops.h"
#include "nn/finite.h"
#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"
#include "train/loop/preflight.h"

namespace ghost {
namespace {

using test::error_of;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Tiny pictures on disk and a run directory below one folder.
struct Room {
  explicit Room(const test::TinyImages& images = {}) { test::write_tiny_idx(dir / "data", images); }
  Config config(const std::vector<std::string>& overrides = {}) const {
    return load_config_text(test::tiny_config(dir / "data"), "tiny.yaml", overrides).config;
  }
  RunDir run_dir(const std::string& name) const { return RunDir::create((dir / name).string(), "tiny"); }
  TempDir dir;
};

// Remembers what a run said.
struct Notebook final : Sink {
  std::vector<std::string> calls, warnings;
  std::vector<StepReport> steps;
  std::vector<EpochReport> epochs;
  RunStart start;
  RunEnd end;
  void on_start(const RunStart& s) override { start = s, calls.push_back("start"); }
  void on_warning(const std::string& text) override { warnings.push_back(text); }
  void on_step(const StepReport& s) override { steps.push_back(s), calls.push_back("step"); }
  void on_test(int64_t done, int64_t all) override {
    if (done == all) calls.push_back("test");
  }
  void on_epoch(const EpochReport& e) override { epochs.push_back(e), calls.push_back("epoch"); }
  void on_end(const RunEnd& e) override { end = e, calls.push_back("end"); }
};

std::vector<nlohmann::json> metrics_of(const RunDir& dir, bool with_times = true) {
  std::vector<nlohmann::json> lines;
  std::ifstream in(dir.metrics());
  for (std::string line; std::getline(in, line);) {
    nlohmann::json json = nlohmann::json::parse(line);
    if (!with_times)
      for (const char* time : {"seconds", "images_per_second", "data_wait", "train_seconds", "test_seconds",
                               "peak_memory", "peak_resident"})
        json.erase(time);
    lines.push_back(std::move(json));
  }
  return lines;
}

std::map<std::string, std::vector<double>> values_of(Module& model) {
  std::map<std::string, std::vector<double>> values;
  for (const NamedTensor& t : state_dict(model)) values[t.name] = t.tensor.to_vector<double>();
  return values;
}

TEST(Trainer, LearnsAndTellsItsSinksInOrder) {
  const Room room;
  Notebook notebook;
  Trainer trainer(room.config({"train.epochs=8", "train.eval_every=4", "data.augment.flip=false"}), {&notebook});
  trainer.check();
  const RunDir dir = room.run_dir("run");
  const RunEnd end = trainer.run(dir);
  EXPECT_FALSE(end.interrupted);
  EXPECT_EQ(end.epoch, 8);
  EXPECT_EQ(end.step, 8 * 6);
  EXPECT_GT(end.test.top1_percent(), 90) << "the classes are four places of a bright bar";
  EXPECT_EQ(end.test.count, 40);
  EXPECT_EQ(notebook.start.train_size, 96);
  EXPECT_EQ(notebook.start.steps_per_epoch, 6);
  EXPECT_EQ(notebook.calls.front(), "start");
  EXPECT_EQ(notebook.calls.back(), "end");
  ASSERT_EQ(notebook.epochs.size(), 8U);
  EXPECT_EQ(notebook.steps.size(), 48U);
  for (const EpochReport& epoch : notebook.epochs) {
    EXPECT_EQ(epoch.tested, epoch.epoch % 4 == 0);
    EXPECT_EQ(epoch.train.count, 96);
  }
  EXPECT_LT(notebook.epochs.back().train.loss(), notebook.epochs.front().train.loss());
  EXPECT_EQ(notebook.steps[1].lr, notebook.steps[1].lr);
  EXPECT_GT(notebook.steps.front().lr, notebook.steps.back().lr) << "cosine falls";
}

TEST(Trainer, WritesOneJsonObjectALine) {
  const Room room;
  Trainer trainer(room.config({"train.epochs=2", "train.log_every=4"}), {});
  const RunDir dir = room.run_dir("run");
  const RunEnd end = trainer.run(dir);
  std::vector<std::string> kinds;
  std::vector<int64_t> steps;
  double before = 0;
  for (const auto& line : metrics_of(dir)) {
    kinds.push_back(line.at("kind"));
    steps.push_back(line.at("step"));
    for (const char* key : {"epoch", "loss", "top1", "lr", "images_per_second", "seconds"})
      EXPECT_TRUE(line.at(key).is_number()) << key;
    EXPECT_GE(line.at("seconds").get<double>(), before);
    before = line.at("seconds");
  }
  EXPECT_THAT(kinds, ElementsAre("step", "step", "epoch", "step", "step", "epoch"));
  EXPECT_THAT(steps, ElementsAre(4, 6, 6, 10, 12, 12));
  const auto last = metrics_of(dir).back();
  EXPECT_EQ(last.at("test_top1").get<double>(), end.test.top1_percent());
  EXPECT_EQ(last.at("test_loss").get<double>(), end.test.loss());
  EXPECT_EQ(last.at("test_top5").get<double>(), 100) << "of four classes";
}

TEST(Trainer, StepIsTheGradientOfTheMeanOverMicroBatches) {
  // 22 samples: a step of 8 + 8, then one of 6, which is 6 alone or, with micro-batches of 4, 4 + 2.
  for (const int64_t accumulate : {1, 2, 4}) {
    const Room room({.train = 22, .test = 8});
    const std::string micro = "train.accumulate=" + std::to_string(accumulate);
    const Config config = room.config({"train.epochs=1", micro, "optimizer.momentum=0", "optimizer.weight_decay=0",
                                       "schedule.name=constant", "train.label_smoothing=0.1"});
    Trainer trainer(config, {});
    const ModulePtr model = build_model(model_config(config, trainer.data()), config.run.seed);
    const int64_t size = config.train.batch_size / accumulate;
    LoaderConfig loading;
    loading.batch_size = size;
    loading.training = true;
    loading.seed = config.run.seed;
    Loader loader(trainer.data().train, trainer.data(), config.data.augment, loading, [](const std::string&) {});
    loader.start(0);
    for (int64_t left = 22; left > 0; left -= 16) {
      std::map<std::string, std::vector<double>> gradients;
      double samples = 0;
      for (int64_t i = 0; i < accumulate; ++i) {
        const auto batch = loader.next();
        if (!batch) break;
        for (Parameter p : model->parameters()) p.tensor.clear_grad();
        CrossEntropyOptions sum;
        sum.label_smoothing = 0.1;
        sum.reduction = Reduction::sum;
        cross_entropy((*model)(batch->images), batch->labels, sum).backward();
        samples += static_cast<double>(batch->images.size(0));
        for (const Parameter& p : model->parameters()) {
          std::vector<double>& total = gradients[p.name];
          total.resize(static_cast<size_t>(p.tensor.numel()));
          const auto g = p.tensor.grad().to_vector<double>();
          for (size_t k = 0; k < g.size(); ++k) total[k] += g[k];
        }
      }
      EXPECT_EQ(samples, static_cast<double>(std::min<int64_t>(left, 16)));
      for (Parameter p : model->parameters()) {
        float* x = p.tensor.mutable_data<float>();
        for (int64_t k = 0; k < p.tensor.numel(); ++k)
          x[k] -= static_cast<float>(0.05 * gradients[p.name][static_cast<size_t>(k)] / samples);
      }
    }
    trainer.run(room.run_dir("run"));
    for (const NamedTensor& t : state_dict(trainer.model())) {
      const auto expected = values_of(*model)[t.name], got = t.tensor.to_vector<double>();
      for (size_t k = 0; k < got.size(); ++k)
        ASSERT_NEAR(got[k], expected[k], 2e-5 * (1 + std::abs(expected[k]))) << t.name << ", accumulate " << accumulate;
    }
  }
}

TEST(Trainer, ClipsTheNormOfTheWholeStep) {
  const Room room({.train = 16, .test = 8});
  for (const int64_t accumulate : {1, 2}) {
    const Config config =
        room.config({"train.epochs=1", "train.clip_grad_norm=0.001", "train.accumulate=" + std::to_string(accumulate),
                     "optimizer.weight_decay=0", "schedule.name=constant"});
    Trainer trainer(config, {});
    std::map<std::string, std::vector<double>> before = values_of(trainer.model());
    trainer.run(room.run_dir("run" + std::to_string(accumulate)));
    double square = 0;
    for (const Parameter& p : trainer.model().parameters()) {
      const auto after = p.tensor.to_vector<double>();
      const auto old = to_pytorch_axes(p.tensor).to_vector<double>();
      for (size_t k = 0; k < old.size(); ++k) square += std::pow((old[k] - before[p.name][k]) / 0.05, 2);
    }
    EXPECT_NEAR(std::sqrt(square), 0.001, 2e-5) << "the update of plain SGD over its rate";
  }
}

// Runs to the end, stopping and starting again after every `every` questions whether to stop; the number of restarts.
int run_in_pieces(const Config& config, const RunDir& dir, int every) {
  for (int restarts = 0;; ++restarts) {
    Trainer trainer(config, {});
    if (restarts > 0) trainer.restore(read_checkpoint(dir.last()));
    int questions = 0;
    if (!trainer.run(dir, [&] { return ++questions == every; }).interrupted) return restarts;
  }
}

// resume_test does so after every step, with every option; this is about stops within tests.
TEST(Trainer, ResumedAnywhereEndsWithTheSameBytes) {
  // 90 samples: micro-batches of 8 leave a tail; augmentation draws numbers; Adam remembers two moments.
  const Room room({.train = 90, .test = 40});
  const Config config = room.config({"train.epochs=2", "train.accumulate=2", "optimizer.name=adamw",
                                     "optimizer.lr=0.01", "train.label_smoothing=0.1", "train.log_every=4"});
  const RunDir whole = room.run_dir("whole");
  Trainer(config, {}).run(whole);
  // 6 steps and 3 test batches an epoch: pieces end within epochs, at their end, and within tests (which a resumed run
  // does from their start, so that a piece is longer than a test).
  for (const int every : {4, 5, 6, 8}) {
    const RunDir pieces = room.run_dir("every-" + std::to_string(every));
    EXPECT_GT(run_in_pieces(config, pieces, every), 0);
    EXPECT_EQ(test::file_bytes(pieces.last()), test::file_bytes(whole.last())) << "every " << every;
    EXPECT_EQ(test::file_bytes(pieces.best()), test::file_bytes(whole.best())) << "every " << every;
    EXPECT_EQ(metrics_of(pieces, false), metrics_of(whole, false)) << "every " << every;
    EXPECT_EQ(test::file_text(pieces.config()), test::file_text(whole.config()));
  }
}

TEST(Trainer, ThreadsAndWorkersChangeNoBit) {
  const Room room;
  const auto values = [&](const char* threads, const char* workers) {
    Trainer trainer(
        room.config({"train.epochs=1", std::string("run.threads=") + threads, std::string("data.workers=") + workers}),
        {});
    trainer.run(room.run_dir(std::string("run") + threads + workers));
    return values_of(trainer.model());
  };
  const auto one = values("1", "1");
  EXPECT_EQ(one, values("2", "1"));
  EXPECT_EQ(one, values("4", "4"));
  EXPECT_EQ(one, values("1", "3"));
}

TEST(Trainer, GoesOnWhereMoreEpochsAreGiven) {
  const Room room;
  const RunDir dir = room.run_dir("run");
  Trainer(room.config({"train.epochs=1"}), {}).run(dir);
  Notebook notebook;
  Trainer trainer(room.config({"train.epochs=2"}), {&notebook});
  trainer.restore(read_checkpoint(dir.last()));
  EXPECT_EQ(trainer.run(dir).epoch, 2);
  EXPECT_TRUE(notebook.start.resumed);
  EXPECT_EQ(notebook.steps.front().step, 7);
  EXPECT_GE(notebook.epochs.front().seconds, notebook.start.seconds);
  EXPECT_GT(notebook.start.seconds, 0);
}

TEST(Trainer, RefusesACheckpointOfOtherClasses) {
  const Room four, five({.classes = 5});
  const RunDir dir = four.run_dir("run");
  Trainer(four.config({"train.epochs=1"}), {}).run(dir);
  Trainer other(five.config(), {});
  EXPECT_THAT(error_of([&] { other.restore(read_checkpoint(dir.last())); }), HasSubstr("4 classes"));
}

TEST(Trainer, StopsAtNaNAndKeepsTheLastGoodCheckpoint) {
  const Room room;
  const RunDir dir = room.run_dir("run");
  Trainer trainer(room.config({"optimizer.lr=1e30", "schedule.name=constant"}), {});
  EXPECT_THAT(error_of([&] { trainer.run(dir); }), AllOf(HasSubstr("epoch 1, step"), HasSubstr("lr 1e+30"),
                                                         HasSubstr(dir.last().string()), HasSubstr("optimizer.lr")));
  const Checkpoint kept = read_checkpoint(dir.last());
  EXPECT_EQ(kept.progress.step, 0);
  for (const NamedTensor& t : kept.tensors.at(kModelSection)) EXPECT_TRUE(all_finite(t.tensor)) << t.name;
}

TEST(Trainer, NamesTheFirstLayerThatProducedANaN) {
  const Room room;
  Trainer trainer(room.config(), {});
  std::string poisoned;
  for (const auto& [path, module] : trainer.model().modules())
    if (std::string(module->kind()) == "BatchNorm2d") poisoned = path;
  ASSERT_FALSE(poisoned.empty());
  for (Parameter p : trainer.model().parameters())
    if (p.name == poisoned + ".bias") p.tensor.mutable_data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  // The first checkpoint would refuse the NaN already.
  EXPECT_THAT(error_of([&] { trainer.run(room.run_dir("run")); }), HasSubstr(poisoned + ".bias"));
  EXPECT_THAT(error_of([&] { trainer.check(); }), AllOf(HasSubstr(poisoned + " (BatchNorm2d)"), HasSubstr("bias")));
}

TEST(Finite, FindsWhatIsNot) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(all_finite(Tensor::from<float>({0, -1, std::numeric_limits<float>::max()}, {3})));
  EXPECT_TRUE(all_finite(Tensor::from<float>({std::numeric_limits<float>::denorm_min()}, {1})));
  EXPECT_FALSE(all_finite(Tensor::from<float>({0, nan, 1}, {3})));
  EXPECT_FALSE(all_finite(Tensor::from<float>({0, 1, -infinity}, {3})));
  EXPECT_FALSE(all_finite(Tensor::from<double>({1, 2, 3, std::nan("")}, {2, 2})));
  EXPECT_TRUE(all_finite(Tensor::from<double>({1e300}, {1})));
  EXPECT_TRUE(all_finite(Tensor::from<int64_t>({std::numeric_limits<int64_t>::min()}, {1})));
  EXPECT_TRUE(all_finite(Tensor::zeros({0, 3})));
  // A channel slice looks at its own channels only.
  const Tensor wide = Tensor::from<float>({1, nan, 2, nan}, {2, 2});
  EXPECT_TRUE(all_finite(slice_channels(wide, 0, 1)));
  EXPECT_FALSE(all_finite(slice_channels(wide, 1, 1)));
}

TEST(Finite, NamesTheFirstBadGradientInTheOrderOfBackward) {
  ModelConfig config;
  config.name = "plain_cnn";
  config.channels = {4};
  const ModulePtr model = build_model(config, 0);
  EXPECT_EQ(first_bad_gradient(*model), "") << "there is none yet";
  const Tensor logits = (*model)(test::random_tensor({2, 8, 8, 3}, 1));
  logits.backward(Tensor::full(logits.shape(), 1));
  EXPECT_EQ(first_bad_gradient(*model), "");
  EXPECT_EQ(first_bad_parameter(*model), "");
  const Tensor again = (*model)(test::random_tensor({2, 8, 8, 3}, 1));
  again.backward(Tensor::full(again.shape(), std::numeric_limits<double>::infinity()));
  EXPECT_EQ(first_bad_gradient(*model), model->parameters().back().name);
  model->parameters()[1].tensor.mutable_data<float>()[0] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(first_bad_parameter(*model), model->parameters()[1].name);
}

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

TEST(Evaluate, ToldToStopGivesNothingAndRestoresTheMode) {
  const Room room;
  Trainer trainer(room.config(), {});
  LoaderConfig loading;
  loading.batch_size = 7;
  Loader loader(trainer.data().test, trainer.data(), {}, loading, [](const std::string&) {});
  trainer.model().train();
  const int64_t parameters = live_nodes();
  EvaluateOptions options;
  options.stop = [] { return true; };
  EXPECT_FALSE(evaluate(trainer.model(), loader, options).has_value());
  EXPECT_TRUE(trainer.model().training());
  const auto whole = evaluate(trainer.model(), loader);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->sums.count, 40);
  EXPECT_EQ(live_nodes(), parameters) << "a test without gradients leaves no node but the leaves";
}

TEST(Preflight, WarnsOfMapsOfOnePixel) {
  const Room room({.size = 32});
  const auto warnings = [&](const char* stem_stride) {
    Notebook notebook;
    Trainer trainer(
        room.config({"model.name=ghostnet", "model.width=0.1", std::string("model.stem_stride=") + stem_stride}),
        {&notebook});
    trainer.check();
    return notebook.warnings;
  };
  EXPECT_THAT(warnings("2"),
              ElementsAre(AllOf(HasSubstr("1×1 pixels"), HasSubstr("blocks."), HasSubstr("stem_stride"))));
  EXPECT_THAT(warnings("1"), ElementsAre());
}

TEST(Preflight, WarnsOfALastBatchOfOneAndRefusesItWhereItCannotBeNormalised) {
  const Room room({.train = 33, .size = 16});
  Notebook notebook;
  Trainer small(room.config(), {&notebook});
  EXPECT_EQ(notebook.warnings.size(), 0U);
  small.check();
  EXPECT_THAT(notebook.warnings, ElementsAre(AllOf(HasSubstr("one image"), HasSubstr("15 or 17"))));
  // At 16×16 GhostNet's last stages are single pixels.
  Trainer single(room.config({"model.name=ghostnet", "model.width=0.1"}), {});
  EXPECT_THROW(single.check(), UsageError);
  EXPECT_THAT(error_of([&] { single.check(); }), AllOf(HasSubstr("blocks."), HasSubstr("train.batch_size 15 or 17")));
}

TEST(Preflight, ModelFollowsTheDataUnlessSet) {
  const Room room;
  const auto shape = [&](const std::vector<std::string>& overrides) {
    const Config config = room.config(overrides);
    const DataSplits data = open_data(data_config(config), 0);
    const ModelConfig model = model_config(config, data);
    return std::pair(model.in_channels, model.num_classes);
  };
  EXPECT_EQ(shape({}), std::pair(int64_t{1}, int64_t{4}));
  EXPECT_EQ(shape({"model.num_classes=7"}).second, 7);
  EXPECT_THAT(error_of([&] { shape({"model.num_classes=3"}); }), AllOf(HasSubstr("num_classes is 3"), HasSubstr("4")));
}

TEST(Preflight, AccumulateDividesTheBatch) {
  TrainConfig train;
  train.batch_size = 128;
  train.accumulate = 4;
  EXPECT_EQ(micro_batch_size(train), 32);
  train.accumulate = 6;
  EXPECT_THAT(error_of([&] { micro_batch_size(train); }), AllOf(HasSubstr("4 and 8"), HasSubstr("128")));
  train.batch_size = 7;
  EXPECT_THAT(error_of([&] { micro_batch_size(train); }), HasSubstr("1 and 7"));
}

}  // namespace
}  // namespace ghost
