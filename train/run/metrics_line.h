// Lines of metrics.jsonl (metrics_log.h) as they are read. Accuracies are percent, times seconds since the run began.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ghost {

struct StepPoint {
  int64_t step = 0;
  double seconds = 0, loss = 0, top1 = 0, lr = 0;
};
struct EpochPoint {
  int64_t epoch = 0, step = 0;
  double seconds = 0, loss = 0, top1 = 0, lr = 0;
  double images_per_second = 0, train_seconds = 0, test_seconds = 0;
  std::string held_out = "test";                          // what it was tested on: "test", or "val"
  std::optional<double> test_loss, test_top1, test_top5;  // where a test was due
  std::optional<int64_t> peak_memory;                     // bytes; since version 0.1 only
  struct Test {
    double loss = 0, top1 = 0, top5 = 0;
  };
  std::map<std::string, Test> hook_tests;  // of weights that hooks keep, by the hook's name

  // test_… become those of the weights of that name, "raw" or a hook's, and are empty if these were not tested.
  void follow(const std::string& weights);
};
// monostate: of a kind that this program does not know.
using MetricsLine = std::variant<std::monostate, StepPoint, EpochPoint>;

// Throws Error with what is wrong with the line: "has no number \"loss\"".
MetricsLine read_metrics_line(const std::string& text);

// Calls `take` with each line, as it stands and as it was read. A line that is corrupted, or that `take` throws Error
// for, is left out and named in the result, "<file>:<line>: …; the line is left out": the first few, and how many more
// there are. So is a last line without its end, unless the file is being written. A missing file has no lines. Throws
// Error if the file cannot be read.
std::vector<std::string> read_metrics(const std::filesystem::path& file, bool being_written,
                                      const std::function<void(const std::string&, const MetricsLine&)>& take);

}  // namespace ghost
