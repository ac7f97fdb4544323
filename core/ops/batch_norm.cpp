#include "core/ops/batch_norm.h"

#include <cmath>

#include "core/kernels/chunked.h"
#include "core/op_case.h"
#include "core/op_recorder.h"

namespace ghost {
namespace {

void check_per_channel(const Tensor& t, const char* what, const Tensor& x) {
  if (t.defined() && (t.rank() != 1 || t.numel() != x.shape().channels()))
    fail("batch_norm: {} is {}, but input {} has {} channels", what, t.shape().str(), x.shape().str(),
         x.shape().channels());
}

void check(const Tensor& x, const Tensor& weight, const Tensor& bias, const RunningStatistics& running,
           const BatchNormOptions& options) {
  x.require_defined("batch_norm", "the input");
  if (!is_floating(x.dtype())) fail("batch_norm: works on f32, f64 and bf16 tensors, but got {}", name_of(x.dtype()));
  if (x.rank() < 2) fail("batch_norm: input is {}, but needs a batch and a channel dimension", x.shape().str());
  check_per_channel(weight, "weight", x), check_per_channel(bias, "bias", x);
  check_per_channel(running.mean, "running_mean", x), check_per_channel(running.var, "running_var", x);
  if (running.mean.defined() != running.var.defined()) fail("batch_norm: running_mean and running_var belong together");
  for (const Tensor* t : {&weight, &bias})
    if (t->defined() && t->dtype() != compute_type(x.dtype()))
      fail("batch_norm: input is {}, but a parameter is {}", name_of(x.dtype()), name_of(t->dtype()));
  if (options.momentum && !(*options.momentum >= 0 && *options.momentum <= 1))
    fail("batch_norm: momentum is {}, but must lie in [0, 1]", *options.momentum);
  if (!options.momentum && options.training && running.mean.defined() && !running.num_batches_tracked.defined())
    fail("batch_norm: a cumulative average (no momentum) needs num_batches_tracked");
}

// A tensor of one number per channel, or the same number for each.
class PerChannel {
 public:
  PerChannel(const Tensor& t, double otherwise) : otherwise_(otherwise) {
    if (!t.defined()) return;
    if (t.dtype() == DType::f32)
      f32_ = t.data<float>();
    else
      f64_ = t.data<double>();
  }
  double operator[](size_t i) const { return f32_ ? double{f32_[i]} : f64_ ? f64_[i] : otherwise_; }

 private:
  const float* f32_ = nullptr;
  const double* f64_ = nullptr;
  double otherwise_;
};

// running = (1 − m)·running + m·batch; without momentum m = 1/(batches seen)
void update_running(const RunningStatistics& running, const Statistics& batch, const BatchNormOptions& options) {
  Tensor mean = running.mean, var = running.var, tracked = running.num_batches_tracked;
  if (tracked.defined()) ++*tracked.mutable_data<int64_t>();
  if (!mean.defined()) return;
  const double m = options.momentum ? *options.momentum : 1.0 / static_cast<double>(tracked.item<int64_t>());
  with_floating(mean.dtype(), "batch_norm", [&]<class T>() {
    T *to_mean = mean.mutable_data<T>(), *to_var = var.mutable_data<T>();
    for (size_t c = 0; c < batch.mean.size(); c++) {
      to_mean[c] = static_cast<T>((1 - m) * double{to_mean[c]} + m * batch.mean[c]);
      to_var[c] = static_cast<T>((1 - m) * double{to_var[c]} + m * batch.m2[c] / (batch.count - 1));
    }
  });
}

class BatchNormNode final : public Node {
 public:
  BatchNormNode(const BodyPtr& z, PendingPtr pending, std::vector<double> inverse_std, double count)
      : pending_(std::move(pending)), inverse_std_(std::move(inverse_std)), count_(count) {
    save(z);
  }
  const char* name() const override { return "batch_norm"; }

  // With x̂ = (z − mean)/σ over M values: gz = γ/σ · (g − Σg/M − x̂ · Σ(g·x̂)/M), gγ = Σ g·x̂, gβ = Σ g.
  // In evaluation mean and σ are constants and gz = γ/σ · g.
  void backward(Gradient g) override {
    const BodyPtr& z = saved(0, "input");
    const bool ours = !g.transform || (g.transform->factor && g.transform->raw->raw.state == z->raw.state);
    if (!ours) g = materialise(std::move(g));
    auto mask = std::make_shared<Pending>(g.transform ? *g.transform->mask : *pending_);
    mask->mean = pending_->mean;  // the same on a folded path; where values were finished the mask knows none
    const double factor = g.transform ? *g.transform->factor : 1;  // of the gradient that the sums are of
    const bool training = count_ > 0, wants_parameters = sink_of(1) || sink_of(2);
    SumsPtr sums = g.sums();
    if (!sums && (training || wants_parameters)) {
      const auto masked = std::make_shared<Body>(Body{.raw = z->raw, .pending = mask});
      sums = write_gradient({g.g}, g.g, false, {.sums_of = {masked}}).sums[0];
    }
    give_parameter(1, [&](size_t c) { return factor * sums->g_centred[c] * inverse_std_[c]; });
    give_parameter(2, [&](size_t c) { return factor * sums->g[c]; });
    GradSink* to = sink_of(0);
    if (!to) return;
    auto t = std::make_shared<GradTransform>(GradTransform::mask_of(z, mask));
    t->factor = std::nullopt;
    for (int64_t c = 0; c < pending_->channels(); c++) {
      const double k = factor * pending_->scale[c];
      t->on_g.set(c, k);
      if (!training) continue;
      const auto i = static_cast<size_t>(c);
      const double on_raw = -k * sums->g_centred[i] * inverse_std_[i] * inverse_std_[i] / count_;
      t->on_raw.set(c, on_raw), t->offset.set(c, -k * sums->g[i] / count_ - on_raw * pending_->mean[c]);
    }
    to->give({std::move(g.g), t});
  }

