// The table of models: those that come with Ghost and those that a program adds with register_model.
#pragma once
#include <string>
#include <vector>

#include "core/options.h"
#include "nn/layers/conv_choice.h"
#include "nn/module.h"

namespace ghost {

// The options under `model:`, those of all models together. A model reads the ones that its table line lists in
// `options` and `own_options`; the configuration reader ignores or refuses the others.
struct ModelConfig {
  std::string name = "ghostnet";
  int64_t num_classes = 10;
  int64_t in_channels = 3;
  double width = 1.0;                          // of all channels
  double dropout = 0.2;                        // before the classifier
  double drop_path = 0;                        // of the last residual branch
  std::string variant = "official";            // one of the model's ModelEntry::variants; official: its first
  std::string cheap_op = "depthwise";          // of cheap_op_table()
  int64_t stem_stride = 2;                     // 1 for small images
  bool deployed = false;                       // parallel branches are one convolution (nn/models/deployed.h)
  int64_t groups = 4;                          // of 3×3 convolutions
  int64_t depth = 0;                           // vgg, resnet, resnext; 0: 16, 56 and 29
  std::string layout = "cifar";                // vgg: cifar | imagenet
  std::string shortcut = "auto";               // resnet: A | B; auto: A for CIFAR's depths, B for ImageNet's
  int64_t cardinality = 8, base_width = 64;    // resnext: groups and channels of each (32 and 4: 32×4d)
  ConvChoice conv = ConvChoice();              // of ordinary convolutions
  std::string activation = "relu";             // of activation_table()
  std::vector<int64_t> channels{32, 64, 128};  // plain_cnn: one stage each
  std::string init = "pytorch";                // pytorch | kaiming_normal_fan_out
  OptionValues own = {};                       // of registered models: ModelEntry::own_options
};
void describe(ModelConfig& config, Description& description);
void check_together(const ModelConfig& config, const Finding& refuse, const Finding& note);

struct ModelEntry {
  std::string name, summary;
  std::vector<std::string> options;  // fields of ModelConfig it reads besides name, num_classes, in_channels, init
  ModulePtr (*build)(const ModelConfig& config);
  // Options that only your model has, as model.<name>. They are read, checked, printed and stored like the others;
  // `build` reads their values from config.own. Another model reads one by listing it in `options`.
  std::vector<OwnOption> own_options = {};
  // What `variant` may be, the usual one first, of a model that reads it. "official" stands for the first.
  std::vector<std::string> variants = {};
  std::vector<std::string> all_options() const;  // names of both
};
const std::vector<ModelEntry>& model_table();
// Adds a model of your own to the table. From then on model.name can be its name, in every configuration that this
// process reads. Call it at the start of main, before anything else: references to lines of the table end. Throws
// UsageError if the name is empty or taken, if there is nothing to build it, if it lists an option that there is not,
// or if an own option is there already or has a default outside of its limits.
void register_model(ModelEntry entry);

// The model with initial values from `seed`. Throws UsageError if an option is not as described, naming the nearest
// valid value, and with the module's path if its parts do not fit.
ModulePtr build_model(const ModelConfig& config, uint64_t seed);
// The same without initial values: whether there can be such a model, and how large it is.
ModulePtr construct_model(const ModelConfig& config);

}  // namespace ghost
