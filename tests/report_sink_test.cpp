// The page of a run while it is trained: when it is made, and how much of the time it takes.
#include "train/report/report_sink.h"

#include <gmock/gmock.h>

#include "core/rng.h"
#include "data/encode.h"
#include "support/room.h"
#include "support/temp_dir.h"
#include "train/loop/trainer.h"

namespace ghost {
namespace {

using test::TempDir;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

// Every epoch takes a second, and each page a fixed time and a millisecond for every epoch so far.
struct Simulation {
  double now = 0, spent = 0;
  int pages = 0;
  void run(int epochs, double page) {
    TimeShare time(ReportSink::kShareOfTime, [this] { return now; });
    for (int epoch = 1; epoch <= epochs; ++epoch) {
      now += 1;
      if (!time.affordable()) continue;
      time.run([&] {
        const double cost = page + 1e-3 * epoch;
        now += cost, spent += cost, ++pages;
      });
    }
  }
};

TEST(TimeShare, IsKeptHoweverLongTheRun) {
  for (const int epochs : {100, 2000, 20000}) {
    Simulation simulation;
    simulation.run(epochs, 0.03);
    EXPECT_LE(simulation.spent, 1.01 * ReportSink::kShareOfTime * simulation.now) << epochs;
    EXPECT_GE(simulation.spent, 0.5 * ReportSink::kShareOfTime * simulation.now) << epochs << ": pages are made";
  }
  Simulation cheap;
  cheap.run(10, 0.001);
  EXPECT_EQ(cheap.pages, 10) << "after every epoch where that costs next to nothing";
}

TEST(ReportSink, MakesAPageWhenTheTimeAllowsIt) {
  const TempDir dir;
  dir.write("config.yaml", std::string_view("model: {name: plain_cnn}\ntrain: {epochs: 1000}\n"));
  double now = 0;
  ReportSink sink(
      {.warn = [](const std::string& text) { ADD_FAILURE() << text; }, .clock = [&now] { return now += 1; }});
  RunStart start;
  start.dir = dir.path();
  sink.on_start(start);
  int pages = 0;
  for (int epoch = 0; epoch < 200; ++epoch) {
    sink.on_epoch({});
    pages += fs::remove(dir / "report.html");
  }
  // Each takes a tick, and asking takes another.
  EXPECT_GT(pages, 1);
  EXPECT_LE(pages, 1 + now * ReportSink::kShareOfTime);
  RunEnd end;
  end.interrupted = true;
  sink.on_end(end);
  EXPECT_TRUE(fs::exists(dir / "report.html")) << "and always at the end";
}

// What a sink finds when it is told of an epoch.
class LooksAtCheckpoints final : public Sink {
 public:
  explicit LooksAtCheckpoints(fs::path file) : file_(std::move(file)) {}
  void on_epoch(const EpochReport& report) override {
    EXPECT_EQ(read_checkpoint_head(file_).progress.epoch, report.epoch);
    ++epochs;
  }
  int epochs = 0;

 private:
  fs::path file_;
};

TEST(ReportSink, IsToldOfAnEpochAfterItsCheckpoint) {
  const test::Room room({.train = 32, .test = 8});
  const RunDir run = room.run_dir("run");
  LooksAtCheckpoints looks(run.last());
  Trainer(room.config({"train.epochs=2"}), {&looks}).run(run);
  EXPECT_EQ(looks.epochs, 2);
}

TEST(ReportSink, StopsItsTestAndLeavesThePageWithout) {
  const test::Room room({.train = 32, .test = 8});
  const auto page = [&](const std::string& name, bool stops) {
    ReportSink sink(
        {.warn = [](const std::string& text) { ADD_FAILURE() << text; }, .stop = [stops] { return stops; }});
    Trainer(room.config({"train.epochs=1"}), {&sink}).run(room.run_dir(name));
    return test::file_text(room.dir / name / "report.html");
  };
  EXPECT_THAT(page("whole", false), HasSubstr("Confusion"));
  EXPECT_THAT(page("stopped", true), Not(HasSubstr("Confusion")));
}

// What the page says after each epoch.
class LooksAtPages final : public Sink {
 public:
  explicit LooksAtPages(fs::path file) : file_(std::move(file)) {}
  void on_epoch(const EpochReport&) override { pages.push_back(test::file_text(file_)); }
  std::vector<std::string> pages;

 private:
  fs::path file_;
};

TEST(ReportSink, LoadsAgainWhileTheRunIsUnderWayAndNoLonger) {
  const auto reloads = testing::AnyOf(HasSubstr("<meta name=\"reload\""), HasSubstr("http-equiv=\"refresh\""),
                                      HasSubstr("loaded again"));
  const auto under_way = AllOf(HasSubstr("<meta name=\"reload\" content=\"30\">"),
                               HasSubstr("<noscript><meta http-equiv=\"refresh\" content=\"30\"></noscript>"));
  const test::Room room({.train = 32, .test = 8});
  const auto warn = [](const std::string& text) { ADD_FAILURE() << text; };
  for (const bool stops : {false, true}) {
    const RunDir run = room.run_dir(stops ? "stopped" : "finished");
    LooksAtPages looks(run.path() / "report.html");
    ReportSink sink({.warn = warn});
    Trainer trainer(room.config({"train.epochs=3"}), {&sink, &looks});
    trainer.run(run, [&] { return stops && trainer.progress().epoch == 1; });
    ASSERT_FALSE(looks.pages.empty());
    EXPECT_THAT(looks.pages.front(), under_way);
    EXPECT_THAT(test::file_text(run.path() / "report.html"), Not(reloads));
  }
  const RunDir run = room.run_dir("diverged");
  LooksAtPages looks(run.path() / "report.html");
  {
    ReportSink sink({.warn = warn});
    Trainer trainer(room.config({"train.epochs=3"}), {&sink, &looks});
    EXPECT_THROW(trainer.run(run,
                             [&] {
                               if (trainer.progress().epoch == 1) throw Error("the machine is tired");
                               return false;
                             }),
                 Error);
    EXPECT_THAT(test::file_text(run.path() / "report.html"), under_way);
  }
  EXPECT_THAT(test::file_text(run.path() / "report.html"), Not(reloads)) << "an error has ended it";
}

// Noise, which no picture format makes smaller.
TEST(ReportSink, ThePageOfLargePicturesStaysBelowFiveMegabytes) {
  const TempDir dir;
  RandomStream random(1, "noise");
  for (const char* part : {"train", "val"})
    for (int label = 0; label < 6; ++label)
      for (int i = 0; i < 12; ++i) {
        Image image = Image::zeros(224, 224, 3);
        for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(random.below(256));
        dir.write(fmt::format("data/{}/class {}/{}.png", part, label, i), encode_png(image));
      }
  const Config config = load_config_text(
                            "model: {name: plain_cnn, channels: [4, 8, 16, 32]}\n"
                            "data: {name: image_folder, image_size: 224, root: " +
                                (dir / "data").string() +
                                "}\n"
                                "train: {epochs: 1, batch_size: 8, eval_batch_size: 8}\nrun: {threads: 1}\n",
                            "large.yaml", {})
                            .config;
  ReportSink sink({.warn = [](const std::string& text) { ADD_FAILURE() << text; }});
  Trainer(config, {&sink}).run(RunDir::create((dir / "run").string(), ""));
  const std::string page = test::file_text(dir / "run/report.html");
  EXPECT_THAT(page, HasSubstr("data:image/png;base64,"));
  EXPECT_LT(page.size(), 5'000'000U);
}

}  // namespace
}  // namespace ghost
