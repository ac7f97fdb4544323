// Tiny pictures on disk, room for runs, and what these say.
#pragma once
#include <string>
#include <vector>

#include "support/temp_dir.h"
#include "support/tiny_images.h"
#include "train/config/config.h"
#include "train/run/run_dir.h"
#include "train/run/sinks.h"

namespace ghost::test {

// Tiny pictures on disk and a run directory below one folder.
struct Room {
  explicit Room(const TinyImages& images = {}) { write_tiny_idx(dir / "data", images); }
  Config config(const std::vector<std::string>& overrides = {}) const {
    return load_config_text(tiny_config(dir / "data"), "tiny.yaml", overrides).config;
  }
  RunDir run_dir(const std::string& name) const { return RunDir::create((dir / name).string(), "tiny"); }
  TempDir dir;
};

// Remembers what a run said.
struct Notebook final : Sink {
  std::vector<std::string> calls, warnings;
  std::vector<StepReport> steps;
  std::vector<EpochReport> epochs;
  RunStart start;
  RunEnd end;
  void on_start(const RunStart& s) override { start = s, calls.push_back("start"); }
  void on_warning(const std::string& text) override { warnings.push_back(text); }
  void on_step(const StepReport& s) override { steps.push_back(s), calls.push_back("step"); }
  void on_test(int64_t done, int64_t all) override {
    if (done == all) calls.push_back("test");
  }
  void on_epoch(const EpochReport& e) override { epochs.push_back(e), calls.push_back("epoch"); }
  void on_end(const RunEnd& e) override { end = e, calls.push_back("end"); }
};

}  // namespace ghost::test
