#include "reference/recipes.h"

#include <map>

#include "core/error.h"

namespace ghost::reference {
namespace {

void read_sgd(OptimizerConfig& config, const Args& args) {
  config.name = "sgd";
  config.momentum = args.number("momentum", 0);
  config.dampening = args.number("dampening", 0);
  config.nesterov = args.boolean("nesterov", false);
}

void read_adam(OptimizerConfig& config, const Args& args) {
  config.name = "adam";
  if (args.has("betas")) {
    const std::vector<double> betas = args.numbers("betas");
    config.betas = {betas.at(0), betas.at(1)};
  }
  config.eps = args.number("eps", 1e-8);
  config.amsgrad = args.boolean("amsgrad", false);
}

void read_adamw(OptimizerConfig& config, const Args& args) {
  read_adam(config, args);
  config.name = "adamw";
  config.weight_decay = args.number("weight_decay", 0.01);
}

void read_rmsprop(OptimizerConfig& config, const Args& args) {
  config.name = "rmsprop";
  config.alpha = args.number("alpha", 0.99);
  config.eps = args.number("eps", 1e-8);
  config.momentum = args.number("momentum", 0);
  config.centered = args.boolean("centered", false);
}

void read_rmsprop_tf(OptimizerConfig& config, const Args& args) {
  read_rmsprop(config, args);
  config.name = "rmsprop_tf";
  config.alpha = args.number("alpha", 0.9);
  config.eps = args.number("eps", 1e-10);
  if (args.boolean("decoupled_decay", false)) fail("RMSpropTF: decoupled_decay is not known");
  if (!args.boolean("lr_in_momentum", true)) fail("RMSpropTF: lr_in_momentum = false is not known");
}

void read_muon(OptimizerConfig& config, const Args& args) {
  config.name = "muon";
  config.momentum = args.number("momentum", 0.95);
  config.nesterov = args.boolean("nesterov", true);
  config.eps = args.number("eps", 1e-7);
  config.ns_steps = args.integer("ns_steps", 5);
  if (args.has("adjust_lr_fn")) config.adjust_lr_fn = args.text("adjust_lr_fn");
  if (args.has("ns_coefficients") && args.numbers("ns_coefficients") != std::vector<double>{3.4445, -4.775, 2.0315})
    fail("Muon: other coefficients than {} are known", args.json("ns_coefficients").dump());
}

}  // namespace

OptimizerConfig optimizer_config(const std::string& pytorch_name, const Args& args) {
  static const std::map<std::string, void (*)(OptimizerConfig&, const Args&)> table{{"SGD", read_sgd},
                                                                                    {"Adam", read_adam},
                                                                                    {"AdamW", read_adamw},
                                                                                    {"RMSprop", read_rmsprop},
                                                                                    {"RMSpropTF", read_rmsprop_tf},
                                                                                    {"Muon", read_muon}};
  const auto found = table.find(pytorch_name);
  if (found == table.end()) fail("there is no optimizer for {}", pytorch_name);
  OptimizerConfig config;
  config.lr = args.number("lr");
  config.weight_decay = args.number("weight_decay", 0);
  if (args.has("no_decay")) {
    if (!args.text("no_decay").starts_with("parameters with ndim <= 1"))
      fail("no_decay \"{}\" is not known", args.text("no_decay"));
    config.decay_norm_and_bias = false;
  }
  found->second(config, args);
  return config;
}

ModelConfig model_config(const std::string& class_name, const Args& args) {
  ModelConfig config;
  config.num_classes = args.integer("num_classes", config.num_classes);
  config.in_channels = args.integer("in_channels", 3);
  config.dropout = 0;  // PyTorch's random numbers are not ours; the reference switches it off too
  if (class_name == "GhostNet") {
    config.name = "ghostnet";
    config.width = args.number("width", 1);
    args.ignore("dropout");
  } else if (class_name == "MiniGroupNet") {
    config.name = "mini_group_net";
    config.groups = args.integer("groups", 4);
  } else if (class_name == "GhostResNet") {
    config.name = "resnet";
    config.depth = args.integer("depth");
    config.shortcut = args.text("shortcut");
    config.conv.name = "ghost";
    config.conv.ratio = args.number("ratio", 2);
    config.conv.cheap_kernel = args.integer("dw_size", 3);
    config.conv.keep_first = args.boolean("keep_first", true);
  } else {
    fail("there is no model for {}", class_name);
  }
  return config;
}

ModelConfig family_config(const std::string& class_name, const std::string& naming, const Args& args) {
  static const std::map<std::string, const char*> names{
      {"MobileNetV1", "mobilenet_v1"}, {"MobileNetV2", "mobilenet_v2"},   {"MobileNetV3", "mobilenet_v3"},
      {"MobileNetV4", "mobilenet_v4"}, {"ShuffleNetV2", "shufflenet_v2"}, {"GhostNet", "ghostnet"},
      {"GhostNetV2", "ghostnet_v2"},   {"GhostNetV3", "ghostnet_v3"},     {"RepGhostNet", "repghost"}};
  const auto found = names.find(class_name);
  if (found == names.end()) fail("there is no model for {}", class_name);
  ModelConfig config;
  config.name = found->second;
  if (config.name == "mobilenet_v1") config.variant = naming;
  if (args.has("variant")) config.variant = args.text("variant");
  config.num_classes = args.integer("num_classes", 1000);
  config.in_channels = args.integer("in_channels", 3);
  config.width = args.number("width", 1);
  config.stem_stride = args.integer("stem_stride", 2);
  config.dropout = 0;
  return config;
}

}  // namespace ghost::reference
