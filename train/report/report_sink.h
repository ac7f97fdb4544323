// report.html in a run's own directory: the page of one run, as far as it is.
#pragma once
#include <functional>
#include <string>

#include "train/report/run_record.h"
#include "train/run/sinks.h"

namespace ghost {

class ReportSink final : public Sink {
 public:
  // `warn` hears, once, why the report cannot be written: that does not stop a run.
  explicit ReportSink(std::function<void(const std::string&)> warn) : warn_(std::move(warn)) {}
  void on_start(const RunStart& start) override { dir_ = start.dir; }
  void on_epoch(const EpochReport& report) override;  // curves and numbers
  // Of a whole run class by class as well, which takes one more test: only where that is a minute at most.
  void on_end(const RunEnd& end) override;

 private:
  void write(bool predictions, bool interrupted);
  std::function<void(const std::string&)> warn_;
  std::filesystem::path dir_;
  double test_seconds_ = 0;  // of the last test
  bool warned_ = false;
};

}  // namespace ghost
