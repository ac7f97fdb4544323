#include "nn/init.h"

#include <cmath>

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
