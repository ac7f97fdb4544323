// Test-time augmentation: an image counts by the weighted mean of the logits of several views of it.
#pragma once
#include <string>
#include <vector>

#include "core/tensor.h"
#include "nn/module.h"

namespace ghost {

// A view has at (y, x) the pixel (y + down, x + right) of the image, which is its own mirror image beyond its border,
// and is then mirrored from left to right if `mirrored`.
struct TestView {
  bool mirrored = false;
  int64_t down = 0, right = 0;
  double weight = 1;
};

// The names of --tta: none | flip | flip+shift.
const std::vector<std::string>& tta_names();
// none: the image alone. flip: with its mirror image, half each. flip+shift: half of that, and a quarter each for both
// moved by one pixel up and left, and down and right (Jordan, arXiv 2404.00498). Weights add up to 1. Throws UsageError
// for another name.
std::vector<TestView> tta_views(const std::string& name);

// images (N, H, W, C), H and W at least 2 where a view is moved. Throws Error otherwise.
Tensor view_of(const Tensor& images, const TestView& view);

// The mean logits (N, K) of the views, without gradients. `model` is in evaluation mode.
Tensor infer_views(Module& model, const Tensor& images, const std::vector<TestView>& views);

}  // namespace ghost
