// Networks that are published elsewhere, with weights that a formula of their names gives. The description says which
// network: its class, its arguments, and whose names its parameters have.
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <map>

#include "core/ops/cross_entropy.h"
#include "nn/models/deployed.h"
#include "reference/compare.h"
#include "reference/kinds.h"
#include "reference/recipes.h"

namespace ghost::reference {
namespace {

uint32_t crc32(const std::string& text) {  // as zlib's
  uint32_t crc = ~0U;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

uint64_t splitmix64(uint64_t state) {
  uint64_t z = state + 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

// An entry of the state dict, in PyTorch's axes.
Tensor weight_of_name(const std::string& name, const Shape& shape, DType dtype) {
  if (dtype == DType::i64) return Tensor::zeros(shape, dtype);
  const double bound =
      shape.rank() >= 2 ? std::sqrt(6 / (static_cast<double>(shape.numel()) / static_cast<double>(shape[0]))) : 0;
  const uint64_t seed = static_cast<uint64_t>(crc32(name)) << 32;
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); i++) {
    const double u = static_cast<double>(splitmix64(seed + i) >> 40) / 0x1p24;
    double value = 0.2 * (2 * u - 1);
    if (shape.rank() >= 2)
      value = (2 * u - 1) * bound;
    else if (name.ends_with("running_var"))
      value = 1 + 2 * u;
    else if (name.ends_with("weight"))
      value = 0.5 + u;
    values[i] = static_cast<float>(value);
  }
  return Tensor::from(values, shape);
}

void fill_by_name(Module& model) {
  std::vector<NamedTensor> entries;
  for (const NamedTensor& entry : state_dict(model))
    entries.push_back({entry.name, weight_of_name(entry.name, entry.tensor.shape(), entry.tensor.dtype())});
  load_state_dict(model, entries);
}

int64_t count_of(const Module& model) {
  int64_t count = 0;
  for (const Parameter& p : model.parameters()) count += p.tensor.numel();
  return count;
}

Tensor images(const Case& c, const std::string& name) { return to_ours(c.tensor(name), channels_last(4)); }

double rtol(const Case& c, const std::string& part) {
  return c.info().at("tolerance").at(part).at("rtol").get<double>();
}

void expect_within_part(const Case& c, const std::string& name, const Tensor& got, const std::string& part) {
  const Tensor& reference = c.tensor(name);
  ASSERT_EQ(got.shape(), reference.shape()) << name;
  const std::vector<double> want = reference.to_vector<double>();
  expect_all_within(name, got.to_vector<double>(), want, reference.shape(), rtol(c, part) * largest_magnitude(want));
}

using Norms = std::map<std::string, double>;

struct Step {
  Tensor logits, loss;
  Norms gradients, buffers;
};

Step training_step(const Case& c, Module& model, DType dtype) {
  fill_by_name(model);
  model.to(dtype);
  model.train();
  Step step;
  step.logits = model(images(c, "in/x").to(dtype));
  step.loss = cross_entropy(step.logits, c.tensor("in/target"));
  step.loss.backward();
  for (const Parameter& p : model.parameters()) step.gradients[p.name] = l2_norm(p.tensor.grad());
  for (const Buffer& b : model.buffers())
    if (b.tensor.dtype() != DType::i64) step.buffers[b.name] = l2_norm(b.tensor);
  return step;
}

// Norms by name, each relative to itself or to a thousandth of the largest, whichever is more. A gradient jumps where
// an input of a kink rounds to its other side: one that is off by no more than ten times as much passes if it is right
// in f64, where nothing rounds across.
void expect_norms(const Case& c, const std::string& prefix, const Norms& got, double relative,
                  const std::function<Norms()>& in_f64) {
  double largest = 0;
  for (const std::string& name : c.below(prefix)) largest = std::max(largest, c.tensor(prefix + name).item<double>());
  EXPECT_EQ(got.size(), c.below(prefix).size()) << prefix;
  Norms exact;
  for (const std::string& name : c.below(prefix)) {
    const auto found = got.find(name);
    if (found == got.end()) {
      ADD_FAILURE() << "the model has no " << name;
      continue;
    }
    const auto want = c.tensor(prefix + name).item<double>();
    const double allowed = relative * std::max(want, 1e-3 * largest);
    if (std::abs(found->second - want) <= allowed) continue;
    if (exact.empty()) exact = in_f64();
    expect_within(prefix + name + " (in f64)", exact.at(name), want, allowed);
    expect_within(prefix + name, found->second, want, 10 * allowed);
  }
}

void check_layout(const Case& c, Module& model) {
  EXPECT_EQ(count_of(model), c.info().at("parameters").get<int64_t>()) << "parameters in all";
  std::vector<std::string> names;
  for (const NamedTensor& entry : state_dict(model)) names.push_back(entry.name);
  EXPECT_EQ(names, c.info().at("state_dict_order").get<std::vector<std::string>>());
}

void check_evaluation(const Case& c, Module& model) {
  const NoGrad no_grad;
  model.eval();
  for (const std::string size : {"", "2"})
    expect_within_part(c, "eval/out/logits" + size, model(images(c, "in/x" + size)), "eval");
}

void check_step(const Case& c, Module& model) {
  const Step step = training_step(c, model, DType::f32);
  expect_within_part(c, "train/out/logits", step.logits, "train_logits");
  expect_within_part(c, "train/out/loss", step.loss, "train_logits");
  const auto exact = [&] { return training_step(c, model, DType::f64); };
  expect_norms(c, "train/grad_norm/", step.gradients, rtol(c, "grad_norm"), [&] { return exact().gradients; });
  expect_norms(c, "train/buffer_norm_after/", step.buffers, rtol(c, "train_logits"), [&] { return exact().buffers; });
}

// The same network with its branches merged.
void check_deployed(const Case& c, const ModelConfig& config) {
  const ModulePtr trained = build_model(config, 0);
  fill_by_name(*trained);
  const ModulePtr deployed = deployed_network(*trained, config);
  if (c.info().contains("parameters_deployed")) {
    EXPECT_EQ(count_of(*deployed), c.info().at("parameters_deployed").get<int64_t>());
  }
  const NoGrad no_grad;
  expect_within_part(c, "deployed/out/logits", (*deployed)(images(c, "in/x")), "eval");
}

}  // namespace

void check_family(const Case& c) {
  const ModelConfig config = family_config(c.op(), c.info().value("naming", ""), c.args());
  const ModulePtr model = build_model(config, 0);
  check_layout(c, *model);
  fill_by_name(*model);
  check_evaluation(c, *model);
  check_step(c, *model);
  if (c.has("deployed/out/logits")) check_deployed(c, config);
}

}  // namespace ghost::reference
