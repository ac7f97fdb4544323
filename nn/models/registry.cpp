#include "nn/models/registry.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "nn/init.h"
#include "nn/layers/cheap_op.h"
#include "nn/models/airbench.h"
#include "nn/models/ghostnet.h"
#include "nn/models/ghostnet_v2.h"
#include "nn/models/ghostnet_v3.h"
#include "nn/models/mini_group_net.h"
#include "nn/models/mobilenet_v1.h"
#include "nn/models/mobilenet_v2.h"
#include "nn/models/mobilenet_v3.h"
#include "nn/models/mobilenet_v4.h"
#include "nn/models/plain_cnn.h"
#include "nn/models/repghost.h"
#include "nn/models/resnet.h"
#include "nn/models/shufflenet_v2.h"
#include "nn/models/vgg.h"

namespace ghost {
namespace {

ModulePtr build_ghostnet(const ModelConfig& c) {
  const GhostNetOptions options{.in_channels = c.in_channels,
                                .num_classes = c.num_classes,
                                .width = c.width,
                                .dropout = c.dropout,
                                .cheap_op = c.cheap_op,
                                .stem_stride = c.stem_stride,
                                .drop_path = c.drop_path};
  if (c.variant == "official") return std::make_shared<GhostNet>(options, GhostNet::Variant::official);
  if (c.variant == "tensorflow") return std::make_shared<GhostNet>(options, GhostNet::Variant::tensorflow);
  return std::make_shared<GhostNetDLi14>(options);
}

ModulePtr build_mini_group_net(const ModelConfig& c) {
  return std::make_shared<MiniGroupNet>(MiniGroupNet::Options{.in_channels = c.in_channels,
                                                              .num_classes = c.num_classes,
                                                              .groups = c.groups,
                                                              .drop_path = c.drop_path,
                                                              .conv = c.conv});
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
  return std::make_shared<Vgg>(Vgg::Options{.in_channels = c.in_channels,
                                            .num_classes = c.num_classes,
                                            .depth = c.depth ? c.depth : 16,
                                            .layout = c.layout == "cifar" ? Vgg::Layout::cifar : Vgg::Layout::imagenet,
                                            .conv = c.conv});
}

ModulePtr residual(const ModelConfig& c, ResNet::Options options) {
  options.in_channels = c.in_channels, options.num_classes = c.num_classes, options.conv = c.conv;
  options.drop_path = c.drop_path;
  return std::make_shared<ResNet>(options);
}

ModulePtr build_resnet(const ModelConfig& c) {
  ResNet::Options options = ResNet::of_depth(c.depth ? c.depth : 56);
  if (c.shortcut != "auto") options.shortcut = c.shortcut == "A" ? ResNet::Shortcut::A : ResNet::Shortcut::B;
  return residual(c, options);
}

ModulePtr build_resnext(const ModelConfig& c) {
  return residual(c, ResNet::resnext(c.depth ? c.depth : 29, c.cardinality, c.base_width));
}

ModulePtr build_mobilenet_v1(const ModelConfig& c) {
  const bool timm = c.variant == "timm";
  Activation activation = activation_named(c.activation, "model.activation");
  if (timm && activation == Activation::relu) activation = Activation::relu6;
  return std::make_shared<MobileNetV1>(MobileNetV1::Options{.in_channels = c.in_channels,
                                                            .num_classes = c.num_classes,
                                                            .width = c.width,
                                                            .stem_stride = c.stem_stride,
                                                            .timm_names = timm,
                                                            .conv = c.conv,
                                                            .activation = activation});
}

ModulePtr build_airbench(const ModelConfig& c) {
  return std::make_shared<Airbench>(
      Airbench::Options{.in_channels = c.in_channels,
                        .num_classes = c.num_classes,
                        .width = c.width,
                        .activation = activation_named(c.activation, "model.activation")});
}

std::vector<ModelEntry>& models() {
  static std::vector<ModelEntry> table{
      {"ghostnet",
       "GhostNet (arXiv 1911.11907): ghost modules in inverted residual blocks with squeeze-excite",
       {"width", "dropout", "drop_path", "variant", "cheap_op", "stem_stride"},
       build_ghostnet,
       {},
       {"official", "tensorflow", "d_li14"}},
      {"vgg",
       "VGG with batch norm (arXiv 1409.1556), depth 11, 13, 16 or 19, for CIFAR or ImageNet",
       {"depth", "layout", "conv"},
       build_vgg},
      {"resnet",
       "ResNet (arXiv 1512.03385), depth 20, 32, 44, 56, 110 for CIFAR or 18, 34, 50, 101 for ImageNet",
       {"depth", "shortcut", "drop_path", "conv"},
       build_resnet},
      {"resnext",
       "ResNeXt (arXiv 1611.05431), depth 29 for CIFAR or 50, 101 for ImageNet",
       {"depth", "cardinality", "base_width", "drop_path", "conv"},
       build_resnext},
      {"mobilenet_v1",
       "MobileNet (arXiv 1704.04861): depthwise and 1x1 convolutions in turn",
       {"width", "variant", "stem_stride", "conv", "activation"},
       build_mobilenet_v1,
       {},
       {"official", "timm"}},
      {"mini_group_net",
       "a small ResNeXt (arXiv 1611.05431): two bottlenecks with grouped convolutions",
       {"groups", "drop_path", "conv"},
       build_mini_group_net},
      {"plain_cnn",
       "a baseline of 3x3 convolutions whose kind is chosen by conv.name",
       {"conv", "channels", "activation"},
       build_plain_cnn},
      {"airbench",
       "the network of airbench94 (arXiv 2404.00498), which learns CIFAR-10 in few epochs",
       {"width", "activation"},
       build_airbench},
      {"mobilenet_v4",
       "MobileNetV4-Conv (arXiv 2404.10518): universal inverted bottlenecks",
       {"width", "dropout", "drop_path", "variant", "stem_stride", "conv"},
       build_mobilenet_v4,
       {},
       {"conv_small", "conv_medium"}},
      {"repghost",
       "RepGhostNet (arXiv 2211.06088): ghost modules that add, and are one convolution when deployed",
       {"width", "dropout", "drop_path", "stem_stride", "deployed"},
       build_repghost},
      {"ghostnet_v2",
       "GhostNetV2 (arXiv 2211.12905): GhostNet with attention along rows and columns",
       {"width", "dropout", "drop_path", "cheap_op", "stem_stride"},
       build_ghostnet_v2},
      {"mobilenet_v2",
       "MobileNetV2 (arXiv 1801.04381): inverted residuals with linear bottlenecks",
       {"width", "dropout", "drop_path", "stem_stride", "conv"},
       build_mobilenet_v2},
      {"shufflenet_v2",
       "ShuffleNetV2 (arXiv 1807.11164), width 0.5, 1, 1.5 or 2: half of the channels pass a block",
       {"width", "stem_stride", "conv"},
       build_shufflenet_v2},
      {"mobilenet_v3",
       "MobileNetV3 (arXiv 1905.02244), large or small: inverted residuals with hard-swish",
       {"width", "dropout", "drop_path", "variant", "stem_stride", "conv"},
       build_mobilenet_v3,
       {},
       {"large", "small"}},
      {"ghostnet_v3",
       "GhostNetV3 (arXiv 2404.11202): GhostNetV2 with parallel branches, merged when deployed",
       {"width", "dropout", "drop_path", "stem_stride", "deployed"},
       build_ghostnet_v3},
  };
  return table;
}

constexpr const char* kFirstVariant = "official";

// Null if there is none.
const ModelEntry* entry_named(const std::string& name) {
  const auto found =
      std::find_if(models().begin(), models().end(), [&](const ModelEntry& e) { return e.name == name; });
  return found == models().end() ? nullptr : &*found;
}

}  // namespace

const std::vector<ModelEntry>& model_table() { return models(); }

std::vector<std::string> ModelEntry::all_options() const {
  std::vector<std::string> all = options;
  for (const OwnOption& own : own_options) all.push_back(own.name);
  return all;
}

void describe(ModelConfig& c, Description& d) {
  std::vector<Alternative> all;
  for (const ModelEntry& entry : model_table()) all.push_back({entry.name, entry.summary, entry.all_options()});
  d.name(&c.name, "which network", all);
  d.field("num_classes", &c.num_classes, "outputs; auto: as many as the data set has classes", rule::at_least(1, 1e6));
  d.field("in_channels", &c.in_channels, "channels of the input; auto: those of the images", rule::at_least(1, 1e3));
  d.field("width", &c.width, "multiplies all channel counts (arXiv 1704.04861)", rule::above(0, 100));
  d.field("dropout", &c.dropout, "share of features dropped before the classifier", rule::below_one());
  d.field("drop_path", &c.drop_path, "images without the last branch, fewer for earlier ones (arXiv 1603.09382)",
          rule::below_one());
  d.field("variant", &c.variant, "which published form (docs/models.md); official: the model's first");
  d.field("cheap_op", &c.cheap_op, "what makes ghosts from primary channels (arXiv 1911.11907)",
          rule::one_of(cheap_op_names()));
  d.field("activation", &c.activation, "the function after batch norm", rule::one_of(activation_names()));
  d.field("stem_stride", &c.stem_stride, "stride of the first convolution; 1 for images of 32 pixels",
          rule::at_least(1, 2));
  d.field("deployed", &c.deployed, "true: parallel branches are merged, for inference (arXiv 2101.03697)");
  d.field("groups", &c.groups, "groups of the 3x3 convolutions", rule::at_least(1));
  d.field("depth", &c.depth, "layers as the name counts them; 0: vgg 16, resnet 56, resnext 29",
          rule::at_least(0, 1e3));
  d.field("layout", &c.layout, "classifier and biases for small or large images", rule::one_of({"cifar", "imagenet"}));
  d.field("shortcut", &c.shortcut, "A: zeros, B: 1x1 convolution; auto: A at CIFAR's depths (arXiv 1512.03385)",
          rule::one_of({"auto", "A", "B"}));
  d.field("cardinality", &c.cardinality, "groups of the 3x3 convolutions (arXiv 1611.05431)", rule::at_least(1));
  d.field("base_width", &c.base_width, "channels of each group in the first stage", rule::at_least(1, 1e4));
  d.section("conv", "which convolution the model is made of", c.conv);
  FieldRule channels = rule::at_least(1, 1e6);
  channels.empty_list = false;
  d.field("channels", &c.channels, "channels of each stage", channels);
  d.field("init", &c.init, "initial values; the second is for convolutions only (arXiv 1502.01852)",
          rule::one_of({"pytorch", "kaiming_normal_fan_out"}));
  for (const ModelEntry& entry : model_table())
    for (const OwnOption& own : entry.own_options)
      d.field(own.name, std::visit([](auto& value) -> FieldValue { return &value; }, c.own.declare(own)), own.help,
              own.rule);
}

void check_together(const ModelConfig& c, const Finding& refuse, const Finding& note) {
  const ModelEntry* const entry = entry_named(c.name);
  if (!entry) return;
  if (std::count(entry->options.begin(), entry->options.end(), "conv")) check_together(c.conv, refuse, note);
  if (entry->variants.empty() || c.variant == kFirstVariant) return;
  if (const std::string problem = value_problem(c.variant, rule::one_of(entry->variants)); !problem.empty())
    refuse({"model.variant", "model.name"}, "model.variant " + problem);
}

namespace {

void check_entry(const ModelEntry& entry) {
  if (entry.name.empty()) fail_usage("register_model: a model needs a name");
  if (!entry.build) fail_usage("register_model: '{}' has no function that builds it", entry.name);
  ModelConfig config;
  Description known;
  known.section("model", "", config);
  for (const ModelEntry& other : model_table())
    if (other.name == entry.name)
      fail_usage("register_model: there is a model '{}' already; choose another name", entry.name);
  for (const OwnOption& own : entry.own_options) {
    const auto letter = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
    if (own.name.empty() || !std::all_of(own.name.begin(), own.name.end(), letter))
      fail_usage("register_model: '{}' has an option '{}', but names are letters, digits and _", entry.name, own.name);
    const std::string path = "model." + own.name;
    if (known.find_field(path) || known.find_section(path))
      fail_usage("register_model: '{}' has an option '{}', but there is a {} already; list it in `options` to read it",
                 entry.name, own.name, path);
  }
}

}  // namespace

void register_model(ModelEntry entry) {
  check_entry(entry);
  models().push_back(std::move(entry));
  try {
    check_options(ModelConfig(), "model");
  } catch (...) {
    models().pop_back();
    throw;
  }
}

ModulePtr construct_model(const ModelConfig& config) {
  check_options(config, "model");
  ModelConfig complete = config;
  Description().section("model", "", complete);  // own options that it lacks take their defaults
  const ModelEntry* const entry = entry_named(config.name);
  if (config.variant == kFirstVariant && !entry->variants.empty()) complete.variant = entry->variants.front();
  ModulePtr model = entry->build(complete);
  if (!model) fail("model '{}': its `build` gave no module", config.name);
  return model;
}

ModulePtr build_model(const ModelConfig& config, uint64_t seed) {
  ModulePtr model = construct_model(config);
  model->initialise(seed);
  if (config.init == "kaiming_normal_fan_out") kaiming_normal_fan_out(*model, seed);
  return model;
}

}  // namespace ghost
