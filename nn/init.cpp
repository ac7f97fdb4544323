#include "nn/init.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/rng.h"
#include "nn/layers/conv2d.h"

namespace ghost {
namespace {

template <class Draw>
void fill(Tensor& t, Draw draw) {
  with_floating(t.dtype(), "initialise", [&]<class T>() {
    T* values = t.mutable_data<T>();
    for (int64_t i = 0; i < t.numel(); i++) values[i] = static_cast<T>(draw());
  });
}

}  // namespace

Initialiser constant(double value) {
  return [value](Tensor& t, RandomStream&) { fill(t, [value] { return value; }); };
}

Initialiser uniform_fan_in(int64_t fan_in) {
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  return [bound](Tensor& t, RandomStream& stream) { fill(t, [&] { return stream.uniform(-bound, bound); }); };
}

Initialiser dirac(Initialiser rest) {
  return [rest = std::move(rest)](Tensor& t, RandomStream& stream) {
    rest(t, stream);
    const int64_t height = t.size(1), width = t.size(2), channels = t.size(3), filter = height * width * channels;
    with_floating(t.dtype(), "initialise", [&]<class T>() {
      T* const values = t.mutable_data<T>();
      const int64_t passing = std::min(t.size(0), channels);
      std::fill_n(values, passing * filter, T{0});
      for (int64_t i = 0; i < passing; i++) values[i * filter + (height / 2 * width + width / 2) * channels + i] = T{1};
    });
  };
}

void kaiming_normal_fan_out(Module& model, uint64_t seed) {
  for (const auto& [path, module] : model.modules()) {
    auto* conv = dynamic_cast<Conv2d*>(module);
    if (!conv) continue;
    Tensor weight = conv->weight();
    const int64_t fan_out = weight.size(0) * weight.size(1) * weight.size(2);  // (O, KH, KW, I/groups)
    const double deviation = std::sqrt(2 / static_cast<double>(fan_out));
    RandomStream stream(seed, join_path(conv->path(), "weight"));
    fill(weight, [&] { return deviation * stream.normal(); });
  }
}

}  // namespace ghost
