// metrics.csv: the epochs of metrics.jsonl as a table (RFC 4180), for spreadsheets and pandas. Its columns are the keys
// of these lines in their order; a field is empty where a line has no such key, such as of an epoch without a test.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace ghost {

class MetricsCsv {
 public:
  // `held_out` is what the run is tested on, "test" or "val". Writes nothing yet.
  MetricsCsv(std::filesystem::path file, const std::string& held_out);
  // Takes a line of metrics.jsonl; true if it is of an epoch. A hook's tests become columns with the first that comes.
  bool take(const std::string& line);
  // Writes all that was taken, atomically. So the file is what metrics.jsonl is, whatever was in it. Throws Error if it
  // cannot.
  void write() const;

 private:
  std::filesystem::path file_;
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace ghost
