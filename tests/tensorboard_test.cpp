// TensorBoard's files of a run: read here by their definition, and by TensorBoard itself where it is installed.
#include <bit>
#include <cstring>
#include <fstream>
#include <gmock/gmock.h>
#include <map>
#include <nlohmann/json.hpp>

#include "support/command.h"
#include "support/metrics.h"
#include "support/room.h"
#include "train/loop/trainer.h"
#include "train/run/tensorboard_log.h"

namespace ghost {
namespace {

using test::Room;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;
using Points = std::vector<std::pair<int64_t, double>>;
using Curves = std::map<std::string, Points>;

// Bit by bit, as its polynomial is written.
uint32_t slow_crc(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
  }
  return crc ^ 0xFFFFFFFF;
}
uint32_t masked(std::string_view bytes) {
  const uint32_t crc = slow_crc(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

template <class T>
T number(std::string_view bytes) {
  T value{};
  if (bytes.size() < sizeof value) throw Error("is cut short");
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

struct WireField {
  uint64_t number, integer = 0;  // integer: of wire types 0, 1 and 5, as it lies there
  std::string_view bytes{};      // of wire type 2
};
std::vector<WireField> fields_of(std::string_view message) {
  std::vector<WireField> fields;
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<uint8_t>(message.at(0));
      message.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
  };
  const auto take = [&](size_t n) {
    const std::string_view bytes = message.substr(0, n);
    if (bytes.size() < n) throw Error("is cut short");
    message.remove_prefix(n);
    return bytes;
  };
  while (!message.empty()) {
    const uint64_t tag = varint();
    WireField field{.number = tag >> 3};
    switch (tag & 7) {
      case 0:
        field.integer = varint();
        break;
      case 1:
        field.integer = number<uint64_t>(take(8));
        break;
      case 2:
        field.bytes = take(varint());
        break;
      case 5:
        field.integer = number<uint32_t>(take(4));
        break;
      default:
        throw Error("has an unknown wire type");
    }
    fields.push_back(field);
  }
  return fields;
}

struct Events {
  Curves curves;
  std::vector<double> wall_times;
  std::string version;
};
Events read_events(const fs::path& file) {
  const std::string text = test::file_text(file);
  Events events;
  for (std::string_view rest = text; !rest.empty();) {
    const auto length = number<uint64_t>(rest);
    EXPECT_EQ(number<uint32_t>(rest.substr(8)), masked(rest.substr(0, 8)));
    const std::string_view event = rest.substr(12, length);
    EXPECT_EQ(number<uint32_t>(rest.substr(12 + length)), masked(event));
    rest.remove_prefix(16 + length);
    int64_t step = 0;
    for (const WireField& field : fields_of(event)) {
      if (field.number == 1) events.wall_times.push_back(std::bit_cast<double>(field.integer));
      if (field.number == 2) step = static_cast<int64_t>(field.integer);
      if (field.number == 3) events.version = field.bytes;
      if (field.number != 5) continue;
      for (const WireField& value : fields_of(field.bytes)) {
        const std::vector<WireField> parts = fields_of(value.bytes);
        EXPECT_EQ(parts.size(), 2U);
        events.curves[std::string(parts.at(0).bytes)].emplace_back(
            step, std::bit_cast<float>(static_cast<uint32_t>(parts.at(1).integer)));
      }
    }
  }
  return events;
}

std::vector<fs::path> event_files(const RunDir& run) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(run.path() / "tensorboard")) files.push_back(entry.path());
  return files;
}

// What the lines of metrics.jsonl say.
Curves curves_of(const RunDir& run) {
  Curves curves;
  const auto take = [&](const nlohmann::json& line, const char* key, const char* tag) {
    if (line.contains(key)) curves[tag].emplace_back(line.at("step"), line.at(key).get<float>());
  };
  for (const nlohmann::json& line : test::metrics_of(run.path(), true)) {
    if (line.at("kind") == "step") {
      take(line, "loss", "train/loss");
      take(line, "top1", "train/top1");
      take(line, "lr", "lr");
      take(line, "images_per_second", "images_per_second");
    } else {
      take(line, "test_loss", "test/loss");
      take(line, "test_top1", "test/top1");
      take(line, "test_top5", "test/top5");
    }
  }
  return curves;
}

Config config_of(const Room& room, const std::vector<std::string>& more = {}) {
  std::vector<std::string> overrides{"run.tensorboard=true", "train.epochs=3", "train.eval_every=2"};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return room.config(overrides);
}

TEST(TensorBoard, ChecksumIsThatOfTheStandard) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
}

