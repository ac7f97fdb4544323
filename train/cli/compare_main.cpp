#include <CLI/CLI.hpp>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <spdlog/spdlog.h>

#include "core/parallel.h"
#include "core/safetensors.h"
#include "train/cli/console.h"
#include "train/cli/main.h"
#include "train/cli/program.h"
#include "train/loop/trainer.h"
#include "train/page/text.h"
#include "train/report/comparison.h"
#include "train/report/page.h"
#include "train/report/plan.h"
#include "train/report/table.h"

namespace ghost::cli {

namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::vector<std::string> given, overrides;
  std::string output;
  std::optional<int64_t> seeds, threads;
  std::optional<double> target;
  bool json = false, csv = false, no_timing = false, no_predictions = false;
};

// What was given, in order: a run, or a configuration with its runs.
struct Given {
  std::vector<fs::path> dirs;
  std::vector<std::string> configs;
  std::vector<PlannedRun> planned;
};

Given sort_out(const Arguments& arguments) {
  Given given;
  for (const std::string& name : arguments.given) {
    std::error_code ignored;
    const fs::path path(name);
    if (fs::is_directory(path, ignored)) {
      given.dirs.push_back(path);
    } else if (!fs::exists(path, ignored)) {
      fail_usage("{}: there is no such run directory or configuration", name);
    } else if (path.filename() == "config.yaml" && fs::exists(path.parent_path() / "metrics.jsonl", ignored)) {
      fail_usage("{} belongs to a run: name its folder, {}, or copy the file to train it anew", name,
                 path.has_parent_path() ? path.parent_path().string() : ".");
    } else if (path.extension() == ".yaml" || path.extension() == ".yml") {
      given.configs.push_back(name);
    } else {
      fail_usage("{}: is neither a run directory nor a configuration (.yaml)", name);
    }
  }
  if (given.configs.empty() && arguments.seeds) fail_usage("--seeds is for configurations, but only runs are given");
  if (given.configs.empty() && !arguments.overrides.empty())
    fail_usage("--set is for configurations, but only runs are given");
  given.planned =
      plan_runs(given.configs,
                {.overrides = arguments.overrides, .seeds = arguments.seeds.value_or(0), .threads = arguments.threads});
  return given;
}

// train.log while a run is trained.
class LogFile final : public Sink {
 public:
  explicit LogFile(const RunDir& dir) : dir_(dir), before_(spdlog::default_logger()->sinks().size()) {}
  ~LogFile() override { spdlog::default_logger()->sinks().resize(before_); }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  void on_start(const RunStart&) override { log_to_file(dir_.log()); }

 private:
  const RunDir& dir_;
  size_t before_;
};

enum class Trained { whole, stopped, failed };

Trained train(const PlannedRun& planned, const std::string& program, bool tell_notes, Terminal& terminal) {
  const bool resumes = planned.found == PlannedRun::Found::unfinished;
  const RunDir dir = resumes ? RunDir::open(planned.dir.string()) : RunDir::create(planned.dir.string(), planned.name);
  LogFile log_file(dir);
  try {
    Console console(terminal, program);
    if (tell_notes)
      for (const std::string& note : planned.loaded.notes) console.note(note);
    Trainer trainer(planned.loaded.config, {&log_file, &console});
    if (resumes) trainer.restore(read_checkpoint(dir.last()));
    trainer.check();
    return trainer.run(dir, [] { return stop_signal() != 0; }).interrupted ? Trained::stopped : Trained::whole;
  } catch (const UsageError&) {
    dir.abandon();
    throw;
  } catch (const Error& e) {
    // A network that diverges is a result as well; train.log and the comparison tell of it.
    terminal.clear_status();
    spdlog::error("{}", e.what());
    dir.abandon();
    return Trained::failed;
  }
}

// Trains what is missing; how many failed, or nothing if a signal came.
std::optional<int> train_all(const std::vector<PlannedRun>& planned, const std::string& program, Terminal& terminal) {
  // "…/ghost-compare" → "…/ghost-train", and "own_model compare" → "own_model train".
  std::string trainer = program;
  if (const std::string own = "compare"; trainer.ends_with(own))
    trainer.replace(trainer.size() - own.size(), own.size(), "train");
  int failed = 0;
  for (size_t i = 0; i < planned.size(); ++i) {
    const PlannedRun& run = planned[i];
    if (run.found == PlannedRun::Found::finished) {
      spdlog::info("Run {} of {}: {} is finished and is read as it is", i + 1, planned.size(), run.dir.string());
      continue;
    }
    spdlog::info("Run {} of {}: {}", i + 1, planned.size(), run.dir.string());
    const Trained trained = train(run, trainer, i == 0 || run.config_file != planned[i - 1].config_file, terminal);
    failed += trained == Trained::failed;
    if (trained == Trained::stopped) {
      spdlog::info("The same command goes on from here.");
      return std::nullopt;
    }
    spdlog::info("");
  }
  return failed;
}

