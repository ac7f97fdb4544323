#include "nn/layers/drop_path.h"

#include <algorithm>

#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/rng.h"

namespace ghost {

DropPath::DropPath(double p) : p_(p) {
  if (!(p >= 0 && p < 1)) fail_usage("DropPath: p={}, but must lie in [0, 1)", p);
}

Tensor DropPath::forward(const Tensor& x) {
  if (!training() || p_ == 0) return x;
  RandomStream stream = StepScope::stream(kind(), path());
  const int64_t images = x.size(0);
  std::vector<int64_t> sizes(static_cast<size_t>(x.rank()), 1);
  sizes.front() = images;
  sizes.back() = x.size(x.rank() - 1);  // repeated over the channels: such a gate has a fast kernel
  Tensor gate = Tensor::empty(Shape(sizes), compute_type(x.dtype()));
  with_floating(gate.dtype(), kind(), [&]<class T>() {
    T* to = gate.mutable_data<T>();
    for (int64_t i = 0; i < images; i++, to += sizes.back())
      std::fill_n(to, sizes.back(), stream.flip(p_) ? T(0) : static_cast<T>(1 / (1 - p_)));
  });
  return x * gate;
}

double drop_path_of(double last, int64_t block, int64_t blocks) {
  return last * static_cast<double>(block) / static_cast<double>(std::max<int64_t>(blocks - 1, 1));
}

Child<DropPath> drop_path_child(Module* block, double p) {
  return p == 0 ? Child<DropPath>() : Child<DropPath>(block, "drop_path", p);
}

}  // namespace ghost
