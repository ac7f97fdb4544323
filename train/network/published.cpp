#include "train/network/published.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/nearest.h"

namespace ghost {
namespace {

// All of it if there is none: npos + 1 is 0.
std::string after_slash(const std::string& name) { return name.substr(name.find('/') + 1); }

// timm's "resnet50.a1_in1k" without what follows the dot.
std::string without_tag(const std::string& name) { return name.substr(0, name.find('.')); }

[[noreturn]] void refuse(const std::string& name) {
  std::vector<std::string> names, short_names;
  for (const PublishedModel& m : published_models())
    names.push_back(m.name), short_names.push_back(after_slash(m.name));
  const std::string wanted = without_tag(name);
  std::string near = nearest(wanted, names);
  if (const std::string model = nearest(after_slash(wanted), short_names); near.empty() || after_slash(near) != model)
    for (const std::string& known : names)
      if (!model.empty() && after_slash(known) == model) {
        near = known;
        break;
      }
  fail_usage("--arch {}: no model of timm or torchvision that is known here has this name{} There are {}", name,
             near.empty() ? "." : "; did you mean '" + near + "'?", any_of(names));
}

const PublishedModel& find(const std::string& name) {
  const std::vector<PublishedModel>& all = published_models();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const PublishedModel& m) { return m.name == without_tag(name); });
  if (found == all.end()) refuse(name);
  return *found;
}

LoadedConfig load(const std::string& name, const std::vector<std::string>& overrides) {
  const std::string text = message_of(
      "model: {}\n"
      "data:\n"
      "  name: image_folder\n"
      "  image_size: 224\n"
      "  resize: 256\n"
      "  mean: [0.485, 0.456, 0.406]\n"
      "  std: [0.229, 0.224, 0.225]\n",
      find(name).model);
  return load_config_text(text, "--arch " + name, overrides);
}

}  // namespace