std::vector<fs::path> all_dirs(const Arguments& arguments, const Given& given) {
  std::vector<fs::path> dirs;
  for (const std::string& name : arguments.given) {
    std::error_code ignored;
    if (fs::is_directory(name, ignored)) dirs.emplace_back(name);
    for (const PlannedRun& run : given.planned)
      if (run.config_file == name && fs::exists(run.dir / "config.yaml", ignored)) dirs.push_back(run.dir);
  }
  return dirs;
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  constexpr size_t kLongest = 64;
  char text[kLongest];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local)};
}

int compare_all(const Arguments& arguments, const std::string& program, Terminal& terminal) {
  if (arguments.json || arguments.csv) terminal.keep_stdout_clean();
  const Given given = sort_out(arguments);
  const int cores = threads();
  if (!arguments.output.empty()) require_writable(arguments.output);
  note_stop_signals();
  const std::optional<int> failed = train_all(given.planned, program, terminal);
  if (!failed) return kInterrupted + stop_signal();
  const std::vector<fs::path> dirs = all_dirs(arguments, given);
  if (dirs.empty()) return kFailed;  // each has said why

  set_threads(static_cast<int>(arguments.threads.value_or(0) > 0 ? *arguments.threads : cores));
  CompareOptions options;
  options.target = arguments.target;
  options.timing = !arguments.no_timing;
  options.predictions = !arguments.no_predictions;
  options.stop = [] { return stop_signal() != 0; };
  options.progress = [&](const std::string& what, double share) {
    terminal.status(share > 0 ? fmt::format("{} {:.0f} %", what, 100 * share) : what + " …");
  };
  Comparison comparison;
  try {
    comparison = compare(read_runs(dirs), options);
  } catch (const Stopped&) {
    terminal.clear_status();
    return kInterrupted + stop_signal();
  }
  terminal.clear_status();
  if (!arguments.output.empty()) write_file_atomically(arguments.output, report_page(comparison, today()));
  for (const std::string& note : comparison.notes) terminal.line("note: " + printable(note), true);
  if (arguments.json)
    terminal.text(comparison_json(comparison).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  else if (arguments.csv)
    terminal.text(comparison_csv(comparison));
  else
    terminal.text(comparison_text(comparison, terminal.columns()));
  if (!arguments.output.empty())
    spdlog::info("{}Report: {}", arguments.json || arguments.csv ? "" : "\n", arguments.output);
  return *failed > 0 ? kFailed : kDone;
}

int main(int argc, char** argv) {
  Arguments arguments;
  const std::string name = program_name(argc, argv, "ghost-compare");
  CLI::App app(
      "Compares training runs: accuracy, cost and speed, in a table and in one HTML file. Configurations are trained "
      "first.",
      name);
  app.add_option("given", arguments.given, "Run directories and configurations; the first is the baseline")
      ->type_name("RUN|CONFIG…");
  app.add_option("--set", arguments.overrides,
                 "Change one option of every configuration, e.g. --set train.epochs=3; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--seeds", arguments.seeds, "Train every configuration with seeds 0 to N-1 (default: its own seed)")
      ->type_name("N")
      ->check(CLI::Range(1, 1000));
  add_threads_option(app, arguments.threads);
  app.add_option("--target", arguments.target, "Also tell how long it took to reach this test accuracy, in percent")
      ->type_name("PERCENT")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--output", arguments.output, "Write the report, one HTML file that needs no other")
      ->type_name("FILE");
  auto* json = app.add_flag("--json", arguments.json, "Print one JSON object");
  app.add_flag("--csv", arguments.csv, "Print one line for each run")->excludes(json);
  app.add_flag("--no-timing", arguments.no_timing, "Do not measure speed now");
  app.add_flag("--no-predictions", arguments.no_predictions, "Do not test the networks again, image by image");
  const Help help{
      .notes =
          "Runs of one configuration that differ in their seed count as one, with mean and spread. A configuration is\n"
          "trained in <run.dir, or runs>/<configuration>-s<seed>; a run that exists is not trained again.\n\n"
          "Ctrl-C finishes the step, saves it and leaves; the same command goes on.",
      .examples = {"{0} runs/ghostnet-1 runs/ghostnet-2",
                   "{0} configs/plain_cnn_cifar10.yaml configs/plain_cnn_ghost_cifar10.yaml --seeds 3 --output "
                   "report.html"},
      .stops_on_signal = true};
  return run_program(app, help, argc, argv, [&](Terminal& terminal) -> int {
    if (arguments.given.empty()) fail_usage("needs run directories or configurations; --help shows examples");
    return compare_all(arguments, argc > 0 ? argv[0] : name, terminal);
  });
}

}  // namespace

}  // namespace ghost::cli

int ghost::compare_main(int argc, char** argv) { return cli::main(argc, argv); }
