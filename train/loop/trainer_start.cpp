// What a run does before its first step: values to start from, a checkpoint to go on from, checks, and the length of a
// run that has a budget of time.
#include <algorithm>
#include <fmt/ranges.h>
#include <utility>

#include "core/shapes_only.h"
#include "nn/cost.h"
#include "nn/data_init.h"
#include "nn/freeze.h"
#include "nn/state_dict.h"
#include "train/loop/memory_estimate.h"
#include "train/loop/preflight.h"
#include "train/loop/trainer.h"
#include "train/network/preparation.h"
#include "train/network/weights_choice.h"
#include "train/run/resume.h"

namespace ghost {

void Trainer::restore(const Checkpoint& checkpoint) {
  if (checkpoint.classes != data_.train->class_names())
    fail("the checkpoint was trained on {} classes ({}, …), but the data has {} ({}, …)", checkpoint.classes.size(),
         checkpoint.classes.empty() ? "" : checkpoint.classes.front(), data_.train->class_names().size(),
         data_.train->class_names().front());
  // Decided when the run began, and not again, whatever pictures have come since.
  if (preprocessing_of(data_) != checkpoint.preprocessing) {
    prepare_as(data_, checkpoint.preprocessing);
    make_loaders();
  }
  take_over(checkpoint);
  resumed_ = true;
  for (const std::string& sentence : differences(checkpoint.made_with, made_here(config_.data)))
    reporter_.warn(sentence);
  if (const std::string change = change_of_schedule(checkpoint.config, config_, progress_, steps_per_epoch());
      !change.empty())
    reporter_.note(change);
  warn_of_changed_images(checkpoint);
}

void Trainer::take_over(const Checkpoint& checkpoint) {
  progress_ = checkpoint.progress;
  if (progress_.layout) make_step(progress_.layout->curve);
  load_state_dict(*model_, checkpoint.tensors.at(kModelSection));
  step_->load_state(checkpoint.tensors);
}

void Trainer::warn_of_changed_images(const Checkpoint& checkpoint) {
  const DataConfig& data = config_.data;
  if (!checkpoint.data) {
    if (data_.by_name || data.limit_train > 0 || data.limit_test > 0)
      reporter_.warn(
          "the checkpoint is of an older version, which chose images in another way: images that the run has trained "
          "on may be among those it is tested on now");
    return;
  }
  const std::vector<std::string> changed = changes(*checkpoint.data, fingerprint_);
  if (changed.empty()) return;
  const bool other_tests = data_.validation ? checkpoint.data->validation != fingerprint_.validation
                                            : checkpoint.data->test != fingerprint_.test;
  reporter_.warn(
      fmt::format("since the run was begun its images have changed: {}; it goes on with those that are there "
                  "now{}",
                  fmt::join(changed, ", "),
                  other_tests && progress_.best_epoch > 0
                      ? fmt::format(", and its best accuracy so far, {:.2f} % in epoch {}, is of other images",
                                    progress_.best_top1, progress_.best_epoch)
                      : ""));
}

void Trainer::load_starting_values() {
  if (resumed_ || std::exchange(has_starting_values_, true)) return;
  initialise_from_data(*model_, [this] { return first_images(); });
  if (const PretrainedConfig& from = config_.pretrained; !from.file.empty()) {
    WeightsFile file = read_weights(from.file);
    if (const WeightsChoice choice = choose_weights(file, "auto"); !choice.note.empty()) reporter_.note(choice.note);
    const OtherPreparation other = other_preparation(file, preprocessing_of(data_));
    if (!other.normalisation.empty()) reporter_.warn(other.normalisation);
    if (!other.size.empty()) reporter_.note(other.size);
    const WeightsReport report = load_weights(*model_, file,
                                              {.prefix = from.prefix,
                                               .strict = from.strict,
                                               .new_classifier = true,
                                               .classes = data_.train->class_names(),
                                               .how_to_be_lenient = "model.pretrained_strict: false"});
    const std::string frozen = frozen_at_random(*model_, report);
    for (const std::string& note : report.notes) reporter_.note(note);
    for (const std::string& warning : report.warnings) reporter_.warn(warning);
    if (!frozen.empty()) reporter_.warn(frozen);
  }
  step_->start();
}

// As many as 5000 of 32×32 pixels have, in random order.
Tensor Trainer::first_images() {
  constexpr int64_t kPixels = int64_t{5000} * 32 * 32;
  const int64_t fitting = std::max<int64_t>(1, kPixels / (data_.image_size * data_.image_size));
  Loader loader(data_.train, data_, {},
                {.batch_size = std::min(fitting, data_.train->size()),
                 .training = true,
                 .seed = config_.run.seed,
                 .workers = config_.data.workers,
                 .prefetch = 1,
                 .max_unreadable = config_.data.max_unreadable},
                {});
  loader.start(0);
  const std::optional<Batch> batch = loader.next();
  if (!batch) fail("{}: has no training image that can be read", config_.data.name);
  return batch->images;
}

void Trainer::check() {
  if (!data_.sizing_note.empty()) reporter_.note(data_.sizing_note);
  load_starting_values();
  const int64_t largest = check_sizes();
  const Shape image{largest, largest, data_.channels};
  const MemoryVerdict memory = check_memory(*model_, image, config_, memory_limit());
  if (!memory.refusal.empty()) fail_usage("{}", memory.refusal);
  if (!memory.warning.empty()) reporter_.warn(memory.warning);
  Loader loader(data_.train, data_, {},
                {.batch_size = std::min(micro_batch_size(config_.train), data_.train->size()),
                 .seed = config_.run.seed,
                 .workers = 1,
                 .prefetch = 1,
                 .max_unreadable = config_.data.max_unreadable},
                {});
  loader.start(0);
  const std::optional<Batch> batch = loader.next();
  if (!batch) fail("{}: has no training image that can be read", config_.data.name);
  for (const std::string& warning : preflight(*model_, *batch, config_.train, model_config_, data_))
    reporter_.warn(warning);
}

// Of data.image_size over the epochs; throws Error where the model cannot take one of them. The largest.
int64_t Trainer::check_sizes() {
  int64_t largest = data_.image_size;
  for (const auto& [epoch, size] : config_.data.image_sizes) {
    largest = std::max(largest, size);
    const ShapesOnly shapes;
    measure_cost(*model_, Tensor::zeros({1, size, size, data_.channels}));
  }
  return largest;
}

// Measures a few steps and a part of a test, and takes them back; false if stopped.
bool Trainer::lay_out(const RunDir& dir, const std::function<bool()>& stop) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  constexpr int64_t kWarmUp = 2, kSteps = 20, kTestBatches = 2;
  constexpr double kShare = 0.01;  // of the budget, at most, for steps
  const int64_t between_tests = config_.train.eval_every * steps_per_epoch();
  const double hours = config_.train.hours;
  const auto weights = static_cast<int64_t>(1 + weights_of_hooks(config_.train.hooks).size());
  time_.emplace(made_at_, progress_.layout ? progress_.layout->seconds : 0, between_tests, weights);
  if (progress_.layout) {
    time_->resume(*progress_.layout, hours, progress_.step);
    return true;
  }
  const Checkpoint begun = read_checkpoint(dir.last());
  model_->train();
  train_loader_->start(0);
  int64_t steps = 0;
  auto begin = Clock::now();
  for (int64_t i = 0; i < kWarmUp + kSteps && (i <= kWarmUp || since(begin) < kShare * hours * 3600); ++i) {
    if (stop()) break;
    if (i == kWarmUp) begin = Clock::now(), steps = 0;
    if (step() == 0) start_next_epoch();
    ++steps;
  }
  const double step_seconds = since(begin) / static_cast<double>(std::max<int64_t>(steps, 1));
  begin = Clock::now();
  int64_t batches = 0, all = 1;
  EvaluateOptions part;
  part.stop = [&] { return stop() || batches == kTestBatches; };
  part.on_batch = [&](int64_t done, int64_t of) { batches = done, all = of; };
  evaluate(*model_, *test_loader_, part);
  const double test_seconds = static_cast<double>(weights) * since(begin) * static_cast<double>(all) /
                              static_cast<double>(std::max<int64_t>(batches, 1));
  take_over(begun);
  if (stop()) return false;
  progress_.layout = time_->first_layout(hours, step_seconds, test_seconds);
  make_step(progress_.layout->curve);
  step_->load_state(begun.tensors);
  reporter_.note(fmt::format(
      "{:.3g} hours are enough for about {} steps, {:.3g} epochs, of {:.3g} s each", hours, progress_.layout->end,
      static_cast<double>(progress_.layout->end) / static_cast<double>(steps_per_epoch()), step_seconds));
  return true;
}

}  // namespace ghost
