// Weights that follow the weights: what train.ema and train.lookahead keep, test and store, and which of them programs
// take up.
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tuple>

#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/process.h"
#include "support/room.h"
#include "train/hooks/hook_table.h"
#include "train/loop/trainer.h"
#include "train/network/network.h"
#include "train/network/pretrained.h"
#include "train/network/weights_choice.h"

namespace ghost {
namespace {

using test::error_of;
using test::Finished;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;
using Values = std::map<std::string, std::vector<double>>;

Values values_of(const std::vector<NamedTensor>& entries) {
  Values values;
  for (const NamedTensor& e : entries) values[e.name] = e.tensor.to_vector<double>();
  return values;
}

void expect_near(const Values& came, const Values& expected, double tolerance) {
  ASSERT_EQ(came.size(), expected.size());
  for (const auto& [name, numbers] : expected)
    for (size_t i = 0; i < numbers.size(); ++i) ASSERT_NEAR(came.at(name)[i], numbers[i], tolerance) << name;
}

class Averages : public testing::Test {
 protected:
  Config config(std::vector<std::string> overrides = {}) const {
    overrides.insert(overrides.begin(), {"train.epochs=2", "train.batch_size=8", "model.channels=[3]"});
    return room_.config(overrides);
  }

  // Calls the only hook of the configuration after steps that set the model to what `set` makes of it.
  struct Followed {
    ModulePtr model;
    TrainingHookPtr hook;
    Values averages() const { return values_of(hook->state()); }
  };
  Followed follow(const std::vector<std::string>& options, int64_t steps,
                  const std::function<void(Module&, int64_t step)>& after) const {
    const Config c = config(options);
    Followed followed;
    followed.model = build_model(c.model, 1);
    std::vector<NamedHook> hooks =
        make_hooks(c.train.hooks, {.model = *followed.model, .seed = 0, .curve_steps = steps});
    followed.hook = std::move(hooks.at(0).hook);
    followed.hook->start(*followed.model);
    for (int64_t step = 0; step < steps; ++step) {
      for (NamedTensor& e : state_tensors(*followed.model))
        if (is_floating(e.tensor.dtype())) e.tensor.copy_from(test::random_tensor(e.tensor.shape(), seed_of(e, step)));
      followed.hook->after_update({.model = *followed.model, .step = step, .curve_step = step});
      after(*followed.model, step);
    }
    return followed;
  }
  static uint64_t seed_of(const NamedTensor& e, int64_t step) {
    return std::hash<std::string>()(e.name) + static_cast<uint64_t>(step);
  }

