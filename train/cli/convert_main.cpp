// ghost-convert: weights from and to other programs.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <spdlog/spdlog.h>

#include "train/cli/main.h"
#include "train/cli/network_options.h"
#include "train/cli/program.h"
#include "train/network/export.h"
#include "train/network/onnx_export.h"
#include "train/network/preparation.h"
#include "train/page/text.h"

namespace ghost::cli {

namespace {

namespace fs = std::filesystem;

struct Arguments {
  NetworkSource source;
  std::string to = "pytorch", output;
  bool force = false;
  OnnxOptions onnx;
  bool int8 = false;
  Int8Options int8_options;
  std::string calibration = "mse";
};

int64_t parameter_count(const Module& model) {
  int64_t count = 0;
  for (const Parameter& p : model.parameters()) count += p.tensor.numel();
  return count;
}

// Before the work, so that nothing is computed in vain.
void require_free(const Arguments& arguments) {
  std::error_code ignored;
  const fs::path output = arguments.output;
  if (fs::is_directory(output, ignored)) fail_usage("-o {}: is a folder, but must be a file", arguments.output);
  const fs::path folder = output.parent_path();
  if (!folder.empty() && !fs::is_directory(folder, ignored))
    fail_usage("-o {}: there is no folder {}", arguments.output, folder.string());
  if (!fs::exists(output, ignored)) return;
  if (!arguments.force) fail_usage("-o {}: there is such a file already; --force replaces it", arguments.output);
}

std::string check_of(const OnnxReport& report, const OnnxOptions& options) {
  return fmt::format("checked with {}: {} differ by at most {:.1e} where the largest is {:.4g}", report.checked_with,
                     options.softmax ? "probabilities" : "logits", report.largest_difference, report.largest_output);
}

void print_int8(const OnnxReport& report, Terminal& terminal) {
  const Int8Report& int8 = *report.int8;
  terminal.line(fmt::format("{} in 8 bits, calibrated with {}: {:.1f} MB in place of {:.1f}",
                            count_of(int8.layers, "layer"), int8.calibrated_with,
                            static_cast<double>(report.bytes) / 1e6, static_cast<double>(report.float_bytes) / 1e6));
  if (int8.tested > 0)
    terminal.line(fmt::format("top-1 on {} test images: {} in f32, {} in 8 bits", grouped(int8.tested),
                              percent(int8.top1_float), percent(int8.top1)));
  else
    terminal.line("there are no test images to measure the accuracy with");
  terminal.line("layers that lose most, in shares of what they give (Σ error²/Σ value²):");
  for (const onnx::LayerLoss& layer : int8.largest)
    terminal.line(fmt::format("  {:<48} {:.5f}", printable(layer.name), layer.loss));
}

int convert(const Arguments& arguments, Terminal& terminal) {
  require_free(arguments);
  Network network = load_network(arguments.source);
  const bool pytorch = arguments.to == "pytorch", onnx = arguments.to == "onnx";
  if (!pytorch) complete_metadata(network, onnx ? Completeness::preprocessing : Completeness::everything);
  for (const std::string& note : network.notes) terminal.line("note: " + note);
  for (const std::string& warning : network.warnings) spdlog::warn("{}", warning);
  if (pytorch) {
    try {
      complete_preprocessing(network);
    } catch (const UsageError&) {
      throw;
    } catch (const Error& e) {
      spdlog::warn(
          message_of("{}: is written without a word on how pictures are prepared: {}", arguments.output, e.what()));
    }
    export_weights(arguments.output, network);
  } else if (!onnx) {
    export_checkpoint(arguments.output, network);
  }
  const OnnxReport report = onnx ? export_onnx(arguments.output, network, arguments.onnx) : OnnxReport();
  const ModelConfig& model = network.config.model;
  terminal.line(fmt::format("{}: {}, {} parameters, {} classes, as {}", printable(arguments.output), model.name,
                            grouped(parameter_count(*network.model)), grouped(model.num_classes),
                            pytorch ? "weights for PyTorch (safetensors.torch.load_file)"
                            : onnx  ? fmt::format("an ONNX graph of {}, {:.1f} MB", count_of(report.nodes, "operator"),
                                                  static_cast<double>(report.bytes) / 1e6)
                                    : "a checkpoint for ghost-eval and ghost-predict"));
  if (onnx) terminal.line(check_of(report, arguments.onnx));
  if (report.int8) print_int8(report, terminal);
  if (network.preprocessing) terminal.line("pictures: " + described(*network.preprocessing));
  return kDone;
}

int main(int argc, char** argv) {
  const std::string name = program_name(argc, argv, "ghost-convert");
  Arguments arguments;
  NetworkSource& source = arguments.source;
  CLI::App app("Writes a network for PyTorch or as ONNX, or foreign weights for the programs here.", name);
  add_network_options(app, source);
  app.add_option("--to", arguments.to,
                 "pytorch: weights alone (default); ghost: a checkpoint; onnx: the network for other runtimes")
      ->type_name("FORM")
      ->check(CLI::IsMember({"pytorch", "ghost", "onnx"}));
  app.add_flag("--with-preprocessing", arguments.onnx.preprocessing,
               "Of --to onnx: the input is pixels, uint8 (N, H, W, C), and normalised inside");
  app.add_flag("--softmax", arguments.onnx.softmax, "Of --to onnx: the output is probabilities in place of logits");
  add_classes_option(app, source);
  app.add_option("-o,--output", arguments.output, "The file to write")->type_name("FILE");
  app.add_flag("--force", arguments.force, "Replace the output if there is one");
  auto* int8 = app.add_flag("--int8", arguments.int8, "Of --to onnx: weights and activations in 8 bits");
  app.add_option("--calibrate", arguments.int8_options.images,
                 "Of --int8: how many training images tell the ranges of activations (128)")
      ->type_name("N")
      ->needs(int8);
  app.add_option("--ranges", arguments.calibration,
                 "Of --int8: mse (default), those of the least square error; percentile, without the outermost values")
      ->type_name("RULE")
      ->needs(int8)
      ->check(CLI::IsMember({"mse", "percentile"}));
  app.add_flag("--float-first", arguments.int8_options.float_first, "Of --int8: the first convolution stays in f32")
      ->needs(int8);
  app.add_flag("--float-squeeze-excite", arguments.int8_options.float_squeeze_excite,
               "Of --int8: the convolutions of squeeze-excite stay in f32")
      ->needs(int8);
  const Help help{
      .notes =
          "Every entry must fit the model; what does not is listed, and nothing is written. The output has "
          "PyTorch's names,\norder and axes. --to ghost adds what ghost-eval and ghost-predict need: the names of "
          "the classes (--classes, or\nthe data set of the configuration) and the preprocessing.\n\n"
          "--to onnx writes the graph of the network with batch norms folded into convolutions, reads it again and "
          "compares its\nanswers to test images with the network's. See docs/deploy.md.\n\n"
          "A .pth file becomes safetensors with tools/pth-to-safetensors. See docs/from-pytorch.md.",
      .examples = {"{0} --checkpoint runs/ghostnet-1 -o ghostnet.safetensors",
                   "{0} --checkpoint runs/ghostnet-1 --to onnx -o ghostnet.onnx",
                   "{0} --weights resnet18.safetensors --arch torchvision/resnet18 -o checked.safetensors",
                   "{0} --weights timm.safetensors --config configs/ghostnet_imagenet.yaml --to ghost --classes "
                   "names.txt \\\n    -o imagenet.safetensors"}};
  return run_program(app, help, argc, argv, [&](Terminal& terminal) -> int {
    require_network(source);
    if (arguments.output.empty()) fail_usage("needs -o FILE, the file to write; --help shows examples");
    if (arguments.to != "onnx")
      for (const auto& [on, option] : {std::pair{arguments.onnx.preprocessing, "--with-preprocessing"},
                                       {arguments.onnx.softmax, "--softmax"},
                                       {arguments.int8, "--int8"}})
        if (on) fail_usage("{} is for --to onnx, but --to {} was given", option, arguments.to);
    if (arguments.int8_options.images < 1)
      fail_usage("--calibrate {}: at least 1 image was expected", arguments.int8_options.images);
    arguments.int8_options.calibration =
        arguments.calibration == "mse" ? onnx::Calibration::mse : onnx::Calibration::percentile;
    if (arguments.int8) arguments.onnx.int8 = arguments.int8_options;
    return convert(arguments, terminal);
  });
}

}  // namespace

}  // namespace ghost::cli

int ghost::convert_main(int argc, char** argv) { return cli::main(argc, argv); }
