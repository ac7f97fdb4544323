// metrics.csv says what the epochs of metrics.jsonl say, whatever happened to the run.
#include "train/run/metrics_csv.h"

#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "support/metrics.h"
#include "support/resumed_run.h"
#include "support/room.h"

namespace ghost {
namespace {

using test::Room;
using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Rows = std::vector<std::vector<std::string>>;
namespace fs = std::filesystem;

// RFC 4180, as far as one may err in it.
Rows read_csv(const fs::path& file) {
  const std::string text = test::file_text(file);
  Rows rows{{""}};
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string& field = rows.back().back();
    if (quoted && text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      field += text[i++];
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[i] == ',') {
      rows.back().emplace_back();
    } else if (!quoted && text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      rows.push_back({""});
      ++i;
    } else {
      field += text[i];
    }
  }
  EXPECT_EQ(rows.back(), std::vector<std::string>{""}) << "every line has its end";
  rows.pop_back();
  for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
  return rows;
}

// The table against the lines.
void expect_same_as_lines(const fs::path& run, size_t epochs) {
  const Rows rows = read_csv(run / "metrics.csv");
  size_t row = 0;
  for (const nlohmann::json& line : test::metrics_of(run, true)) {
    if (line.at("kind") != "epoch") continue;
    ASSERT_LT(++row, rows.size());
    size_t fields = 0;
    for (size_t i = 0; i < rows[0].size(); ++i) {
      const std::string& text = rows[row][i];
      if (text.empty()) continue;
      ++fields;
      EXPECT_EQ(nlohmann::json::parse(text), line.at(rows[0][i])) << rows[0][i];
    }
    EXPECT_EQ(fields, line.size() - 1) << "all but the kind";
  }
  EXPECT_EQ(row, epochs);
  EXPECT_EQ(rows.size(), epochs + 1);
}

TEST(MetricsCsv, HasARowForEachEpochAndTheColumnsOfItsLines) {
  const Room room;
  const RunDir run = room.run_dir("run");
  Trainer(room.config({"train.epochs=3", "train.eval_every=2"}), {}).run(run);
  const Rows rows = read_csv(run.path() / "metrics.csv");
  EXPECT_THAT(rows[0], ElementsAre("epoch", "step", "loss", "top1", "lr", "images_per_second", "seconds", "data_wait",
                                   "top5", "test_loss", "test_top1", "test_top5", "best_top1", "train_seconds",
                                   "test_seconds", "peak_memory", "peak_resident"));
  expect_same_as_lines(run.path(), 3);
  EXPECT_EQ(rows[1][10], "") << "no test was due in epoch 1";
  EXPECT_NE(rows[2][10], "");
}

TEST(MetricsCsv, FollowsTheCheckpointOfAResumedRun) {
  const Room room;
  const Config config = room.config({"train.epochs=3"});
  const RunDir pieces = room.run_dir("pieces");
  test::run_step_by_step(config, pieces);
  expect_same_as_lines(pieces.path(), 3);

  const RunDir run = room.run_dir("run");
  {
    Trainer trainer(config, {});
    trainer.run(run, [&] { return trainer.progress().epoch == 1 && trainer.progress().batch == 2; });
  }
  // As a process leaves it that was killed after the checkpoint: an epoch too many, a line that is torn.
  std::ofstream(run.metrics(), std::ios::app)
      << R"({"kind":"epoch","epoch":2,"step":12,"loss":7.0,"top1":0.0,"lr":0.1,"images_per_second":1.0,"seconds":9.0,"train_seconds":1.0,"test_seconds":1.0})"
      << "\n{\"kind\":\"ep";
  std::ofstream(run.path() / "metrics.csv", std::ios::app) << "2,12,7.0\r\n3,";
  Trainer trainer(config, {});
  trainer.restore(read_checkpoint(run.last()));
  trainer.run(run, [] { return true; });
  expect_same_as_lines(run.path(), 1);
  fs::remove(run.path() / "metrics.csv");  // a run of an older version has none
  Trainer last(config, {});
  last.restore(read_checkpoint(run.last()));
  last.run(run);
  expect_same_as_lines(run.path(), 3);
}

TEST(MetricsCsv, WhatIsTestedBesideHasColumnsBehindTheModelsOwn) {
  const TempDir dir;
  MetricsCsv csv(dir / "m.csv", "val");
  EXPECT_TRUE(csv.take(R"({"kind":"epoch","epoch":1,"step":6,"train_seconds":1.5})"));
  EXPECT_FALSE(csv.take(R"({"kind":"step","epoch":2,"step":7})"));
  EXPECT_FALSE(csv.take("{"));
  EXPECT_TRUE(csv.take(
      R"({"kind":"epoch","epoch":2,"step":12,"val_top1":50.0,"best_top1":50.0,"ema_val_top1":60.5,"a,\"b_top1":1e-7,"train_seconds":1.5})"));
  EXPECT_TRUE(csv.take(R"({"kind":"epoch","epoch":3,"step":18,"train_seconds":2.0})"));
  csv.write();
  const Rows rows = read_csv(dir / "m.csv");
  const auto at = [&](size_t row, const std::string& name) {
    const auto found = std::find(rows[0].begin(), rows[0].end(), name);
    return found == rows[0].end() ? "no such column" : rows[row][static_cast<size_t>(found - rows[0].begin())];
  };
  EXPECT_EQ(at(2, "ema_val_top1"), "60.5");
  EXPECT_EQ(at(2, "a,\"b_top1"), "1e-07") << "quoted, and with a dot where one is needed";
  EXPECT_EQ(at(1, "ema_val_top1"), "");
  EXPECT_EQ(at(3, "ema_val_top1"), "");
  EXPECT_EQ(at(1, "train_seconds"), "1.5");
  EXPECT_EQ(at(3, "train_seconds"), "2.0");
  EXPECT_THAT(test::file_text(dir / "m.csv"), HasSubstr("best_top1,ema_val_top1,\"a,\"\"b_top1\",train_seconds"));
}

}  // namespace
}  // namespace ghost
