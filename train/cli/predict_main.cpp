#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <spdlog/spdlog.h>

#include "core/parallel.h"
#include "data/file.h"
#include "data/folder_tree.h"
#include "train/cli/main.h"
#include "train/cli/network_options.h"
#include "train/cli/program.h"
#include "train/cli/text.h"
#include "train/loop/arithmetic.h"
#include "train/network/export.h"
#include "train/network/predictor.h"
#include "train/page/text.h"
#include "train/run/preprocessing_json.h"

namespace ghost::cli {

namespace {

namespace fs = std::filesystem;

struct Arguments {
  NetworkSource source;
  std::vector<std::string> inputs;
  PredictOptions options;
  std::optional<int64_t> threads;
  bool json = false, csv = false;
};

// What the command line asks for: pictures to predict, and what is none already, in the order of the command line.
struct Input {
  fs::path file;
  std::string error;  // e.g. of a folder without pictures; empty: a picture to read
};

void add_input(const std::string& given, std::vector<Input>& inputs) {
  const fs::path path(given);
  if (!folder_exists(path)) {
    inputs.push_back({.file = path, .error = ""});
    return;
  }
  try {
    const PictureTree tree = pictures_below(path);
    for (const std::string& file : tree.files) inputs.push_back({.file = path / file, .error = ""});
    for (const std::string& link : tree.loops)
      spdlog::warn(
          message_of("{}: this link leads to a folder around {} and is not followed", (path / link).string(), given));
    if (tree.files.empty())
      inputs.push_back({.file = path, .error = message_of("{}: a folder without pictures", given)});
  } catch (const Error& e) {
    inputs.push_back({.file = path, .error = e.what()});
  }
}

std::vector<Input> collect(const std::vector<std::string>& given) {
  std::vector<Input> inputs;
  for (const std::string& one : given) {
    if (one != "-") {
      add_input(one, inputs);
      continue;
    }
    for (std::string line; std::getline(std::cin, line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) add_input(line, inputs);
    }
  }
  return inputs;
}

// How predictions are printed, one after the other, as they come.
class Format {
 public:
  virtual ~Format() = default;
  virtual std::string begin() const { return ""; }
  virtual std::string one(const Prediction& prediction) = 0;
  virtual std::string end() const { return ""; }
};

// A file whose name is not UTF-8 cannot stand in JSON as it is.
std::string dumped(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

class Json final : public Format {
 public:
  explicit Json(const Network& network)
      : weights_of_(network.weights_of), preprocessing_(json_of(*network.preprocessing)) {}
  std::string begin() const override { return "["; }
  std::string one(const Prediction& prediction) override {
    nlohmann::ordered_json json{{"file", prediction.file.string()}};
    if (prediction.error.empty()) {
      auto top = nlohmann::ordered_json::array();
      for (const ClassScore& score : prediction.top)
        top.push_back({{"class", score.name}, {"index", score.index}, {"probability", score.probability}});
      json["top"] = std::move(top);
      if (!prediction.logits.empty()) json["logits"] = prediction.logits;
      json["weights_of"] = weights_of_;
      json["preprocessing"] = preprocessing_;
    } else {
      json["error"] = prediction.error;
    }
    return std::exchange(between_, ",\n ") + dumped(json);
  }
  std::string end() const override { return "\n]\n"; }

 private:
  std::string weights_of_;
  nlohmann::ordered_json preprocessing_;
  std::string between_ = "\n ";
};

class Csv final : public Format {
 public:
  std::string begin() const override { return "file,rank,class,index,probability,error\n"; }
  std::string one(const Prediction& prediction) override {
    const std::string file = csv_field(prediction.file.string());
    if (!prediction.error.empty()) return fmt::format("{},,,,,{}\n", file, csv_field(prediction.error));
    std::string lines;
    for (size_t i = 0; i < prediction.top.size(); ++i) {
      const ClassScore& score = prediction.top[i];
      lines += fmt::format("{},{},{},{},{},\n", file, i + 1, csv_field(score.name), score.index, score.probability);
    }
    return lines;
  }
};

class Table final : public Format {
 public:
  Table(const Terminal& terminal, const Preprocessing& preprocessing)
      : terminal_(terminal), preprocessing_(preprocessing) {}
  std::string begin() const override { return "pictures  " + described(preprocessing_) + "\n\n"; }
  std::string one(const Prediction& prediction) override {
    if (!prediction.error.empty()) return "";  // it is on stderr
    int width = 0;
    for (const ClassScore& score : prediction.top) width = std::max(width, display_width(printable(score.name)));
    std::string text =
        std::exchange(between_, "\n") + terminal_.styled("1", printable(prediction.file.string())) + "\n";
    for (const ClassScore& score : prediction.top)
      text +=
          fmt::format("  {}  {:>8}\n", padded(printable(score.name), width, true), percent(100 * score.probability));
    return text;
  }

 private:
  const Terminal& terminal_;
  const Preprocessing& preprocessing_;
  std::string between_;
};

std::unique_ptr<Format> format_of(const Arguments& arguments, const Network& network, const Terminal& terminal) {
  if (arguments.json) return std::make_unique<Json>(network);
  if (arguments.csv) return std::make_unique<Csv>();
  return std::make_unique<Table>(terminal, *network.preprocessing);
}

Network network_of(const Arguments& arguments) {
  Network network = load_network(arguments.source);
  complete_metadata(network, Completeness::preprocessing);
  return network;
}

int predict(const Arguments& arguments, const std::string& program, Terminal& terminal) {
  const Network network = network_of(arguments);
  for (const std::string& note : network.notes) terminal.line("note: " + note, true);
  for (const std::string& warning : network.warnings) spdlog::warn("{}", warning);
  const int64_t threads = arguments.threads.value_or(network.config.run.threads);
  if (threads > 0) set_threads(static_cast<int>(threads));
  set_arithmetic(network.config.train);
  Predictor predictor(network);
  const std::vector<Input> inputs = collect(arguments.inputs);
  if (inputs.empty()) fail("there is nothing to predict: standard input names no files");

  const std::unique_ptr<Format> format = format_of(arguments, network, terminal);
  int64_t failed = 0;
  const auto print = [&](const Prediction& prediction) {
    terminal.text(format->one(prediction));
    if (prediction.error.empty()) return;
    ++failed;
    spdlog::error("{}: {}", program, prediction.error);
  };
  terminal.text(format->begin());
  // A folder that could not be listed is told in its place among the pictures.
  for (size_t i = 0; i < inputs.size();) {
    std::vector<fs::path> files;
    for (; i < inputs.size() && inputs[i].error.empty(); ++i) files.push_back(inputs[i].file);
    predictor.predict(files, arguments.options, print);
    for (; i < inputs.size() && !inputs[i].error.empty(); ++i)
      print({.file = inputs[i].file, .error = inputs[i].error, .top = {}, .logits = {}});
  }
  terminal.text(format->end());
  if (failed > 0 && inputs.size() > 1)
    spdlog::error("{}: {} of {} could not be read", program, grouped(failed), grouped(std::ssize(inputs)));
  return failed > 0 ? kFailed : kDone;
}

int main(int argc, char** argv) {
  const std::string name = program_name(argc, argv, "ghost-predict");
  Arguments arguments;
  CLI::App app("Names the classes of pictures by a trained network.", name);
  add_network_options(app, arguments.source);
  add_classes_option(app, arguments.source);
  app.add_option("pictures", arguments.inputs,
                 "JPEG, PNG or BMP files, or folders of them (with their sub-folders); -: names from standard input, "
                 "one a line")
      ->type_name("IMAGE|FOLDER");
  app.add_option("--top", arguments.options.top, "Classes to name for each picture (5)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  auto* json = app.add_flag("--json", arguments.json,
                            "Print a JSON array of {file, top: [{class, index, probability}], preprocessing}");
  app.add_flag("--logits", arguments.options.logits,
               "With --json: the network's outputs before softmax as well, in the order of index")
      ->needs(json);
  app.add_flag("--csv", arguments.csv, "Print comma-separated lines: file,rank,class,index,probability,error")
      ->excludes(json);
  app.add_option("--batch", arguments.options.batch_size,
                 "Pictures that go through the network together (32); may change last digits")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  add_threads_option(app, arguments.threads);
  const Help help{
      .notes =
          "Pictures are resized, cropped and normalised as the network's file says, or the data section of "
          "--config;\ngrey and colour are converted. If a file cannot be read, the others are printed, and the "
          "status is 1.",
      .examples = {"{0} --checkpoint runs/ghostnet-1 photo.jpg",
                   "{0} --checkpoint runs/ghostnet-1 --top 1 --csv photos/ > classes.csv",
                   "{0} --weights resnet18.safetensors --arch torchvision/resnet18 --classes names.txt photo.jpg",
                   "find . -newer last -name '*.png' | {0} --checkpoint runs/ghostnet-1 --json -"}};
  return run_program(app, help, argc, argv, [&](Terminal& terminal) -> int {
    require_network(arguments.source);
    if (arguments.inputs.empty()) fail_usage("needs pictures or folders of pictures; --help shows examples");
    return predict(arguments, name, terminal);
  });
}

}  // namespace

}  // namespace ghost::cli

int ghost::predict_main(int argc, char** argv) { return cli::main(argc, argv); }