  test::Room room_{{.train = 40, .test = 16}};
};

TEST_F(Averages, EmaIsTheWeightedMeanOfAllUpdates) {
  for (const bool warmup : {false, true})
    for (const int64_t every : {1, 3}) {
      const std::vector<std::string> options{"train.ema.decay=0.6", fmt::format("train.ema.every={}", every),
                                             fmt::format("train.ema.warmup={}", warmup)};
      Values expected;
      const auto start = build_model(config().model, 1);
      expected = values_of(state_dict(*start));
      int64_t updates = 0;
      const Followed followed = follow(options, 12, [&](Module& model, int64_t step) {
        if ((step + 1) % every != 0) return;
        ++updates;
        const auto n = static_cast<double>(updates);
        const double decay = warmup ? std::min(0.6, (1 + n) / (10 + n)) : 0.6;
        for (const auto& [name, numbers] : values_of(state_dict(model)))
          for (size_t i = 0; i < numbers.size(); ++i)
            expected[name][i] = name.ends_with("num_batches_tracked")
                                    ? numbers[i]
                                    : decay * expected[name][i] + (1 - decay) * numbers[i];
      });
      expect_near(followed.averages(), expected, 1e-5);
    }
}

// A weight that is 0 and then 1: what is left of the 0 after one update, and after two.
TEST_F(Averages, EmaOfAStepHasTheNumbersOfItsFormula) {
  for (const auto& [warmup, first, second] : {std::tuple{"false", 0.4, 0.64}, {"true", 1 - 2.0 / 11, 1 - 0.5 / 11}}) {
    const Config c = config({"train.ema.decay=0.6", std::string("train.ema.warmup=") + warmup});
    const ModulePtr model = build_model(c.model, 1);
    const auto fill = [&](double value) {
      for (NamedTensor& e : state_tensors(*model))
        e.tensor.copy_from(Tensor::full(e.tensor.shape(), value, e.tensor.dtype()));
    };
    const std::vector<NamedHook> hooks = make_hooks(c.train.hooks, {.model = *model, .seed = 0, .curve_steps = 10});
    fill(0);
    hooks.at(0).hook->start(*model);
    fill(1);
    const auto value = [&] { return hooks.at(0).hook->state().front().tensor.to_vector<double>().front(); };
    hooks.at(0).hook->after_update({.model = *model, .step = 0});
    EXPECT_NEAR(value(), first, 1e-6) << warmup;
    hooks.at(0).hook->after_update({.model = *model, .step = 1});
    EXPECT_NEAR(value(), second, 1e-6) << warmup;
  }
}

TEST_F(Averages, LookaheadLeadsTheWeightsBackToTheSlowOnes) {
  for (const double ramp : {0.0, 3.0}) {
    const std::vector<std::string> options{"train.lookahead.steps=3", "train.lookahead.alpha=0.25",
                                           fmt::format("train.lookahead.ramp={}", ramp)};
    Values slow = values_of(state_dict(*build_model(config().model, 1)));
    const Followed followed = follow(options, 12, [&](Module& model, int64_t step) {
      const Values now = values_of(state_dict(model));
      if ((step + 1) % 3 != 0) return;
      const double share = 1 - 0.75 * std::pow(static_cast<double>(step + 1) / 12, ramp);
      // What the weights were before the move.
      for (NamedTensor& e : state_tensors(model)) {
        if (!is_floating(e.tensor.dtype())) continue;
        Tensor before = e.tensor.clone();
        before.copy_from(test::random_tensor(e.tensor.shape(), seed_of(e, step)));
        const std::vector<double> fast = to_pytorch_axes(before).to_vector<double>();
        for (size_t i = 0; i < fast.size(); ++i) slow[e.name][i] += share * (fast[i] - slow[e.name][i]);
      }
      expect_near(now, slow, 1e-5);
    });
    expect_near(followed.averages(), slow, 1e-5);
  }
}

TEST_F(Averages, ExchangeWeightsAndBackWithoutALoss) {
  const Followed followed = follow({"train.ema.decay=0.5"}, 3, [](Module&, int64_t) {});
  const Values raw = values_of(state_dict(*followed.model)), average = followed.averages();
  EXPECT_NE(raw, average);
  EXPECT_TRUE(followed.hook->swap_weights(*followed.model));
  EXPECT_EQ(values_of(state_dict(*followed.model)), average);
  followed.hook->swap_weights(*followed.model);
  EXPECT_EQ(values_of(state_dict(*followed.model)), raw);
  EXPECT_EQ(followed.averages(), average);
}

TEST_F(Averages, StateThatDoesNotFitChangesNothing) {
  const Followed followed = follow({"train.ema.decay=0.5"}, 3, [](Module&, int64_t) {});
  const Values raw = values_of(state_dict(*followed.model)), average = followed.averages();
  std::vector<NamedTensor> state = followed.hook->state();
  state.pop_back();
  EXPECT_THAT(error_of([&] { followed.hook->load_state(state); }), HasSubstr("missing"));
  EXPECT_EQ(values_of(state_dict(*followed.model)), raw);
  EXPECT_EQ(followed.averages(), average);
}

TEST_F(Averages, OptionsAreRefusedWhereTheyMeanNothing) {
  EXPECT_THAT(error_of([&] { config({"train.ema.decay=1"}); }),
              HasSubstr("train.ema.decay is 1, but must be in [0, 1)"));
  EXPECT_THAT(error_of([&] { config({"train.lookahead.alpha=0"}); }), HasSubstr("train.lookahead.alpha is 0"));
  EXPECT_THAT(error_of([&] { config({"train.best=ema"}); }),
              HasSubstr("train.best is ema, but train.ema is off, so there are no such weights"));
  EXPECT_THAT(error_of([&] { config({"train.best=emma"}); }), HasSubstr("did you mean 'ema'?"));
  EXPECT_EQ(best_weights(config().train), "raw");
  EXPECT_EQ(best_weights(config({"train.lookahead.steps=5"}).train), "lookahead");
  EXPECT_EQ(best_weights(config({"train.lookahead.steps=5", "train.ema.decay=0.9"}).train), "ema");
  EXPECT_EQ(best_weights(config({"train.ema.decay=0.9", "train.best=raw"}).train), "raw");
}

// A network that learns slowly beside an average that hardly moves: the two are far from each other.
TEST_F(Averages, BestFollowsTheWeightsThatItIsToldTo) {
  const std::vector<std::string> slow{"train.epochs=6", "train.ema.decay=0.999", "train.ema.warmup=false"};
  for (const std::string best : {"raw", "ema"}) {
    std::vector<std::string> options = slow;
    options.push_back("train.best=" + best);
    const RunDir dir = room_.run_dir(best);
    test::Notebook notebook;
    Trainer trainer(config(options), {&notebook});
    trainer.run(dir);
    double highest = -1;
    int64_t epoch = 0;
    for (const EpochReport& report : notebook.epochs) {
      ASSERT_EQ(report.hook_tests.size(), 1U);
      EXPECT_FALSE(report.hook_tests[0].sums == report.test);
      const double top1 = report.test_of(best).top1_percent();
      EXPECT_EQ(report.best, top1 > highest);
      if (top1 > highest) highest = top1, epoch = report.epoch;
    }
    const Checkpoint checkpoint = read_checkpoint(dir.best());
    EXPECT_EQ(checkpoint.progress.best_top1, highest);
    EXPECT_EQ(checkpoint.progress.epoch, epoch);
    EXPECT_EQ(notebook.end.weights, best);
    EXPECT_EQ(notebook.end.test, notebook.epochs.back().test_of(best));
  }
}

TEST_F(Averages, AreTakenUpByName) {
  const RunDir dir = room_.run_dir("run");
  Trainer(config({"train.ema.decay=0.9", "train.lookahead.steps=2"}), {}).run(dir);
  const Checkpoint checkpoint = read_checkpoint(dir.last());
  const auto taken = [&](const std::string& name) {
    return values_of(*choose_weights(checkpoint, name, "FILE").entries);
  };
  EXPECT_EQ(taken("auto"), values_of(checkpoint.tensors.at("ema")));
  EXPECT_EQ(taken("lookahead"), values_of(checkpoint.tensors.at("lookahead")));
  EXPECT_EQ(taken("raw"), values_of(checkpoint.tensors.at(kModelSection)));
  EXPECT_EQ(choose_weights(checkpoint, "auto", "FILE").note,
            "FILE: its ema weights are taken; it also holds raw, lookahead");
  EXPECT_THAT(error_of([&] { choose_weights(checkpoint, "emma", "FILE"); }),
              AllOf(HasSubstr("FILE: there are no weights of 'emma' in it; did you mean 'ema'?"),
                    HasSubstr("it holds raw, lookahead, ema")));

  // The same of the file as weights, and as model.pretrained.
  for (const std::string name : {"raw", "lookahead", "ema"}) {
    const Network network = load_network({.weights = dir.last().string(), .weights_of = name});
    EXPECT_EQ(network.weights_of, name);
    EXPECT_EQ(values_of(state_dict(*network.model)), taken(name));
  }
  Trainer tuned(config({"model.pretrained=" + dir.last().string()}), {});
  tuned.check();
  EXPECT_EQ(values_of(state_dict(tuned.model())), taken("ema"));
}

// Everything that draws random numbers or keeps weights, at once.
TEST_F(Averages, AndAllThatIsRandomAreTheSameBitsWithAnyNumberOfThreadsAndWorkers) {
  test::write_tiny_idx(room_.dir / "larger", {.train = 64, .test = 16, .size = 16});
  const auto values = [&](const std::string& threads, const std::string& workers) {
    const std::vector<std::string> options{"data.root=" + (room_.dir / "larger").string(),
                                           "data.image_size=16",
                                           "model.name=resnet",
                                           "model.depth=20",
                                           "model.drop_path=0.3",
                                           "train.epochs=2",
                                           "train.batch_size=16",
                                           "train.accumulate=2",
                                           "train.ema.decay=0.9",
                                           "train.lookahead.steps=2",
                                           "data.augment.mixup.alpha=0.4",
                                           "data.augment.cutmix.alpha=1",
                                           "data.augment.rand_augment.number=2",
                                           "data.augment.random_erasing.probability=0.5",
                                           "optimizer.groups=[{match: \"*.bias\", lr_scale: 4, weight_decay: 0}]",
                                           "run.threads=" + threads,
                                           "data.workers=" + workers};
    const RunDir dir = room_.run_dir("threads" + threads);
    Trainer(load_config_text("model: {name: resnet}\ndata: {name: idx}\n", "deep.yaml", options).config, {}).run(dir);
    std::map<std::string, Values> sections;
    for (const auto& [section, entries] : read_checkpoint(dir.last()).tensors) sections[section] = values_of(entries);
    return sections;
  };
  const auto one = values("1", "1");
  EXPECT_EQ(one.count("ema"), 1U);
  EXPECT_TRUE(one == values("2", "0"));
  EXPECT_TRUE(one == values("4", "3"));
}

TEST_F(Averages, EachProgramSaysWhichWeightsItTook) {
  room_.dir.write("tiny.yaml", std::string_view(test::tiny_config("data")));
  const auto run = [&](const std::string& program, const std::vector<std::string>& words) {
    return test::run_program(program, words, {.directory = room_.dir.str()});
  };
  const Finished trained = run("ghost-train", {"--config", "tiny.yaml", "--set", "train.ema.decay=0.9", "--set",
                                               "train.epochs=1", "--run", "run"});
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_THAT(trained.err + trained.out, HasSubstr("Test accuracy (ema weights)"));
  const auto eval = [&](const std::string& weights) {
    const Finished done = run("ghost-eval", {"--checkpoint", "run", "--json", "--weights-of", weights});
    EXPECT_EQ(done.status, 0) << done.err;
    nlohmann::json json = nlohmann::json::parse(done.out);
    json.erase("images_per_second");
    return json;
  };
  nlohmann::json line;
  std::istringstream lines(test::file_text(room_.dir / "run/metrics.jsonl"));
  for (std::string text; std::getline(lines, text);) line = nlohmann::json::parse(text);
  EXPECT_EQ(eval("raw").at("loss"), line.at("test_loss"));
  EXPECT_EQ(eval("ema").at("loss"), line.at("ema_test_loss"));
  EXPECT_EQ(eval("auto"), eval("ema"));
  EXPECT_EQ(eval("auto").at("weights_of"), "ema");
  EXPECT_NE(eval("raw").at("loss"), eval("ema").at("loss"));

  const std::string note = "its ema weights are taken; it also holds raw";
  for (const auto& [program, words] : std::map<std::string, std::vector<std::string>>{
           {"ghost-eval", {}}, {"ghost-convert", {"-o", "out.safetensors"}}, {"ghost-info", {}}}) {
    std::vector<std::string> all{"--checkpoint", "run"};
    all.insert(all.end(), words.begin(), words.end());
    const Finished done = run(program, all);
    EXPECT_EQ(done.status, 0) << done.err;
    EXPECT_THAT(done.err + done.out, HasSubstr(note)) << program;
  }
  const Finished again = run("ghost-eval", {"--weights", "out.safetensors", "--json", "--set", "data.root=data"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(nlohmann::json::parse(again.out).at("weights_of"), "ema") << "the file says which weights it holds";
  EXPECT_EQ(nlohmann::json::parse(again.out).at("loss"), eval("ema").at("loss"));
  EXPECT_EQ(read_safetensors_metadata(room_.dir / "out.safetensors").at("weights_of"), "ema");
  const Finished none = run("ghost-eval", {"--checkpoint", "run", "--weights-of", "lookahead"});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("there are no weights of 'lookahead' in it; it holds raw, ema"));
}

}  // namespace
}  // namespace ghost
