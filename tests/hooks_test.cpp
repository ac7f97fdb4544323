// What a hook can do at its places, and what the table gives it without a change elsewhere: options, a section of the
// checkpoint, a test of its own weights.
#include <cmath>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "core/ops/arithmetic.h"
#include "nn/state_dict.h"
#include "support/modules.h"
#include "support/resumed_run.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"
#include "train/hooks/hook_table.h"
#include "train/network/pretrained.h"

namespace ghost {

// Remembers how many steps it has seen, unless `forgetful`, and moves the weights by that.
struct DriftOptions {
  double size = 0;  // 0: off
  bool forgetful = false;
  bool on() const { return size > 0; }
};
void describe(DriftOptions& options, Description& d) {
  d.field("size", &options.size, "of a move; 0: off", {.limits = {.least = 0, .most = 1, .below = true}});
  d.field("forgetful", &options.forgetful, "its state is not stored");
}

// Writes down what it sees, and keeps a copy of the weights from before the first step.
struct WitnessOptions {
  bool active = false;
  double loss_factor = 1;
  bool even_targets = false;  // every class is as likely
  bool on() const { return active; }
};
void describe(WitnessOptions& options, Description& d) {
  d.field("on", &options.active, "");
  d.field("loss_factor", &options.loss_factor, "");
  d.field("even_targets", &options.even_targets, "");
}

namespace {

using test::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Drift final : public TrainingHook {
 public:
  explicit Drift(const DriftOptions& options) : options_(options) {}
  void after_update(const StepContext& context) override {
    ++steps_;
    for (Parameter& p : context.model.parameters()) {
      float* const x = p.tensor.mutable_data<float>();
      for (int64_t i = 0; i < p.tensor.numel(); ++i)
        x[i] += static_cast<float>(options_.size * static_cast<double>(steps_));
    }
  }
  std::vector<NamedTensor> state() const override {
    if (options_.forgetful) return {};
    return {{"steps", Tensor::from(std::vector<int64_t>{steps_}, {})}};
  }
  void load_state(const std::vector<NamedTensor>& entries) override {
    if (!entries.empty()) steps_ = entries.at(0).tensor.item<int64_t>();
  }

 private:
  DriftOptions options_;
  int64_t steps_ = 0;
};

std::vector<std::string>& calls() {
  static std::vector<std::string> all;
  return all;
}

class Witness final : public TrainingHook {
 public:
  explicit Witness(const WitnessOptions& options) : options_(options) {}
  void start(Module& model) override {
    calls().push_back("start");
    kept_ = state_dict(model);
  }
  void before_forward(const StepContext& context, MicroBatch& micro) override {
    calls().push_back(fmt::format("before_forward {} {}", context.step, context.micro_batch));
    const int64_t n = micro.batch.images.size(0);
    if (options_.even_targets) micro.targets = Tensor::full({n, 4}, 0.25);
  }
  Tensor loss(const StepContext& context, const MicroBatch&, const Tensor& logits, const Tensor& loss) override {
    calls().push_back(fmt::format("loss {} {}", context.step, context.micro_batch));
    EXPECT_EQ(logits.size(1), 4);
    return options_.loss_factor == 1 ? loss : loss * Tensor::scalar(options_.loss_factor);
  }
  void before_update(const StepContext& context, Update& update) override {
    calls().push_back(fmt::format("before_update {}", context.step));
    norms.push_back(update.gradient_norm);
  }
  void after_update(const StepContext& context) override {
    calls().push_back(fmt::format("after_update {}", context.step));
  }
  bool swap_weights(Module& model) override {
    calls().push_back("swap_weights");
    std::vector<NamedTensor> others = state_dict(model);
    load_state_dict(model, kept_);
    kept_ = std::move(others);
    return true;
  }
  std::vector<NamedTensor> state() const override { return kept_; }
  void load_state(const std::vector<NamedTensor>& entries) override { kept_ = entries; }
  static inline std::vector<double> norms;

