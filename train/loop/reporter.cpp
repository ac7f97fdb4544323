#include "train/loop/reporter.h"

#include <algorithm>
#include <filesystem>

#include "nn/cost.h"

namespace ghost {

void Reporter::tell(const std::function<void(Sink&)>& what) {
  if (metrics_) what(*metrics_);
  for (Sink* sink : sinks_) what(*sink);
}

void Reporter::note(const std::string& text) {
  tell([&](Sink& sink) { sink.on_note(text); });
}

void Reporter::warn(const std::string& text) {
  tell([&](Sink& sink) { sink.on_warning(text); });
}

void Reporter::start(const RunDir& dir, Module& model, const DataSplits& data, const Progress& progress, int64_t epochs,
                     int64_t steps_per_epoch, bool resumed) {
  held_out_ = data.held_out_name();
  if (resumed)
    seconds_before_ =
        trim_metrics(dir.metrics(), progress.step, progress.epoch, [this](const std::string& text) { warn(text); });
  metrics_ = std::make_unique<MetricsLog>(dir.metrics());
  const Tensor image = Tensor::zeros({1, data.image_size, data.image_size, data.channels});
  const LayerCost cost = measure_cost(model, image).model();
  RunStart start;
  start.config = config_;
  start.dir = dir.path();
  start.parameters = cost.parameters.all;
  start.frozen_parameters = cost.parameters.all - cost.parameters.trainable;
  start.macs = cost.macs;
  start.train_size = data.train->size();
  start.validation_size = data.validation ? data.validation->size() : 0;
  start.test_size = data.test->size();
  start.train_from = data.train_from;
  start.validation_from = data.validation_from;
  start.test_from = data.test_from;
  start.by_name = data.by_name;
  start.classes = std::ssize(data.class_names());
  start.preprocessing = preprocessing_of(data);
  start.epochs = epochs;
  start.steps_per_epoch = steps_per_epoch;
  start.epoch = progress.epoch;
  start.step = progress.step;
  start.seconds = seconds_before_;
  start.resumed = resumed;
  tell([&](Sink& sink) { sink.on_start(start); });
}

void Reporter::start_epoch() { epoch_clock_ = window_clock_ = {}; }

void Reporter::step(Progress& progress, const Loader& loader, int64_t images, int64_t steps_per_epoch, int64_t epochs) {
  epoch_clock_.images += images;
  window_clock_.images += images;
  const int64_t accumulate = config_.train.accumulate;
  StepReport report;
  report.epoch = progress.epoch + 1;
  report.epochs = epochs;
  report.step = progress.step;
  report.step_in_epoch = (progress.batch + accumulate - 1) / accumulate;
  report.steps_per_epoch = steps_per_epoch;
  report.window = progress.window;
  report.window_ends = report.step_in_epoch % config_.train.log_every == 0 || report.step_in_epoch == steps_per_epoch;
  report.epoch_so_far = progress.epoch_sums;
  report.lr = progress.lr;
  report.images_per_second = window_clock_.images_per_second();
  report.data_wait = loader.seconds_waited() / std::max(epoch_clock_.seconds(), 1e-9);
  report.seconds = seconds();
  tell([&](Sink& sink) { sink.on_step(report); });
  if (report.window_ends) {
    progress.window = {};
    window_clock_ = {};
  }
}

void Reporter::test_goes_on(int64_t batches_done, int64_t batches) {
  tell([&](Sink& sink) { sink.on_test(batches_done, batches); });
}

EpochReport Reporter::trained_epoch(const Progress& progress, const Loader& loader) const {
  EpochReport report;
  report.epoch = progress.epoch + 1;
  report.step = progress.step;
  report.train = progress.epoch_sums;
  report.held_out = held_out_;
  report.lr = progress.lr;
  report.images_per_second = epoch_clock_.images_per_second();
  report.train_seconds = epoch_clock_.seconds();
  report.data_wait = loader.seconds_waited() / std::max(report.train_seconds, 1e-9);
  return report;
}

void Reporter::record(EpochReport& report) {
  report.seconds = seconds();
  metrics_->on_epoch(report);
}

void Reporter::tell_of(const EpochReport& report) {
  for (Sink* sink : sinks_) sink->on_epoch(report);
}

void Reporter::sync() {
  if (metrics_) metrics_->sync();
}

RunEnd Reporter::end(const RunDir& dir, const Progress& progress, int64_t epochs, bool interrupted) {
  RunEnd report;
  report.interrupted = interrupted;
  report.epoch = progress.epoch;
  report.epochs = epochs;
  report.step = progress.step;
  report.tested = progress.test.count > 0;
  report.held_out = held_out_;
  report.weights = best_weights(config_.train);
  report.test = progress.test;
  report.best_top1 = progress.best_top1;
  report.best_epoch = progress.best_epoch;
  report.seconds = seconds();
  report.dir = dir.path();
  report.last = dir.last();
  if (progress.best_epoch > 0 && std::filesystem::exists(dir.best())) report.best = dir.best();
  tell([&](Sink& sink) { sink.on_end(report); });
  return report;
}

}  // namespace ghost
