#include <cmath>
#include <map>

#include "core/ops/cross_entropy.h"
#include "data/transforms.h"
#include "reference/compare.h"
#include "reference/kinds.h"
#include "reference/recipes.h"
#include "train/optim/optimizer.h"

namespace ghost::reference {
namespace {

// The stored pictures of each step, in/images_u8 (steps, N, C, H, W), as batches (N, H, W, C).
class Batches {
 public:
  explicit Batches(const Case& c)
      : pixels_(c.tensor("in/images_u8")),
        labels_(c.tensor("in/target")),
        normalizer_(c.info().at("normalisation").at("mean").get<std::vector<double>>(),
                    c.info().at("normalisation").at("std").get<std::vector<double>>()) {}

  int64_t steps() const { return pixels_.size(0); }

  Tensor images(int64_t step) const {
    const int64_t n = pixels_.size(1), c = pixels_.size(2), h = pixels_.size(3), w = pixels_.size(4);
    Tensor batch = Tensor::empty({n, h, w, c});
    auto* out = batch.mutable_data<float>();
    for (int64_t i = 0; i < n; i++, out += h * w * c) {
      const uint8_t* planes = pixels_.data<uint8_t>() + (step * n + i) * c * h * w;
      Image image{.height = h, .width = w, .channels = c, .pixels = {}};
      for (int64_t pixel = 0; pixel < h * w; pixel++)
        for (int64_t channel = 0; channel < c; channel++) image.pixels.push_back(planes[channel * h * w + pixel]);
      normalizer_(image, out);
    }
    return batch;
  }

  Tensor labels(int64_t step) const {
    const int64_t n = labels_.size(1);
    const int64_t* first = labels_.data<int64_t>() + step * n;
    return Tensor::from(std::vector<int64_t>(first, first + n), {n});
  }

 private:
  Tensor pixels_, labels_;
  Normalizer normalizer_;
};

// A run from a stored state; the training loop in its simplest form.
class Run {
 public:
  explicit Run(const Case& c, const std::string& state_dict_prefix = "state_dict/", DType dtype = DType::f32)
      : batches_(c), dtype_(dtype), model_(build_model(model_config(c.op(), c.args()), 0)) {
    const Args recipe{nlohmann::json(c.info().at("optimizer"))};
    config_ = optimizer_config(recipe.text("name"), recipe);
    config_.decay_norm_and_bias = recipe.boolean("all_parameters_decayed", true);
    for (const std::string& name : recipe.unread()) fail("the optimizer's argument {} is not known", name);
    if (c.info().contains("label_smoothing")) loss_.label_smoothing = c.info().at("label_smoothing").get<double>();
    load_state_dict(*model_, c.state_dict(*model_, state_dict_prefix));
    model_->to(dtype);
    model_->train();
    optimizer_ = build_optimizer(config_, model_->parameters());
  }

  Module& model() { return *model_; }
  const Tensor& logits() const { return logits_; }  // of the last forward pass
  void load_momentum(const Case& c, const std::string& prefix) {
    std::vector<NamedTensor> state;
    for (const std::string& name : c.below(prefix))
      state.push_back({"momentum_buffer." + name, c.tensor(prefix + name)});
    optimizer_->load_state(state);
  }

  double loss(int64_t step) {
    const NoGrad no_grad;
    return forward(step).item<double>();
  }
  double loss_and_gradients(int64_t step) {
    optimizer_->clear_gradients();
    const Tensor loss = forward(step);
    loss.backward();
    return loss.item<double>();
  }
  void update() { optimizer_->step(config_.lr); }

 private:
  Tensor forward(int64_t step) {
    logits_ = (*model_)(batches_.images(step).to(dtype_));
    return cross_entropy(logits_, batches_.labels(step), loss_);
  }

