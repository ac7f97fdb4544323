#include "nn/infer.h"

#include <algorithm>

#include "core/ops/shape_ops.h"
#include "nn/mode_scope.h"

namespace ghost {
namespace {

constexpr int64_t kFewest = 8, kPixels = int64_t{1} << 16, kParametersPerPixel = 32;

// Images [first, first + count) of packed ones, without a copy.
Tensor images_of(const Array& all, int64_t first, int64_t count) {
  Array part = all;
  part.shape[0] = count;
  part.offset += first * (all.shape.numel() / all.shape[0]);
  return Tensor(std::move(part));
}

}  // namespace

int64_t images_at_once(const Module& model, const Shape& image) {
  int64_t parameters = 0;
  for (const Parameter& p : model.parameters()) parameters += p.tensor.numel();
  const int64_t pixels = std::max(kPixels, parameters / kParametersPerPixel);
  return std::max(kFewest, pixels / std::max<int64_t>(image[0] * image[1], 1));
}

Tensor infer(Module& model, const Tensor& images) {
  images.require_defined("infer", "the batch of images");
  const NoGrad no_grad;
  const ModeScope evaluation(model, false);
  if (images.rank() != 4 || images.size(0) <= kFewest) return model(images);
  const int64_t count = images.size(0), most = images_at_once(model, {images.size(1), images.size(2), images.size(3)});
  const int64_t parts = (count + most - 1) / most;
  if (parts == 1) return model(images);
  const Array all = packed(images.values());
  std::vector<Tensor> answers;
  for (int64_t i = 0; i < parts; i++) {
    const int64_t first = count * i / parts, size = count * (i + 1) / parts - first;
    Tensor answer = model(images_of(all, first, size));
    if (answer.rank() < 1 || answer.size(0) != size)
      fail("{}: makes {} of {} images; one answer for each, in the first dimension, was expected", model.kind(),
           answer.shape().str(), size);
    answers.push_back(std::move(answer));
  }
  return cat(answers, 0);
}

}  // namespace ghost
