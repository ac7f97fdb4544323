// Shows a run: a progress bar on a terminal, plain lines elsewhere, and the lines of train.log.
#pragma once
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "train/cli/terminal.h"
#include "train/run/sinks.h"

namespace ghost::cli {

class Console final : public Sink {
 public:
  // program: argv[0], for the commands that are shown at the end.
  Console(Terminal& terminal, std::string program);
  ~Console() override;
  // A note. Before the run has begun it waits until the banner is shown and train.log is open; if the run never begins,
  // it is shown at the end.
  void note(const std::string& text) { say(false, text); }
  void on_start(const RunStart& start) override;
  void on_note(const std::string& text) override { note(text); }
  void on_warning(const std::string& text) override { say(true, text); }
  void on_step(const StepReport& report) override;
  void on_test(int64_t batches_done, int64_t batches) override;
  void on_epoch(const EpochReport& report) override;
  void on_end(const RunEnd& end) override;

 private:
  using Clock = std::chrono::steady_clock;
  void say(bool warning, const std::string& text);
  std::string bar(double done, int width) const;
  void draw(const std::string& head, double done, const std::vector<std::string>& parts);
  void tell_in_full(const std::string& line) const;
  std::string of_all(int64_t epoch) const;  // "3/10"
  double remaining_seconds(const StepReport& report) const;
  // "ghost-train" → "ghost-eval", "own_model train" → "own_model eval"; empty if this program is called otherwise.
  std::string sibling(const std::string& command) const;

  Terminal& terminal_;
  std::string program_;
  RunStart start_;
  bool started_ = false;
  std::vector<std::pair<bool, std::string>> waiting_;  // warning or note
  Clock::time_point last_draw_{}, last_line_{};
  int64_t epoch_ = 0;        // under way
  double test_seconds_ = 0;  // all tests of this process
  double last_test_seconds_ = 0;
};

}  // namespace ghost::cli
