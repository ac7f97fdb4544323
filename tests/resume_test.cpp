// A run that is stopped and resumed after every step ends with the bytes of one that never was: with every optimizer,
// every schedule and every option that a step's results depend on. State that the trainer keeps, but does not put into
// a section of the checkpoint, shows here. What is tried comes from the tables and from the descriptions of the
// options, so that a new line or option is tried without a change in this file.
#include "train/run/resume.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <unistd.h>

#include "core/error.h"
#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/drop_path.h"
#include "nn/layers/linear.h"
#include "nn/layers/plain.h"
#include "nn/layers/pool.h"
#include "nn/sequential.h"
#include "support/resumed_run.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"
#include "train/config/describe.h"
#include "train/config/values.h"
#include "train/hooks/hook_table.h"

namespace ghost {
namespace {

using Sets = std::vector<std::string>;

struct Case {
  std::string name;
  Sets overrides;
};
void PrintTo(const Case& one, std::ostream* to) { *to << one.name; }  // NOLINT: as GoogleTest calls it

// Running statistics and dropout in as few numbers as they need.
ModulePtr build_tiny(const ModelConfig& config) {
  auto network = std::make_shared<Sequential>();
  network->emplace<Conv2d>(Conv2d::Options{.in = config.in_channels, .out = 4, .kernel = 3, .padding = 1});
  network->emplace<BatchNorm2d>(BatchNorm2d::Options{.channels = 4});
  network->emplace<DropPath>(config.drop_path);
  network->emplace<GlobalAvgPool>();
  network->emplace<Flatten>();
  network->emplace<Dropout>(config.dropout);
  network->emplace<Linear>(Linear::Options{.in = 4, .out = config.num_classes});
  return network;
}

// Three steps an epoch, the last one shorter; a window of steps ends within the epoch.
const std::string& base() {
  static const std::string text = [] {
    register_model({.name = "tiny", .summary = "", .options = {"dropout", "drop_path"}, .build = build_tiny});
    return std::string(
        "model: {name: tiny, dropout: 0}\n"
        "data: {name: idx, mean: [0.4], std: [0.25]}\n"
        "train: {epochs: 2, batch_size: 4, eval_batch_size: 4, log_every: 2}\n"
        "run: {seed: 3, threads: 1}\n");
  }();
  return text;
}
constexpr test::TinyImages kImages{.train = 10, .test = 4};

std::optional<Config> load(const Sets& overrides) {
  try {
    return load_config_text(base(), "base.yaml", overrides).config;
  } catch (const UsageError&) {
    return {};
  }
}

// Options whose other values cannot be guessed from their descriptions.
const std::map<std::string, std::string>& certain_values() {
  static const std::map<std::string, std::string> values{
      {"train.freeze", "[\"1\"]"},  // the batch norm, which then keeps its statistics too
      {"schedule.milestones", "[1]"},
      {"optimizer.groups", R"([{match: "*.bias", lr_scale: 3, weight_decay: 0.1}])"},
  };
  return values;
}

// Values that the option does not have, the likeliest to be allowed first.
Sets other_values(const Field& field) {
  if (const auto found = certain_values().find(field.path); found != certain_values().end()) return {found->second};
  if (!field.rule.choices.empty()) {
    Sets choices = field.rule.choices;
    std::erase(choices, value_to_yaml(field));
    return choices;
  }
  if (const auto* const value = std::get_if<bool*>(&field.value)) return {**value ? "false" : "true"};
  if (const auto* const value = std::get_if<int64_t*>(&field.value))
    return {fmt::format("{}", 2 * **value), fmt::format("{}", **value + 1)};
  if (const auto* const value = std::get_if<double*>(&field.value))
    return **value != 0 ? Sets{fmt::format("{}", **value / 2), fmt::format("{}", **value * 1.05)}
                        : Sets{"0.5", "0.01", "2"};
  if (const auto* const value = std::get_if<std::array<double, 2>*>(&field.value))
    return {fmt::format("[{}, {}]", (**value)[0] / 2, (**value)[1] / 2)};
  return {};
}

bool is_of(const std::string& path, const std::string& section) {
  return path == section || path.starts_with(section + ".");
}

// Options that a step's results depend on, and that the chosen optimizer and schedule read.
std::vector<Field> options_of_steps(Config& config, const std::string& section) {
  const Description description = describe(config);
  const std::vector<std::string>& resumable = resumable_options();
  std::vector<Field> fields;
  for (const Field& field : description.fields()) {
    const Section* elsewhere = nullptr;
    if (!is_of(field.path, section) || field.path == section + ".name" ||
        std::count(resumable.begin(), resumable.end(), field.path) ||
        !description.owners_elsewhere(field.path, elsewhere).empty())
      continue;
    fields.push_back(field);
  }
  return fields;
}

// Each option of the section with another value, the rest as it is.
void add_options(const std::string& section, const Sets& chosen, std::vector<Case>& cases) {
  Config config = load(chosen).value();
  for (const Field& field : options_of_steps(config, section)) {
    std::optional<Sets> found;
    for (const std::string& value : other_values(field)) {
      Sets overrides = chosen;
      overrides.push_back(field.path + "=" + value);
      if (!found && load(overrides)) found = overrides;
    }
    std::string name = (chosen.empty() ? "" : chosen.front() + " ") + field.path;
    // An option without a case fails as one: certain_values() needs a line for it.
    cases.push_back({std::move(name), found.value_or(Sets{field.path + "=?"})});
  }
}

std::vector<Case> cases() {
  std::vector<Case> all;
  Sets everything{"model.dropout=0.5",
                  "model.drop_path=0.3",
                  "train.accumulate=2",
                  "train.label_smoothing=0.1",
                  "train.freeze=[\"1\"]",
                  "train.clip_grad_norm=0.5",
                  "data.augment.flip=true",
                  "schedule.warmup=0.5",
                  "data.augment.brightness=0.4",
                  "data.augment.crop_padding=1",
                  "data.image_size=[[0, 6], [1, 8]]"};
  for (const HookEntry& hook : hook_table()) {
    Sets on;
    for (const std::string& option : hook.example) on.push_back("train." + hook.name + "." + option);
    everything.insert(everything.end(), on.begin(), on.end());
    all.push_back({"hook " + hook.name, std::move(on)});
  }
  for (const OptimizerEntry& optimizer : optimizer_table()) {
    add_options("optimizer", {"optimizer.name=" + optimizer.name}, all);
    for (const ScheduleEntry& schedule : schedule_table()) {
      Sets overrides{"optimizer.name=" + optimizer.name, "schedule.name=" + schedule.name};
      all.push_back({optimizer.name + " " + schedule.name + " everything", overrides});
      all.back().overrides.insert(all.back().overrides.end(), everything.begin(), everything.end());
    }
  }
  for (const ScheduleEntry& schedule : schedule_table())
    add_options("schedule", {"schedule.name=" + schedule.name}, all);
  for (const char* section : {"train", "data.augment", "model.dropout", "model.drop_path"})
    add_options(section, {}, all);
  all.push_back({"patience", {"train.patience=2", "train.epochs=9", "optimizer.lr=1e-9"}});
  all.push_back({"plateau that falls", {"schedule.name=plateau", "schedule.patience=0", "train.epochs=6"}});
  return all;
}

// The lines without what the clock says.
std::vector<std::string> results_in(const RunDir& dir) {
  std::vector<std::string> lines;
  std::istringstream text(test::file_text(dir.metrics()));
  for (std::string line; std::getline(text, line);) {
    nlohmann::json json = nlohmann::json::parse(line);
    for (const char* time :
         {"seconds", "images_per_second", "data_wait", "train_seconds", "test_seconds", "peak_memory", "peak_resident"})
      json.erase(time);
    lines.push_back(json.dump());
  }
  return lines;
}

class Resume : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    // The runs write some thousand checkpoints. To wait until a disk has each of them would take nearly all the time.
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 0);
    data_ = std::make_unique<test::TempDir>();
    test::write_tiny_idx(data_->path(), kImages);
  }
  static void TearDownTestSuite() { data_.reset(); }
  static inline std::unique_ptr<test::TempDir> data_;
};

TEST_P(Resume, AfterEveryStepEndsWithTheSameBytes) {
  Sets overrides = GetParam().overrides;
  overrides.push_back("data.root=" + data_->str());
  const Config config = load_config_text(base(), "base.yaml", overrides).config;
  const test::TempDir dir;
  const RunDir whole = RunDir::create((dir / "whole").string(), ""),
               pieces = RunDir::create((dir / "pieces").string(), "");
  Trainer(config, {}).run(whole);
  test::run_step_by_step(config, pieces);
  EXPECT_TRUE(test::file_bytes(pieces.last()) == test::file_bytes(whole.last()));
  EXPECT_TRUE(test::file_bytes(pieces.best()) == test::file_bytes(whole.best()));
  EXPECT_EQ(results_in(pieces), results_in(whole));
}

INSTANTIATE_TEST_SUITE_P(Options, Resume, testing::ValuesIn(cases()), [](const auto& one) {
  std::string name = one.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
});

}  // namespace
}  // namespace ghost