 private:
  WitnessOptions options_;
  std::vector<NamedTensor> kept_;
};

class Hooks : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    register_hook(hook_entry<DriftOptions>(
        {.name = "drift", .summary = "moves the weights", .state = "drift", .example = {"size=0.001"}},
        [](const DriftOptions& options, const HookSetup&) -> TrainingHookPtr {
          return std::make_unique<Drift>(options);
        }));
    register_hook(hook_entry<WitnessOptions>(
        {.name = "witness", .summary = "writes down", .state = "kept weights", .example = {"on=true"}},
        [](const WitnessOptions& options, const HookSetup&) -> TrainingHookPtr {
          return std::make_unique<Witness>(options);
        }));
  }
  Hooks() { test::write_tiny_idx(dir_ / "data", {.train = 20, .test = 8}); }

  // Steps of 8, 8 and 4 images.
  Config config(std::vector<std::string> overrides = {}) const {
    overrides.insert(overrides.begin(), {"train.epochs=1", "train.batch_size=8", "model.channels=[3]"});
    return load_config_text(test::tiny_config(dir_ / "data"), "tiny.yaml", overrides).config;
  }
  RunDir run_dir(const std::string& name) const { return RunDir::create((dir_ / name).string(), ""); }
  test::TempDir dir_;
};

TEST_F(Hooks, HaveOptionsThatAreReadCheckedAndPrinted) {
  const std::string text = config_to_yaml(config({"train.drift.size=0.5"}));
  EXPECT_THAT(text, AllOf(HasSubstr("\n  drift:                                # moves the weights\n    size: 0.5 "),
                          HasSubstr("\n  witness: ")));
  EXPECT_EQ(config_to_yaml(load_config_text(text, "again.yaml", {}).config), text);
  EXPECT_THAT(error_of([&] { config({"train.drift.size=1"}); }),
              HasSubstr("train.drift.size is 1, but must be in [0, 1)"));
  EXPECT_THAT(error_of([&] { config({"train.drift.siez=1"}); }), HasSubstr("did you mean train.drift.size?"));
  EXPECT_THAT(config_to_yaml(config()), HasSubstr("    size: 0 ")) << "a copy of its own, not the other's";
}

TEST_F(Hooks, AreCalledAtTheirPlacesInOrder) {
  calls().clear();
  Trainer(config({"train.witness.on=true", "train.accumulate=2"}), {}).run(run_dir("run"));
  EXPECT_THAT(calls(),
              ElementsAre("start", "before_forward 0 0", "loss 0 0", "before_forward 0 1", "loss 0 1",
                          "before_update 0", "after_update 0", "before_forward 1 0", "loss 1 0", "before_forward 1 1",
                          "loss 1 1", "before_update 1", "after_update 1", "before_forward 2 0", "loss 2 0",
                          "before_update 2", "after_update 2", "swap_weights", "swap_weights"));
}

