// What a run has written into its metrics.jsonl.
#pragma once
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ghost::test {

// Without what differs from run to run, unless `with_times`.
inline std::vector<nlohmann::json> metrics_of(const std::filesystem::path& run, bool with_times = false) {
  std::vector<nlohmann::json> lines;
  std::ifstream in(run / "metrics.jsonl");
  for (std::string line; std::getline(in, line);) {
    nlohmann::json json = nlohmann::json::parse(line);
    if (!with_times)
      for (const char* time : {"seconds", "images_per_second", "data_wait", "train_seconds", "test_seconds",
                               "peak_memory", "peak_resident"})
        json.erase(time);
    lines.push_back(std::move(json));
  }
  return lines;
}

// So far, of a run that may be under way.
inline int64_t metric_lines(const std::filesystem::path& run) {
  std::ifstream in(run / "metrics.jsonl");
  return std::count(std::istreambuf_iterator<char>(in), {}, '\n');
}

}  // namespace ghost::test
