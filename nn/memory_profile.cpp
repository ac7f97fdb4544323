#include "nn/memory_profile.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/memory.h"
#include "core/memory_cache.h"
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

// One step; what each module allocates and keeps is what is alive after its call, but was not before.
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

// What a program takes that trains with so many images and then evaluates.
struct Program {
  int64_t train_images = 0, test_images = 0;
  Bytes kept, peaks;
  int64_t reserved = 0;
};
Program run_program(Module& model, const Shape& image, int64_t train_images, double evaluation_batch) {
  Program program{
      .train_images = train_images,
      .test_images = std::max<int64_t>(1, std::llround(static_cast<double>(train_images) * evaluation_batch)),
      .kept = {},
      .peaks = {}};
  for (Parameter& p : model.parameters()) p.tensor.clear_grad();
  {
    const Tensor x = random_images(program.train_images, image);
    release_cached_memory();
    program.reserved = -memory_stats().bytes_reserved;
    train_step(model, x);
    program.kept = train_step(model, x);
  }
  program.peaks = infer(model, random_images(program.test_images, image));
  program.reserved += memory_stats().bytes_reserved;
  return program;
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

  const int64_t images = std::max<int64_t>(options.images, 4);
  train_step(model, random_images(images / 2, image));  // the threads' scratch memory stays from here on
  const Program few = run_program(model, image, images / 2, options.evaluation_batch);
  const Program more = run_program(model, image, images, options.evaluation_batch);
  for (auto& [buffer, before] : buffers) buffer.copy_from(before);

  const auto bytes = [](const Bytes& of, const Module* module) {
    const auto found = of.find(module);
    return found == of.end() ? 0 : found->second;
  };
  MemoryProfile profile;
  for (const auto& [path, module] : model.modules())
    profile.layers.push_back(
        {.training = line(few.train_images, bytes(few.kept, module), more.train_images, bytes(more.kept, module)),
         .inference = line(few.test_images, bytes(few.peaks, module), more.test_images, bytes(more.peaks, module))});
  profile.process = line(few.train_images, few.reserved, more.train_images, more.reserved);
  return profile;
}

}  // namespace ghost
