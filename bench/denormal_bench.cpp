// What denormal numbers (below 1.2e-38 in f32) cost, and what flushing them to zero would save: the same work on normal
// numbers, on denormal ones, and on these with the processor told to take and give zero instead. One thread, in turns.
//   denormal_bench
#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <functional>

#include "core/kernels/rows.h"
#include "core/ops/arithmetic.h"
#include "core/ops/conv2d.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "train/cli/program.h"
#include "train/optim/optimizer.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ghost::bench {
namespace {

enum class Numbers { normal, denormal, flushed };
constexpr float kDenormal = 1e-40F;

void flush_denormals(bool on) {
#if defined(__x86_64__)
  _MM_SET_FLUSH_ZERO_MODE(on ? _MM_FLUSH_ZERO_ON : _MM_FLUSH_ZERO_OFF);
  _mm_setcsr(on ? _mm_getcsr() | 0x40U : _mm_getcsr() & ~0x40U);  // denormals are zeros
#endif
}

Tensor random(const Shape& shape, uint64_t number, float scale) {
  RandomStream stream(0, "denormal_bench", {number});
  Tensor t = Tensor::empty(shape);
  float* p = t.mutable_data<float>();
  for (int64_t i = 0; i < t.numel(); i++) p[i] = scale * static_cast<float>(stream.normal());
  return t;
}

// A convolution with its gradients. Activations and the gradient of the result are normal or denormal, weights normal.
std::function<void()> convolution(int64_t channels, int64_t kernel, int64_t groups, float scale) {
  const Tensor x = random({16, 32, 32, channels}, 1, scale).set_requires_grad(),
               weight = random({channels, kernel, kernel, channels / groups}, 2, 0.1F).set_requires_grad(),
               seed = random({16, 32, 32, channels}, 3, scale);
  return [=] {
    const Tensor y = conv2d(x, weight, {}, {.padding = {kernel / 2, kernel / 2}, .groups = groups});
    y.backward(seed);
    Tensor(x).clear_grad(), Tensor(weight).clear_grad();
  };
}

// An update with gradients of this size: what is remembered of them has it too.
std::function<void()> update(const char* name, float scale) {
  OptimizerConfig config;
  for (const OptimizerEntry& entry : optimizer_table())
    if (entry.name == name) config = entry.defaults;
  config.weight_decay = 0;
  const Tensor parameter = random({1 << 20}, 4, 1).set_requires_grad(), seed = random({1 << 20}, 5, scale);
  const std::shared_ptr<Optimizer> optimizer = build_optimizer(config, {{"p", parameter}});
  (parameter * Tensor::scalar(1)).backward(seed);
  return [=] { optimizer->step(0); };
}

struct Row {
  std::string name;
  std::function<std::function<void()>(float scale)> make;
};

double seconds(const std::function<void()>& work, Numbers numbers) {
  flush_denormals(numbers == Numbers::flushed);
  work();
  double least = 1e9;
  for (int turn = 0; turn < 7; turn++) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; i++) work();
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 3);
  }
  flush_denormals(false);
  return least;
}

int run() {
  set_threads(1);
  const std::vector<Row> rows{
      {"convolution 3×3, 64 channels", [](float s) { return convolution(64, 3, 1, s); }},
      {"convolution 1×1, 64 channels", [](float s) { return convolution(64, 1, 1, s); }},
      {"convolution 3×3, depthwise, 64", [](float s) { return convolution(64, 3, 64, s); }},
      {"sgd with momentum, 1 M weights", [](float s) { return update("sgd", s); }},
      {"adam, 1 M weights", [](float s) { return update("adam", s); }},
  };
  fmt::print("{:<32} {:>10} {:>12} {:>12}   ({})\n", "milliseconds", "normal", "denormal", "flushed", isa_name());
  for (const Row& row : rows) {
    const auto normal = row.make(1), denormal = row.make(kDenormal);
    fmt::print("{:<32} {:>10.3f} {:>12.3f} {:>12.3f}\n", row.name, 1e3 * seconds(normal, Numbers::normal),
               1e3 * seconds(denormal, Numbers::denormal), 1e3 * seconds(denormal, Numbers::flushed));
  }
  return 0;
}

}  // namespace
}  // namespace ghost::bench

int main() {
  return ghost::cli::run_program("denormal_bench", [](ghost::cli::Terminal&) { return ghost::bench::run(); });
}