TEST(TensorBoard, FilesHoldWhatTheLinesSay) {
  const Room room;
  const RunDir run = room.run_dir("run");
  Trainer(config_of(room), {}).run(run);
  const std::vector<fs::path> files = event_files(run);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_THAT(files[0].filename().string(), testing::StartsWith("events.out.tfevents."));
  const Events events = read_events(files[0]);
  EXPECT_EQ(events.version, "brain.Event:2");
  EXPECT_EQ(events.curves, curves_of(run));
  EXPECT_EQ(events.curves.at("test/top1").size(), 2U) << "of epochs 2 and 3";
  EXPECT_EQ(events.curves.at("train/loss").back().first, 18);
  EXPECT_TRUE(std::is_sorted(events.wall_times.begin() + 1, events.wall_times.end()));
  EXPECT_FALSE(fs::exists(room.run_dir("other").path() / "tensorboard"));
}

TEST(TensorBoard, WeightsOfHooksHaveTagsOfTheirOwn) {
  const test::TempDir dir;
  TensorBoardLog log(dir / "board", 0);
  log.take(
      R"({"kind":"epoch","epoch":1,"step":6,"seconds":1.5,"loss":2.0,"val_top1":50.0,"ema_val_top1":60.0,"ema_val_loss":0.5})");
  log.take("no line");
  log.take(R"({"kind":"later","step":7,"loss":1.0})");
  fs::path file;
  for (const auto& entry : fs::directory_iterator(dir / "board")) file = entry.path();
  EXPECT_EQ(read_events(file).curves,
            (Curves{{"val/top1", {{6, 50}}}, {"ema_val/top1", {{6, 60}}}, {"ema_val/loss", {{6, 0.5}}}}));
}

// However a run ended, and whether it wrote such files before or not.
TEST(TensorBoard, AResumedRunShowsNoStepTwice) {
  const Room room;
  for (const bool from_the_start : {true, false}) {
    const RunDir run = room.run_dir(from_the_start ? "whole" : "later");
    {
      Trainer trainer(config_of(room, {from_the_start ? "run.tensorboard=true" : "run.tensorboard=false"}), {});
      trainer.run(run, [&] { return trainer.progress().step == 9; });
    }
    // What a killed process had written after its last checkpoint.
    std::ofstream(run.metrics(), std::ios::app)
        << R"({"kind":"step","epoch":2,"step":10,"loss":7.0,"top1":0.0,"lr":0.1,"images_per_second":1.0,"seconds":9.0})"
        << "\n";
    if (from_the_start) {
      EventFile stale(run.path() / "tensorboard", 1e9);
      stale.add(1e9, 10, {{"train/loss", 7}});
      std::ofstream(stale.path(), std::ios::app) << "torn";
    }
    Trainer trainer(config_of(room), {});
    trainer.restore(read_checkpoint(run.last()));
    trainer.run(run);
    const std::vector<fs::path> files = event_files(run);
    ASSERT_EQ(files.size(), 1U);
    const Curves curves = read_events(files[0]).curves;
    EXPECT_EQ(curves, curves_of(run));
    for (const auto& [tag, points] : curves)
      for (size_t i = 1; i < points.size(); ++i) EXPECT_GT(points[i].first, points[i - 1].first) << tag;
    EXPECT_EQ(curves.at("train/loss").front().first, 2) << "from the first line on";
  }
}

TEST(TensorBoard, ReadsThemItself) {
  const Room room;
  const RunDir run = room.run_dir("run");
  {
    Trainer trainer(config_of(room), {});
    trainer.run(run, [&] { return trainer.progress().step == 9; });
  }
  Trainer trainer(config_of(room), {});
  trainer.restore(read_checkpoint(run.last()));
  trainer.run(run);
  const fs::path script = fs::path(GHOST_SOURCE_DIR) / "tests/tensorboard/read_events.py";
  constexpr int kNotInstalled = 77;
  const test::CommandResult read = test::run_command("python3 '" + script.string() + "' '" +
                                                     (run.path() / "tensorboard").string() + "' 2>/dev/null");
  if (read.status != 0 && read.status != kNotInstalled && read.status != 127) FAIL() << read.output;
  if (read.status != 0) GTEST_SKIP() << "the Python package tensorboard is not installed: " << read.output;
  const nlohmann::json json = nlohmann::json::parse(read.output);
  Curves curves;
  for (const auto& [tag, points] : json.items())
    for (const auto& point : points) curves[tag].emplace_back(point[0], point[1].get<float>());
  EXPECT_EQ(curves, curves_of(run));
}

}  // namespace
}  // namespace ghost
