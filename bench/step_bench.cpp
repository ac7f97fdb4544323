// Time of one step of a configuration's model on random images in memory: no loading, no files.
//   step_bench --config configs/ghostnet_cifar10.yaml --threads 2 --mode train
// A training step is: clear gradients, forward, cross-entropy, backward, SGD (momentum 0.9, weight decay 5e-4).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/kernels/rows.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "train/config/config.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

struct Options {
  std::string config, mode = "train";
  std::vector<std::string> sets;
  int threads = 0;
  int64_t batch = 0, image_size = 0, steps = 5, warmup = 2;
  double min_seconds = 1;
  bool json = false;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// At least `steps` of them, and up to five times as many until min_seconds are over.
std::vector<double> time_steps(const Options& options, const std::function<void()>& step) {
  for (int64_t i = 0; i < options.warmup; i++) step();
  std::vector<double> seconds;
  double total = 0;
  while (std::ssize(seconds) < options.steps ||
         (std::ssize(seconds) < 5 * options.steps && total < options.min_seconds)) {
    const auto start = std::chrono::steady_clock::now();
    step();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    total += seconds.back();
  }
  return seconds;
}

void run(const Options& options) {
  const Config config = load_config(options.config, options.sets).config;
  if (options.threads > 0) set_threads(options.threads);
  set_folding(config.train.fusion);
  const int64_t batch = options.batch > 0 ? options.batch : config.train.batch_size;
  const int64_t side = options.image_size > 0       ? options.image_size
                       : config.data.image_size > 0 ? config.data.image_size
                                                    : 32;
  const ModulePtr model = build_model(config.model, config.run.seed);
  const std::vector<Parameter> parameters = model->parameters();
  int64_t parameter_count = 0;
  for (const Parameter& p : parameters) parameter_count += p.tensor.numel();

  RandomStream stream(0, "step_bench");
  Tensor images = Tensor::empty({batch, side, side, config.model.in_channels});
  float* pixels = images.mutable_data<float>();
  for (int64_t i = 0; i < images.numel(); i++) pixels[i] = static_cast<float>(stream.normal());
  Tensor labels = Tensor::empty({batch}, DType::i64);
  int64_t* classes = labels.mutable_data<int64_t>();
  for (int64_t i = 0; i < batch; i++) classes[i] = stream.below(config.model.num_classes);

  std::vector<double> seconds;
  if (options.mode == "train") {
    const OptimizerPtr optimizer = build_optimizer({.name = "sgd", .momentum = 0.9, .weight_decay = 5e-4}, parameters);
    uint64_t count = 0;
    seconds = time_steps(options, [&] {
      const StepScope scope(config.run.seed, count++);
      optimizer->clear_gradients();
      cross_entropy((*model)(images), labels).backward();
      optimizer->step(0.01);
    });
  } else {
    model->eval();
    const NoGrad no_grad;
    seconds = time_steps(options, [&] { (*model)(images).values(); });
  }

  const double step = median(seconds), rate = static_cast<double>(batch) / step;
  const double low = *std::min_element(seconds.begin(), seconds.end());
  const double high = *std::max_element(seconds.begin(), seconds.end());
  const double peak_mib = static_cast<double>(peak_resident_bytes()) / (1 << 20);
  if (options.json) {
    const nlohmann::ordered_json row{
        {"model", config.model.name}, {"mode", options.mode},         {"threads", threads()},
        {"isa", isa_name()},          {"fusion", folding()},          {"batch", batch},
        {"image_size", side},         {"images_per_second", rate},    {"ms_per_step", 1e3 * step},
        {"min_ms", 1e3 * low},        {"max_ms", 1e3 * high},         {"steps", seconds.size()},
        {"peak_rss_mib", peak_mib},   {"parameters", parameter_count}};
    fmt::print("{}\n", row.dump());
  } else {
    fmt::print(
        "{} {} {}×{} batch {} threads {} {}: {:.1f} images/s, {:.1f} ms a step ({:.1f} to {:.1f}, {} steps), "
        "peak {:.0f} MiB\n",
        config.model.name, options.mode, side, side, batch, threads(), isa_name(), rate, 1e3 * step, 1e3 * low,
        1e3 * high, seconds.size(), peak_mib);
  }
}

}  // namespace
}  // namespace ghost

int main(int argc, char** argv) {
  ghost::Options options;
  CLI::App app("Time of a training or inference step on random images in memory");
  app.add_option("--config", options.config, "configuration whose model is measured")->required();
  app.add_option("--set", options.sets, "override a key, e.g. model.width=0.5");
  app.add_option("--mode", options.mode, "train or infer")->check(CLI::IsMember({"train", "infer"}));
  app.add_option("--threads", options.threads, "compute threads; 0: all cores");
  app.add_option("--batch", options.batch, "images a step; 0: train.batch_size");
  app.add_option("--image-size", options.image_size, "side in pixels; 0: data.image_size, or 32");
  app.add_option("--steps", options.steps, "timed steps; the median is reported")->check(CLI::PositiveNumber);
  app.add_option("--warmup", options.warmup, "steps before these")->check(CLI::NonNegativeNumber);
  app.add_option("--min-seconds", options.min_seconds, "more steps until this is over, five times as many at most");
  app.add_flag("--json", options.json, "one JSON object");
  CLI11_PARSE(app, argc, argv);
  try {
    ghost::run(options);
  } catch (const ghost::UsageError& e) {
    fmt::print(stderr, "step_bench: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "step_bench: {}\n", e.what());
    return 1;
  }
  return 0;
}
