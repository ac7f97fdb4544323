#include "bench/roofline.h"

#include <algorithm>
#include <numeric>

#include "nn/mode_scope.h"

namespace ghost::bench {
namespace {

constexpr int64_t kImages = 2;  // batch norm in training needs two values of a channel

LayerCost cost(Module& module, const Tensor& x, const Tensor& y, int64_t batch, bool training) {
  const auto of_batch = [&](int64_t numbers) { return static_cast<double>(numbers * batch / kImages); };
  const double input = of_batch(x.numel()), output = of_batch(y.numel());
  double weights = 0;
  bool weight_gradient = false;
  for (const Parameter& p : module.own_parameters()) {
    weights += static_cast<double>(p.tensor.numel());
    weight_gradient |= training && p.tensor.requires_grad();
  }
  const bool input_gradient = training && x.requires_grad();

  double passes = 1, numbers = input + weights + output;
  if (weight_gradient) passes++, numbers += input + weights;
  if (input_gradient) passes++, numbers += input + weights;
  if (weight_gradient || input_gradient) numbers += output;
  return {.name = module.path(),
          .kind = module.kind(),
          .flops = passes * 2 * of_batch(module.macs(x.shape(), y.shape())),
          .bytes = numbers * sizeof(float)};
}

}  // namespace

double LayerCost::seconds(const Limits& limits) const { return std::max(flops / limits.flops, bytes / limits.bytes); }

double StepCost::seconds(const Limits& limits) const {
  return std::accumulate(layers.begin(), layers.end(), 0.0,
                         [&](double sum, const LayerCost& layer) { return sum + layer.seconds(limits); });
}

StepCost step_cost(Module& model, const Shape& image, int64_t batch, bool training) {
  StepCost step;
  const ModeScope mode(model, training);
  const StepScope scope(0, 0);
  const ForwardObserver observer([&](Module& module, const Tensor& x, const Tensor& y) {
    const int64_t macs = module.macs(x.shape(), y.shape());
    if (macs == 0) return;
    step.layers.push_back(cost(module, x, y, batch, training));
    step.macs += macs / kImages;
  });
  const Tensor x = Tensor::zeros({kImages, image[0], image[1], image[2]});
  if (training) {
    model(x);
  } else {
    const NoGrad no_grad;
    model(x);
  }
  return step;
}

}  // namespace ghost::bench
