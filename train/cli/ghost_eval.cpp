// ghost-eval: tests a checkpoint.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <spdlog/spdlog.h>

#include "core/parallel.h"
#include "nn/state_dict.h"
#include "train/checkpoint.h"
#include "train/cli/program.h"
#include "train/cli/text.h"
#include "train/evaluator.h"
#include "train/run_dir.h"
#include "train/version.h"

namespace ghost::cli {

namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string checkpoint;
  std::vector<std::string> sets;
  std::optional<int64_t> threads;
  bool json = false, per_class = false;
};

// The checkpoint's configuration with --set applied. What the data leaves open follows the checkpoint: pictures are
// prepared for testing as they were for training.
LoadedConfig evaluation_config(const Checkpoint& checkpoint, const std::vector<std::string>& sets) {
  LoadedConfig loaded = load_config_text(config_to_yaml(checkpoint.config), "the checkpoint's config", sets);
  Config& config = loaded.config;
  const Preprocessing& trained = checkpoint.preprocessing;
  if (config.data.image_size == 0) {
    config.data.image_size = trained.image_size;
    if (config.data.resize == 0) config.data.resize = trained.resize;
  }
  if (config.data.channels == 0) config.data.channels = trained.channels;
  if (config.data.mean.empty()) config.data.mean = trained.mean;
  if (config.data.std.empty()) config.data.std = trained.std;
  config.model.in_channels = trained.channels;
  if (!config.model_classes_set) config.model.num_classes = std::ssize(checkpoint.classes);
  return loaded;
}

struct Result {
  Evaluation evaluation;
  ConfusionMatrix confusion;
};

Result run(const Checkpoint& checkpoint, const Config& config) {
  const DataSplits data = open_data(config.data, config.run.seed);
  if (data.test->class_names() != checkpoint.classes)
    fail("the checkpoint knows {} classes ({}, …), but {} has {} ({}, …)", checkpoint.classes.size(),
         checkpoint.classes.front(), config.data.name, data.test->class_names().size(),
         data.test->class_names().front());
  const ModulePtr model = build_model(config.model, config.run.seed);
  load_state_dict(*model, checkpoint.model);
  Loader loader(data.test, data, {},
                {.batch_size = config.train.eval_batch_size,
                 .seed = config.run.seed,
                 .workers = config.data.workers,
                 .prefetch = config.data.prefetch,
                 .max_unreadable = config.data.max_unreadable},
                [](const std::string& text) { spdlog::warn("{}", text); });
  Result result{{}, ConfusionMatrix(std::ssize(checkpoint.classes))};
  EvaluateOptions options;
  options.confusion = &result.confusion;
  result.evaluation = *evaluate(*model, loader, options);
  return result;
}

std::string as_json(const fs::path& file, const Checkpoint& checkpoint, const Config& config, const Result& result,
                    bool per_class) {
  const Tally& tally = result.evaluation.tally;
  nlohmann::ordered_json json{{"checkpoint", file.string()},
                              {"epoch", checkpoint.progress.epoch},
                              {"step", checkpoint.progress.step},
                              {"model", config.model.name},
                              {"data", config.data.name},
                              {"top1", tally.top1_percent()},
                              {"top5", tally.top5_percent()},
                              {"loss", tally.loss()},
                              {"count", tally.count},
                              {"images_per_second", result.evaluation.images_per_second()}};
  if (per_class) {
    auto classes = nlohmann::ordered_json::array(), matrix = classes;
    for (int64_t t = 0; t < result.confusion.classes(); ++t) {
      classes.push_back({{"class", checkpoint.classes[static_cast<size_t>(t)]},
                         {"top1", result.confusion.accuracy_percent(t)},
                         {"count", result.confusion.samples(t)}});
      auto row = nlohmann::ordered_json::array();
      for (int64_t p = 0; p < result.confusion.classes(); ++p) row.push_back(result.confusion.at(t, p));
      matrix.push_back(std::move(row));
    }
    json["per_class"] = std::move(classes);
    json["confusion"] = std::move(matrix);  // rows: the label, columns: the prediction
  }
  return json.dump(per_class ? -1 : 2) + "\n";
}