  Batches batches_;
  DType dtype_;
  ModulePtr model_;
  OptimizerConfig config_;
  CrossEntropyOptions loss_;
  OptimizerPtr optimizer_;
  Tensor logits_;
};

// Training is chaotic: rounding grows from step to step, as the tolerances of the losses say. Those of the final state
// come from two runs of the reference, which may agree in one tensor by luck; so what holds for the loosest of its kind
// (norms of biases, say) holds for all of them, and none is nearer to the reference than the last loss. The stored
// states in between, from which runs start again, are compared tightly.
void expect_final(const Case& c, const std::string& prefix, const std::string& name, const Tensor& got, double rtol) {
  if (!c.has(prefix + name)) return;
  const double of_its_kind = c.largest_own_rtol(prefix, name.substr(name.rfind('.')));
  expect_close(c, prefix + name, got, std::max(rtol, of_its_kind));
}

void check_final(const Case& c, Module& model, double rtol) {
  const auto norm = [](const Tensor& t) { return Tensor::scalar(l2_norm(t), DType::f64); };
  for (const Parameter& p : model.parameters()) {
    expect_final(c, "final/param_norm/", p.name, norm(p.tensor), rtol);
    expect_final(c, "final/state_dict/", p.name, to_reference(p.tensor, channels_last(p.tensor.rank())), rtol);
  }
  for (const Buffer& b : model.buffers()) {
    expect_final(c, "final/buffer_norm/", b.name, norm(b.tensor), rtol);
    expect_final(c, "final/state_dict/", b.name, b.tensor, rtol);
  }
}

std::map<std::string, Tensor> gradient_norms(Module& model) {
  std::map<std::string, Tensor> norms;
  for (const Parameter& p : model.parameters()) norms[p.name] = Tensor::scalar(l2_norm(p.tensor.grad()), DType::f64);
  return norms;
}

void check_first_step(const Case& c, Run& run) {
  expect_close(c, "step0/logits", run.logits());
  const std::map<std::string, Tensor> norms = gradient_norms(run.model());
  std::map<std::string, Tensor> exact;
  for (const std::string& name : c.below("step0/grad_norm/"))
    expect_gradient(c, "step0/grad_norm/" + name, norms.at(name), [&] {
      if (exact.empty()) {
        Run in_f64(c, "state_dict/", DType::f64);
        in_f64.loss_and_gradients(0);
        exact = gradient_norms(in_f64.model());
      }
      return exact.at(name);
    });
}

// Steps before which the whole state is stored.
std::vector<int64_t> checkpoints(const Case& c) {
  std::vector<int64_t> steps;
  const auto count = c.info().at("steps").get<int64_t>();
  for (int64_t i = 1; i < count; i++)
    if (!c.below("step" + std::to_string(i) + "/state_dict/").empty()) steps.push_back(i);
  return steps;
}

}  // namespace

void check_training(const Case& c) {
  const auto steps = c.info().at("steps").get<int64_t>();
  const std::vector<double> losses = c.tensor("out/loss").to_vector<double>();
  const std::vector<double> tolerance = c.tensor("out/loss_rtol").to_vector<double>();
  const std::vector<double> start_losses = c.tensor("out/loss_without_updates").to_vector<double>();
  const auto expect_loss = [&](const std::string& what, int64_t step, double got, double rtol) {
    const double want = losses[static_cast<size_t>(step)];
    expect_within(fmt::format("{}, loss of step {}", what, step), got, want, rtol * std::abs(want));
  };
  c.ignore("out/loss_f64");

  Run untouched(c);
  for (int64_t i = 0; i < steps; i++)
    expect_within(fmt::format("without updates, loss of step {}", i), untouched.loss(i),
                  start_losses[static_cast<size_t>(i)], 1e-4 * std::abs(start_losses[static_cast<size_t>(i)]));

  Run run(c);
  for (int64_t i = 0; i < steps; i++) {
    expect_loss("from the start", i, run.loss_and_gradients(i), tolerance[static_cast<size_t>(i)]);
    if (i == 0) check_first_step(c, run);
    run.update();
  }
  check_final(c, run.model(), tolerance.back());

  // From a stored state the first losses are as close as from the start.
  for (const int64_t from : checkpoints(c)) {
    const std::string state = "step" + std::to_string(from);
    Run resumed(c, state + "/state_dict/");
    resumed.load_momentum(c, state + "/momentum/");
    for (int64_t i = from; i < std::min(from + 3, steps); i++) {
      expect_loss("from " + state, i, resumed.loss_and_gradients(i), tolerance[static_cast<size_t>(i - from)]);
      resumed.update();
    }
  }
}

}  // namespace ghost::reference
