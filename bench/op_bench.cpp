// Time of single operators, forward and backward: at the sizes of the networks ("networks/…"), and every case that the
// tests use ("cases/…", small and odd).
//   op_bench --benchmark_filter=networks/conv2d
// FLOPs and bytes are those of bench/roofline.h; GHOST_ISA, GHOST_CONV2D force instruction set and kernel.
#include <algorithm>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdlib>
#include <fmt/core.h>
#include <optional>
#include <set>

#include "bench/limits.h"
#include "bench/op_rows.h"
#include "core/error.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/rows.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "support/op_units.h"

namespace ghost::bench {
namespace {

constexpr int kRepetitions = 5;
constexpr double kSecondsEach = 0.02;

Tensor random_input(const OpCase& op_case, size_t i) {
  RandomStream stream(0, "op_bench", {i});
  Tensor x = Tensor::empty(op_case.inputs[i]);
  float* p = x.mutable_data<float>();
  for (int64_t k = 0; k < x.numel(); k++) p[k] = static_cast<float>(stream.uniform(op_case.lo, op_case.hi));
  return x;
}

// What one call in one direction is made of, found by watching it.
struct Work {
  double flops = 0, bytes = 0;
  std::string kernels;  // of its convolutions
};

class Watch {
 public:
  Watch() {
    set_conv2d_observer([this](const Conv2dShape& s, const char*, const char* kernel) {
      macs += static_cast<double>(s.n * s.oh * s.ow * s.weights());
      kernels.insert(kernel);
    });
  }
  ~Watch() { set_conv2d_observer({}); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  double macs = 0;
  std::set<std::string> kernels;
};

// Both directions of one row share their inputs: values, and in training gradients.
class Runner {
 public:
  Runner(const OpRow& row, bool backward) : row_(row), backward_(backward) {
    for (size_t i = 0; i < row.at_size.inputs.size(); i++)
      inputs_.push_back(random_input(row.at_size, i).set_requires_grad(backward));
    seed_ = Tensor::full(forward().shape(), 1);
  }

  double seconds() {
    if (!backward_) {
      const auto start = Clock::now();
      benchmark::DoNotOptimize(forward().values().raw_data());
      return since(start);
    }
    const Tensor y = forward();
    y.values();
    const auto start = Clock::now();
    y.backward(seed_);
    const double taken = since(start);
    for (Tensor& x : inputs_) x.clear_grad();
    return taken;
  }

  Work work() {
    std::optional<Tensor> y;
    if (backward_) y = forward();
    const Watch watch;
    if (y)
      y->backward(seed_);
    else
      forward().values();
    for (Tensor& x : inputs_) x.clear_grad();

    const double passes = backward_ ? 2 : 1;
    auto numbers = static_cast<double>(seed_.numel());
    for (const Tensor& x : inputs_) numbers += passes * static_cast<double>(x.numel());
    Work work{.flops = passes * 2 * (watch.macs + row_.macs), .bytes = numbers * sizeof(float), .kernels = {}};
    for (const std::string& kernel : watch.kernels) work.kernels += (work.kernels.empty() ? "" : "+") + kernel;
    return work;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
  Tensor forward() {
    if (backward_) return row_.at_size.run(inputs_);
    const NoGrad no_grad;
    return row_.at_size.run(inputs_);
  }

  const OpRow& row_;
  bool backward_;
  std::vector<Tensor> inputs_;
  Tensor seed_;
};

void run_row(benchmark::State& state, const OpRow& row, bool backward) {
  Runner runner(row, backward);
  const Work work = runner.work();
  for ([[maybe_unused]] auto _ : state) state.SetIterationTime(runner.seconds());
  state.SetLabel(work.kernels);
  state.counters["flops"] = work.flops;
  state.counters["bytes"] = work.bytes;
}

// One line for each operator and direction: medians over the repetitions.
class Table final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override {
    limits_ = measure_limits();
    fmt::print("{}, {} thread{}: peak {:.0f} GFLOP/s, triad {:.1f} GB/s\n\n", isa_name(), threads(),
               threads() == 1 ? "" : "s", limits_.flops / 1e9, limits_.bytes / 1e9);
    fmt::print("{:<72} {:<16} {:>9} {:>8} {:>7} {:>9} {:>7} {:>8}\n", "operator", "kernel", "ms", "GFLOP/s", "GB/s",
               "roofline", "runs", "spread");
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<double> seconds;
    int64_t count = 0;
    const Run* last = nullptr;
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      if (run.error_occurred) {
        fmt::print("{:<72} {}\n", run.run_name.function_name, run.error_message);
        return;
      }
      seconds.push_back(run.real_accumulated_time / static_cast<double>(run.iterations));
      count += run.iterations;
      last = &run;
    }
    if (!last) return;
    const double flops = last->counters.at("flops"), bytes = last->counters.at("bytes"), taken = median(seconds);
    const auto [low, high] = std::minmax_element(seconds.begin(), seconds.end());
    fmt::print("{:<72} {:<16} {:>9.4f} {:>8} {:>7.1f} {:>7.0f} % {:>7} {:>6.0f} %\n", last->run_name.function_name,
               last->report_label.empty() ? "-" : last->report_label, 1e3 * taken,
               flops > 0 ? fmt::format("{:.1f}", flops / taken / 1e9) : "-", bytes / taken / 1e9,
               100 * std::max(flops / limits_.flops, bytes / limits_.bytes) / taken, count,
               100 * (*high - *low) / taken);
    std::fflush(stdout);
  }

 private:
  Limits limits_;
};

void add(const std::string& group, const OpRow& row) {
  for (const bool backward : {false, true}) {
    const std::string name =
        fmt::format("{}/{}/{}/{}", group, row.op, row.at_size.name, backward ? "backward" : "forward");
    benchmark::RegisterBenchmark(name.c_str(),
                                 [row, backward](benchmark::State& state) {
                                   try {
                                     run_row(state, row, backward);
                                   } catch (const Error& e) {
                                     state.SkipWithError(e.what());
                                   }
                                 })
        ->UseManualTime()
        ->MinTime(kSecondsEach)
        ->Repetitions(kRepetitions);
  }
}

}  // namespace
}  // namespace ghost::bench

int main(int argc, char** argv) {
  using namespace ghost::bench;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  try {
    for (const OpRow& row : network_rows()) add("networks", row);
    for (const ghost::test::OpUnit& unit : ghost::test::op_units())
      for (const ghost::OpCase& op_case : unit.cases()) add("cases", {.op = unit.name, .at_size = op_case});
    Table table;
    benchmark::RunSpecifiedBenchmarks(&table);
  } catch (const std::exception& e) {
    fmt::print(stderr, "op_bench: {}\n", e.what());
    return 1;
  }
  return 0;
}