TEST_F(Hooks, ChangeTargetsAndLoss) {
  const auto norms = [&](const std::vector<std::string>& more) {
    Witness::norms.clear();
    std::vector<std::string> overrides{"train.witness.on=true", "optimizer.lr=1e-9"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    Trainer(config(overrides), {}).run(run_dir("run" + std::to_string(calls().size())));
    return Witness::norms;
  };
  const std::vector<double> plain = norms({}), tripled = norms({"train.witness.loss_factor=3"});
  ASSERT_EQ(plain.size(), 3U);
  ASSERT_EQ(tripled.size(), 3U);
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(tripled[i], 3 * plain[i], 1e-4 * plain[i]);
  // Smoothing all the way makes every class as likely, too.
  const std::vector<double> even = norms({"train.witness.even_targets=true"}),
                            smooth = norms({"train.label_smoothing=0.999999"});
  EXPECT_GT(std::abs(even[0] - plain[0]), 1e-2 * plain[0]);
  for (size_t i = 0; i < even.size(); ++i) EXPECT_NEAR(even[i], smooth[i], 1e-4 * smooth[i]);
}

TEST_F(Hooks, WeightsOfTheirOwnAreTestedBesideTheModels) {
  struct Ears final : Sink {
    void on_epoch(const EpochReport& report) override { epochs.push_back(report); }
    std::vector<EpochReport> epochs;
  } ears;
  const Config with = config({"train.epochs=4", "train.eval_every=2", "train.witness.on=true"});
  const RunDir dir = run_dir("with"), without = run_dir("without");
  Trainer trainer(with, {&ears});
  Loader loader(trainer.data().test, trainer.data(), {}, {.batch_size = 8});
  const MetricSums start = evaluate(trainer.model(), loader)->sums;
  trainer.run(dir);
  EXPECT_EQ(evaluate(trainer.model(), loader)->sums, trainer.progress().test) << "the model has its weights back";
  EXPECT_THAT(ears.epochs[0].hook_tests, testing::IsEmpty()) << "no test was due";
  ASSERT_EQ(ears.epochs[3].hook_tests.size(), 1U);
  EXPECT_EQ(ears.epochs[3].hook_tests[0].hook, "witness");
  EXPECT_EQ(ears.epochs[3].hook_tests[0].sums, start);
  EXPECT_FALSE(ears.epochs[3].test == start);
  std::istringstream lines(test::file_text(dir.metrics()));
  std::string last;
  for (std::string line; std::getline(lines, line);) last = line;
  EXPECT_EQ(nlohmann::json::parse(last).at("witness_test_loss").get<double>(), start.loss());

  Trainer plain(config({"train.epochs=4", "train.eval_every=2"}), {});
  plain.run(without);
  EXPECT_EQ(plain.progress().test, trainer.progress().test);
}

TEST_F(Hooks, StateIsASectionOfTheCheckpoint) {
  const RunDir dir = run_dir("run");
  Trainer(config({"train.witness.on=true", "train.drift.size=0.001"}), {}).run(dir);
  const SafetensorsFile file = read_safetensors(dir.last());
  ASSERT_TRUE(file.find("drift.steps"));
  EXPECT_EQ(file.find("drift.steps")->item<int64_t>(), 3);
  EXPECT_TRUE(file.find("witness.fc.weight"));
  const Checkpoint checkpoint = read_checkpoint(dir.last());
  EXPECT_EQ(checkpoint.tensors.at("witness").size(), checkpoint.tensors.at(kModelSection).size());
  // Other programs take the model and say what they passed over.
  Trainer other(config(), {});
  const WeightsReport report = load_weights(other.model(), read_weights(dir.last()));
  EXPECT_THAT(report.notes, testing::Contains(HasSubstr("passed over 1 entry of drift (drift.*)")));
  EXPECT_THAT(report.notes, testing::Contains(HasSubstr("entries of kept weights (witness.*)")));
  // A run without the hook does not silently drop what it cannot use.
  EXPECT_THAT(error_of([&] { other.restore(checkpoint); }), HasSubstr("train.drift, which is off"));
}

// That a difference shows at all is what resume_test relies on.
TEST_F(Hooks, StateThatIsNotStoredChangesAResumedRun) {
  for (const bool forgetful : {false, true}) {
    const Config drifting =
        config({"train.drift.size=0.001", std::string("train.drift.forgetful=") + (forgetful ? "true" : "false")});
    const RunDir whole = run_dir(forgetful ? "w1" : "w0"), pieces = run_dir(forgetful ? "p1" : "p0");
    Trainer(drifting, {}).run(whole);
    test::run_step_by_step(drifting, pieces);
    EXPECT_EQ(test::file_bytes(pieces.last()) == test::file_bytes(whole.last()), !forgetful);
  }
}

TEST_F(Hooks, ANameIsTakenOnce) {
  const auto line = [](const std::string& name) {
    return hook_entry<DriftOptions>({.name = name, .summary = "", .state = "", .example = {}},
                                    [](const DriftOptions&, const HookSetup&) { return TrainingHookPtr(); });
  };
  EXPECT_THAT(error_of([&] { register_hook(line("")); }), HasSubstr("needs a name"));
  EXPECT_THAT(error_of([&] { register_hook(line("drift")); }), HasSubstr("there is a hook 'drift' already"));
  EXPECT_THAT(error_of([&] { register_hook({.name = "hollow", .summary = "", .state = "", .example = {}}); }),
              HasSubstr("hook_entry()"));
  for (const HookEntry& entry : hook_table()) EXPECT_THAT(entry.name, Not(testing::AnyOf("", "hollow")));
}

}  // namespace
}  // namespace ghost