 private:
  template <class F>
  void give_parameter(size_t i, F gradient) {
    GradSink* to = sink_of(i);
    if (!to) return;
    const auto slot = to->open({pending_->channels()}, compute_type(saved(0, "input")->raw.dtype));
    with_floating(slot.to.dtype, name(), [&]<class T>() {
      T* out = slot.to.data<T>();
      for (size_t c = 0; c < inverse_std_.size(); c++)
        out[c] = static_cast<T>(gradient(c)) + (slot.accumulate ? out[c] : T(0));
    });
    to->close();
  }

  PendingPtr pending_;  // its floor is −∞
  std::vector<double> inverse_std_;
  double count_;  // 0: evaluation
};

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const RunningStatistics& running,
                  const BatchNormOptions& options) {
  check(x, weight, bias, running, options);
  BodyPtr z = x.body();
  // A second affine map cannot go under bounds, and statistics are taken of one matrix.
  z = materialise(z);
  const int64_t channels = x.shape().channels();
  const bool use_batch = options.training || !running.mean.defined();
  StatisticsPtr batch;
  if (use_batch) {
    batch = z->statistics ? z->statistics : take_statistics(z->raw);
    if (options.training && batch->count < 2)
      fail("batch_norm: input {} has one value per channel, but training needs at least two (a larger batch or image)",
           x.shape().str());
    if (options.training) update_running(running, *batch, options);
  }
  Pending p = Pending::identity(x.dtype(), channels);
  p.normalised = use_batch;
  std::vector<double> inverse_std(static_cast<size_t>(channels));
  const PerChannel gamma(weight, 1), beta(bias, 0), running_mean(running.mean, 0), running_var(running.var, 1);
  for (int64_t c = 0; c < channels; c++) {
    const auto i = static_cast<size_t>(c);
    const double mean = use_batch ? batch->mean[i] : running_mean[i];
    const double var = use_batch ? batch->m2[i] / batch->count : running_var[i];
    inverse_std[i] = 1 / std::sqrt(var + options.eps);
    const double scale = gamma[i] * inverse_std[i];
    p.scale.set(c, scale), p.shift.set(c, beta[i] - mean * scale), p.mean.set(c, mean);
  }
  NodePtr node;
  if (wants_grad({&x, &weight, &bias}))
    node = std::make_shared<BatchNormNode>(z, std::make_shared<const Pending>(p), inverse_std,
                                           use_batch ? batch->count : 0);
  return recorded("batch_norm", {&x, &weight, &bias, &running.mean, &running.var},
                  make_result(attach(z, std::move(p)), node, {&x, &weight, &bias}), [&] {
                    return OpAttributes{{"eps", {options.eps}}, {"uses_batch", {use_batch ? 1.0 : 0.0}}};
                  });
}

std::vector<OpCase> batch_norm_cases() {
  auto apply = [](const std::vector<Tensor>& in, bool training, bool affine) {
    const int64_t c = in[0].shape().channels();
    const RunningStatistics running{Tensor::full({c}, 0.25, compute_type(in[0].dtype())),
                                    Tensor::full({c}, 1.5, compute_type(in[0].dtype())), Tensor::zeros({}, DType::i64)};
    return batch_norm(in[0], affine ? in[1] : Tensor(), affine ? in[2] : Tensor(), running, {.training = training});
  };
  std::vector<OpCase> cases;
  for (const Shape& x : {Shape{2, 3, 5, 4}, Shape{3, 1, 1, 5}, Shape{1, 4, 3, 17}, Shape{6, 7}}) {
    const int64_t c = x.channels();
    for (const bool training : {true, false}) {
      const std::string name = x.str() + (training ? "_train" : "_eval");
      cases.push_back(
          {.name = name, .inputs = {x, {c}, {c}}, .run = [=](const auto& in) { return apply(in, training, true); }});
      cases.push_back(
          {.name = name + "_plain", .inputs = {x}, .run = [=](const auto& in) { return apply(in, training, false); }});
    }
  }
  return cases;
}

}  // namespace ghost
