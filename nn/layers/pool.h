// Pooling as modules; x (N, H, W, C) → y (N, H', W', C). See core/ops/pool.h.
#pragma once
#include <optional>

#include "core/ops/pool.h"
#include "nn/layers/checks.h"
#include "nn/module.h"

namespace ghost {

class MaxPool2d final : public Module {
 public:
  struct Options {
    Size2 kernel = 2;
    std::optional<Size2> stride = std::nullopt;  // empty: the kernel's size
    Size2 padding = 0, dilation = 1;
    bool ceil_mode = false;
  };
  explicit MaxPool2d(const Options& options);
  const char* kind() const override { return "MaxPool2d"; }

 protected:
  Tensor forward(const Tensor& x) override { return max_pool2d(x, options_); }

 private:
  PoolOptions options_;
};

class AvgPool2d final : public Module {
 public:
  struct Options {
    Size2 kernel = 2;
    std::optional<Size2> stride = std::nullopt;  // empty: the kernel's size
    Size2 padding = 0;
    bool ceil_mode = false, count_include_pad = true;
  };
  explicit AvgPool2d(const Options& options);
  const char* kind() const override { return "AvgPool2d"; }

 protected:
  Tensor forward(const Tensor& x) override { return avg_pool2d(x, options_); }

 private:
  PoolOptions options_;
};

class AdaptiveAvgPool2d final : public Module {
 public:
  explicit AdaptiveAvgPool2d(Size2 output_size);
  const char* kind() const override { return "AdaptiveAvgPool2d"; }

 protected:
  Tensor forward(const Tensor& x) override { return adaptive_avg_pool2d(x, output_size_); }

 private:
  Size2 output_size_;
};

// → (N, 1, 1, C)
class GlobalAvgPool final : public Module {
 public:
  const char* kind() const override { return "GlobalAvgPool"; }

 protected:
  Tensor forward(const Tensor& x) override { return global_avg_pool(x); }
};

}  // namespace ghost
