#include <CLI/CLI.hpp>
#include <optional>
#include <set>
#include <spdlog/spdlog.h>

#include "core/kernels/conv2d.h"
#include "core/quoted.h"
#include "core/safetensors.h"
#include "train/cli/console.h"
#include "train/cli/find_lr_report.h"
#include "train/cli/main.h"
#include "train/cli/profile_report.h"
#include "train/cli/program.h"
#include "train/cli/tables.h"
#include "train/cli/text.h"
#include "train/config/reference.h"
#include "train/loop/preflight.h"
#include "train/loop/trainer.h"
#include "train/report/report_sink.h"
#include "train/run/patience.h"
#include "train/run/resume.h"

namespace ghost::cli {

namespace {

struct Arguments {
  std::string config, run, resume;
  std::vector<std::string> overrides;
  std::optional<int64_t> threads;
  bool print_config = false, list = false, options = false, profile = false, json = false, find_lr = false;
  LrSweep sweep;
  std::string output = "find-lr.html";
};

struct Task {
  LoadedConfig loaded;
  std::string name;  // of the configuration file, for the run directory
  std::optional<RunDir> dir;
  std::optional<Checkpoint> checkpoint;
};

Task prepare(const Arguments& arguments) {
  Task task;
  if (arguments.resume.empty()) {
    task.loaded = load_config(arguments.config, arguments.overrides);
    task.name = std::filesystem::path(arguments.config).stem().string();
  } else {
    // To look at a run, or to measure its steps, touches nothing.
    const bool looks = arguments.print_config || arguments.profile;
    task.dir = looks ? RunDir::find(arguments.resume) : RunDir::open(arguments.resume);
    task.checkpoint = read_checkpoint(task.dir->last());
    task.loaded = resumed_config(*task.checkpoint, arguments.config, arguments.overrides);
  }
  if (!arguments.run.empty()) task.loaded.config.run.dir = arguments.run;
  if (arguments.threads) task.loaded.config.run.threads = *arguments.threads;
  return task;
}

// Adds train.log once the run has begun: before, there is nothing to write it to.
class LogFile final : public Sink {
 public:
  explicit LogFile(const RunDir& dir) : dir_(dir) {}
  void on_start(const RunStart&) override { log_to_file(dir_.log()); }

 private:
  const RunDir& dir_;
};

// What is said before a measurement.
class Remarks final : public Sink {
 public:
  void on_note(const std::string& text) override { spdlog::info("note: {}", text); }
  void on_warning(const std::string& text) override { spdlog::warn("{}", text); }
};

// Measures steps of the run that would begin or continue, and leaves without a trace of it.
int profile(const Task& task, bool json, Terminal& terminal) {
  constexpr int64_t kWarmUp = 5, kSteps = 20;
  Remarks remarks;
  for (const std::string& note : task.loaded.notes) remarks.on_note(note);
  const Config& config = task.loaded.config;
  Trainer trainer(config, {&remarks});
  if (task.checkpoint) trainer.restore(*task.checkpoint);
  trainer.check();
  const StepProfile measured = trainer.profile(kWarmUp, kSteps, [&](int64_t done) {
    terminal.status(fmt::format("profiling: step {} of {}", done + 1, kWarmUp + kSteps));
  });
  terminal.clear_status();
  terminal.text(json ? profile_json(measured, config, trainer.model())
                     : profile_text(measured, config, trainer.model(), terminal));
  return kDone;
}

// Sweeps the rates of the run that would begin, and leaves a page and nothing else.
int find_rate(const Task& task, const Arguments& arguments, Terminal& terminal) {
  const LrSweep& sweep = arguments.sweep;
  if (!(sweep.from < sweep.to))
    fail_usage("--lr-from is {:g}, but must be below --lr-to, which is {:g}", sweep.from, sweep.to);
  require_writable(arguments.output);
  Remarks remarks;
  for (const std::string& note : task.loaded.notes) remarks.on_note(note);
  FoundLr found{.name = task.name, .config = task.loaded.config, .sweep = sweep, .curve = {}};
  Trainer trainer(found.config, {&remarks});
  trainer.check();
  note_stop_signals();
  int64_t done = 0;
  found.curve = find_lr(trainer, sweep, [&](const LrPoint& point) {
    terminal.status(fmt::format("step {} of {}: rate {:.2g}, loss {:.4f}", ++done, sweep.steps, point.lr, point.loss));
    return stop_signal() == 0;
  });
  terminal.clear_status();
  if (stop_signal() != 0) return kInterrupted + stop_signal();
  found.suggestion = suggest_lr(found.curve, sweep.steps);
  write_file_atomically(arguments.output, find_lr_page(found));
  terminal.text(arguments.json ? find_lr_json(found) : find_lr_text(found, terminal));
  spdlog::info("Curve: {}", printable(arguments.output));
  return kDone;
}

// Says once of every size of convolution which kernel runs it, if what is logged goes that far.
class KernelLog final : public Sink {
 public:
  KernelLog() = default;
  void on_start(const RunStart&) override {
    if (!logs_debug()) return;
    set_conv2d_observer([this](const Conv2dShape& shape, const char* direction, const char* kernel) {
      const std::string line = fmt::format("{} {} by {}", shape.str(), direction, kernel);
      if (said_.insert(line).second) spdlog::debug("conv2d {}", line);
    });
  }
  ~KernelLog() override { set_conv2d_observer({}); }
  KernelLog(const KernelLog&) = delete;
  KernelLog& operator=(const KernelLog&) = delete;

