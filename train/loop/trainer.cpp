#include "train/loop/trainer.h"

#include <algorithm>
#include <utility>

#include "core/parallel.h"
#include "nn/finite.h"
#include "nn/freeze.h"
#include "nn/state_dict.h"
#include "train/loop/arithmetic.h"
#include "train/loop/preflight.h"
#include "train/network/running_statistics.h"
#include "train/run/patience.h"

namespace ghost {

Trainer::Trainer(const Config& config, std::vector<Sink*> sinks)
    : config_(config), reporter_(config, std::move(sinks)) {
  set_arithmetic(config.train);
  if (config.run.threads > 0) set_threads(static_cast<int>(config.run.threads));
  check_options(config.train, "train");
  data_ = open_data(data_config(config), config.run.seed);
  fingerprint_ = fingerprint_of(data_);
  for (const std::string& note : data_.notes) reporter_.note(note);
  for (const std::string& warning : data_.warnings) reporter_.warn(warning);
  model_config_ = model_config(config, data_);
  model_ = build_model(model_config_, config.run.seed);
  freeze(*model_, config.train.freeze);

  make_loaders();
  make_step(config.train.epochs * steps_per_epoch());
}

void Trainer::make_step(int64_t run_steps) {
  step_ = std::make_unique<TrainingStep>(config_, *model_, steps_per_epoch(), run_steps);
}

void Trainer::make_loaders() {
  const auto warn = [this](const std::string& text) { reporter_.warn(text); };
  LoaderConfig loading{.batch_size = micro_batch_size(config_.train),
                       .training = true,
                       .seed = config_.run.seed,
                       .workers = config_.data.workers,
                       .prefetch = config_.data.prefetch,
                       .max_unreadable = config_.data.max_unreadable,
                       .image_sizes = config_.data.image_sizes};
  train_loader_ = std::make_unique<Loader>(data_.train, data_, config_.data.augment, loading, warn);
  loading.batch_size = config_.train.eval_batch_size;
  loading.training = false;
  test_loader_ = std::make_unique<Loader>(data_.held_out(), data_, config_.data.augment, loading, warn);
}

RunEnd Trainer::run(const RunDir& dir, const std::function<bool()>& stop) {
  const auto stopped = [&] { return stop && stop(); };
  begin(dir);
  if (config_.train.hours > 0 && !lay_out(dir, stopped)) return end(dir, true);
  while (!has_ended(config_.train, progress_)) {
    reporter_.start_epoch();
    model_->train();
    train_loader_->start(progress_.epoch, progress_.batch);
    while (!is_over()) {
      const int64_t images = step();
      if (images == 0) break;
      if (time_) time_->step_done(*progress_.layout, progress_.step);
      reporter_.step(progress_, *train_loader_, images, steps_per_epoch(), epochs());
      if (stopped()) return end(dir, true);
      if (save_is_due()) save_last(dir);
    }
    if (!finish_epoch(dir, stopped)) return end(dir, true);
  }
  return end(dir, false);
}

StepProfile Trainer::profile(int64_t warm_up, int64_t steps, const std::function<void(int64_t)>& before_step) {
  load_starting_values();
  model_->train();
  train_loader_->start(progress_.epoch, progress_.batch);
  StepProfile profile;
  profile.steps = steps;
  std::unique_ptr<StepClock> clock;
  for (int64_t i = 0; i < warm_up + steps; ++i) {
    if (before_step) before_step(i);
    if (i == warm_up) {
      clock = std::make_unique<StepClock>();
      step_->measure(clock.get());
    }
    step_->mark("other");
    int64_t images = step();
    if (images == 0) {
      start_next_epoch();
      images = step();
      if (images == 0) fail("{}: has no training image that can be read", config_.data.name);
    }
    if (clock) profile.images += images;
  }
  if (clock) profile.times = clock->times();
  step_->measure(nullptr);
  return profile;
}

bool Trainer::sweep(const std::function<std::optional<double>()>& rate,
                    const std::function<void(const MetricSums&)>& took) {
  load_starting_values();
  model_->train();
  train_loader_->start(progress_.epoch, progress_.batch);
  while (const std::optional<double> lr = rate()) {
    step_->fix_lr(*lr);
    progress_.window = {};
    try {
      if (!step_->run(*train_loader_, progress_)) {
        start_next_epoch();
        if (!step_->run(*train_loader_, progress_))
          fail("{}: has no training image that can be read", config_.data.name);
      }
    } catch (const NotFiniteError&) {
      return false;
    }
    took(progress_.window);
  }
  step_->fix_lr({});
  return true;
}

// Where nothing is tested or written in between.
void Trainer::start_next_epoch() {
  progress_.batch = 0;
  progress_.epoch_sums = {};
  train_loader_->start(++progress_.epoch);
}

// The last step of the run is done, if it is one whose length is known in steps.
bool Trainer::is_over() const { return progress_.layout && progress_.step >= progress_.layout->end; }

// Of the whole run, as far as is known.
int64_t Trainer::epochs() const {
  if (!progress_.layout) return config_.train.epochs;
  return std::max(progress_.epoch + 1, (progress_.layout->end + steps_per_epoch() - 1) / steps_per_epoch());
}

// Images of the step; 0 at the end of the epoch.
int64_t Trainer::step() {
  const int64_t before = progress_.epoch_sums.count;
  try {
    if (!step_->run(*train_loader_, progress_)) return 0;
  } catch (const NotFiniteError& e) {
    stop_not_finite(e.what());
  }
  return progress_.epoch_sums.count - before;
}

// Tests if due, and closes the epoch; false if stopped during the test, which a resumed run then does again.
bool Trainer::finish_epoch(const RunDir& dir, const std::function<bool()>& stop) {
  EpochReport report = reporter_.trained_epoch(progress_, *train_loader_);
  const bool last = config_.train.hours > 0 ? is_over() : report.epoch == config_.train.epochs;
  report.tested = report.epoch % config_.train.eval_every == 0 || last;
  if (report.tested && !test(report, last, stop)) return false;
  if (report.tested) step_->tested(progress_);
  if (report.tested && time_) time_->test_done(*progress_.layout, progress_.step, report.test_seconds);
  progress_.epoch = report.epoch;
  progress_.batch = 0;
  progress_.epoch_sums = progress_.window = {};
  report.out_of_patience = out_of_patience(config_.train, progress_);
  // Lines first, `last` last: whatever a crash leaves undone is done again from the older checkpoint. Sinks, such as
  // the page of the run, may take their time.
  reporter_.record(report);
  if (report.best) save(dir.best());
  if (report.epoch % config_.train.checkpoint_every == 0 || has_ended(config_.train, progress_) ||
      report.out_of_patience) {
    keep_epoch(dir);
    save_last(dir);
  }
  reporter_.tell_of(report);
  return true;
}

// Tests the model's weights, then those that hooks keep; false if stopped.
bool Trainer::test(EpochReport& report, bool last, const std::function<bool()>& stop) {
  const std::optional<Evaluation> evaluation = evaluate_weights(stop, "raw");
  if (!evaluation) return false;
  report.test = evaluation->sums;
  report.test_seconds = evaluation->seconds;
  for (const NamedHook& named : step_->hooks()) {
    if (!named.hook->swap_weights(*model_)) continue;
    const std::optional<Evaluation> of_hook = evaluate_weights(stop, named.name);
    named.hook->swap_weights(*model_);
    if (!of_hook) return false;
    report.hook_tests.push_back({named.name, of_hook->sums});
    report.test_seconds += of_hook->seconds;
  }
  if (last) warn_of_young_statistics();
  const MetricSums& followed = report.test_of(best_weights(config_.train));
  progress_.test = followed;
  report.best = progress_.best_epoch == 0 || followed.top1_percent() > progress_.best_top1;
  if (report.best) {
    progress_.best_top1 = followed.top1_percent();
    progress_.best_epoch = report.epoch;
  }
  report.best_top1 = progress_.best_top1;
  return true;
}

// Of the last test: statistics grow up in the epochs that follow. The values that a fine-tuned network starts from are
// no initial ones.
void Trainer::warn_of_young_statistics() {
  if (!config_.pretrained.file.empty()) return;
  if (const std::string warning = young_statistics(*model_); !warning.empty()) reporter_.warn(warning);
}

std::optional<Evaluation> Trainer::evaluate_weights(const std::function<bool()>& stop, const std::string& weights) {
  EvaluateOptions options;
  options.stop = stop;
  options.on_batch = [&](int64_t done, int64_t all) { reporter_.test_goes_on(done, all); };
  try {
    return evaluate(*model_, *test_loader_, options);
  } catch (const NotFiniteError& e) {
    stop_not_finite(weights == "raw" ? e.what() : fmt::format("with its {} weights {}", weights, e.what()));
  }
}

void Trainer::begin(const RunDir& dir) {
  reporter_.start_clock();
  load_starting_values();
  Config stored = config_;
  stored.run.dir.clear();
  dir.begin(config_to_yaml(stored));
  saved_at_ = std::chrono::steady_clock::now();
  // A full disk shows before the first epoch is spent, and a run that is killed can be resumed at any time.
  if (resumed_)
    last_good_ = dir.last().string();
  else
    save_last(dir);
  reporter_.start(dir, *model_, data_, progress_, epochs(), steps_per_epoch(), resumed_);
}

RunEnd Trainer::end(const RunDir& dir, bool interrupted) {
  if (interrupted)
    save_last(dir);
  else if (!is_as_long_as_wanted(config_.train, progress_) && out_of_patience(config_.train, progress_))
    reporter_.note("The run ends " + patience_sentence(config_.train, progress_));
  return reporter_.end(dir, progress_, epochs(), interrupted);
}

// The clock says when, and nothing about what is saved.
bool Trainer::save_is_due() const {
  const std::chrono::duration<double, std::ratio<60>> minutes = std::chrono::steady_clock::now() - saved_at_;
  return config_.train.checkpoint_minutes > 0 && minutes.count() >= config_.train.checkpoint_minutes;
}

// Before `last`: an epoch that is done again after a crash leaves the same files.
void Trainer::keep_epoch(const RunDir& dir) {
  if (config_.train.keep == 0) return;
  save(dir.of_epoch(progress_.epoch));
  dir.remove_epochs(config_.train.keep, progress_.epoch);
}

// `last` never knows of steps whose lines a crash of the machine could take.
void Trainer::save_last(const RunDir& dir) {
  reporter_.sync();
  if (time_) progress_.layout->seconds = time_->seconds();
  save(dir.last());
  saved_at_ = std::chrono::steady_clock::now();
}

void Trainer::save(const std::filesystem::path& file) {
  Checkpoint checkpoint;
  checkpoint.tensors = step_->state();
  checkpoint.tensors[kModelSection] = state_dict(*model_);
  checkpoint.config = config_;
  checkpoint.progress = progress_;
  checkpoint.classes = data_.train->class_names();
  checkpoint.preprocessing = preprocessing_of(data_);
  checkpoint.data = fingerprint_;
  write_checkpoint(file, checkpoint);
  last_good_ = fmt::format("{} (epoch {}, step {})", file.string(), progress_.epoch, progress_.step);
}

void Trainer::stop_not_finite(const std::string& what) const {
  const std::string kept = last_good_.empty() ? "" : fmt::format(" The last good checkpoint is {}.", last_good_);
  fail(
      "training stopped at epoch {}, step {} (lr {:.6g}): {}.{} A lower optimizer.lr, a longer schedule.warmup or "
      "train.clip_grad_norm may help",
      progress_.epoch + 1, progress_.step + 1, progress_.lr, what, kept);
}

int64_t Trainer::steps_per_epoch() const {
  const int64_t accumulate = config_.train.accumulate;
  return (train_loader_->batches() + accumulate - 1) / accumulate;
}

}  // namespace ghost
