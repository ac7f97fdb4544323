// How fast a configuration's data come: reading, decoding, augmenting and batching, with one loading thread and more,
// against what its training step takes when all cores compute.
//   data_bench --config configs/ghostnet_imagenet.yaml --set data.root=DIR --workers 1,2
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/workload.h"
#include "core/parallel.h"
#include "data/loader.h"
#include "train/cli/program.h"

namespace ghost::bench {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Options {
  Setup setup;
  std::vector<int64_t> workers{1, 2};
  double seconds = 2;
  bool no_step = false, json = false;
};

struct Loading {
  int64_t workers = 0, images = 0;
  double seconds = 0;
  double rate() const { return static_cast<double>(images) / seconds; }
};

// Epoch after epoch until the time is over; the first batch, which waits for all threads to start, is not counted.
Loading load(const Config& config, const DataSplits& data, int64_t batch, int64_t workers, double seconds) {
  const LoaderConfig options{.batch_size = std::min(batch, data.train->size()),
                             .training = true,
                             .seed = config.run.seed,
                             .workers = workers,
                             .prefetch = config.data.prefetch,
                             .max_unreadable = config.data.max_unreadable};
  Loader loader(data.train, data, config.data.augment, options, {});
  Loading loading{.workers = workers};
  loader.start(0);
  loader.next();
  const Clock::time_point start = Clock::now();
  for (int64_t epoch = 1; loading.seconds < seconds; epoch++) {
    while (loading.seconds < seconds) {
      const std::optional<Batch> batch_now = loader.next();
      loading.seconds = since(start);
      if (!batch_now) break;
      loading.images += batch_now->labels.size(0);
    }
    if (loading.seconds < seconds) loader.start(epoch);
  }
  if (loading.images == 0) fail("data_bench: no image was loaded in {} seconds; give --seconds more", seconds);
  return loading;
}

double step_rate(const Config& config, const DataInfo& info) {
  constexpr int kSteps = 5;
  Workload workload(config, info);
  std::vector<double> seconds;
  for (int i = 0; i <= kSteps; i++) {
    const Clock::time_point start = Clock::now();
    workload.train_step();
    if (i > 0) seconds.push_back(since(start));
  }
  return static_cast<double>(workload.batch()) / median(seconds);
}

void run(const Options& options) {
  const Config config = options.setup.load();
  const DataSplits data = open_data(data_config(config), config.run.seed);
  const int64_t batch = micro_batch_size(config.train);

  std::vector<Loading> loadings;
  for (const int64_t workers : options.workers) loadings.push_back(load(config, data, batch, workers, options.seconds));
  const double step = options.no_step ? 0 : step_rate(config, data_info(data));

  if (options.json) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const Loading& l : loadings)
      rows.push_back(
          {{"workers", l.workers}, {"images_per_second", l.rate()}, {"images", l.images}, {"seconds", l.seconds}});
    nlohmann::ordered_json out{{"data", config.data.name},
                               {"images", data.train->size()},
                               {"image_size", data.image_size},
                               {"batch", batch},
                               {"loading", std::move(rows)}};
    if (!options.no_step) {
      out["threads"] = threads();
      out["step_images_per_second"] = step;
    }
    fmt::print("{}\n", out.dump());
    return;
  }
  fmt::print("{}, {} training images, to {}×{}, batch {}\n", config.data.name, data.train->size(), data.image_size,
             data.image_size, batch);
  for (const Loading& l : loadings) {
    fmt::print("  {}: {:.0f} images/s",
               l.workers == 1 ? "1 loading thread" : fmt::format("{} loading threads", l.workers), l.rate());
    if (step > 0) fmt::print(", {:.1f} times what the training step takes", l.rate() / step);
    fmt::print("\n");
  }
  if (step > 0) fmt::print("  {}'s training step, {} threads: {:.0f} images/s\n", config.model.name, threads(), step);
}

}  // namespace
}  // namespace ghost::bench

int main(int argc, char** argv) {
  ghost::bench::Options options;
  CLI::App app("How fast a configuration's training images are read, decoded, augmented and batched", "data_bench");
  options.setup.add_options(app, "Configuration whose data are loaded");
  app.add_option("--workers", options.workers, "Numbers of loading threads to try, 0 for none (default: 1,2)")
      ->type_name("A,B")
      ->delimiter(',')
      ->check(CLI::Range(0, 256));
  app.add_option("--seconds", options.seconds, "How long to load with each (default: 2)")
      ->type_name("S")
      ->check(CLI::Range(0.1, 3600.0));
  app.add_flag("--no-step", options.no_step, "Do not measure the training step");
  app.add_flag("--json", options.json, "Print one JSON object");
  return ghost::cli::run_program(app, {}, argc, argv, [&](ghost::cli::Terminal&) -> int {
    ghost::bench::run(options);
    return ghost::cli::kDone;
  });
}
