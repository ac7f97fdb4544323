#include "train/loop/trainer.h"

#include <cmath>
#include <utility>

#include "core/ops/cross_entropy.h"
#include "core/parallel.h"
#include "nn/finite.h"
#include "nn/freeze.h"
#include "nn/state_dict.h"
#include "train/loop/arithmetic.h"
#include "train/loop/preflight.h"
#include "train/network/pretrained.h"

namespace ghost {

Trainer::Trainer(const Config& config, std::vector<Sink*> sinks) : config_(config), sinks_(std::move(sinks)) {
  set_arithmetic(config.train);
  if (config.run.threads > 0) set_threads(static_cast<int>(config.run.threads));
  const int64_t micro_batch = micro_batch_size(config.train);
  data_ = open_data(data_config(config), config.run.seed);
  model_config_ = model_config(config, data_);
  model_ = build_model(model_config_, config.run.seed);
  freeze(*model_, config.train.freeze);
  optimizer_ = build_optimizer(config.optimizer, trainable_parameters(*model_));
  loss_.label_smoothing = config.train.label_smoothing;

  const auto warn = [this](const std::string& text) { tell([&](Sink& sink) { sink.on_warning(text); }); };
  LoaderConfig loading{.batch_size = micro_batch,
                       .training = true,
                       .seed = config.run.seed,
                       .workers = config.data.workers,
                       .prefetch = config.data.prefetch,
                       .max_unreadable = config.data.max_unreadable};
  train_loader_ = std::make_unique<Loader>(data_.train, data_, config.data.augment, loading, warn);
  loading.batch_size = config.train.eval_batch_size;
  loading.training = false;
  test_loader_ = std::make_unique<Loader>(data_.test, data_, config.data.augment, loading, warn);
  schedule_ = std::make_unique<Schedule>(
      make_schedule(config.schedule, config.optimizer.lr, config.train.epochs * steps_per_epoch(), steps_per_epoch()));
}

void Trainer::restore(const Checkpoint& checkpoint) {
  if (checkpoint.classes != data_.train->class_names())
    fail("the checkpoint was trained on {} classes ({}, …), but the data has {} ({}, …)", checkpoint.classes.size(),
         checkpoint.classes.empty() ? "" : checkpoint.classes.front(), data_.train->class_names().size(),
         data_.train->class_names().front());
  load_state_dict(*model_, checkpoint.model);
  optimizer_->load_state(checkpoint.optimizer);
  progress_ = checkpoint.progress;
  resumed_ = true;
}

void Trainer::load_pretrained() {
  const PretrainedConfig& from = config_.pretrained;
  if (from.file.empty() || resumed_ || std::exchange(pretrained_loaded_, true)) return;
  const WeightsReport report = load_weights(*model_, read_weights(from.file),
                                            {.prefix = from.prefix,
                                             .strict = from.strict,
                                             .new_classifier = true,
                                             .how_to_be_lenient = "model.pretrained_strict: false"});
  tell([&](Sink& sink) {
    for (const std::string& note : report.notes) sink.on_note(note);
    for (const std::string& warning : report.warnings) sink.on_warning(warning);
  });
}

void Trainer::check() {
  load_pretrained();
  Loader loader(data_.train, data_, {},
                {.batch_size = std::min(micro_batch_size(config_.train), data_.train->size()),
                 .seed = config_.run.seed,
                 .workers = 1,
                 .prefetch = 1,
                 .max_unreadable = config_.data.max_unreadable},
                [](const std::string&) {});
  loader.start(0);
  const std::optional<Batch> batch = loader.next();
  if (!batch) fail("{}: has no training image that can be read", config_.data.name);
  for (const std::string& warning : preflight(*model_, *batch, config_.train, model_config_, data_))
    tell([&](Sink& sink) { sink.on_warning(warning); });
}

RunEnd Trainer::run(const RunDir& dir, const std::function<bool()>& stop) {
  const auto stopped = [&] { return stop && stop(); };
  begin(dir);
  while (progress_.epoch < config_.train.epochs) {
    epoch_clock_ = window_clock_ = {};
    model_->train();
    train_loader_->start(progress_.epoch, progress_.batch);
    while (step()) {
      report_step();
      if (stopped()) return end(dir, true);
    }
    if (!finish_epoch(dir, stopped)) return end(dir, true);
  }
  return end(dir, false);
}

StepProfile Trainer::profile(int64_t warm_up, int64_t steps, const std::function<void(int64_t)>& before_step) {
  load_pretrained();
  model_->train();
  train_loader_->start(progress_.epoch, progress_.batch);
  for (int64_t i = 0; i < warm_up + steps; ++i) {
    if (before_step) before_step(i);
    if (i == warm_up) {
      epoch_clock_ = {};
      clock_ = std::make_unique<StepClock>();
    }
    mark("other");
    if (step()) continue;
    progress_.batch = 0;
    train_loader_->start(++progress_.epoch);
    if (!step()) fail("{}: has no training image that can be read", config_.data.name);
  }
  StepProfile profile{.steps = steps, .images = epoch_clock_.images, .times = clock_->times()};
  clock_.reset();
  return profile;
}

// One update from up to train.accumulate micro-batches; false at the end of the epoch. Every micro-batch's mean loss
// counts by its share of the samples, so that the gradient is that of the mean over all of them, short tail included.
bool Trainer::step() {
  std::optional<Batch> batch = train_loader_->next();
  mark("waiting for data");
  if (!batch) return false;
  optimizer_->clear_gradients();
  const auto [lr, momentum] = schedule_->at(progress_.step);
  progress_.lr = lr;
  const auto first = static_cast<double>(batch->images.size(0));
  double samples = 0;
  for (int64_t i = 0; batch; batch = ++i < config_.train.accumulate ? train_loader_->next() : std::nullopt) {
    if (i > 0) mark("waiting for data");
    const auto n = static_cast<double>(batch->images.size(0));
    forward_backward(*batch, i, n / first);
    mark("other");
    samples += n;
    progress_.batch = batch->number + 1;  // a batch in which nothing was readable has no turn
  }
  const double mean = first / samples, norm = mean * optimizer_->gradient_norm();
  if (!std::isfinite(norm))
    stop_not_finite(fmt::format("the gradient of {} became NaN or infinite", first_bad_gradient(*model_)));
  mark("gradient norm, checks");
  optimizer_->step(lr, momentum, mean * clip_factor(norm, config_.train.clip_grad_norm));
  mark("update");
  if (const std::string bad = first_bad_parameter(*model_); !bad.empty())
    stop_not_finite(fmt::format("the update made {} NaN or infinite", bad));
  mark("gradient norm, checks");
  ++progress_.step;
  return true;
}

void Trainer::forward_backward(const Batch& batch, int64_t micro_batch, double weight) {
  const StepScope scope(config_.run.seed, static_cast<uint64_t>(progress_.step), static_cast<uint64_t>(micro_batch));
  const Tensor logits = (*model_)(batch.images);
  const Tensor loss = cross_entropy(logits, batch.labels, loss_);
  MetricSums sums = count_hits(logits, batch.labels);
  sums.loss_sum = loss.item<double>() * static_cast<double>(sums.count);
  if (!std::isfinite(sums.loss_sum))
    stop_not_finite(
        fmt::format("the loss became {}; {}", name_of_bad(sums.loss_sum), blame_forward(*model_, batch.images)));
  mark("other");
  loss.backward(Tensor::scalar(weight));
  progress_.epoch_sums += sums;
  progress_.window += sums;
  epoch_clock_.images += sums.count;
  window_clock_.images += sums.count;
}

void Trainer::report_step() {
  const int64_t accumulate = config_.train.accumulate;
  StepReport report;
  report.epoch = progress_.epoch + 1;
  report.step = progress_.step;
  report.step_in_epoch = (progress_.batch + accumulate - 1) / accumulate;
  report.steps_per_epoch = steps_per_epoch();
  report.window = progress_.window;
  report.window_ends =
      report.step_in_epoch % config_.train.log_every == 0 || report.step_in_epoch == report.steps_per_epoch;
  report.epoch_so_far = progress_.epoch_sums;
  report.lr = progress_.lr;
  report.images_per_second = window_clock_.images_per_second();
  report.data_wait = train_loader_->seconds_waited() / std::max(epoch_clock_.seconds(), 1e-9);
  report.seconds = seconds();
  tell([&](Sink& sink) { sink.on_step(report); });
  if (report.window_ends) {
    progress_.window = {};
    window_clock_ = {};
  }
}

// Tests if due, and closes the epoch; false if stopped during the test, which a resumed run then does again.
bool Trainer::finish_epoch(const RunDir& dir, const std::function<bool()>& stop) {
  EpochReport report;
  report.epoch = progress_.epoch + 1;
  report.step = progress_.step;
  report.train = progress_.epoch_sums;
  report.lr = progress_.lr;
  report.images_per_second = epoch_clock_.images_per_second();
  report.train_seconds = epoch_clock_.seconds();
  report.data_wait = train_loader_->seconds_waited() / std::max(report.train_seconds, 1e-9);
  report.tested = report.epoch % config_.train.eval_every == 0 || report.epoch == config_.train.epochs;
  if (report.tested) {
    EvaluateOptions options;
    options.stop = stop;
    options.on_batch = [&](int64_t done, int64_t all) { tell([&](Sink& sink) { sink.on_test(done, all); }); };
    const std::optional<Evaluation> evaluation = test(options);
    if (!evaluation) return false;
    report.test = progress_.test = evaluation->sums;
    report.test_seconds = evaluation->seconds;
    report.best = progress_.best_epoch == 0 || report.test.top1_percent() > progress_.best_top1;
    if (report.best) {
      progress_.best_top1 = report.test.top1_percent();
      progress_.best_epoch = report.epoch;
    }
    report.best_top1 = progress_.best_top1;
  }
  report.seconds = seconds();
  progress_.epoch = report.epoch;
  progress_.batch = 0;
  progress_.epoch_sums = progress_.window = {};
  // Lines first, `last` last: whatever a crash leaves undone is done again from the older checkpoint.
  tell([&](Sink& sink) { sink.on_epoch(report); });
  if (report.best) save(dir.best());
  if (report.epoch % config_.train.checkpoint_every == 0 || report.epoch == config_.train.epochs) save(dir.last());
  return true;
}

std::optional<Evaluation> Trainer::test(const EvaluateOptions& options) {
  try {
    return evaluate(*model_, *test_loader_, options);
  } catch (const NotFiniteError& e) {
    stop_not_finite(e.what());
  }
}

void Trainer::begin(const RunDir& dir) {
  run_clock_ = {};
  load_pretrained();
  Config stored = config_;
  stored.run.dir.clear();
  dir.begin(config_to_yaml(stored));
  if (resumed_) {
    seconds_before_ = trim_metrics(dir.metrics(), progress_.step, progress_.epoch);
    last_good_ = dir.last().string();
  } else {
    // A full disk shows before the first epoch is spent, and a run that is killed can be resumed at any time.
    save(dir.last());
  }
  metrics_ = std::make_unique<MetricsLog>(dir.metrics());
  RunStart start;
  start.config = config_;
  start.dir = dir.path();
  const Tensor image = Tensor::zeros({1, data_.image_size, data_.image_size, data_.channels});
  const LayerCost cost = measure_cost(*model_, image).model();
  start.parameters = cost.parameters.all;
  start.frozen_parameters = cost.parameters.all - cost.parameters.trainable;
  start.macs = cost.macs;
  start.train_size = data_.train->size();
  start.test_size = data_.test->size();
  start.classes = std::ssize(data_.train->class_names());
  start.image_size = data_.image_size;
  start.channels = data_.channels;
  start.epochs = config_.train.epochs;
  start.steps_per_epoch = steps_per_epoch();
  start.epoch = progress_.epoch;
  start.step = progress_.step;
  start.seconds = seconds_before_;
  start.resumed = resumed_;
  tell([&](Sink& sink) { sink.on_start(start); });
}

RunEnd Trainer::end(const RunDir& dir, bool interrupted) {
  if (interrupted) save(dir.last());
  RunEnd report;
  report.interrupted = interrupted;
  report.epoch = progress_.epoch;
  report.epochs = config_.train.epochs;
  report.step = progress_.step;
  report.tested = progress_.test.count > 0;
  report.test = progress_.test;
  report.best_top1 = progress_.best_top1;
  report.best_epoch = progress_.best_epoch;
  report.seconds = seconds();
  report.dir = dir.path();
  report.last = dir.last();
  if (progress_.best_epoch > 0 && std::filesystem::exists(dir.best())) report.best = dir.best();
  tell([&](Sink& sink) { sink.on_end(report); });
  return report;
}

void Trainer::save(const std::filesystem::path& file) {
  Checkpoint checkpoint;
  checkpoint.model = state_dict(*model_);
  checkpoint.optimizer = optimizer_->state();
  checkpoint.config = config_;
  checkpoint.progress = progress_;
  checkpoint.classes = data_.train->class_names();
  checkpoint.preprocessing = preprocessing_of(data_);
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

void Trainer::tell(const std::function<void(Sink&)>& what) {
  if (metrics_) what(*metrics_);
  for (Sink* sink : sinks_) what(*sink);
}

int64_t Trainer::steps_per_epoch() const {
  const int64_t accumulate = config_.train.accumulate;
  return (train_loader_->batches() + accumulate - 1) / accumulate;
}

}  // namespace ghost
