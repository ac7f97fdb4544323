#include "train/run/metrics_line.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/error.h"
#include "train/run/json_fields.h"

namespace ghost {

namespace {

constexpr size_t kMostProblems = 5;  // of one file; more are counted

class Line {
 public:
  explicit Line(const Json& json) : json_(json) {}
  double number(const std::string& key) const {
    const auto found = json_.find(key);
    if (found == json_.end() || !found->is_number()) fail("has no number \"{}\"", key);
    return found->get<double>();
  }
  int64_t count(const char* key) const {
    const auto found = json_.find(key);
    int64_t value = 0;
    if (found == json_.end()) fail("has no \"{}\"", key);
    read_json(*found, key, value, {.least = 1});
    return value;
  }
  bool has(const char* key) const { return json_.contains(key); }
  std::optional<double> number_if(const std::string& key) const {
    return json_.contains(key) ? std::optional(number(key)) : std::nullopt;
  }
  std::optional<int64_t> count_if(const char* key) const {
    return json_.contains(key) ? std::optional(count(key)) : std::nullopt;
  }
  // "ema" of a key "ema_test_top1".
  std::vector<std::string> tested_hooks(const std::string& held_out) const {
    const std::string end = "_" + held_out + "_top1";
    std::vector<std::string> names;
    for (const auto& [key, value] : json_.items())
      if (key.ends_with(end) && key.size() > end.size()) names.push_back(key.substr(0, key.size() - end.size()));
    return names;
  }

 private:
  const Json& json_;
};

StepPoint step_point(const Line& line) {
  return {.step = line.count("step"),
          .seconds = line.number("seconds"),
          .loss = line.number("loss"),
          .top1 = line.number("top1"),
          .lr = line.number("lr")};
}

EpochPoint epoch_point(const Line& line) {
  EpochPoint p;
  p.epoch = line.count("epoch");
  p.step = line.count("step");
  p.seconds = line.number("seconds");
  p.loss = line.number("loss");
  p.top1 = line.number("top1");
  p.lr = line.number("lr");
  p.images_per_second = line.number("images_per_second");
  p.train_seconds = line.number("train_seconds");
  p.test_seconds = line.number("test_seconds");
  if (line.has("val_top1")) p.held_out = "val";
  p.test_loss = line.number_if(p.held_out + "_loss");
  p.test_top1 = line.number_if(p.held_out + "_top1");
  p.test_top5 = line.number_if(p.held_out + "_top5");
  p.peak_memory = line.count_if("peak_memory");
  for (const std::string& hook : line.tested_hooks(p.held_out)) {
    const std::string key = hook + "_" + p.held_out;
    p.hook_tests[hook] = {
        .loss = line.number(key + "_loss"), .top1 = line.number(key + "_top1"), .top5 = line.number(key + "_top5")};
  }
  return p;
}

}  // namespace

void EpochPoint::follow(const std::string& weights) {
  if (weights == "raw") return;
  test_loss = test_top1 = test_top5 = std::nullopt;
  const auto found = hook_tests.find(weights);
  if (found == hook_tests.end()) return;
  test_loss = found->second.loss, test_top1 = found->second.top1, test_top5 = found->second.top5;
}

MetricsLine read_metrics_line(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) fail("is not a JSON object");
  const auto kind = json.find("kind");
  if (kind == json.end() || !kind->is_string()) fail("has no \"kind\"");
  if (*kind == "step") return step_point(Line(json));
  if (*kind == "epoch") return epoch_point(Line(json));
  return {};
}

std::vector<std::string> read_metrics(const std::filesystem::path& file, bool being_written,
                                      const std::function<void(const std::string&, const MetricsLine&)>& take) {
  std::ifstream in(file, std::ios::binary);
  std::error_code ignored;
  if (!in && !std::filesystem::exists(file, ignored)) return {};
  if (!in) fail("{}: cannot be read: {}", file.string(), std::strerror(errno));
  std::vector<std::string> problems;
  size_t number = 0, count = 0;
  const auto problem = [&](const std::string& what) {
    if (++count <= kMostProblems)
      problems.push_back(message_of("{}:{}: {}; the line is left out", file.string(), number, what));
  };
  for (std::string text; std::getline(in, text);) {
    ++number;
    if (in.eof()) {
      if (!being_written) problem("is cut short");
      break;
    }
    try {
      take(text, read_metrics_line(text));
    } catch (const Error& e) {
      problem(e.what());
    }
  }
  if (in.bad()) fail("{}: cannot be read: {}", file.string(), std::strerror(errno));
  if (count > kMostProblems)
    problems.push_back(message_of("{}: {} more lines are left out", file.string(), count - kMostProblems));
  return problems;
}

}  // namespace ghost
