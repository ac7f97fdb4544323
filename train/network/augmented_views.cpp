#include "train/network/augmented_views.h"

#include <algorithm>
#include <cmath>

#include "core/nearest.h"
#include "core/ops/arithmetic.h"
#include "core/parallel.h"
#include "nn/infer.h"

namespace ghost {
namespace {

// Index i of n pixels that go on as their mirror image, without the border pixel twice.
int64_t reflected(int64_t i, int64_t n) { return i < 0 ? -i : i < n ? i : 2 * (n - 1) - i; }

struct Named {
  std::string name;
  std::vector<TestView> views;
};
const std::vector<Named>& table() {
  static const std::vector<Named> all{
      {"none", {{}}},
      {"flip", {{.weight = 0.5}, {.mirrored = true, .weight = 0.5}}},
      {"flip+shift",
       {{.weight = 0.25},
        {.mirrored = true, .weight = 0.25},
        {.down = -1, .right = -1, .weight = 0.125},
        {.mirrored = true, .down = -1, .right = -1, .weight = 0.125},
        {.down = 1, .right = 1, .weight = 0.125},
        {.mirrored = true, .down = 1, .right = 1, .weight = 0.125}}},
  };
  return all;
}

}  // namespace

const std::vector<std::string>& tta_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Named& one : table()) all.push_back(one.name);
    return all;
  }();
  return names;
}

std::vector<TestView> tta_views(const std::string& name) {
  for (const Named& one : table())
    if (one.name == name) return one.views;
  fail_usage("--tta {}: there is no such augmentation{}; known are {}", name, did_you_mean(name, tta_names()),
             any_of(tta_names()));
}

Tensor view_of(const Tensor& images, const TestView& view) {
  const int64_t height = images.size(1), width = images.size(2), channels = images.size(3);
  if (std::abs(view.down) >= height || std::abs(view.right) >= width)
    fail("test-time augmentation: images of {}×{} cannot be moved by {}×{} pixels", height, width, std::abs(view.down),
         std::abs(view.right));
  Tensor result = Tensor::empty(images.shape());
  const float* const from = images.data<float>();
  float* const to = result.mutable_data<float>();
  parallel_for(images.size(0) * height, [&](int64_t row) {
    const int64_t image = row / height, y = reflected(row % height + view.down, height);
    const float* const source = from + (image * height + y) * width * channels;
    for (int64_t x = 0; x < width; ++x) {
      const int64_t seen = reflected((view.mirrored ? width - 1 - x : x) + view.right, width);
      std::copy_n(source + seen * channels, channels, to + (row * width + x) * channels);
    }
  });
  return result;
}

Tensor infer_views(Module& model, const Tensor& images, const std::vector<TestView>& views) {
  if (views.size() == 1 && !views[0].mirrored && views[0].down == 0 && views[0].right == 0) return infer(model, images);
  const NoGrad no_grad;
  Tensor mean;
  for (const TestView& view : views) {
    const Tensor logits = infer(model, view_of(images, view)) * Tensor::scalar(view.weight);
    mean = mean.defined() ? mean + logits : logits;
  }
  return mean;
}

}  // namespace ghost
