#include <CLI/CLI.hpp>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <spdlog/spdlog.h>

#include "core/parallel.h"
#include "nn/layers/layer_spec.h"
#include "train/cli/info_report.h"
#include "train/cli/info_weights.h"
#include "train/cli/main.h"
#include "train/cli/program.h"
#include "train/cli/text.h"
#include "train/network/network.h"
#include "train/network/published.h"

namespace ghost::cli {

namespace {

struct Arguments {
  std::string config, arch, checkpoint, weights, layer, input;
  std::vector<std::string> overrides, compare;
  std::optional<int64_t> batch, threads;
  int depth = 0;
  bool json = false, no_memory = false;
};

ModelInfoOptions options_of(const Arguments& arguments) {
  ModelInfoOptions options;
  if (!arguments.input.empty()) options.input = parse_input_size(arguments.input);
  options.batch = arguments.batch;
  options.memory = !arguments.no_memory;
  return options;
}

ModelInfo describe_model(const Config& config, const Arguments& arguments) {
  const int64_t threads = arguments.threads.value_or(config.run.threads);
  if (threads > 0) set_threads(static_cast<int>(threads));
  return model_info(config, options_of(arguments));
}

void tell(const std::vector<std::string>& notes, Terminal& terminal) {
  for (const std::string& note : notes) terminal.line("note: " + note, true);
}

NamedInfo of_config(const std::string& file, const Arguments& arguments, Terminal& terminal) {
  const LoadedConfig loaded = load_config(file, arguments.overrides);
  tell(loaded.notes, terminal);
  return {.name = file, .notes = {}, .info = describe_model(loaded.config, arguments)};
}

NamedInfo of_arch(const Arguments& arguments, Terminal& terminal) {
  const LoadedConfig loaded = published_config_alone(arguments.arch, arguments.overrides);
  tell(loaded.notes, terminal);
  return {.name = arguments.arch, .notes = {}, .info = describe_model(loaded.config, arguments)};
}

// A network with its values, which are read to see that they fit.
NamedInfo of_network(const NetworkSource& source, const Arguments& arguments, Terminal& terminal) {
  const Network network = load_network(source);
  tell(network.notes, terminal);
  for (const std::string& warning : network.warnings) spdlog::warn("{}", warning);
  NamedInfo named{.name = network.file, .notes = {}, .info = describe_model(network.config, arguments)};
  if (const std::string& model = source.arch.empty() ? source.config : source.arch; !model.empty())
    named.notes.push_back(fmt::format("its entries fit {}", model));
  if (!network.progress) return named;
  const Progress& at = *network.progress;
  named.notes.push_back(fmt::format("trained for {} epochs, {} steps", at.epoch, grouped(at.step)));
  if (at.best_epoch > 0)
    named.notes.back() += fmt::format("; best test accuracy {} in epoch {}", percent(at.best_top1), at.best_epoch);
  return named;
}
NamedInfo of_checkpoint(const std::string& given, const Arguments& arguments, Terminal& terminal) {
  NetworkSource source;
  source.checkpoint = given, source.overrides = arguments.overrides;
  return of_network(source, arguments, terminal);
}
NamedInfo of_weights(const Arguments& arguments, Terminal& terminal) {
  NetworkSource source;
  source.weights = arguments.weights, source.config = arguments.config, source.arch = arguments.arch;
  source.overrides = arguments.overrides;
  return of_network(source, arguments, terminal);
}

NamedInfo of_layer(const std::string& layer, const Arguments& arguments) {
  if (!arguments.overrides.empty()) fail_usage("--set changes configurations; {} says all of itself", layer);
  return {.name = layer, .notes = {}, .info = layer_info(layer, options_of(arguments))};
}

// A configuration, a checkpoint or run directory, or a layer.
NamedInfo of_any(const std::string& given, const Arguments& arguments, Terminal& terminal) {
  if (given.ends_with(')') && !std::filesystem::exists(given)) return of_layer(given, arguments);
  const std::string suffix = std::filesystem::path(given).extension().string();
  const bool yaml = suffix == ".yaml" || suffix == ".yml";
  return yaml ? of_config(given, arguments, terminal) : of_checkpoint(given, arguments, terminal);
}

std::string printed(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void show(const NamedInfo& model, const Arguments& arguments, Terminal& terminal) {
  terminal.text(arguments.json ? printed(info_json(model)) : info_text(model, arguments.depth, terminal));
}

int run(const Arguments& arguments, Terminal& terminal) {
  if (!arguments.compare.empty()) {
    const NamedInfo a = of_any(arguments.compare[0], arguments, terminal);
    const NamedInfo b = of_any(arguments.compare[1], arguments, terminal);
    terminal.text(arguments.json ? printed(comparison_json(a, b)) : comparison_text(a, b, arguments.depth, terminal));
  } else if (!arguments.weights.empty()) {
    const WeightsFile weights = read_weights(arguments.weights);
    if (!arguments.config.empty() || !arguments.arch.empty() ||
        !read_network_metadata(weights.name, weights.metadata).config.empty())
      show(of_weights(arguments, terminal), arguments, terminal);
    else
      terminal.text(arguments.json ? printed(weights_json(weights)) : weights_text(weights, terminal));
  } else if (!arguments.layer.empty()) {
    show(of_layer(arguments.layer, arguments), arguments, terminal);
  } else if (!arguments.arch.empty()) {
    show(of_arch(arguments, terminal), arguments, terminal);
  } else {
    show(arguments.config.empty() ? of_checkpoint(arguments.checkpoint, arguments, terminal)
                                  : of_config(arguments.config, arguments, terminal),
         arguments, terminal);
  }
  return kDone;
}

void require_one_subject(const Arguments& a) {
  const bool model = !a.config.empty() || !a.arch.empty();
  const int given = model + !a.checkpoint.empty() + !a.weights.empty() + !a.layer.empty() + !a.compare.empty();
  if (given == 0)
    fail_usage(
        "needs --config FILE, --arch NAME, --checkpoint FILE, --weights FILE, --layer LAYER or --compare A B; --help "
        "shows examples");
  if (given > 1 && !(given == 2 && model && !a.weights.empty()))
    fail_usage(
        "takes one of --config, --arch, --checkpoint, --weights, --layer and --compare; only --weights FILE goes "
        "together with --config FILE or --arch NAME");
}

int main(int argc, char** argv) {
  const std::string name = program_name(argc, argv, "ghost-info");
  Arguments arguments;
  CLI::App app("Shows what a network costs, module by module, before it is trained. Needs no data.", name);
  auto* config = app.add_option("--config", arguments.config, "A configuration (see configs/)");
  config->type_name("FILE");
  app.add_option("--arch", arguments.arch,
                 "A model of timm or torchvision by its name there, e.g. torchvision/resnet18")
      ->type_name("NAME")
      ->excludes(config);
  app.add_option("--checkpoint", arguments.checkpoint, "A checkpoint, or a run directory (then its best)")
      ->type_name("FILE");
  app.add_option("--weights", arguments.weights,
                 "A safetensors file: lists its entries; with --config or --arch, checks that they fit that model")
      ->type_name("FILE");
  app.add_option("--layer", arguments.layer, "One layer, written as in Python: 'GhostConv(32, 64, ratio=2)'")
      ->type_name("LAYER");
  app.add_option("--compare", arguments.compare,
                 "Two configurations, checkpoints, run directories or layers side by side; --set and the others hold "
                 "for both")
      ->type_name("A B")
      ->expected(2);
  app.add_option("--set", arguments.overrides, "Change one option, e.g. --set model.conv.ratio=3; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--input", arguments.input, "Size of the input, e.g. 3x224x224, 224x224 or 224 (default: the data's)")
      ->type_name("CxHxW");
  app.add_option("--batch", arguments.batch, "Images at a time, for memory (default: train.batch_size / accumulate)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--depth", arguments.depth, "Levels of the tree to show (default: as many as fit on a screen)")
      ->type_name("N")
      ->check(CLI::Range(1, 100));
  add_threads_option(app, arguments.threads);
  app.add_flag("--no-memory", arguments.no_memory, "Count only: do not run the model to measure its memory");
  app.add_flag("--json", arguments.json, "Print one JSON object, with every module");
  const Help help{
      .notes = fmt::format(
          "MACs are multiply-accumulates of convolutions and linear layers, forward, for one image. Parameters "
          "include\n"
          "batch norm's scale and shift, not its running statistics. Activation memory: in training what the forward "
          "pass\n"
          "of the batch keeps for the backward pass (activation_bytes in JSON), in inference the most that is alive "
          "at\n"
          "once (activation_bytes_inference), of a batch that is taken in parts where that is faster. Both are "
          "measured\n"
          "with a few images and extended to the batch.\n\n"
          "Layers:\n  {}",
          fmt::join(layer_signatures(), "\n  ")),
      .examples = {"{0} --config configs/ghostnet.yaml",
                   "{0} --config configs/ghostnet_imagenet.yaml --set model.width=1.3 --input 3x192x192 --depth 1",
                   "{0} --compare configs/resnet56_cifar10.yaml configs/ghost_resnet56_cifar10.yaml",
                   "{0} --compare 'ConvBn(32, 64)' 'GhostConv(32, 64)' --input 56"}};
  return run_program(app, help, argc, argv, [&](Terminal& terminal) -> int {
    require_one_subject(arguments);
    return run(arguments, terminal);
  });
}

}  // namespace

}  // namespace ghost::cli

int ghost::info_main(int argc, char** argv) { return cli::main(argc, argv); }