 private:
  std::set<std::string> said_;
};

int train(const Arguments& arguments, const std::string& program, Terminal& terminal) {
  if (arguments.json) terminal.keep_stdout_clean();
  Task task = prepare(arguments);
  const Config& config = task.loaded.config;
  if (arguments.print_config) {
    check_config(config);
    for (const std::string& note : task.loaded.notes) terminal.line("note: " + note, true);
    terminal.text(config_to_yaml(config));
    return kDone;
  }
  if (arguments.profile) return profile(task, arguments.json, terminal);
  if (arguments.find_lr) return find_rate(task, arguments, terminal);
  const bool as_long = task.checkpoint && is_as_long_as_wanted(config.train, task.checkpoint->progress);
  if (as_long && config.train.hours > 0) {
    spdlog::info("{} has had all its time ({:g} h); give it more with --set train.hours={:g}",
                 printable(task.dir->path().string()), config.train.hours, 2 * config.train.hours);
    return kDone;
  }
  if (as_long) {
    spdlog::info("{} has all its epochs ({}); give it more with --set train.epochs={}",
                 printable(task.dir->path().string()), task.checkpoint->progress.epoch,
                 2 * task.checkpoint->progress.epoch);
    return kDone;
  }
  if (task.checkpoint && out_of_patience(config.train, task.checkpoint->progress)) {
    spdlog::info("{} has ended {}; let it go on with a larger --set train.patience=…",
                 printable(task.dir->path().string()), patience_sentence(config.train, task.checkpoint->progress));
    return kDone;
  }
  if (!task.dir) task.dir = RunDir::create(config.run.dir, task.name);
  try {
    LogFile log_file(*task.dir);
    Console console(terminal, program);
    KernelLog kernels;
    for (const std::string& note : task.loaded.notes) console.note(note);
    const auto stop = [] { return stop_signal() != 0; };
    ReportSink report({.warn = [&](const std::string& text) { console.on_warning(text); }, .stop = stop});
    Trainer trainer(config, {&log_file, &kernels, &report, &console});
    if (task.checkpoint) trainer.restore(*task.checkpoint);
    trainer.check();
    note_stop_signals();
    trainer.run(*task.dir, stop);
    // A signal that comes after the last step ends what is left to do, the test for the report.
    return stop() ? kInterrupted + stop_signal() : kDone;
  } catch (...) {
    task.dir->abandon();
    throw;
  }
}

int main(int argc, char** argv) {
  const std::string name = program_name(argc, argv, "ghost-train");
  Arguments arguments;
  CLI::App app("Trains a convolutional network on the CPU, as one YAML file says.", name);
  app.add_option("--config", arguments.config, "The recipe: a YAML file (see configs/)")->type_name("FILE");
  app.add_option("--set", arguments.overrides, "Change one option, e.g. --set train.epochs=3; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  auto* run = app.add_option("--run", arguments.run,
                             "Folder for checkpoints, metrics.jsonl and train.log (default: runs/<config>-<n>)");
  run->type_name("DIR");
  auto* resume = app.add_option("--resume", arguments.resume,
                                "Continue the run in this folder with the same bits; needs no "
                                "--config");
  resume->type_name("DIR")->excludes(run);
  add_threads_option(app, arguments.threads);
  auto* print_config = app.add_flag("--print-config", arguments.print_config,
                                    "Print the complete configuration, or what training would refuse in it, and leave");
  auto* profile = app.add_flag("--profile", arguments.profile,
                               "Train for 25 steps, print where their time goes by module and by kernel, and leave; no "
                               "run directory is touched");
  profile->excludes(run);
  auto* find_lr = app.add_flag("--find-lr", arguments.find_lr,
                               "Train for 100 steps with growing rates, print the loss over the rate and a suggested "
                               "rate, write a page with the curve, and leave; no run directory is touched");
  find_lr->excludes(run)->excludes(resume)->excludes(profile)->excludes(print_config);
  constexpr double kLeastRate = 1e-12, kMostRate = 1e6;
  app.add_option("--lr-from", arguments.sweep.from, "With --find-lr: the first rate (default: 1e-7)")
      ->type_name("RATE")
      ->check(CLI::Range(kLeastRate, kMostRate))
      ->needs(find_lr);
  app.add_option("--lr-to", arguments.sweep.to, "With --find-lr: the last rate (default: 10)")
      ->type_name("RATE")
      ->check(CLI::Range(kLeastRate, kMostRate))
      ->needs(find_lr);
  app.add_option("--lr-steps", arguments.sweep.steps,
                 "With --find-lr: steps from the first rate to the last (default: "
                 "100)")
      ->type_name("N")
      ->check(CLI::Range(20, 10000))
      ->needs(find_lr);
  app.add_option("--output", arguments.output, "With --find-lr: the page with the curve (default: find-lr.html)")
      ->type_name("FILE")
      ->needs(find_lr);
  app.add_flag("--json", arguments.json, "With --profile or --find-lr: print one JSON object");
  app.add_flag("--list", arguments.list, "List models, data sets, optimizers and schedules and leave");
  app.add_flag("--list-options", arguments.options,
               "List every option of a configuration with values, default and meaning, as Markdown, and leave");
  const Help help{
      .notes =
          "Ctrl-C, SIGTERM and SIGHUP finish the step, save it and leave; a second one leaves at once.\n"
          "GHOST_LOG=debug tells more, such as the kernel of every convolution.",
      .examples = {"{0} --config configs/ghostnet.yaml",
                   "{0} --config configs/ghostnet.yaml --set model.width=0.5 --set train.epochs=3",
                   "{0} --config configs/ghostnet.yaml --profile",
                   "{0} --config configs/ghostnet.yaml --find-lr --output rates.html", "{0} --resume runs/ghostnet-1"},
      .stops_on_signal = true};
  return run_program(app, help, argc, argv, [&](Terminal& terminal) -> int {
    if (arguments.list || arguments.options) {
      terminal.text(arguments.list ? choices() : options_markdown());
      return kDone;
    }
    if (arguments.json && !arguments.profile && !arguments.find_lr) fail_usage("--json is for --profile and --find-lr");
    if (arguments.config.empty() && arguments.resume.empty())
      fail_usage("needs --config FILE, or --resume DIR to continue a run; --help shows examples");
    return train(arguments, argc > 0 ? argv[0] : name, terminal);
  });
}

}  // namespace

}  // namespace ghost::cli

int ghost::train_main(int argc, char** argv) { return cli::main(argc, argv); }
