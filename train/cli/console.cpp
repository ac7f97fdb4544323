#include "train/cli/console.h"

#include <algorithm>
#include <filesystem>
#include <spdlog/spdlog.h>
#include <utility>

#include "core/kernels/gemm.h"
#include "core/kernels/rows.h"
#include "core/parallel.h"
#include "train/cli/text.h"
#include "train/version.h"

namespace ghost::cli {

namespace {

constexpr auto kBetweenDraws = std::chrono::milliseconds(100);
constexpr auto kBetweenLines = std::chrono::seconds(10);
constexpr int kBarColumns = 24;

std::string speed(double images_per_second) {
  return images_per_second < 100 ? fmt::format("{:.1f} images/s", images_per_second)
                                 : grouped(std::llround(images_per_second)) + " images/s";
}

}  // namespace

Console::Console(Terminal& terminal, std::string program) : terminal_(terminal), program_(std::move(program)) {}

void Console::on_start(const RunStart& start) {
  start_ = start;
  const Config& c = start.config;
  spdlog::info("{} {}", terminal_.styled("1", "Ghost"), version());
  spdlog::info("  model    {}, {} parameters", c.model.name, grouped(start.parameters));
  spdlog::info("  data     {}: {} training and {} test images, {} classes, {}×{} {}", c.data.name,
               grouped(start.train_size), grouped(start.test_size), grouped(start.classes), start.image_size,
               start.image_size, start.channels == 1 ? "grey" : "colour");
  spdlog::info("  training {} epochs of {} steps of {} images, {} with lr {:g}, schedule {}, seed {}", start.epochs,
               grouped(start.steps_per_epoch), c.train.batch_size, c.optimizer.name, c.optimizer.lr, c.schedule.name,
               c.run.seed);
  spdlog::info("  machine  {} compute and {} loading threads, {} kernels, {}", threads(), c.data.workers, isa_name(),
               blas_config());
  spdlog::info("  run      {}", start.dir.string());
  if (start.resumed)
    spdlog::info("  resumed  after {} epochs and {} steps, {} into the run", start.epoch, grouped(start.step),
                 duration(start.seconds));
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

// Parts are dropped from the end of a line that is too narrow.
void Console::draw(const std::string& head, double done, const std::vector<std::string>& parts) {
  const int columns = terminal_.columns() - 1;
  std::string line = head;
  if (columns >= 60) line += " " + bar(done, kBarColumns);
  line += fmt::format(" {:3.0f} %", 100 * done);
  for (const std::string& part : parts)
    if (display_width(line) + 2 + display_width(part) <= columns) line += "  " + part;
  terminal_.status(line);
  last_draw_ = Clock::now();
}

double Console::remaining_seconds(const StepReport& report) const {
  const auto steps = static_cast<double>(report.step - start_.step);
  const double seconds = report.seconds - start_.seconds - test_seconds_;
  const auto left = static_cast<double>((start_.epochs - report.epoch) * report.steps_per_epoch +
                                        report.steps_per_epoch - report.step_in_epoch);
  const auto every = start_.config.train.eval_every;
  const auto tests = static_cast<double>((start_.epochs - report.epoch + every) / every);
  return seconds / std::max(steps, 1.0) * left + last_test_seconds_ * tests;
}

void Console::on_step(const StepReport& report) {
  epoch_ = report.epoch;
  const auto now = Clock::now();
  const bool end_of_epoch = report.step_in_epoch == report.steps_per_epoch;
  const bool draws = terminal_.interactive() && (now - last_draw_ >= kBetweenDraws || end_of_epoch);
  const bool writes = now - last_line_ >= kBetweenLines;
  if (!draws && !writes) return;
  const std::string loss = fmt::format("loss {:.4f}", report.epoch_so_far.loss()),
                    accuracy = "accuracy " + percent(report.epoch_so_far.top1_percent()),
                    rate = speed(report.images_per_second), left = "ETA " + duration(remaining_seconds(report)),
                    wait = "waiting for data " + share(report.data_wait);
  const std::string head = fmt::format("epoch {}/{}", report.epoch, start_.epochs);
  if (draws)
    draw(head, static_cast<double>(report.step_in_epoch) / static_cast<double>(report.steps_per_epoch),
         {loss, accuracy, rate, left, wait});
  if (writes) {
    // On a terminal the bar says it; the file keeps it.
    spdlog::log(terminal_.interactive() ? spdlog::level::debug : spdlog::level::info,
                "{}  step {}/{}  {}  {}  {}  {}  {}", head, report.step_in_epoch, report.steps_per_epoch, loss,
                accuracy, rate, left, wait);
    last_line_ = now;
  }
}

void Console::on_test(int64_t batches_done, int64_t batches) {
  if (!terminal_.interactive() || (Clock::now() - last_draw_ < kBetweenDraws && batches_done < batches)) return;
  draw(fmt::format("test  {}/{}", epoch_, start_.epochs),
       static_cast<double>(batches_done) / static_cast<double>(std::max<int64_t>(batches, 1)), {});
}

void Console::on_epoch(const EpochReport& report) {
  terminal_.clear_status();
  test_seconds_ += report.test_seconds;
  last_test_seconds_ = report.tested ? report.test_seconds : last_test_seconds_;
  std::string line = fmt::format("epoch {}/{}  loss {:.4f}  accuracy {}", report.epoch, start_.epochs,
                                 report.train.loss(), percent(report.train.top1_percent()));
  if (report.tested)
    line += fmt::format("  test loss {:.4f}  test accuracy {}", report.test.loss(),
                        terminal_.styled("1", percent(report.test.top1_percent())));
  line += fmt::format("  lr {:.3g}  {}  {}  waiting for data {}{}", report.lr, speed(report.images_per_second),
                      duration(report.train_seconds + report.test_seconds), share(report.data_wait),
                      report.best ? "  best" : "");
  spdlog::info("{}", line);
  last_line_ = Clock::now();
}

std::string Console::sibling(const char* name) const {
  const std::filesystem::path self(program_);
  return (self.has_parent_path() ? self.parent_path() / name : std::filesystem::path(name)).string();
}

void Console::on_end(const RunEnd& end) {
  terminal_.clear_status();
  if (end.interrupted) {
    spdlog::info("Stopped after {} of {} epochs and {} steps; all of it is in {}", end.epoch, end.epochs,
                 grouped(end.step), end.last.string());
    spdlog::info("Continue with: {} --resume {}", program_, end.dir.string());
    return;
  }
  if (end.tested)
    spdlog::info("Test accuracy {} (top5 {}, loss {:.4f}); best {} in epoch {}. Took {}.",
                 terminal_.styled("1;32", percent(end.test.top1_percent())), percent(end.test.top5_percent()),
                 end.test.loss(), percent(end.best_top1), end.best_epoch, duration(end.seconds));
  const std::filesystem::path& checkpoint = end.best.empty() ? end.last : end.best;
  spdlog::info("Checkpoint: {}", checkpoint.string());
  spdlog::info("Test it again with: {} --checkpoint {}", sibling("ghost-eval"), checkpoint.string());
}

}  // namespace ghost::cli
