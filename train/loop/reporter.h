// What a run tells its sinks, and the clocks for it.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/loader.h"
#include "nn/module.h"
#include "train/run/checkpoint.h"
#include "train/run/metrics_log.h"
#include "train/run/run_dir.h"
#include "train/run/sinks.h"

namespace ghost {

class Reporter {
 public:
  // `sinks` outlive the reporter and are called in this order.
  Reporter(const Config& config, std::vector<Sink*> sinks) : config_(config), sinks_(std::move(sinks)) {}

  void note(const std::string& text);
  void warn(const std::string& text);

  // The run's time counts from here.
  void start_clock() { run_clock_ = {}; }
  // The run begins, or goes on from `progress`: opens metrics.jsonl, which is written before the sinks are called, and
  // drops the lines that a resumed run does again.
  void start(const RunDir& dir, Module& model, const DataSplits& data, const Progress& progress, int64_t epochs,
             int64_t steps_per_epoch, bool resumed);
  // An epoch's training begins now.
  void start_epoch();
  // A step is done, of `images` images. Starts a new window, in `progress` too, where train.log_every says so.
  void step(Progress& progress, const Loader& loader, int64_t images, int64_t steps_per_epoch, int64_t epochs);
  void test_goes_on(int64_t batches_done, int64_t batches);
  // All that is known of an epoch before it is tested, and the report, once its test has been added.
  EpochReport trained_epoch(const Progress& progress, const Loader& loader) const;
  // The line of an epoch in metrics.jsonl; sets report.seconds.
  void record(EpochReport& report);
  // Tells the sinks of it.
  void tell_of(const EpochReport& report);
  // What metrics.jsonl holds so far is on the disk afterwards.
  void sync();
  RunEnd end(const RunDir& dir, const Progress& progress, int64_t epochs, bool interrupted);

 private:
  using Clock = std::chrono::steady_clock;
  // Images since a moment; what came before a resume has its own clock.
  struct Stopwatch {
    Clock::time_point since = Clock::now();
    int64_t images = 0;
    double seconds() const { return std::chrono::duration<double>(Clock::now() - since).count(); }
    double images_per_second() const { return seconds() > 0 ? static_cast<double>(images) / seconds() : 0; }
  };
  void tell(const std::function<void(Sink&)>& what);
  double seconds() const { return seconds_before_ + run_clock_.seconds(); }

  Config config_;
  std::vector<Sink*> sinks_;
  std::unique_ptr<MetricsLog> metrics_;  // from start() on
  std::string held_out_ = "test";        // from start() on
  double seconds_before_ = 0;
  Stopwatch run_clock_, epoch_clock_, window_clock_;
};

}  // namespace ghost
