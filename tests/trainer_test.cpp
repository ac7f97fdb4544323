// The loop: what it computes, what it tells, and that stopping anywhere changes nothing.
#include "train/loop/trainer.h"

#include <cmath>
#include <gmock/gmock.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "nn/finite.h"
#include "nn/state_dict.h"
#include "support/metrics.h"
#include "support/modules.h"
#include "support/room.h"
#include "train/loop/preflight.h"

namespace ghost {
namespace {

using test::error_of;
using test::Notebook;
using test::Room;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

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
  for (const auto& line : test::metrics_of(dir.path(), true)) {
    kinds.push_back(line.at("kind"));
    steps.push_back(line.at("step"));
    for (const char* key : {"epoch", "loss", "top1", "lr", "images_per_second", "seconds"})
      EXPECT_TRUE(line.at(key).is_number()) << key;
    EXPECT_GE(line.at("seconds").get<double>(), before);
    before = line.at("seconds");
  }
  EXPECT_THAT(kinds, ElementsAre("step", "step", "epoch", "step", "step", "epoch"));
  EXPECT_THAT(steps, ElementsAre(4, 6, 6, 10, 12, 12));
  const auto last = test::metrics_of(dir.path(), true).back();
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
    EXPECT_EQ(test::metrics_of(pieces.path()), test::metrics_of(whole.path())) << "every " << every;
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

TEST(Trainer, EndsWhenItsPatienceIsOver) {
  const Room room;
  // Too slow to change any prediction; frozen batch norms keep their statistics.
  const std::vector<std::string> sets{"train.epochs=9", "train.patience=2", "optimizer.lr=1e-12",
                                      "schedule.name=constant", "train.freeze=[stages]"};
  Notebook notebook;
  Trainer trainer(room.config(sets), {&notebook});
  const RunDir dir = room.run_dir("run");
  const RunEnd end = trainer.run(dir);
  EXPECT_FALSE(end.interrupted);
  EXPECT_EQ(end.epoch, 3);
  EXPECT_EQ(end.best_epoch, 1);

  Trainer resumed(room.config(sets), {});
  resumed.restore(read_checkpoint(dir.last()));
  EXPECT_EQ(resumed.run(dir).epoch, 3) << "it is over, and knows it";
  Config longer = room.config(sets);
  longer.train.patience = 4;
  Trainer further(longer, {});
  further.restore(read_checkpoint(dir.last()));
  EXPECT_EQ(further.run(dir).epoch, 5);
}

TEST(Trainer, APlateauOfTheTestsLowersTheRate) {
  const Room room;
  Notebook notebook;
  Trainer trainer(room.config({"train.epochs=6", "optimizer.lr=1e-10", "schedule.name=plateau", "schedule.patience=1",
                               "schedule.factor=0.5", "schedule.eps=0", "schedule.warmup=1", "train.freeze=[stages]"}),
                  {&notebook});
  trainer.run(room.run_dir("run"));
  std::vector<double> rates;
  for (const EpochReport& epoch : notebook.epochs) rates.push_back(epoch.lr);
  rates.erase(rates.begin());  // still warming up
  EXPECT_THAT(rates, ElementsAre(1e-10, 1e-10, 5e-11, 5e-11, 2.5e-11));
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

}  // namespace
}  // namespace ghost
