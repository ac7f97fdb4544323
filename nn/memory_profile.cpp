#include "nn/memory_profile.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/memory.h"
#include "nn/mode_scope.h"

namespace ghost {
namespace {

using Bytes = std::map<const Module*, int64_t>;

// The bytes that the modules took during one pass.
struct Pass {
  Bytes layers;
  int64_t peak = 0;  // above what was alive before
};

Tensor random_images(int64_t batch, const Shape& image) {
  Tensor x = Tensor::empty({batch, image[0], image[1], image[2]});
  RandomStream stream(0, "memory profile");
  float* pixels = x.mutable_data<float>();
  for (int64_t i = 0; i < x.numel(); i++) pixels[i] = static_cast<float>(stream.normal());
  return x;
}

// One step; what each module allocates and keeps is what is alive after its call, but was not before.
Pass train_step(Module& model, const Tensor& x) {
  const ModeScope training(model, true);
  const StepScope step(0, 0);
  Pass pass;
  std::vector<int64_t> begun;
  const int64_t base = memory_stats().bytes_requested;
  reset_peak_memory();
  Tensor y;
  {
    const ForwardObserver observer(
        [&](Module& module, const Tensor&, const Tensor&) {
          pass.layers[&module] += memory_stats().bytes_requested - begun.back();
          begun.pop_back();
        },
        [&](Module&, const Tensor&) { begun.push_back(memory_stats().bytes_requested); });
    y = model(x);
  }
  y.backward(Tensor::full(y.shape(), 1));
  pass.peak = memory_stats().peak_bytes_requested - base;
  return pass;
}

Pass infer(Module& model, const Tensor& x) {
  const ModeScope evaluation(model, false);
  const NoGrad no_grad;
  Pass pass;
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
        pass.layers[&module] = std::max(pass.layers[&module], most.back());
        pass.peak = std::max(pass.peak, most.back());
        most.pop_back();
      },
      [&](Module&, const Tensor&) {
        note_peak();
        most.push_back(0);
      });
  model(x);
  return pass;
}

PerBatch line(int64_t few, int64_t bytes_of_few, int64_t more, int64_t bytes_of_more) {
  const double slope = static_cast<double>(bytes_of_more - bytes_of_few) / static_cast<double>(more - few);
  return {.fixed = static_cast<double>(bytes_of_few) - slope * static_cast<double>(few), .per_image = slope};
}

}  // namespace

int64_t PerBatch::at(int64_t batch) const {
  return std::max<int64_t>(0, std::llround(fixed + per_image * static_cast<double>(batch)));
}

int64_t images_to_measure(const Shape& image) {
  constexpr int64_t kSmall = 64 * 64;
  return image[0] * image[1] <= kSmall ? 8 : 4;
}

MemoryProfile measure_memory(Module& model, const Shape& image) {
  std::vector<std::pair<Tensor, Tensor>> buffers;
  for (const Buffer& b : model.buffers()) buffers.emplace_back(b.tensor, b.tensor.clone());

  const int64_t more = images_to_measure(image), few = more / 2;
  const Tensor of_more = random_images(more, image), of_few = random_images(few, image);
  train_step(model, of_more);  // parameter gradients and the threads' scratch memory stay from here on
  const Pass step_more = train_step(model, of_more), step_few = train_step(model, of_few);
  infer(model, of_more);
  const Pass infer_more = infer(model, of_more), infer_few = infer(model, of_few);
  for (auto& [buffer, before] : buffers) buffer.copy_from(before);

  MemoryProfile profile;
  const auto layer_line = [&](const Module* module, const Pass& a, const Pass& b) {
    const auto i = a.layers.find(module), j = b.layers.find(module);
    return i == a.layers.end() || j == b.layers.end() ? PerBatch{} : line(few, i->second, more, j->second);
  };
  for (const auto& [path, module] : model.modules())
    profile.layers.push_back(
        {.training = layer_line(module, step_few, step_more), .inference = layer_line(module, infer_few, infer_more)});
  profile.step = line(few, step_few.peak, more, step_more.peak);
  return profile;
}

}  // namespace ghost
