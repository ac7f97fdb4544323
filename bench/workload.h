#pragma once
#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/roofline.h"
#include "core/ops/cross_entropy.h"
#include "train/config/config.h"
#include "train/loop/preflight.h"
#include "train/optim/optimizer.h"

namespace ghost::bench {

// The configuration that a program measures, as its options give it.
struct Setup {
  std::string config;
  std::vector<std::string> overrides;
  std::optional<int64_t> threads;

  void add_options(CLI::App& app, const std::string& what);  // --config with this description, --set, --threads
  Config load() const;  // reads it; threads and arithmetic are as it says then. Throws UsageError as load_config() does
};

// The network of a configuration with a batch of noise in memory and its optimizer.
class Workload {
 public:
  // `data` says what the network is for. batch, image_size: 0 stands for what configuration and data say. Throws
  // UsageError as model_config() and micro_batch_size() do.
  Workload(const Config& config, const DataInfo& data, int64_t batch = 0, int64_t image_size = 0);

  void train_step();  // clear gradients, forward, cross-entropy, backward, update
  void infer();       // forward in evaluation mode without gradients
  StepCost cost(bool training) { return step_cost(*model_, image_, batch_, training); }

  int64_t batch() const { return batch_; }
  int64_t side() const { return image_[0]; }
  int64_t parameters() const;

 private:
  Config config_;
  int64_t batch_ = 0;
  uint64_t steps_ = 0;
  Shape image_;  // (H, W, C)
  ModulePtr model_;
  OptimizerPtr optimizer_;
  Tensor images_, labels_;
  CrossEntropyOptions loss_;
};

}  // namespace ghost::bench
