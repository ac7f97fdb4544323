// What another activation costs the same network: the body of MobileNetV2 (Sandler et al., arXiv 1801.04381, table 2)
// with ReLU, ReLU6, hard-swish and so on in its blocks, forward and backward, all in turns.
//   activation_bench --threads 1
// A block is conv 1×1 → batch norm → activation → depthwise 3×3 → batch norm → activation → conv 1×1 → batch norm, with
// a residual sum where input and output are alike.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fmt/core.h>

#include "bench/limits.h"
#include "core/kernels/rows.h"
#include "core/memory.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/batch_norm.h"
#include "core/ops/conv2d.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "train/cli/program.h"

namespace ghost::bench {
namespace {

struct Options {
  int64_t batch = 32, side = 64, rounds = 7;
  std::optional<int64_t> threads;
};

using Function = Tensor (*)(const Tensor&);
struct Row {
  const char* name;
  Function activation;
  std::vector<double> seconds{};
  int64_t peak_bytes = 0;
};

// Convolution and batch norm.
struct Unit {
  Conv2dOptions options;
  Tensor weight, gamma, beta;
  Tensor operator()(const Tensor& x) const {
    return batch_norm(conv2d(x, weight, {}, options), gamma, beta, RunningStatistics{});
  }
};
struct Block {
  std::vector<Unit> units;  // an activation follows each but the last
  bool residual;
};

class Network {
 public:
  Network(int64_t batch, int64_t side) : stem_(unit(3, 32, 3, 2, 1)), image_(random({batch, side, side, 3}, 1)) {
    struct Stage {
      int64_t expansion, channels, blocks, stride;
    };
    constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                 {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    int64_t in = 32;
    for (const Stage& stage : kStages)
      for (int64_t i = 0; i < stage.blocks; i++) {
        const int64_t stride = i == 0 ? stage.stride : 1, wide = in * stage.expansion;
        Block block{.units = {}, .residual = stride == 1 && in == stage.channels};
        if (wide != in) block.units.push_back(unit(in, wide, 1, 1, 1));
        block.units.push_back(unit(wide, wide, 3, stride, wide));
        block.units.push_back(unit(wide, stage.channels, 1, 1, 1));
        blocks_.push_back(std::move(block));
        in = stage.channels;
      }
    head_ = unit(in, 1280, 1, 1, 1);
  }

  void step(Function activation) {
    const Tensor y = activation(head_(body(activation)));
    if (!seed_.defined()) seed_ = random(y.shape(), 1);
    y.backward(seed_);
    for (Tensor& p : parameters_) p.clear_grad();
  }

 private:
  Tensor body(Function activation) const {
    Tensor x = activation(stem_(image_));
    for (const Block& block : blocks_) {
      Tensor y = x;
      for (size_t i = 0; i < block.units.size(); i++) {
        y = block.units[i](y);
        if (i + 1 < block.units.size()) y = activation(y);
      }
      x = block.residual ? x + y : y;
    }
    return x;
  }
  Tensor random(const Shape& shape, double deviation) {
    RandomStream stream(0, "activation_bench", {drawn_++});
    Tensor t = Tensor::empty(shape);
    float* p = t.mutable_data<float>();
    for (int64_t i = 0; i < t.numel(); i++) p[i] = static_cast<float>(deviation * stream.normal());
    return t;
  }
  Unit unit(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t groups) {
    const double fan = static_cast<double>(kernel * kernel * in / groups);
    Unit u{.options = {.stride = {stride, stride}, .padding = {kernel / 2, kernel / 2}, .groups = groups},
           .weight = random({out, kernel, kernel, in / groups}, std::sqrt(2 / fan)),
           .gamma = Tensor::full({out}, 1),
           .beta = Tensor::zeros({out})};
    for (Tensor* t : {&u.weight, &u.gamma, &u.beta}) parameters_.push_back(t->set_requires_grad());
    return u;
  }

  uint64_t drawn_ = 0;
  std::vector<Tensor> parameters_;
  Unit stem_, head_;
  std::vector<Block> blocks_;
  Tensor image_, seed_;
};

void run(const Options& options) {
  if (options.threads.value_or(0) > 0) set_threads(static_cast<int>(*options.threads));
  Row rows[] = {{"relu", relu}, {"relu6", relu6}, {"hardswish", hardswish},
                {"silu", silu}, {"gelu", gelu},   {"sigmoid", sigmoid}};
  Network network(options.batch, options.side);
  for (Row& row : rows) {
    network.step(row.activation);
    reset_peak_memory();
    network.step(row.activation);
    row.peak_bytes = memory_stats().peak_bytes_in_use;
  }
  for (int64_t i = 0; i < options.rounds; i++)
    for (Row& row : rows) {
      const auto start = std::chrono::steady_clock::now();
      network.step(row.activation);
      row.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
  fmt::print("MobileNetV2's blocks, {}×{}, batch {}, forward and backward, {} thread{}, {}, {} rounds\n\n",
             options.side, options.side, options.batch, threads(), threads() == 1 ? "" : "s", isa_name(),
             options.rounds);
  fmt::print("{:<10} {:>9} {:>9} {:>8} {:>9} {:>8}\n", "activation", "least ms", "median", "of relu", "peak MiB",
             "of relu");
  const auto least = [](const Row& row) { return *std::min_element(row.seconds.begin(), row.seconds.end()); };
  for (const Row& row : rows)
    fmt::print("{:<10} {:>9.1f} {:>9.1f} {:>8.2f} {:>9.1f} {:>8.2f}\n", row.name, 1e3 * least(row),
               1e3 * median(row.seconds), least(row) / least(rows[0]), static_cast<double>(row.peak_bytes) / (1 << 20),
               static_cast<double>(row.peak_bytes) / static_cast<double>(rows[0].peak_bytes));
}

}  // namespace
}  // namespace ghost::bench

int main(int argc, char** argv) {
  ghost::bench::Options options;
  CLI::App app("Time and memory of one network with each activation", "activation_bench");
  app.add_option("--batch", options.batch, "Images a step (default: 32)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--image-size", options.side, "Side in pixels (default: 64)")
      ->type_name("N")
      ->check(CLI::Range(32, 4096));
  app.add_option("--rounds", options.rounds, "Timed steps of each (default: 7)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  ghost::cli::add_threads_option(app, options.threads);
  return ghost::cli::run_program(app, {}, argc, argv, [&](ghost::cli::Terminal&) -> int {
    ghost::bench::run(options);
    return ghost::cli::kDone;
  });
}
