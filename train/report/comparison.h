// Runs side by side. Runs whose configurations differ in nothing but seed, place and speed are one configuration.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "train/report/config_diff.h"
#include "train/report/predictions.h"
#include "train/report/run_record.h"
#include "train/report/statistics.h"
#include "train/report/timing.h"

namespace ghost {

// What a network costs, for one image.
struct ModelCost {
  int64_t parameters = 0;  // numbers that are learnt
  int64_t macs = 0;        // multiply-accumulates of convolutions and linear layers
};

struct TimeToTarget {
  int64_t reached = 0, runs = 0;       // how many of the runs did
  std::optional<Spread> seconds = {};  // wall clock of those, from the start to the end of the epoch
};

struct Configuration {
  std::string name = {};
  Config config = {};             // of its first run
  std::vector<size_t> runs = {};  // into Comparison::runs, by seed
  // The runs that are averaged: the finished ones or, if none is finished, those that have a test; one of each seed.
  std::vector<size_t> counted = {};
  std::vector<std::pair<size_t, size_t>> copies = {};  // a run that counts, and one with its seed that does not
  bool finished = false;                               // all runs in `counted` are

  std::optional<Spread> accuracy = {}, best_accuracy = {}, loss = {};  // percent and cross-entropy, of the last test
  std::optional<Spread> epoch_seconds = {};                            // training time of an epoch, without its test
  std::optional<int64_t> peak_memory = {};                             // bytes, the most of any run
  std::optional<TimeToTarget> to_target = {};
  std::optional<ModelCost> cost = {};
  std::optional<Timing> timing = {};
  std::optional<Predictions> predictions = {};  // of one run
};

// How b, a later configuration, compares with the first one, a.
struct Verdict {
  size_t a = 0, b = 0;
  std::optional<Difference> accuracy = {};  // points, b − a
  std::optional<double> speed = {};         // how many times as fast b is in training
  bool speed_measured = false;              // in alternating turns on this machine; else from the epochs of the runs
  bool speed_distinguishable = false;
  std::string text = {};
};

struct Comparison {
  std::vector<RunRecord> runs;
  std::vector<Configuration> configurations;
  std::vector<OptionRow> differences;  // one value for each configuration; seed, place and speed left out
  std::vector<Disagreement> disagreements;
  std::vector<Verdict> verdicts;
  std::optional<double> target;    // percent
  std::vector<std::string> notes;  // what a reader should know: lines left out, runs that did not finish
};

// What the images are called that accuracies are of: "test", "validation", or "held-out" if runs differ in that.
std::string held_out_word(const Comparison& comparison);

struct CompareOptions {
  std::optional<double> target;
  bool timing = true, predictions = true;
  std::function<void(const std::string& what, double share)> progress =
      {};                           // called while something that takes long is under way
  std::function<bool()> stop = {};  // asked often; then Stopped is thrown
};
// Groups the runs, measures speed, evaluates checkpoints and compares. What cannot be measured (data that are absent, a
// checkpoint that cannot be read) is left out with a note.
Comparison compare(std::vector<RunRecord> runs, const CompareOptions& options);

struct Stopped {};  // thrown by compare() when options.stop says so

// Wall clock until a test first reached `target` percent; nothing if none did.
std::optional<double> seconds_to(const RunRecord& run, double target);

ModelCost cost_of(const Config& config, const RunRecord::Position& of);

}  // namespace ghost
