// Arrays with a number for each image and channel, (N, 1, 1, C): the gate of squeeze-excite, and the gradients of such
// a gate and of a mean over images. Within an image these numbers are scale and shift of a transform.
#pragma once
#include <algorithm>
#include <limits>
#include <vector>

#include "core/autograd.h"
#include "core/kernels/rows.h"

namespace ghost {

// An image is the unit of work; few images are cut into parts, by shape alone.
struct ImageParts {
  int64_t images, pixels, per_image;
  explicit ImageParts(const Shape& x);  // (N, H, W, C)
  int64_t count() const { return images * per_image; }
  int64_t image(int64_t part) const { return part / per_image; }
  int64_t begin(int64_t part) const { return image(part) * pixels + pixels * (part % per_image) / per_image; }
  int64_t end(int64_t part) const { return image(part) * pixels + pixels * (part % per_image + 1) / per_image; }
  // f(first, count) for runs of pixels of a part
  template <class F>
  void for_runs(int64_t part, int64_t run, F f) const {
    for (int64_t p = begin(part); p < end(part); p += run) f(p, std::min(run, end(part) - p));
  }
};

// v · factor + offset as a transform of channels [first, …). Undefined: 1 and 0.
template <class T>
class ImageTransform {
 public:
  ImageTransform(const Array& factor, const Array& offset, int64_t channels)
      : factor_(factor.defined() ? factor.view<T>() : View<T>{}),
        offset_(offset.defined() ? offset.view<T>() : View<T>{}),
        one_(static_cast<size_t>(channels), T(1)),
        zero_(one_.size(), T(0)),
        floor_(one_.size(), -std::numeric_limits<T>::infinity()) {}
  RowTransform<T> of(int64_t image, int64_t first) const {
    return {factor_.data ? factor_.row(image, 0) + first : one_.data(),
            offset_.data ? offset_.row(image, 0) + first : zero_.data(), floor_.data()};
  }

 private:
  const View<T> factor_, offset_;
  const std::vector<T> one_, zero_, floor_;
};

// slot.to = or += the gradient, with the slot's epilogue.
EpilogueResult write_image_gradient(const ImageGradient& gradient, const GradSink::Slot& slot);

}  // namespace ghost
