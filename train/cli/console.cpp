#include "train/cli/console.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <spdlog/spdlog.h>
#include <utility>

#include "core/kernels/gemm.h"
#include "core/kernels/rows.h"
#include "core/parallel.h"
#include "core/quoted.h"
#include "core/system_limits.h"
#include "train/cli/text.h"
#include "train/run/version.h"

namespace ghost::cli {

namespace {

constexpr auto kBetweenDraws = std::chrono::milliseconds(100);
constexpr auto kBetweenLines = std::chrono::seconds(10);
constexpr int kBarColumns = 30, kLeastBarColumns = 5;

std::string speed(double images_per_second, const char* images) {
  return (images_per_second < 100 ? fmt::format("{:.1f}", images_per_second)
                                  : grouped(std::llround(images_per_second))) +
         " " + images + "/s";
}

// Which folder is what; empty where a data set's own files say it.
std::string folders_of(const RunStart& start) {
  if (start.train_from.empty()) return "";
  const bool cut = start.validation_size > 0 && start.validation_from == start.train_from;
  const std::string validation = start.validation_size == 0 ? ""
                                 : cut                      ? ", validation a share of it by names"
                                                            : ", validation " + start.validation_from;
  const std::string test = start.by_name ? "a share of it by names" : start.test_from;
  return fmt::format("training {}{}, test {}", start.train_from, validation, test);
}

// The program as a shell takes it; "own_model train" is two words.
std::string shell_words(const std::string& program) {
  for (const char* command : {" train", " eval"})
    if (program.ends_with(command))
      return shell_word(program.substr(0, program.size() - std::string(command).size())) + command;
  return shell_word(program);
}

}  // namespace

Console::Console(Terminal& terminal, std::string program) : terminal_(terminal), program_(std::move(program)) {}

void Console::on_start(const RunStart& start) {
  start_ = start;
  const Config& c = start.config;
  spdlog::info("{} {}", terminal_.styled("1", "Ghost"), version());
  spdlog::info("  model    {}, {} parameters{}, {} M MACs an image", c.model.name, grouped(start.parameters),
               start.frozen_parameters ? " (" + grouped(start.frozen_parameters) + " frozen)" : "",
               millions(start.macs));
  spdlog::info("  data     {}: {} training{} and {} test images, {}, {}×{} {}", c.data.name, grouped(start.train_size),
               start.validation_size > 0 ? fmt::format(", {} validation", grouped(start.validation_size)) : "",
               grouped(start.test_size), count_of(start.classes, "class"), start.preprocessing.image_size,
               start.preprocessing.image_size, start.preprocessing.channels == 1 ? "grey" : "colour");
  if (const std::string folders = folders_of(start); !folders.empty())
    spdlog::info("  folders  {}", printable(folders));
  spdlog::info("  pictures {}, {}", described_size(start.preprocessing), described_statistics(start.preprocessing));
  spdlog::info("  training {} of {}, batch {}, {} lr {:g}, {}, seed {}",
               c.train.hours > 0 ? fmt::format("{:g} h, in epochs", c.train.hours) : count_of(start.epochs, "epoch"),
               count_of(start.steps_per_epoch, "step"), c.train.batch_size, c.optimizer.name, c.optimizer.lr,
               c.schedule.name, c.run.seed);
  const CoreLimit limit = core_limit();
  spdlog::info("  machine  threads: {} computing{}, {} loading; {} kernels, {}", threads(),
               limit.reason.empty() ? "" : " (" + limit.reason + ")", c.data.workers, isa_in_use(), blas_name());
  spdlog::debug("  blas     {}", blas_config());
  spdlog::info("  run      {}", printable(start.dir.string()));
  if (start.resumed)
    spdlog::info("  resumed  after {} and {}, {} into the run", count_of(start.epoch, "epoch"),
                 count_of(start.step, "step"), duration(start.seconds));
  started_ = true;
  for (const auto& [warning, text] : std::exchange(waiting_, {})) say(warning, text);
  last_line_ = Clock::now();
}

Console::~Console() {
  started_ = true;
  for (const auto& [warning, text] : waiting_) say(warning, text);
}

void Console::say(bool warning, const std::string& text) {
  if (!started_)
    waiting_.emplace_back(warning, text);
  else if (warning)
    spdlog::warn("{}", text);
  else
    spdlog::info("note: {}", text);
}

std::string Console::bar(double done, int width) const {
  const double filled = std::clamp(done, 0.0, 1.0) * width;
  const int whole = static_cast<int>(filled);
  std::string full, rest;
  for (int i = 0; i < whole; ++i) full += terminal_.unicode() ? "━" : "=";
  for (int i = whole; i < width; ++i)
    rest += terminal_.unicode() ? (i == whole && filled - whole >= 0.5 ? "╸" : "─") : (i == whole ? ">" : " ");
  return terminal_.unicode() ? terminal_.styled("32", full) + terminal_.styled("2", rest) : "[" + full + rest + "]";
}

// The bar takes what the text leaves; on a screen too narrow even for that, parts are dropped from the end.
void Console::draw(const std::string& head, double done, const std::vector<std::string>& parts) {
  const int columns = terminal_.columns() - 1;
  std::string text = fmt::format(" {:3.0f} %", 100 * done);
  for (const std::string& part : parts)
    if (styled_width(head + text + part) + 2 <= columns) text += "  " + part;
  const int room = columns - styled_width(head + text) - (terminal_.unicode() ? 1 : 3);
  const int width = std::min(room, kBarColumns);
  terminal_.status(head + (width >= kLeastBarColumns ? " " + bar(done, width) : "") + text);
  last_draw_ = Clock::now();
}

std::string Console::of_all(int64_t epoch) const { return epoch_of_all(start_.config.train, epoch, "/"); }

double Console::remaining_seconds(const StepReport& report) const {
  if (const double hours = start_.config.train.hours; hours > 0) return std::max(0.0, hours * 3600 - report.seconds);
  const auto steps = static_cast<double>(report.step - start_.step);
  const double seconds = report.seconds - start_.seconds - test_seconds_;
  const auto left = static_cast<double>((start_.epochs - report.epoch) * report.steps_per_epoch +
                                        report.steps_per_epoch - report.step_in_epoch);
  const auto every = start_.config.train.eval_every;
  const int64_t tests = (start_.epochs - report.epoch + every) / every;
  return seconds / std::max(steps, 1.0) * left + last_test_seconds_ * static_cast<double>(tests);
}

void Console::on_step(const StepReport& report) {
  epoch_ = report.epoch;
  const auto now = Clock::now();
  const bool end_of_epoch = report.step_in_epoch == report.steps_per_epoch;
  const bool draws = terminal_.interactive() && (now - last_draw_ >= kBetweenDraws || end_of_epoch);
  const bool writes = now - last_line_ >= kBetweenLines;
  if (!draws && !writes) return;
  const std::string head = "epoch " + of_all(report.epoch);
  const double loss = report.epoch_so_far.loss(), accuracy = report.epoch_so_far.top1_percent();
  const std::string left = duration(remaining_seconds(report)), wait = share(report.data_wait);
  if (draws)
    draw(head, static_cast<double>(report.step_in_epoch) / static_cast<double>(report.steps_per_epoch),
         {fmt::format("loss {:.3f}", loss), fmt::format("acc {:.1f} %", accuracy),
          speed(report.images_per_second, "img"), "ETA " + left, "wait " + wait});
  if (writes) {
    tell_in_full(fmt::format("{}  step {}/{}  loss {:.4f}  accuracy {}  {}  ETA {}  waiting for data {}", head,
                             report.step_in_epoch, report.steps_per_epoch, loss, percent(accuracy),
                             speed(report.images_per_second, "images"), left, wait));
    last_line_ = now;
  }
}

// What a screen shows in short goes to plain output and to the file in full.
void Console::tell_in_full(const std::string& line) const {
  spdlog::log(terminal_.interactive() ? spdlog::level::debug : spdlog::level::info, "{}", line);
}

void Console::on_test(int64_t batches_done, int64_t batches) {
  if (!terminal_.interactive() || (Clock::now() - last_draw_ < kBetweenDraws && batches_done < batches)) return;
  draw("test  " + of_all(epoch_),
       static_cast<double>(batches_done) / static_cast<double>(std::max<int64_t>(batches, 1)), {});
}

void Console::on_epoch(const EpochReport& report) {
  terminal_.clear_status();
  test_seconds_ += report.test_seconds;
  last_test_seconds_ = report.tested ? report.test_seconds : last_test_seconds_;
  const std::string took = duration(report.train_seconds + report.test_seconds);
  std::string full = fmt::format("epoch {}  loss {:.4f}  accuracy {}", of_all(report.epoch), report.train.loss(),
                                 percent(report.train.top1_percent()));
  std::string brief = fmt::format("epoch {}  loss {:.3f}  acc {}", of_all(report.epoch), report.train.loss(),
                                  percent(report.train.top1_percent()));
  if (report.tested) {
    const std::string accuracy = percent(report.test.top1_percent());
    const std::string& of = report.held_out;
    full += fmt::format("  {} loss {:.4f}  {} accuracy {}", of, report.test.loss(), of, accuracy);
    const std::string followed = best_weights(start_.config.train);
    brief += fmt::format("  {} acc {}", of, followed == "raw" ? terminal_.styled("1", accuracy) : accuracy);
    for (const HookTest& test : report.hook_tests) {
      const std::string of_hook = percent(test.sums.top1_percent());
      full += fmt::format("  {} {} loss {:.4f}  {} {} accuracy {}", test.hook, of, test.sums.loss(), test.hook, of,
                          of_hook);
      brief += fmt::format("  {} {}", test.hook, followed == test.hook ? terminal_.styled("1", of_hook) : of_hook);
    }
  }
  const char* best = report.best ? "  best" : "";
  tell_in_full(fmt::format("{}  lr {:.3g}  {}  {}  waiting for data {}{}", full, report.lr,
                           speed(report.images_per_second, "images"), took, share(report.data_wait), best));
  if (terminal_.interactive())
    terminal_.line(
        fmt::format("{}  {}  {}{}", brief, speed(report.images_per_second, "img"), took, terminal_.styled("32", best)));
  last_line_ = Clock::now();
}

std::string Console::sibling(const std::string& command) const {
  if (!program_.ends_with("ghost-train") && !program_.ends_with(" train")) return "";
  return program_.substr(0, program_.rfind("train")) + command;
}

void Console::on_end(const RunEnd& end) {
  terminal_.clear_status();
  if (end.interrupted) {
    const std::string epochs = start_.config.train.hours > 0
                                   ? count_of(end.epoch, "epoch")
                                   : fmt::format("{} of {}", end.epoch, count_of(end.epochs, "epoch"));
    spdlog::info("Stopped after {} and {}; all of it is in {}", epochs, count_of(end.step, "step"),
                 printable(end.last.string()));
    spdlog::info("Continue with: {} --resume {}", shell_words(program_), shell_word(end.dir.string()));
    return;
  }
  if (end.tested)
    spdlog::info("{} accuracy{} {} (top5 {}, loss {:.4f}); best {} in epoch {}. Took {}.",
                 end.held_out == "val" ? "Validation" : "Test",
                 end.weights == "raw" ? "" : fmt::format(" ({} weights)", end.weights),
                 terminal_.styled("1;32", percent(end.test.top1_percent())), percent(end.test.top5_percent()),
                 end.test.loss(), percent(end.best_top1), end.best_epoch, duration(end.seconds));
  const std::filesystem::path& checkpoint = end.best.empty() ? end.last : end.best;
  spdlog::info("Checkpoint: {}", printable(checkpoint.string()));
  if (const std::string eval = sibling("eval"); !eval.empty())
    spdlog::info("Test it{} with: {} --checkpoint {}", end.held_out == "test" ? " again" : "", shell_words(eval),
                 shell_word(checkpoint.string()));
}

}  // namespace ghost::cli
