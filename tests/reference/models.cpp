#include <gtest/gtest.h>
#include <optional>
#include <regex>

#include "core/ops/cross_entropy.h"
#include "reference/compare.h"
#include "reference/kinds.h"
#include "reference/recipes.h"

namespace ghost::reference {
namespace {

// "cross_entropy mean, label_smoothing 0.1"
CrossEntropyOptions loss_options(const std::string& description) {
  static const std::regex known("cross_entropy mean(, label_smoothing ([0-9.e-]+))?");
  std::smatch match;
  if (!std::regex_match(description, match, known)) fail("the loss \"{}\" is not known", description);
  CrossEntropyOptions options;
  if (match[2].matched) options.label_smoothing = std::stod(match[2]);
  return options;
}

// PyTorch's entries in PyTorch's order, and as many parameters.
void check_layout(const Case& c, Module& model) {
  int64_t count = 0;
  for (const Parameter& p : model.parameters()) count += p.tensor.numel();
  EXPECT_EQ(count, c.info().value("params", count)) << "parameters in all";
  if (!c.info().contains("state_dict_order")) return;
  std::vector<std::string> names;
  for (const NamedTensor& entry : state_dict(model)) names.push_back(entry.name);
  EXPECT_EQ(names, c.info().at("state_dict_order").get<std::vector<std::string>>());
}

// In evaluation at size `size`; norms in the order of the network, so that the first failure is the layer at fault.
void check_evaluation(const Case& c, Module& model, const std::string& size) {
  const std::string norms = "eval/act_norm" + size + "/";
  std::map<std::string, double> norm_of;
  {
    const NoGrad no_grad;
    const ForwardObserver observer(
        [&](Module& module, const Tensor&, const Tensor& y) { norm_of[module.path()] = l2_norm(y); });
    const Tensor& x = c.tensor("eval/in/x" + size);
    const Tensor logits = model(to_ours(x, channels_last(x.rank())));
    expect_close(c, "eval/out/logits" + size, logits, plain(logits.rank()));
  }
  for (const std::string& module : c.below(norms)) {
    if (const auto found = norm_of.find(module); found != norm_of.end())
      expect_close(c, norms + module, found->second);
    else
      ADD_FAILURE() << "the model has no submodule " << module;
  }
}

// Everything one step in training gives, in the reference's axes and under the reference's names.
struct TrainingStep {
  Tensor logits, loss;
  std::map<std::string, Tensor> gradients, buffers;
};

TrainingStep training_step(const Case& c, Module& model, DType dtype) {
  load_state_dict(model, c.state_dict(model));
  model.to(dtype);
  model.train();
  const Tensor& reference_x = c.tensor("train/in/x");
  Tensor x = to_ours(reference_x, channels_last(reference_x.rank())).to(dtype);
  x.set_requires_grad();
  TrainingStep step;
  step.logits = model(x);
  step.loss =
      cross_entropy(step.logits, c.tensor("train/in/target"), loss_options(c.info().at("loss").get<std::string>()));
  step.loss.backward();

  const auto norm = [](const Tensor& t) { return Tensor::scalar(l2_norm(t), DType::f64); };
  step.gradients["train/gin_norm/x"] = norm(x.grad());
  for (const Parameter& p : model.parameters()) {
    const Tensor gradient = p.tensor.grad().defined() ? p.tensor.grad() : Tensor::zeros(p.tensor.shape());
    step.gradients["train/grad_norm/" + p.name] = norm(gradient);
    step.gradients["train/grad/" + p.name] = to_reference(gradient, channels_last(gradient.rank()));
  }
  for (const Buffer& b : model.buffers()) step.buffers["train/state_dict_after/" + b.name] = b.tensor.clone();
  return step;
}

void check_training_step(const Case& c, Module& model) {
  const TrainingStep step = training_step(c, model, DType::f32);
  std::optional<TrainingStep> exact;
  expect_close(c, "train/out/logits", step.logits);
  expect_close(c, "train/out/loss", step.loss);
  for (const std::string prefix : {"train/gin_norm/", "train/grad_norm/", "train/grad/"})
    for (const std::string& name : c.below(prefix))
      expect_gradient(c, prefix + name, step.gradients.at(prefix + name), [&] {
        if (!exact) exact = training_step(c, model, DType::f64);
        return exact->gradients.at(prefix + name);
      });
  for (const std::string& name : c.below("train/state_dict_after/"))
    expect_close(c, "train/state_dict_after/" + name, step.buffers.at("train/state_dict_after/" + name));
}

}  // namespace

void check_model(const Case& c) {
  const ModulePtr model = build_model(model_config(c.op(), c.args()), 0);
  check_layout(c, *model);
  load_state_dict(*model, c.state_dict(*model));
  model->eval();
  for (int size = 0; c.has("eval/in/x" + std::to_string(size)); size++)
    check_evaluation(c, *model, std::to_string(size));
  check_training_step(c, *model);
}

void check_ghostnet_names(const std::filesystem::path& table) {
  const Json json = read_json(table);
  ModelConfig config;
  config.name = "ghostnet";
  config.num_classes = 1000;
  const ModulePtr model = build_model(config, 0);
  const std::vector<NamedTensor> entries = state_dict(*model);
  const Json& shapes = json.at("shapes");
  ASSERT_EQ(entries.size(), shapes.size());
  size_t i = 0;
  for (const auto& [name, shape] : shapes.items()) {
    EXPECT_EQ(entries[i].name, name) << "entry " << i;
    EXPECT_EQ(entries[i].tensor.shape().str(), Shape(shape.get<std::vector<int64_t>>()).str()) << name;
    EXPECT_EQ(json.at("map").at(name).get<std::string>(), name);
    i++;
  }
}

}  // namespace ghost::reference
