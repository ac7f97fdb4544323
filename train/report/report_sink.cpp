#include "train/report/report_sink.h"

#include <chrono>

#include "core/safetensors.h"
#include "train/report/comparison.h"
#include "train/report/page.h"

namespace ghost {

namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

ReportSink::ReportSink(ReportOptions options)
    : options_(std::move(options)),
      time_(kShareOfTime, options_.clock ? options_.clock : TimeShare::Seconds(steady_seconds)) {}

ReportSink::~ReportSink() {
  if (under_way_) write(Stage::stopped, false);
}

void ReportSink::on_epoch(const EpochReport& report) {
  if (report.tested) test_seconds_ = report.test_seconds;
  if (time_.affordable()) time_.run([&] { write(Stage::under_way, false); });
}

void ReportSink::on_end(const RunEnd& end) {
  constexpr double kLongTest = 60;
  const bool tests = !end.interrupted && test_seconds_ <= kLongTest;
  try {
    write(end.interrupted ? Stage::stopped : Stage::finished, tests);
  } catch (const Stopped&) {
    write(Stage::finished, false);
  }
}

void ReportSink::write(Stage stage, bool predictions) {
  try {
    std::vector<RunRecord> runs{read_run(dir_)};
    // Its own process still holds the run, and takes leave of it.
    if (stage == Stage::stopped) mark_stopped(runs.front());
    CompareOptions options;
    options.timing = false;
    options.predictions = predictions;
    if (predictions) options.stop = options_.stop;
    const Comparison comparison = compare(std::move(runs), options);
    write_file_atomically(dir_ / "report.html", report_page(comparison, "", stage == Stage::under_way));
    under_way_ = stage == Stage::under_way;
  } catch (const std::exception& e) {  // of whatever kind: the run is worth more than its page
    if (!warned_) options_.warn(std::string("the report cannot be written: ") + e.what());
    warned_ = true;
  }
}

}  // namespace ghost
