#include "train/cli/network_options.h"

#include <CLI/CLI.hpp>

namespace ghost::cli {

void add_network_options(CLI::App& app, NetworkSource& source) {
  auto* checkpoint =
      app.add_option("--checkpoint", source.checkpoint, "A checkpoint, or a run directory (then its best)");
  checkpoint->type_name("FILE");
  auto* weights = app.add_option("--weights", source.weights,
                                 "Weights (safetensors) of PyTorch, timm, torchvision or ghost-convert");
  weights->type_name("FILE")->excludes(checkpoint);
  auto* config = app.add_option("--config", source.config,
                                "Model and data of --weights: a YAML file; not needed if the weights carry one");
  config->type_name("FILE")->needs(weights);
  app.add_option(
         "--arch", source.arch,
         "In place of --config: what timm or torchvision calls the model of --weights, e.g. torchvision/resnet18")
      ->type_name("NAME")
      ->needs(weights)
      ->excludes(config);
  app.add_option("--prefix", source.prefix, "Of --weights, take only the entries below this, e.g. backbone")
      ->type_name("NAME")
      ->needs(weights);
  app.add_flag_callback(
         "--no-strict", [&source] { source.strict = false; }, "Of --weights, take what fits and list the rest")
      ->needs(weights);
  app.add_option("--weights-of", source.weights_of,
                 "Which weights of a checkpoint: auto (default) those of its train.best, raw the trained ones, or ema, "
                 "lookahead where the run kept them")
      ->type_name("NAME");
  app.add_flag("--deploy", source.deploy,
               "Merge parallel branches into one convolution each, for inference (repghost, ghostnet_v3)");
  app.add_option("--set", source.overrides, "Change one option, e.g. --set data.root=/data; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

void add_classes_option(CLI::App& app, NetworkSource& source) {
  app.add_option("--classes", source.classes,
                 "Names of the classes, one a line, in the order of the outputs; where the network does not know them")
      ->type_name("FILE");
}

void require_network(const NetworkSource& source) {
  if (source.checkpoint.empty() && source.weights.empty())
    fail_usage("needs --checkpoint FILE or --weights FILE; --help shows examples");
}

}  // namespace ghost::cli
