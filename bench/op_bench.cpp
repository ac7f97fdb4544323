// Forward and backward time of every operator case, the same cases that the tests use.
//   op_bench --benchmark_filter=conv2d
#include <benchmark/benchmark.h>

#include "core/op_case.h"
#include "core/ops.h"
#include "core/rng.h"

namespace ghost {
namespace {

struct OpUnit {
  const char* name;
  std::vector<OpCase> (*cases)();
};
const OpUnit kUnits[] = {
#include "op_list.inc"
};

Tensor random_input(const OpCase& op_case, size_t i) {
  RandomStream stream(0, "op_bench", {i});
  Tensor x = Tensor::empty(op_case.inputs[i]);
  float* p = x.mutable_data<float>();
  for (int64_t k = 0; k < x.numel(); k++) p[k] = static_cast<float>(stream.uniform(op_case.lo, op_case.hi));
  return x;
}

void run_case(benchmark::State& state, const OpCase& op_case, bool backward) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < op_case.inputs.size(); i++)
    inputs.push_back(random_input(op_case, i).set_requires_grad(backward));
  const Tensor seed = Tensor::full(op_case.run(inputs).shape(), 1);
  for ([[maybe_unused]] auto _ : state) {
    const Tensor y = op_case.run(inputs);
    benchmark::DoNotOptimize(y.values().raw_data());
    if (!backward) continue;
    y.backward(seed);
    for (Tensor& x : inputs) x.clear_grad();
  }
}

}  // namespace
}  // namespace ghost

int main(int argc, char** argv) {
  for (const ghost::OpUnit& unit : ghost::kUnits) {
    for (const ghost::OpCase& op_case : unit.cases()) {
      for (const bool backward : {false, true}) {
        const std::string name = std::string(unit.name) + "/" + op_case.name + (backward ? "/train" : "/forward");
        benchmark::RegisterBenchmark(name.c_str(), [op_case, backward](benchmark::State& state) {
          ghost::run_case(state, op_case, backward);
        })->UseRealTime();
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