std::string as_text(const fs::path& file, const Checkpoint& checkpoint, const Config& config, const Result& result) {
  const Tally& tally = result.evaluation.tally;
  return fmt::format(
      "checkpoint         {} (epoch {}, step {})\n"
      "data               {}, {} test images\n"
      "top1               {}\n"
      "top5               {}\n"
      "loss               {:.4f}\n"
      "count              {}\n"
      "images_per_second  {:.1f}\n",
      file.string(), checkpoint.progress.epoch, checkpoint.progress.step, config.data.name, grouped(tally.count),
      percent(tally.top1_percent()), percent(tally.top5_percent()), tally.loss(), tally.count,
      result.evaluation.images_per_second());
}

constexpr int64_t kMatrixClasses = 20;  // more do not fit on a screen

std::string classes_as_text(const std::vector<std::string>& names, const ConfusionMatrix& confusion) {
  size_t width = 5;
  for (const std::string& name : names) width = std::max(width, name.size());
  const int64_t classes = confusion.classes();
  std::string text = fmt::format("\n{:{}}  accuracy   count\n", "class", width);
  for (int64_t t = 0; t < classes; ++t)
    text += fmt::format("{:{}}  {:>8}  {:>6}\n", names[static_cast<size_t>(t)], width,
                        percent(confusion.accuracy_percent(t)), confusion.samples(t));
  if (classes > kMatrixClasses)
    return text + fmt::format("\nThe confusion matrix of {} classes is printed with --json.\n", classes);
  text += "\nconfusion matrix: a row is the label, a column what it was taken for\n";
  text += fmt::format("{:{}}", "", width + 3);
  for (int64_t p = 0; p < classes; ++p) text += fmt::format(" {:>6}", p);
  for (int64_t t = 0; t < classes; ++t) {
    text += fmt::format("\n{:>2} {:{}}", t, names[static_cast<size_t>(t)], width);
    for (int64_t p = 0; p < classes; ++p) text += fmt::format(" {:>6}", confusion.at(t, p));
  }
  return text + "\n";
}

int evaluate_checkpoint(const Arguments& arguments, Terminal& terminal) {
  const fs::path file = checkpoint_file(arguments.checkpoint);
  const Checkpoint checkpoint = read_checkpoint(file);
  const LoadedConfig loaded = evaluation_config(checkpoint, arguments.sets);
  for (const std::string& note : loaded.notes) terminal.line("note: " + note, true);
  const int64_t threads = arguments.threads.value_or(loaded.config.run.threads);
  if (threads > 0) set_threads(static_cast<int>(threads));
  set_folding(loaded.config.train.fusion);

  const Result result = run(checkpoint, loaded.config);
  if (arguments.json) {
    terminal.text(as_json(file, checkpoint, loaded.config, result, arguments.per_class));
  } else {
    terminal.text(as_text(file, checkpoint, loaded.config, result));
    if (arguments.per_class) terminal.text(classes_as_text(checkpoint.classes, result.confusion));
  }
  return kDone;
}

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Tests a checkpoint of ghost-train on the test images of its data set.", "ghost-eval");
  app.set_version_flag("--version", std::string("ghost-eval ") + version());
  app.add_option("--checkpoint", arguments.checkpoint, "A checkpoint, or a run directory (then its best)")
      ->type_name("FILE");
  app.add_option("--set", arguments.sets, "Change one option of the run, e.g. --set data.root=/data; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--threads", arguments.threads, "Compute threads; 0: all cores (the result does not depend on it)")
      ->type_name("N")
      ->check(CLI::Range(0, 1024));
  app.add_flag("--json", arguments.json, "Print one JSON object");
  app.add_flag("--per-class", arguments.per_class, "Print each class's accuracy and the confusion matrix as well");
  app.footer(
      "Prints top1 and top5 (percent), loss (mean cross-entropy), count and images_per_second.\n\n"
      "Examples:\n"
      "  ghost-eval --checkpoint runs/ghostnet-1\n"
      "  ghost-eval --checkpoint runs/ghostnet-1/checkpoints/last.safetensors --per-class --json\n\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage or configuration.");
  return run_program("ghost-eval", [&](Terminal& terminal) -> int {
    if (argc == 1) {
      terminal.line(app.help(), true);
      return kWrongUsage;
    }
    if (const std::optional<int> status = parse(app, argc, argv, terminal)) return *status;
    if (arguments.checkpoint.empty()) fail_usage("needs --checkpoint FILE; --help shows examples");
    return evaluate_checkpoint(arguments, terminal);
  });
}

}  // namespace

}  // namespace ghost::cli

int main(int argc, char** argv) { return ghost::cli::main(argc, argv); }
