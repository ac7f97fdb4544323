#include "train/run/metrics_csv.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/safetensors.h"
#include "train/page/text.h"

namespace ghost {

MetricsCsv::MetricsCsv(std::filesystem::path file, const std::string& held_out)
    : file_(std::move(file)),
      columns_{"epoch",
               "step",
               "loss",
               "top1",
               "lr",
               "images_per_second",
               "seconds",
               "data_wait",
               "top5",
               held_out + "_loss",
               held_out + "_top1",
               held_out + "_top5",
               "best_top1",
               "train_seconds",
               "test_seconds",
               "peak_memory",
               "peak_resident"} {}

bool MetricsCsv::take(const std::string& line) {
  const auto json = nlohmann::ordered_json::parse(line, nullptr, false);
  if (!json.is_object() || json.value("kind", "") != "epoch") return false;
  std::vector<std::string> row(columns_.size());
  size_t next = 0;  // where a new column belongs: behind the key before it
  for (const auto& [key, value] : json.items()) {
    if (key == "kind") continue;
    auto at = std::find(columns_.begin(), columns_.end(), key) - columns_.begin();
    if (at == std::ssize(columns_)) {
      at = static_cast<std::ptrdiff_t>(next);
      columns_.insert(columns_.begin() + at, key);
      row.insert(row.begin() + at, "");
      for (std::vector<std::string>& earlier : rows_) earlier.insert(earlier.begin() + at, "");
    }
    if (!value.is_null())
      row[static_cast<size_t>(at)] = csv_field(value.is_string() ? value.get<std::string>() : value.dump());
    next = static_cast<size_t>(at) + 1;
  }
  rows_.push_back(std::move(row));
  return true;
}

void MetricsCsv::write() const {
  std::string text;
  const auto add = [&](const std::vector<std::string>& fields) {
    for (size_t i = 0; i < fields.size(); ++i) text += (i == 0 ? "" : ",") + fields[i];
    text += "\r\n";
  };
  std::vector<std::string> names;
  names.reserve(columns_.size());
  for (const std::string& column : columns_) names.push_back(csv_field(column));
  add(names);
  for (const std::vector<std::string>& row : rows_) add(row);
  write_file_atomically(file_, text);
}

}  // namespace ghost
