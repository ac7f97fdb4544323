#include <gtest/gtest.h>
#include <regex>

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

void check_training_step(const Case& c, Module& model) {
  const Tensor& reference_x = c.tensor("train/in/x");
  Tensor x = to_ours(reference_x, channels_last(reference_x.rank()));
  x.set_requires_grad();
  const Tensor logits = model(x);
  const Tensor loss =
      cross_entropy(logits, c.tensor("train/in/target"), loss_options(c.info().at("loss").get<std::string>()));
  loss.backward();
  expect_close(c, "train/out/logits", logits, plain(logits.rank()));
  expect_close(c, "train/out/loss", loss.item<double>());
  if (c.has("train/gin_norm/x")) expect_close(c, "train/gin_norm/x", l2_norm(x.grad()));

  std::map<std::string, Tensor> gradients;
  for (const Parameter& p : model.parameters())
    gradients[p.name] = p.tensor.grad().defined() ? p.tensor.grad() : Tensor::zeros(p.tensor.shape());
  for (const std::string& name : c.below("train/grad_norm/"))
    expect_close(c, "train/grad_norm/" + name, l2_norm(gradients.at(name)));
  for (const std::string& name : c.below("train/grad/"))
    expect_close(c, "train/grad/" + name, gradients.at(name), channels_last(gradients.at(name).rank()));

  std::map<std::string, Tensor> buffers;
  for (const Buffer& b : model.buffers()) buffers[b.name] = b.tensor;
  for (const std::string& name : c.below("train/state_dict_after/"))
    expect_close(c, "train/state_dict_after/" + name, buffers.at(name));
}

}  // namespace

void check_model(const Case& c) {
  const ModulePtr model = build_model(model_config(c.op(), c.args()), 0);
  check_layout(c, *model);
  load_state_dict(*model, c.state_dict(*model));
  model->eval();
  for (int size = 0; c.has("eval/in/x" + std::to_string(size)); size++)
    check_evaluation(c, *model, std::to_string(size));
  model->train();
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
