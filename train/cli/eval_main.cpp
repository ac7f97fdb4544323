// ghost-eval: tests a network.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <spdlog/spdlog.h>

#include "core/parallel.h"
#include "train/cli/main.h"
#include "train/cli/network_options.h"
#include "train/cli/program.h"
#include "train/cli/text.h"
#include "train/loop/arithmetic.h"
#include "train/network/classes.h"
#include "train/network/evaluated_data.h"
#include "train/network/evaluator.h"
#include "train/network/network.h"
#include "train/network/preparation.h"
#include "train/network/running_statistics.h"
#include "train/run/preprocessing_json.h"

namespace ghost::cli {

namespace {

struct Arguments {
  NetworkSource source;
  std::string split = "test", tta = "none";
  std::optional<int64_t> threads;
  bool json = false, per_class = false;
};

struct Result {
  std::string images;                // "test", "training, validation and test"
  std::vector<std::string> folders;  // that they lie in, if they do
  Evaluation evaluation;
  ConfusionMatrix confusion;
  std::vector<std::string> classes;  // name of each output
  bool classes_by_name;              // false: by position
  Preprocessing preprocessing;
};

std::vector<std::string> names_of_outputs(const Network& network, const std::vector<std::string>& data_classes) {
  const std::vector<std::string>& known = network.classes.empty() ? data_classes : network.classes;
  std::vector<std::string> names;
  for (int64_t i = 0; i < network.config.model.num_classes; ++i) names.push_back(name_of_class(known, i));
  return names;
}

Result run(const Network& network, const Arguments& arguments, const EvaluatedData& evaluated, Terminal& terminal) {
  const Config& config = network.config;
  const DataSplits& data = evaluated.data;
  const std::vector<std::string>& classes = data.class_names();
  LabelMapping mapping = outputs_of_labels(network, config.data.name, classes);
  for (const std::string& note : mapping.notes) terminal.line("note: " + note, true);
  for (const std::string& warning : mapping.warnings) spdlog::warn("{}", warning);
  Result result{names_of_parts(evaluated),
                folders_of_parts(evaluated),
                {},
                ConfusionMatrix(config.model.num_classes),
                names_of_outputs(network, classes),
                mapping.by_name,
                preprocessing_of(data)};
  EvaluateOptions options;
  options.confusion = &result.confusion;
  options.views = tta_views(arguments.tta);
  options.output_of_label = std::move(mapping.output_of_label);
  for (const auto& [name, part] : evaluated.parts) {
    Loader loader(part, data, {},
                  {.batch_size = config.train.eval_batch_size,
                   .seed = config.run.seed,
                   .workers = config.data.workers,
                   .prefetch = config.data.prefetch,
                   .max_unreadable = config.data.max_unreadable},
                  [](const std::string& text) { spdlog::warn("{}", text); });
    const Evaluation evaluation = *evaluate(*network.model, loader, options);
    result.evaluation.sums += evaluation.sums;
    result.evaluation.seconds += evaluation.seconds;
  }
  return result;
}

// Rows: the label, columns: the prediction. Null where that would be mostly zeros by the million.
nlohmann::ordered_json confusion_json(const ConfusionMatrix& confusion) {
  constexpr int64_t kMostClasses = 1000;
  if (confusion.classes() > kMostClasses) return nullptr;
  auto matrix = nlohmann::ordered_json::array();
  for (int64_t t = 0; t < confusion.classes(); ++t) {
    auto row = nlohmann::ordered_json::array();
    for (int64_t p = 0; p < confusion.classes(); ++p) row.push_back(confusion.at(t, p));
    matrix.push_back(std::move(row));
  }
  return matrix;
}

std::string as_json(const Network& network, const Arguments& arguments, const Result& result) {
  const MetricSums& sums = result.evaluation.sums;
  nlohmann::ordered_json json;
  json[network.progress ? "checkpoint" : "weights"] = network.file;
  if (network.progress) json["epoch"] = network.progress->epoch, json["step"] = network.progress->step;
  json["weights_of"] = network.weights_of;
  json["model"] = network.config.model.name;
  json["data"] = network.config.data.name;
  json["classes_by"] = result.classes_by_name ? "name" : "position";
  json["preprocessing"] = json_of(result.preprocessing);
  json["split"] = arguments.split;
  if (!result.folders.empty()) json["folders"] = result.folders;
  json["tta"] = arguments.tta;
  json["flip"] = arguments.tta != "none";
  json["top1"] = sums.top1_percent();
  json["top5"] = sums.top5_percent();
  json["loss"] = sums.loss();
  json["count"] = sums.count;
  json["images_per_second"] = result.evaluation.images_per_second();
  if (arguments.per_class) {
    auto classes = nlohmann::ordered_json::array();
    for (int64_t t = 0; t < result.confusion.classes(); ++t)
      classes.push_back({{"class", result.classes[static_cast<size_t>(t)]},
                         {"top1", result.confusion.accuracy_percent(t)},
                         {"count", result.confusion.samples(t)}});
    json["per_class"] = std::move(classes);
    json["confusion"] = confusion_json(result.confusion);
    auto pairs = nlohmann::ordered_json::array();
    for (const ConfusionMatrix::Pair& p : result.confusion.pairs()) pairs.push_back({p.truth, p.predicted, p.count});
    json["confusion_pairs"] = std::move(pairs);
  }
  return json.dump(arguments.per_class ? -1 : 2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string as_text(const Network& network, const Arguments& arguments, const Result& result) {
  const MetricSums& sums = result.evaluation.sums;
  const std::string where = network.progress
                                ? message_of("checkpoint         {} (epoch {}, step {}{})", network.file,
                                             network.progress->epoch, network.progress->step,
                                             network.weights_of == "raw" ? "" : ", " + network.weights_of + " weights")
                                : message_of("weights            {}", network.file);
  const std::string from =
      result.folders.empty() ? "" : message_of(" of {}", fmt::format("{}", fmt::join(result.folders, ", ")));
  return fmt::format(
      "{}\n"
      "data               {}, {} {} images{}{}\n"
      "pictures           {}\n"
      "top1               {}\n"
      "top5               {}\n"
      "loss               {:.4f}\n"
      "count              {}\n"
      "images_per_second  {:.1f}\n",
      where, network.config.data.name, grouped(sums.count), result.images, from,
      arguments.tta == "none" ? "" : fmt::format(", each in {} views", tta_views(arguments.tta).size()),
      described(result.preprocessing), percent(sums.top1_percent()), percent(sums.top5_percent()), sums.loss(),
      sums.count, result.evaluation.images_per_second());
}

constexpr int64_t kMatrixClasses = 20;  // more do not fit on a screen

std::string classes_as_text(const std::vector<std::string>& names, const ConfusionMatrix& confusion) {
  int width = 5;
  for (const std::string& name : names) width = std::max(width, display_width(printable(name)));
  const auto cell = [&](int64_t t) { return padded(printable(names[static_cast<size_t>(t)]), width, true); };
  const int64_t classes = confusion.classes();
  std::string text = fmt::format("\n{:{}}  accuracy   count\n", "class", width);
  for (int64_t t = 0; t < classes; ++t)
    if (confusion.samples(t) > 0)
      text += fmt::format("{}  {:>8}  {:>6}\n", cell(t), percent(confusion.accuracy_percent(t)), confusion.samples(t));
  if (classes > kMatrixClasses)
    return text + fmt::format("\nWhat {} classes were taken for is printed with --json.\n", grouped(classes));
  text += "\nconfusion matrix: a row is the label, a column what it was taken for\n";
  text += fmt::format("{:{}}", "", width + 3);
  for (int64_t p = 0; p < classes; ++p) text += fmt::format(" {:>6}", p);
  for (int64_t t = 0; t < classes; ++t) {
    text += fmt::format("\n{:>2} {}", t, cell(t));
    for (int64_t p = 0; p < classes; ++p) text += fmt::format(" {:>6}", confusion.at(t, p));
  }
  return text + "\n";
}

int evaluate_network(const Arguments& arguments, Terminal& terminal) {
  if (arguments.json) terminal.keep_stdout_clean();
  const Network network = load_network(arguments.source);
  for (const std::string& note : network.notes) terminal.line("note: " + note, true);
  for (const std::string& warning : network.warnings) spdlog::warn("{}", warning);
  // Weights may have been trained further than their last run tells.
  if (network.run && network.run->pretrained.file.empty())
    if (const std::string warning = young_statistics(*network.model); !warning.empty()) spdlog::warn("{}", warning);
  const int64_t threads = arguments.threads.value_or(network.config.run.threads);
  if (threads > 0) set_threads(static_cast<int>(threads));
  set_arithmetic(network.config.train);

  const bool share_given = std::any_of(arguments.source.overrides.begin(), arguments.source.overrides.end(),
                                       [](const std::string& set) { return set.starts_with("data.test_share="); });
  const EvaluatedData evaluated = open_evaluated_data(network, arguments.split, share_given);
  for (const std::string& note : evaluated.notes) terminal.line("note: " + note, true);
  for (const std::string& warning : evaluated.warnings) spdlog::warn("{}", warning);
  const Result result = run(network, arguments, evaluated, terminal);
  if (arguments.json) {
    terminal.text(as_json(network, arguments, result));
  } else {
    terminal.text(as_text(network, arguments, result));
    if (arguments.per_class) terminal.text(classes_as_text(result.classes, result.confusion));
  }
  return kDone;
}

int main(int argc, char** argv) {
  const std::string name = program_name(argc, argv, "ghost-eval");
  Arguments arguments;
  NetworkSource& source = arguments.source;
  CLI::App app("Tests a network on the images of a data set.", name);
  add_network_options(app, source);
  add_classes_option(app, source);
  app.add_option("--split", arguments.split, "Which images: test (default), val, train, or all")
      ->type_name("NAME")
      ->check(CLI::IsMember({"test", "val", "train", "all"}));
  auto* tta = app.add_option(
      "--tta", arguments.tta,
      "Test-time augmentation, the mean logits of: flip each image and its mirror image; flip+shift both, "
      "also moved by a pixel; none (default)");
  tta->type_name("NAME")->check(CLI::IsMember(tta_names()));
  app.add_flag_callback(
         "--flip", [&arguments] { arguments.tta = "flip"; }, "The same as --tta flip")
      ->excludes(tta);
  add_threads_option(app, arguments.threads);
  app.add_flag("--json", arguments.json, "Print one JSON object");
  app.add_flag("--per-class", arguments.per_class, "Print each class's accuracy and the confusion matrix as well");
  const Help help{
      .notes =
          "Prints top1 and top5 (percent), loss (mean cross-entropy), count and images_per_second. The images may be "
          "of\n"
          "another data set: its classes are found among the network's by name. If the network does not know the names "
          "of\nits classes (--classes), outputs and classes are matched by position. Pictures are resized,\ncropped "
          "and normalised as the network's file says. A folder of classes is tested as a whole.",
      .examples = {"{0} --checkpoint runs/ghostnet-1 --tta flip",
                   "{0} --checkpoint runs/ghostnet-1/checkpoints/last.safetensors --per-class --json",
                   "{0} --checkpoint runs/ghostnet-1 --set data.name=image_folder --set data.root=photos",
                   "{0} --weights resnet18.safetensors --arch torchvision/resnet18 --set data.root=imagenet"}};
  return run_program(app, help, argc, argv, [&](Terminal& terminal) -> int {
    require_network(source);
    return evaluate_network(arguments, terminal);
  });
}

}  // namespace

}  // namespace ghost::cli

int ghost::eval_main(int argc, char** argv) { return cli::main(argc, argv); }
