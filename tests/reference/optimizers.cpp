#include <algorithm>
#include <cmath>
#include <map>
#include <regex>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/linear.h"
#include "core/ops/reduce.h"
#include "reference/compare.h"
#include "reference/kinds.h"
#include "reference/recipes.h"
#include "train/optim/optimizer.h"

namespace ghost::reference {
namespace {

Tensor leaf(const Case& c, const std::string& name, DType dtype = DType::f32) {
  Tensor tensor = to_ours(c.tensor(name), channels_last(c.tensor(name).rank())).to(dtype);
  tensor.set_requires_grad();
  return tensor;
}

// The one net whose gradients these cases hold, described in the JSON's "net".
struct Net {
  int64_t padding = 0;

  explicit Net(const std::string& description) {
    static const std::regex known(
        "conv \\d+->\\d+ k\\d+ p(\\d+) no bias; BN\\(\\d+\\); ReLU; mean over H,W; fc \\d+->\\d+; "
        "cross_entropy mean; batch \\d+; train mode");
    std::smatch match;
    if (!std::regex_match(description, match, known)) fail("the net \"{}\" is not known", description);
    padding = std::stoll(match[1]);
  }

  // x (N, C, H, W). The mean loss with the parameters that are stored under `parameters`, and their gradients in the
  // reference's axes.
  double gradients(const Case& c, const std::string& parameters, const Tensor& x, const Tensor& target, DType dtype,
                   std::map<std::string, Tensor>& result) const {
    std::map<std::string, Tensor> p;
    for (const std::string name : {"conv.weight", "bn.weight", "bn.bias", "fc.weight", "fc.bias"})
      p[name] = leaf(c, parameters + "/" + name, dtype);
    const Conv2dOptions options{.padding = {padding, padding}};
    Tensor y = conv2d(to_ours(x, channels_last(x.rank())).to(dtype), p["conv.weight"], {}, options);
    y = relu(batch_norm(y, p["bn.weight"], p["bn.bias"], {}));
    const Tensor loss = cross_entropy(linear(mean(y, {1, 2}), p["fc.weight"], p["fc.bias"]), target);
    loss.backward();
    for (const auto& [name, tensor] : p) result[name] = to_reference(tensor.grad(), channels_last(tensor.rank()));
    return loss.item<double>();
  }
};

// Step `step` of a tensor (steps, …).
template <class T>
Tensor of_step(const Tensor& all, int64_t step) {
  const Shape shape(std::vector<int64_t>(all.shape().begin() + 1, all.shape().end()));
  const T* first = all.data<T>() + step * shape.numel();
  return Tensor::from(std::vector<T>(first, first + shape.numel()), shape);
}

void give_gradients(const Case& c, const std::string& step, const std::vector<Parameter>& moving) {
  for (const Parameter& p : moving) {
    const Tensor& gradient = c.tensor(step + "/grad/" + p.name);
    mul(p.tensor, Tensor::scalar(1)).backward(to_ours(gradient, channels_last(gradient.rank())));
  }
}

// Matrices without a net around them. Each step begins at the stored parameters, so that what a step rounds differently
// does not add up.
void check_given_gradients(const Case& c) {
  const auto steps = c.info().at("steps").get<int64_t>();
  std::vector<Parameter> moving;
  for (const std::string& name : c.below("start/")) moving.push_back({name, leaf(c, "start/" + name)});
  const OptimizerConfig config = optimizer_config(c.op(), c.args());
  const OptimizerPtr optimizer = build_optimizer(config, moving);
  // The reference orthogonalises in bfloat16, whose rounding the iteration makes larger: the same steps in exact
  // arithmetic are off by up to 0.048.
  constexpr double kOfTheUpdate = 5e-2;
  std::string before = "start/";
  for (int64_t i = 0; i < steps; i++) {
    const std::string step = "step" + std::to_string(i), after = step + "/param/";
    optimizer->clear_gradients();
    give_gradients(c, step, moving);
    optimizer->step(config.lr);
    for (Parameter& p : moving) {
      const std::vector<double> from = c.tensor(before + p.name).to_vector<double>();
      const std::vector<double> to = c.tensor(after + p.name).to_vector<double>();
      double largest = 0;
      for (size_t k = 0; k < from.size(); k++) largest = std::max(largest, std::abs(to[k] - from[k]));
      expect_all_within(after + p.name, p.tensor.to_vector<double>(), to, p.tensor.shape(), kOfTheUpdate * largest);
      std::copy_n(c.tensor(after + p.name).data<float>(), p.tensor.numel(), p.tensor.mutable_data<float>());
    }
    before = after;
  }
}

}  // namespace

// Two questions apart from each other: from the stored gradients, does the optimizer take the stored steps; and from
// the stored parameters, does the net give the stored losses and gradients.
void check_optimizer(const Case& c) {
  if (!c.info().contains("net")) {
    check_given_gradients(c);
    return;
  }
  const Net net(c.info().at("net").get<std::string>());
  const auto steps = c.info().at("steps").get<int64_t>();
  const std::vector<std::string> names = c.below("step0/grad/");
  for (const std::string& name : c.below("state_dict/"))  // running statistics: the net is in training throughout
    if (std::find(names.begin(), names.end(), name) == names.end()) c.ignore("state_dict/" + name);

  std::vector<Parameter> moving;
  for (const std::string& name : names) moving.push_back({name, leaf(c, "state_dict/" + name)});
  const OptimizerConfig config = optimizer_config(c.op(), c.args());
  const OptimizerPtr optimizer = build_optimizer(config, moving);

  std::vector<double> losses;
  for (int64_t i = 0; i < steps; i++) {
    const std::string step = "step" + std::to_string(i);
    const std::string before = i == 0 ? "state_dict" : "step" + std::to_string(i - 1) + "/param";
    const Tensor x = of_step<float>(c.tensor("in/x"), i), target = of_step<int64_t>(c.tensor("in/target"), i);
    std::map<std::string, Tensor> gradients, exact;
    losses.push_back(net.gradients(c, before, x, target, DType::f32, gradients));
    for (const std::string& name : names)
      expect_gradient(c, step + "/grad/" + name, gradients.at(name), [&] {
        if (exact.empty()) net.gradients(c, before, x, target, DType::f64, exact);
        return exact.at(name);
      });

    optimizer->clear_gradients();
    give_gradients(c, step, moving);
    optimizer->step(config.lr);
    for (const Parameter& p : moving)
      expect_close(c, step + "/param/" + p.name, p.tensor, channels_last(p.tensor.rank()));
  }
  expect_close(c, "out/loss", Tensor::from(losses, {steps}));
}

}  // namespace ghost::reference
