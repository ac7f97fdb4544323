#include "train/run/tensorboard_log.h"

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace ghost {

namespace fs = std::filesystem;

namespace {

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

const fs::path& made(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("{}: cannot be made: {}", folder.string(), error.message());
  return folder;
}

// The tag of a line's key; empty: not shown. TensorBoard groups tags by what stands before the slash.
std::string tag_of(bool of_epoch, const std::string& key) {
  if (!of_epoch) {
    if (key == "loss" || key == "top1") return "train/" + key;
    return key == "lr" || key == "images_per_second" ? key : "";
  }
  constexpr std::array<std::string_view, 3> kTests{"_loss", "_top1", "_top5"};
  for (const std::string_view end : kTests)
    if (key.ends_with("test" + std::string(end)) || key.ends_with("val" + std::string(end)))
      return key.substr(0, key.size() - end.size()) + "/" + std::string(end.substr(1));
  return "";
}

}  // namespace

TensorBoardLog::TensorBoardLog(const fs::path& folder, double seconds)
    : began_(seconds_since_1970() - seconds), file_(made(folder), seconds_since_1970()) {}

void TensorBoardLog::take(const std::string& line) {
  const auto json = nlohmann::ordered_json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("kind")) return;
  const bool of_epoch = json.at("kind") == "epoch";
  if (!of_epoch && json.at("kind") != "step") return;
  std::vector<Scalar> scalars;
  for (const auto& [key, value] : json.items())
    if (const std::string tag = tag_of(of_epoch, key); !tag.empty() && value.is_number())
      scalars.push_back({tag, value.get<double>()});
  if (!scalars.empty()) file_.add(began_ + json.value("seconds", 0.0), json.value("step", int64_t{0}), scalars);
}

void TensorBoardLog::remove_older() const {
  std::vector<fs::path> older;
  std::error_code error;
  for (fs::directory_iterator i(file_.path().parent_path(), error), end; !error && i != end; i.increment(error))
    if (is_event_file(i->path()) && i->path() != file_.path()) older.push_back(i->path());
  for (const fs::path& file : older) {
    fs::remove(file, error);
    if (error) fail("{}: cannot be removed: {}", file.string(), error.message());
  }
}

}  // namespace ghost
