#pragma once
#include <optional>

#include "core/ops/batch_norm.h"
#include "nn/module.h"

namespace ghost {

// x (…, channels) → y like x: batch statistics in training, running ones in evaluation and where weight and bias
// require no gradient (nn/freeze.h). See core/ops/batch_norm.h. Serves PyTorch's BatchNorm1d on (N, C) as well.
class BatchNorm2d final : public Module {
 public:
  struct Options {
    int64_t channels = 0;
    double eps = 1e-5;
    std::optional<double> momentum = 0.1;  // empty: cumulative average
    bool affine = true;                    // weight and bias
    bool track_running_stats = true;       // false: the batch's statistics in evaluation too
  };
  explicit BatchNorm2d(const Options& options);
  const char* kind() const override { return "BatchNorm2d"; }
  const Options& options() const { return options_; }
  int64_t steps_seen() const;  // that the running statistics were made of; 0 without them

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Options options_;
  Tensor weight_, bias_;
  RunningStatistics running_;
};

}  // namespace ghost
