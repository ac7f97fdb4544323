#include "train/report/report_sink.h"

#include "core/safetensors.h"
#include "train/report/comparison.h"
#include "train/report/page.h"

namespace ghost {

void ReportSink::on_epoch(const EpochReport& report) {
  if (report.tested) test_seconds_ = report.test_seconds;
  write(false, false);
}

void ReportSink::on_end(const RunEnd& end) {
  constexpr double kLongTest = 60;
  write(!end.interrupted && test_seconds_ <= kLongTest, end.interrupted);
}

void ReportSink::write(bool predictions, bool interrupted) {
  try {
    std::vector<RunRecord> runs{read_run(dir_)};
    // Its own process still holds the run, and takes leave of it.
    if (interrupted) mark_stopped(runs.front());
    CompareOptions options;
    options.timing = false;
    options.predictions = predictions;
    const Comparison comparison = compare(std::move(runs), options);
    write_file_atomically(dir_ / "report.html", report_page(comparison, ""));
  } catch (const Error& e) {
    if (!warned_) warn_(std::string("the report cannot be written: ") + e.what());
    warned_ = true;
  }
}

}  // namespace ghost
