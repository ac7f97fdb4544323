#include "train/run/metrics_log.h"

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

#include "core/memory.h"
#include "core/safetensors.h"

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

[[noreturn]] void fail_in_use(const std::filesystem::path& file) {
  fail("{}: another process is writing this run; wait for it, or stop it", file.string());
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path file)
    : file_(std::move(file)), out_(std::fopen(file_.c_str(), "ae"), &std::fclose) {
  if (!out_) fail("{}: cannot be opened for writing: {}", file_.string(), std::strerror(errno));
  // metrics_in_use() holds the lock for a moment. File systems without locks do without.
  constexpr int kTries = 50;
  for (int i = 0; flock(fileno(out_.get()), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK; ++i) {
    if (i == kTries) fail_in_use(file_);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

bool metrics_in_use(const std::filesystem::path& file) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool in_use = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(fd);
  return in_use;
}

void MetricsLog::on_start(const RunStart&) { reset_peak_memory(); }

void MetricsLog::write(const std::string& line) {
  if (std::fwrite(line.data(), 1, line.size(), out_.get()) != line.size() || std::fputc('\n', out_.get()) == EOF ||
      std::fflush(out_.get()) != 0)
    fail("{}: cannot write: {}", file_.string(), std::strerror(errno));
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
    line["test_loss"] = report.test.loss();
    line["test_top1"] = report.test.top1_percent();
    line["test_top5"] = report.test.top5_percent();
    line["best_top1"] = report.best_top1;
    for (const HookTest& test : report.hook_tests) {
      line[test.hook + "_test_loss"] = test.sums.loss();
      line[test.hook + "_test_top1"] = test.sums.top1_percent();
      line[test.hook + "_test_top5"] = test.sums.top5_percent();
    }
  }
  line["train_seconds"] = seconds_of(report.train_seconds);
  line["test_seconds"] = seconds_of(report.test_seconds);
  line["peak_memory"] = memory_stats().peak_bytes_in_use;
  line["peak_resident"] = peak_resident_bytes();
  write(line.dump());
}

double trim_metrics(const std::filesystem::path& file, int64_t step, int64_t epoch) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    if (std::filesystem::exists(file)) fail("{}: cannot be read: {}", file.string(), std::strerror(errno));
    return 0;
  }
  if (metrics_in_use(file)) fail_in_use(file);
  std::string kept;
  double seconds = 0;
  bool dropped = false;
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    const bool complete = !in.eof() && json.is_object() && json.contains("step") && json.contains("epoch");
    // An epoch's line bears the step of its end, which the checkpoint may have reached before its test was done.
    const bool within = complete && json.value("step", int64_t{0}) <= step &&
                        (json.value("kind", "") != "epoch" || json.value("epoch", int64_t{0}) <= epoch);
    if (!within) {
      dropped = true;
      continue;
    }
    kept += line + '\n';
    seconds = json.value("seconds", seconds);
  }
  if (in.bad()) fail("{}: cannot be read: {}", file.string(), std::strerror(errno));
  in.close();
  if (dropped) write_file_atomically(file, kept);
  return seconds;
}

}  // namespace ghost
