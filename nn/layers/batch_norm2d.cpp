#include "nn/layers/batch_norm2d.h"

#include "nn/init.h"
#include "nn/layers/checks.h"

namespace ghost {

BatchNorm2d::BatchNorm2d(const Options& o) : options_(o) {
  require_at_least("BatchNorm2d", "channels", o.channels, 1);
  if (!(o.eps >= 0)) fail_usage("BatchNorm2d: eps={}, but must be at least 0", o.eps);
  if (o.momentum && !(*o.momentum >= 0 && *o.momentum <= 1))
    fail_usage("BatchNorm2d: momentum={}, but must lie in [0, 1]", *o.momentum);
  if (o.affine) {
    weight_ = register_parameter("weight", {o.channels}, constant(1));
    bias_ = register_parameter("bias", {o.channels}, constant(0));
  }
  if (o.track_running_stats) {
    running_.mean = register_buffer("running_mean", Tensor::zeros({o.channels}));
    running_.var = register_buffer("running_var", Tensor::full({o.channels}, 1));
    running_.num_batches_tracked = register_buffer("num_batches_tracked", Tensor::zeros({}, DType::i64));
  }
}

int64_t BatchNorm2d::steps_seen() const {
  return options_.track_running_stats ? running_.num_batches_tracked.item<int64_t>() : 0;
}

Tensor BatchNorm2d::forward(const Tensor& x) {
  const bool frozen =
      options_.affine && options_.track_running_stats && !weight_.requires_grad() && !bias_.requires_grad();
  return batch_norm(x, weight_, bias_, running_,
                    {.training = training() && !frozen, .momentum = options_.momentum, .eps = options_.eps});
}

}  // namespace ghost
