#include "train/run/metrics_log.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "core/memory.h"
#include "core/safetensors.h"
#include "train/run/metrics_line.h"

namespace ghost {

namespace {

using Json = nlohmann::ordered_json;

// Enough digits to tell runs apart, few enough to read.
double rounded(double x, double per_unit) { return std::round(x * per_unit) / per_unit; }
double seconds_of(double s) { return rounded(s, 1000); }

Json common(const char* kind, int64_t epoch, int64_t step, const MetricSums& sums, double lr) {
  return {{"kind", kind}, {"epoch", epoch}, {"step", step}, {"loss", sums.loss()}, {"top1", sums.top1_percent()},
          {"lr", lr}};
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path file)
    : file_(std::move(file)), fd_(open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (fd_ < 0) fail("{}: cannot be opened for writing: {}", file_.string(), std::strerror(errno));
}

MetricsLog::~MetricsLog() { close(fd_); }

void MetricsLog::on_start(const RunStart& start) {
  reset_peak_memory();
  std::filesystem::path csv = file_;
  csv_.emplace(csv.replace_extension(".csv"), start.validation_size > 0 ? "val" : "test");
  if (start.config.run.tensorboard) board_.emplace(file_.parent_path() / "tensorboard", start.seconds);
  read_metrics(file_, false, [this](const std::string& text, const MetricsLine&) {
    csv_->take(text);
    if (board_) board_->take(text);
  });
  csv_->write();
  if (board_) board_->remove_older();
}

void MetricsLog::write(const std::string& text) {
  const std::string line = text + '\n';
  for (size_t done = 0; done < line.size();) {
    const ssize_t n = ::write(fd_, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("{}: cannot be written: {}", file_.string(), std::strerror(errno));
    done += static_cast<size_t>(n);
  }
  if (csv_ && csv_->take(text)) csv_->write();
  if (board_) board_->take(text);
}

void MetricsLog::sync() {
  // Pipes and devices cannot be synced.
  if (fdatasync(fd_) != 0 && errno != EINVAL && errno != EROFS)
    fail("{}: cannot be written: {}", file_.string(), std::strerror(errno));
}

void MetricsLog::on_step(const StepReport& report) {
  if (!report.window_ends) return;
  Json line = common("step", report.epoch, report.step, report.window, report.lr);
  line["images_per_second"] = rounded(report.images_per_second, 10);
  line["seconds"] = seconds_of(report.seconds);
  line["data_wait"] = rounded(report.data_wait, 10000);
  write(line.dump());
}

void MetricsLog::on_epoch(const EpochReport& report) {
  Json line = common("epoch", report.epoch, report.step, report.train, report.lr);
  line["images_per_second"] = rounded(report.images_per_second, 10);
  line["seconds"] = seconds_of(report.seconds);
  line["data_wait"] = rounded(report.data_wait, 10000);
  line["top5"] = report.train.top5_percent();
  if (report.tested) {
    line[report.held_out + "_loss"] = report.test.loss();
    line[report.held_out + "_top1"] = report.test.top1_percent();
    line[report.held_out + "_top5"] = report.test.top5_percent();
    line["best_top1"] = report.best_top1;
    for (const HookTest& test : report.hook_tests) {
      const std::string of_hook = test.hook + "_" + report.held_out;
      line[of_hook + "_loss"] = test.sums.loss();
      line[of_hook + "_top1"] = test.sums.top1_percent();
      line[of_hook + "_top5"] = test.sums.top5_percent();
    }
  }
  line["train_seconds"] = seconds_of(report.train_seconds);
  line["test_seconds"] = seconds_of(report.test_seconds);
  line["peak_memory"] = memory_stats().peak_bytes_in_use;
  line["peak_resident"] = peak_resident_bytes();
  write(line.dump());
}

double trim_metrics(const std::filesystem::path& file, int64_t step, int64_t epoch,
                    const std::function<void(const std::string&)>& warn) {
  std::string kept;
  double seconds = 0;
  const auto keep = [&](const std::string& text, double at) {
    kept += text + '\n';
    seconds = at;
  };
  const std::vector<std::string> problems =
      read_metrics(file, false, [&](const std::string& text, const MetricsLine& line) {
        if (const auto* s = std::get_if<StepPoint>(&line)) {
          if (s->step <= step) keep(text, s->seconds);
        } else if (const auto* e = std::get_if<EpochPoint>(&line)) {
          // An epoch's line bears the step of its end, which the checkpoint may have reached before its test was done.
          if (e->step <= step && e->epoch <= epoch) keep(text, e->seconds);
        } else {
          fail("is of no known kind");
        }
      });
  for (const std::string& problem : problems) warn(problem);
  std::error_code none;
  if (const auto size = std::filesystem::file_size(file, none); !none && size != kept.size())
    write_file_atomically(file, kept);
  return seconds;
}

}  // namespace ghost
