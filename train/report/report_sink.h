// Writes report.html into the directory of a run. It is made of all that the run has measured, so the longer the run,
// the longer that takes: it is made anew after an epoch only as far as two percent of the run's time allow, and at the
// end.
#pragma once
#include <functional>
#include <string>

#include "train/report/run_record.h"
#include "train/report/time_share.h"
#include "train/run/sinks.h"

namespace ghost {

struct ReportOptions {
  std::function<void(const std::string&)> warn;  // called once with the reason if the report cannot be written
  std::function<bool()> stop = {};               // asked during the test at the end
  TimeShare::Seconds clock = {};                 // empty: the system's
};

class ReportSink final : public Sink {
 public:
  static constexpr double kShareOfTime = 0.02;
  // The run goes on without a report that cannot be written.
  explicit ReportSink(ReportOptions options);
  // Of a run that an error has ended: its page says so, and loads itself no more.
  ~ReportSink() override;
  ReportSink(const ReportSink&) = delete;
  ReportSink& operator=(const ReportSink&) = delete;
  void on_start(const RunStart& start) override { dir_ = start.dir; }
  void on_epoch(const EpochReport& report) override;  // curves and numbers
  // For a finished run the page also has results by class, which take one more test; only if that takes at most a
  // minute, and options.stop does not end it.
  void on_end(const RunEnd& end) override;

 private:
  enum class Stage { under_way, stopped, finished };
  void write(Stage stage, bool predictions);
  ReportOptions options_;
  TimeShare time_;
  std::filesystem::path dir_;
  double test_seconds_ = 0;  // of the last test
  bool warned_ = false;
  bool under_way_ = false;  // what the page that is there says
};

}  // namespace ghost
