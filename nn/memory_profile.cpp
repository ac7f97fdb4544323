#include "nn/memory_profile.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/kernels/packed_weights.h"
#include "core/memory.h"
#include "core/rng.h"
#include "nn/mode_scope.h"

namespace ghost {
namespace {

using Bytes = std::map<const Module*, int64_t>;

Tensor random_images(int64_t batch, const Shape& image) {
  Tensor x = Tensor::empty({batch, image[0], image[1], image[2]});
  RandomStream stream(0, "memory profile");
  float* pixels = x.mutable_data<float>();
  for (int64_t i = 0; i < x.numel(); i++) pixels[i] = static_cast<float>(stream.normal());
  return x;
}

// One training step. A module keeps what is alive after its call and was not before it.
Bytes train_step(Module& model, const Tensor& x) {
  const ModeScope training(model, true);
  const StepScope step(0, 0);
  for (Parameter& p : model.parameters()) p.tensor.clear_grad();
  Bytes kept;
  std::vector<int64_t> begun;
  Tensor y;
  {
    const ForwardObserver observer(
        [&](Module& module, const Tensor&, const Tensor&) {
          kept[&module] += memory_stats().bytes_requested - begun.back();
          begun.pop_back();
        },
        [&](Module&, const Tensor&) { begun.push_back(memory_stats().bytes_requested); });
    y = model(x);
  }
  y.backward(Tensor::full(y.shape(), 1));
  return kept;
}

// The most that is alive while each module runs.
Bytes infer(Module& model, const Tensor& x) {
  const ModeScope evaluation(model, false);
  const NoGrad no_grad;
  Bytes peaks;
  std::vector<int64_t> most;  // of the modules that are running, outermost first
  const int64_t base = memory_stats().bytes_requested;
  const auto note_peak = [&] {
    const int64_t peak = memory_stats().peak_bytes_requested - base;
    for (int64_t& m : most) m = std::max(m, peak);
    reset_peak_memory();
  };
  reset_peak_memory();
  const ForwardObserver observer(
      [&](Module& module, const Tensor&, const Tensor&) {
        note_peak();
        peaks[&module] = std::max(peaks[&module], most.back());
        most.pop_back();
      },
      [&](Module&, const Tensor&) {
        note_peak();
        most.push_back(0);
      });
  model(x);
  return peaks;
}

// The peak of a program that trains with the first number of images in a batch and then evaluates with the second.
struct Program {
  Tensor to_train, to_test;
  Bytes kept, peaks;
  int64_t steps = 0, evaluation = 0;
};
void run(Program& program, Module& model) {
  for (Parameter& p : model.parameters()) {
    p.tensor.clear_grad();
    drop_packed_weights(p.tensor.body()->raw);
  }
  const int64_t before = memory_stats().bytes_in_use;
  reset_peak_memory();
  program.kept = train_step(model, program.to_train);
  const MemoryStats trained = memory_stats();
  program.peaks = infer(model, program.to_test);
  program.steps = trained.peak_bytes_in_use - before;
  program.evaluation = trained.bytes_in_use + program.peaks[&model] - before;
}

PerBatch line(int64_t few, int64_t bytes_of_few, int64_t more, int64_t bytes_of_more) {
  if (few == more) return {.fixed = 0, .per_image = static_cast<double>(bytes_of_more) / static_cast<double>(more)};
  const double slope = static_cast<double>(bytes_of_more - bytes_of_few) / static_cast<double>(more - few);
  return {.fixed = static_cast<double>(bytes_of_few) - slope * static_cast<double>(few), .per_image = slope};
}

}  // namespace

int64_t PerBatch::at(int64_t batch) const {
  return std::max<int64_t>(0, std::llround(fixed + per_image * static_cast<double>(batch)));
}

MemoryProfile measure_memory(Module& model, const Shape& image, const MemoryProfileOptions& options) {
  std::vector<std::pair<Tensor, Tensor>> buffers;
  for (const Buffer& b : model.buffers()) buffers.emplace_back(b.tensor, b.tensor.clone());

  const auto program_of = [&](int64_t images) {
    const auto tests = std::llround(static_cast<double>(images) * options.evaluation_batch);
    return Program{.to_train = random_images(images, image),
                   .to_test = random_images(std::max<int64_t>(tests, 1), image),
                   .kept = {},
                   .peaks = {}};
  };
  Program more = program_of(std::max<int64_t>(options.images, 4));
  Program few = program_of(more.to_train.size(0) / 2);
  run(more, model);  // the threads' scratch memory stays from here on, and is not counted again
  run(more, model), run(few, model);
  for (auto& [buffer, before] : buffers) buffer.copy_from(before);

  const auto bytes = [](const Bytes& of, const Module* module) {
    const auto found = of.find(module);
    return found == of.end() ? 0 : found->second;
  };
  const auto line_of = [](const Tensor& less, int64_t its_bytes, const Tensor& bigger, int64_t bytes_of_bigger) {
    return line(less.size(0), its_bytes, bigger.size(0), bytes_of_bigger);
  };
  MemoryProfile profile;
  for (const auto& [path, module] : model.modules())
    profile.layers.push_back(
        {.training = line_of(few.to_train, bytes(few.kept, module), more.to_train, bytes(more.kept, module)),
         .inference = line_of(few.to_test, bytes(few.peaks, module), more.to_test, bytes(more.peaks, module))});
  profile.steps = line_of(few.to_train, few.steps, more.to_train, more.steps);
  profile.evaluation = line_of(few.to_train, few.evaluation, more.to_train, more.evaluation);
  return profile;
}

}  // namespace ghost
