// A network of one's own, trained and used like those that come with Ghost:
//   own_model train --config own_model.yaml
//   own_model predict --checkpoint runs/own_model-1 photo.png
#include "train/cli/main.h"

#include "core/ops/shape_ops.h"
#include "nn/layers/conv_unit.h"
#include "nn/layers/ghost_module.h"
#include "nn/layers/grouped_bottleneck.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/layers/squeeze_excite.h"
#include "nn/models/registry.h"

using namespace ghost;

// x (N, H, W, in_channels) → logits (N, num_classes)
class OwnNet final : public Module {
 public:
  explicit OwnNet(const ModelConfig& c)
      : stem_(this, "stem", {.in = c.in_channels, .out = 16, .first = true}, c.conv),
        ghost_(this, "ghost", GhostModule::Options{.in = 16, .out = 32, .kernel = 3, .stride = 2}),
        attention_(this, "attention",
                   SqueezeExcite::Options{.channels = 32, .ratio = c.own.get<double>("squeeze_ratio")}),
        grouped_(this, "grouped", GroupedBottleneck::Options{.in = 32, .out = 64, .groups = c.groups, .stride = 2}),
        pool_(this, "pool"),
        fc_(this, "fc", Linear::Options{.in = 64, .out = c.num_classes}) {}
  const char* kind() const override { return "OwnNet"; }

 protected:
  Tensor forward(const Tensor& x) override { return fc_(flatten(pool_(grouped_(attention_(ghost_(stem_(x))))))); }

 private:
  ConvUnit stem_;
  Child<GhostModule> ghost_;
  Child<SqueezeExcite> attention_;
  Child<GroupedBottleneck> grouped_;
  Child<GlobalAvgPool> pool_;
  Child<Linear> fc_;
};

int main(int argc, char** argv) {
  register_model(
      {.name = "own_net",
       .summary = "a ghost module, squeeze-excite and a grouped bottleneck",
       .options = {"groups", "conv"},
       .build = [](const ModelConfig& config) -> ModulePtr { return std::make_shared<OwnNet>(config); },
       .own_options = {{"squeeze_ratio", 0.25, "share of the channels inside squeeze-excite", rule::above(0, 1)}}});
  return command_main(argc, argv);
}
