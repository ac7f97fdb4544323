#include "nn/models/registry.h"

#include <utility>

#include "core/nearest.h"
#include "nn/init.h"
#include "nn/models/ghostnet.h"
#include "nn/models/mini_group_net.h"
#include "nn/models/mobilenet_v1.h"
#include "nn/models/plain_cnn.h"
#include "nn/models/resnet.h"
#include "nn/models/vgg.h"

namespace ghost {
namespace {

ModulePtr build_ghostnet(const ModelConfig& c) {
  const GhostNetOptions options{.in_channels = c.in_channels,
                                .num_classes = c.num_classes,
                                .width = c.width,
                                .dropout = c.dropout,
                                .cheap_op = c.cheap_op,
                                .stem_stride = c.stem_stride};
  if (c.variant == "official") return std::make_shared<GhostNet>(options, GhostNet::Variant::official);
  if (c.variant == "tensorflow") return std::make_shared<GhostNet>(options, GhostNet::Variant::tensorflow);
  if (c.variant == "d_li14") return std::make_shared<GhostNetDLi14>(options);
  const std::vector<std::string> known{"official", "tensorflow", "d_li14"};
  fail_usage("model.variant: '{}' is not one of {}{}", c.variant, any_of(known), did_you_mean(c.variant, known));
}

ModulePtr build_mini_group_net(const ModelConfig& c) {
  return std::make_shared<MiniGroupNet>(MiniGroupNet::Options{
      .in_channels = c.in_channels, .num_classes = c.num_classes, .groups = c.groups, .conv = c.conv});
}

ModulePtr build_plain_cnn(const ModelConfig& c) {
  return std::make_shared<PlainCnn>(
      PlainCnn::Options{.in_channels = c.in_channels,
                        .num_classes = c.num_classes,
                        .channels = c.channels,
                        .conv = c.conv,
                        .activation = activation_named(c.activation, "model.activation")});
}

ModulePtr build_vgg(const ModelConfig& c) {
  if (c.layout != "cifar" && c.layout != "imagenet")
    fail_usage("model.layout: '{}' is not one of cifar, imagenet{}", c.layout,
               did_you_mean(c.layout, {"cifar", "imagenet"}));
  return std::make_shared<Vgg>(Vgg::Options{.in_channels = c.in_channels,
                                            .num_classes = c.num_classes,
                                            .depth = c.depth ? c.depth : 16,
                                            .layout = c.layout == "cifar" ? Vgg::Layout::cifar : Vgg::Layout::imagenet,
                                            .conv = c.conv});
}

ModulePtr residual(const ModelConfig& c, ResNet::Options options) {
  options.in_channels = c.in_channels, options.num_classes = c.num_classes, options.conv = c.conv;
  return std::make_shared<ResNet>(options);
}

ModulePtr build_resnet(const ModelConfig& c) {
  ResNet::Options options = ResNet::of_depth(c.depth ? c.depth : 56);
  if (c.shortcut != "auto" && c.shortcut != "A" && c.shortcut != "B")
    fail_usage("model.shortcut: '{}' is not one of auto, A, B", c.shortcut);
  if (c.shortcut != "auto") options.shortcut = c.shortcut == "A" ? ResNet::Shortcut::A : ResNet::Shortcut::B;
  return residual(c, options);
}

ModulePtr build_resnext(const ModelConfig& c) {
  return residual(c, ResNet::resnext(c.depth ? c.depth : 29, c.cardinality, c.base_width));
}

ModulePtr build_mobilenet_v1(const ModelConfig& c) {
  return std::make_shared<MobileNetV1>(
      MobileNetV1::Options{.in_channels = c.in_channels,
                           .num_classes = c.num_classes,
                           .width = c.width,
                           .stem_stride = c.stem_stride,
                           .conv = c.conv,
                           .activation = activation_named(c.activation, "model.activation")});
}

std::vector<ModelEntry>& models() {
  static std::vector<ModelEntry> table{
      {"ghostnet",
       "GhostNet (arXiv 1911.11907): ghost modules in inverted residual blocks with squeeze-excite",
       {"width", "dropout", "variant", "cheap_op", "stem_stride"},
       build_ghostnet},
      {"vgg",
       "VGG with batch norm (arXiv 1409.1556), depth 11, 13, 16 or 19, for CIFAR or ImageNet",
       {"depth", "layout", "conv"},
       build_vgg},
      {"resnet",
       "ResNet (arXiv 1512.03385), depth 20, 32, 44, 56, 110 for CIFAR or 18, 34, 50, 101 for ImageNet",
       {"depth", "shortcut", "conv"},
       build_resnet},
      {"resnext",
       "ResNeXt (arXiv 1611.05431), depth 29 for CIFAR or 50, 101 for ImageNet",
       {"depth", "cardinality", "base_width", "conv"},
       build_resnext},
      {"mobilenet_v1",
       "MobileNet (arXiv 1704.04861): depthwise and 1x1 convolutions in turn",
       {"width", "stem_stride", "conv", "activation"},
       build_mobilenet_v1},
      {"mini_group_net",
       "a small ResNeXt (arXiv 1611.05431): two bottlenecks with grouped convolutions",
       {"groups", "conv"},
       build_mini_group_net},
      {"plain_cnn",
       "a baseline of 3x3 convolutions whose kind is chosen by conv.name",
       {"conv", "channels", "activation"},
       build_plain_cnn},
  };
  return table;
}

}  // namespace

const std::vector<ModelEntry>& model_table() { return models(); }

void register_model(ModelEntry entry) {
  if (entry.name.empty()) fail_usage("register_model: a model needs a name");
  if (!entry.build) fail_usage("register_model: '{}' has no function that builds it", entry.name);
  for (const ModelEntry& known : models())
    if (known.name == entry.name)
      fail_usage("register_model: there is a model '{}' already; choose another name", entry.name);
  models().push_back(std::move(entry));
}

ModulePtr build_model(const ModelConfig& config, uint64_t seed) {
  std::vector<std::string> names;
  const ModelEntry* entry = nullptr;
  for (const ModelEntry& e : model_table()) {
    names.push_back(e.name);
    if (e.name == config.name) entry = &e;
  }
  if (!entry)
    fail_usage("model.name: there is no model '{}', but {}{}", config.name, any_of(names),
               did_you_mean(config.name, names));
  const std::vector<std::string> inits{"pytorch", "kaiming_normal_fan_out"};
  if (config.init != inits[0] && config.init != inits[1])
    fail_usage("model.init: '{}' is not one of {}{}", config.init, any_of(inits), did_you_mean(config.init, inits));
  require_at_least("model", "num_classes", config.num_classes, 1);
  require_at_least("model", "in_channels", config.in_channels, 1);
  ModulePtr model = entry->build(config);
  model->initialise(seed);
  if (config.init == inits[1]) kaiming_normal_fan_out(*model, seed);
  return model;
}

}  // namespace ghost