const std::vector<PublishedModel>& published_models() {
  static const std::vector<PublishedModel> all{
      {"torchvision/resnet18", "{name: resnet, depth: 18}"},
      {"torchvision/resnet34", "{name: resnet, depth: 34}"},
      {"torchvision/resnet50", "{name: resnet, depth: 50}"},
      {"torchvision/resnet101", "{name: resnet, depth: 101}"},
      {"torchvision/resnext50_32x4d", "{name: resnext, depth: 50, cardinality: 32, base_width: 4}"},
      {"torchvision/resnext101_32x8d", "{name: resnext, depth: 101, cardinality: 32, base_width: 8}"},
      {"torchvision/resnext101_64x4d", "{name: resnext, depth: 101, cardinality: 64, base_width: 4}"},
      {"torchvision/wide_resnet50_2", "{name: resnext, depth: 50, cardinality: 1, base_width: 128}"},
      {"torchvision/wide_resnet101_2", "{name: resnext, depth: 101, cardinality: 1, base_width: 128}"},
      {"torchvision/vgg11_bn", "{name: vgg, depth: 11, layout: imagenet}"},
      {"torchvision/vgg13_bn", "{name: vgg, depth: 13, layout: imagenet}"},
      {"torchvision/vgg16_bn", "{name: vgg, depth: 16, layout: imagenet}"},
      {"torchvision/vgg19_bn", "{name: vgg, depth: 19, layout: imagenet}"},
      {"torchvision/mobilenet_v2", "{name: mobilenet_v2, width: 1.0}"},
      {"torchvision/mobilenet_v3_large", "{name: mobilenet_v3, variant: large}"},
      {"torchvision/mobilenet_v3_small", "{name: mobilenet_v3, variant: small}"},
      {"torchvision/shufflenet_v2_x0_5", "{name: shufflenet_v2, width: 0.5}"},
      {"torchvision/shufflenet_v2_x1_0", "{name: shufflenet_v2, width: 1.0}"},
      {"torchvision/shufflenet_v2_x1_5", "{name: shufflenet_v2, width: 1.5}"},
      {"torchvision/shufflenet_v2_x2_0", "{name: shufflenet_v2, width: 2.0}"},
      {"timm/ghostnet_050", "{name: ghostnet, width: 0.5}"},
      {"timm/ghostnet_100", "{name: ghostnet, width: 1.0}"},
      {"timm/ghostnet_130", "{name: ghostnet, width: 1.3}"},
      {"timm/resnet18", "{name: resnet, depth: 18}"},
      {"timm/resnet34", "{name: resnet, depth: 34}"},
      {"timm/resnet50", "{name: resnet, depth: 50}"},
      {"timm/resnet101", "{name: resnet, depth: 101}"},
      {"timm/resnext50_32x4d", "{name: resnext, depth: 50, cardinality: 32, base_width: 4}"},
      {"timm/resnext101_32x4d", "{name: resnext, depth: 101, cardinality: 32, base_width: 4}"},
      {"timm/resnext101_32x8d", "{name: resnext, depth: 101, cardinality: 32, base_width: 8}"},
      {"timm/resnext101_64x4d", "{name: resnext, depth: 101, cardinality: 64, base_width: 4}"},
      {"timm/wide_resnet50_2", "{name: resnext, depth: 50, cardinality: 1, base_width: 128}"},
      {"timm/wide_resnet101_2", "{name: resnext, depth: 101, cardinality: 1, base_width: 128}"},
      {"timm/mobilenetv1_100", "{name: mobilenet_v1, variant: timm}"},
      {"timm/mobilenetv1_125", "{name: mobilenet_v1, variant: timm, width: 1.25}"},
      {"timm/mobilenetv4_conv_small_035", "{name: mobilenet_v4, variant: conv_small, width: 0.35}"},
      {"timm/mobilenetv4_conv_small_050", "{name: mobilenet_v4, variant: conv_small, width: 0.5}"},
      {"timm/mobilenetv4_conv_small", "{name: mobilenet_v4, variant: conv_small}"},
      {"timm/mobilenetv4_conv_medium", "{name: mobilenet_v4, variant: conv_medium}"},
      {"timm/repghostnet_050", "{name: repghost, width: 0.5}"},
      {"timm/repghostnet_058", "{name: repghost, width: 0.58}"},
      {"timm/repghostnet_080", "{name: repghost, width: 0.8}"},
      {"timm/repghostnet_100", "{name: repghost, width: 1.0}"},
      {"timm/repghostnet_111", "{name: repghost, width: 1.11}"},
      {"timm/repghostnet_130", "{name: repghost, width: 1.3}"},
      {"timm/repghostnet_150", "{name: repghost, width: 1.5}"},
      {"timm/repghostnet_200", "{name: repghost, width: 2.0}"},
      {"timm/ghostnetv2_100", "{name: ghostnet_v2, width: 1.0}"},
      {"timm/ghostnetv2_130", "{name: ghostnet_v2, width: 1.3}"},
      {"timm/ghostnetv2_160", "{name: ghostnet_v2, width: 1.6}"},
      {"timm/ghostnetv3_050", "{name: ghostnet_v3, width: 0.5}"},
      {"timm/ghostnetv3_100", "{name: ghostnet_v3, width: 1.0}"},
      {"timm/ghostnetv3_130", "{name: ghostnet_v3, width: 1.3}"},
      {"timm/ghostnetv3_160", "{name: ghostnet_v3, width: 1.6}"}};
  return all;
}

LoadedConfig published_config_alone(const std::string& name, std::vector<std::string> overrides) {
  overrides.insert(overrides.begin(), {"model.num_classes=1000", "data.channels=3"});
  return load(name, overrides);
}

LoadedConfig published_config(const std::string& name, const std::vector<std::string>& overrides) {
  LoadedConfig loaded = load(name, overrides);
  if (const std::string known = without_tag(name); known != name)
    loaded.notes.push_back(
        message_of("--arch {0}: what follows the dot is not looked at: pictures are prepared as for most weights of "
                   "{1} (resized to 256, cropped to 224); if the model card of {0} says otherwise, set data.resize, "
                   "data.image_size, data.mean and data.std",
                   name, known));
  return loaded;
}

}  // namespace ghost
