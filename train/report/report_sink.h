// Writes report.html into the directory of a run, up to date after each epoch.
#pragma once
#include <functional>
#include <string>

#include "train/report/run_record.h"
#include "train/run/sinks.h"

namespace ghost {

class ReportSink final : public Sink {
 public:
  // `warn` is called once with the reason if the report cannot be written; the run goes on.
  explicit ReportSink(std::function<void(const std::string&)> warn) : warn_(std::move(warn)) {}
  void on_start(const RunStart& start) override { dir_ = start.dir; }
  void on_epoch(const EpochReport& report) override;  // curves and numbers
  // For a finished run the page also has results by class, which take one more test; only if that takes at most a
  // minute.
  void on_end(const RunEnd& end) override;

 private:
  void write(bool predictions, bool interrupted);
  std::function<void(const std::string&)> warn_;
  std::filesystem::path dir_;
  double test_seconds_ = 0;  // of the last test
  bool warned_ = false;
};

}  // namespace ghost
