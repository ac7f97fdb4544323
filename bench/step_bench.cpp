// Time of one step of a configuration's model on random images in memory: no loading, no files.
//   step_bench --config bench/configs/ghostnet32.yaml --threads 2 --mode train
// A training step is: clear gradients, forward, cross-entropy, backward, update by the configuration's optimizer.
// Inference is one forward pass in evaluation mode without gradients.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "bench/heap_count.h"
#include "bench/workload.h"
#include "core/kernels/rows.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "train/cli/program.h"

namespace ghost::bench {
namespace {

struct Options {
  Setup setup;
  std::string mode = "train";
  int64_t batch = 0, image_size = 0, steps = 5, warmup = 2;
  double min_seconds = 1;
  bool json = false;
  bool training() const { return mode == "train"; }
};

int64_t page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

struct Timed {
  std::vector<double> seconds;  // of each step
  // Of a step, on average over these: blocks that the arena asked of the system, pages that the system gave the process
  // for whatever reason, calls of operator new.
  double system_allocations = 0, page_faults = 0, heap_allocations = 0;
};

// At least `steps` of them, and up to five times as many until min_seconds are over.
Timed time_steps(const Options& options, const std::function<void()>& step) {
  for (int64_t i = 0; i < options.warmup; i++) step();
  Timed timed;
  timed.seconds.reserve(static_cast<size_t>(5 * options.steps));
  const int64_t blocks = memory_stats().system_allocations, pages = page_faults(), calls = heap_allocations();
  double total = 0;
  while (std::ssize(timed.seconds) < options.steps ||
         (std::ssize(timed.seconds) < 5 * options.steps && total < options.min_seconds)) {
    const auto start = std::chrono::steady_clock::now();
    step();
    timed.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    total += timed.seconds.back();
  }
  const auto count = static_cast<double>(timed.seconds.size());
  timed.system_allocations = static_cast<double>(memory_stats().system_allocations - blocks) / count;
  timed.page_faults = static_cast<double>(page_faults() - pages) / count;
  timed.heap_allocations = static_cast<double>(heap_allocations() - calls) / count;
  return timed;
}

void run(const Options& options) {
  const Config config = options.setup.load();
  Workload workload(config, known_data_info(config), options.batch, options.image_size);
  const Timed timed = time_steps(options, [&] { options.training() ? workload.train_step() : workload.infer(); });
  const double peak_mib = static_cast<double>(peak_resident_bytes()) / (1 << 20);  // before limits need their own
  const StepCost cost = workload.cost(options.training());
  const Limits limits = measure_limits();

  const auto ms = [](double seconds) { return 1e3 * seconds; };
  const double step = median(timed.seconds), rate = static_cast<double>(workload.batch()) / step;
  const auto [low, high] = std::minmax_element(timed.seconds.begin(), timed.seconds.end());
  const double least = cost.seconds(limits);
  if (options.json) {
    const nlohmann::ordered_json row{{"config", std::filesystem::path(options.setup.config).stem().string()},
                                     {"model", config.model.name},
                                     {"mode", options.mode},
                                     {"threads", threads()},
                                     {"isa", isa_in_use()},
                                     {"fusion", folding()},
                                     {"batch", workload.batch()},
                                     {"image_size", workload.side()},
                                     {"parameters", workload.parameters()},
                                     {"macs", cost.macs},
                                     {"images_per_second", rate},
                                     {"ms_per_step", ms(step)},
                                     {"min_ms", ms(*low)},
                                     {"max_ms", ms(*high)},
                                     {"steps", timed.seconds.size()},
                                     {"roofline_ms", ms(least)},
                                     {"roofline_fraction", least / step},
                                     {"peak_gflops", limits.flops / 1e9},
                                     {"triad_gbs", limits.bytes / 1e9},
                                     {"peak_rss_mib", peak_mib},
                                     {"system_allocations_per_step", timed.system_allocations},
                                     {"page_faults_per_step", timed.page_faults},
                                     {"heap_allocations_per_step", timed.heap_allocations}};
    fmt::print("{}\n", row.dump());
    return;
  }
  fmt::print(
      "{} {}, {}×{}, batch {}, {} thread{}, {}: {:.1f} images/s, {:.1f} ms a step ({:.1f} to {:.1f}, {} steps)\n",
      std::filesystem::path(options.setup.config).stem().string(), options.mode, workload.side(), workload.side(),
      workload.batch(), threads(), threads() == 1 ? "" : "s", isa_in_use(), rate, ms(step), ms(*low), ms(*high),
      timed.seconds.size());
  fmt::print("  roofline {:.1f} ms, reached to {:.1f} % (peak {:.0f} GFLOP/s, triad {:.1f} GB/s)\n", ms(least),
             100 * least / step, limits.flops / 1e9, limits.bytes / 1e9);
  fmt::print(
      "  peak memory {:.0f} MiB; a step asked the system for {:.2f} blocks and {:.1f} pages, the heap {:.0f} times\n",
      peak_mib, timed.system_allocations, timed.page_faults, timed.heap_allocations);
}

}  // namespace
}  // namespace ghost::bench

int main(int argc, char** argv) {
  ghost::bench::Options options;
  CLI::App app("Time of a training or inference step on random images in memory", "step_bench");
  options.setup.add_options(app, "Configuration whose model is measured");
  app.add_option("--mode", options.mode, "train (default) or infer")->check(CLI::IsMember({"train", "infer"}));
  app.add_option("--batch", options.batch, "Images a step (default: train.batch_size / accumulate)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--image-size", options.image_size, "Side in pixels (default: the data's)")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  app.add_option("--steps", options.steps, "Timed steps, at least; the median is told (default: 5)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--warmup", options.warmup, "Steps before these (default: 2)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--min-seconds", options.min_seconds,
                 "More steps, up to five times as many, until this is over (default: 1)")
      ->type_name("S")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--json", options.json, "Print one JSON object");
  const ghost::cli::Help help{
      .notes =
          "The roofline is the least time that convolutions and linear layers need by what this machine gave in the "
          "same\n"
          "run: multiplications in registers, and main memory by a[i] = b[i] + s * c[i] (bench/roofline.h)."};
  return ghost::cli::run_program(app, help, argc, argv, [&](ghost::cli::Terminal&) -> int {
    ghost::bench::run(options);
    return ghost::cli::kDone;
  });
}
