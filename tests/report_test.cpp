// Reading runs, thinning curves, judging differences: what a comparison is made of.
#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "data/encode.h"
#include "support/modules.h"
#include "support/picture_files.h"
#include "support/temp_dir.h"
#include "train/report/comparison.h"
#include "train/report/plan.h"
#include "train/report/table.h"
#include "train/report/thin.h"
#include "train/report/verdict.h"
#include "train/run/run_lock.h"

namespace ghost {
namespace {

using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
namespace fs = std::filesystem;

std::string step_line(int64_t epoch, int64_t step, double loss) {
  return fmt::format(
      R"({{"kind":"step","epoch":{},"step":{},"loss":{},"top1":50.0,"lr":0.1,"images_per_second":100.0,"seconds":{}.0,"data_wait":0.0}})"
      "\n",
      epoch, step, loss, step);
}

std::string epoch_line(int64_t epoch, int64_t step, double accuracy, double train_seconds = 10) {
  return fmt::format(
      R"({{"kind":"epoch","epoch":{},"step":{},"loss":1.0,"top1":50.0,"lr":0.1,"images_per_second":100.0,"seconds":{},"data_wait":0.0,"top5":90.0,"test_loss":1.25,"test_top1":{},"test_top5":95.0,"best_top1":{},"train_seconds":{},"test_seconds":1.0,"peak_memory":1048576}})"
      "\n",
      epoch, step, static_cast<double>(epoch) * (train_seconds + 1), accuracy, accuracy, train_seconds);
}

// A run directory without checkpoints: what was left of it.
fs::path write_run(const TempDir& dir, const std::string& name, const std::string& metrics, const std::string& config) {
  dir.write(fs::path(name) / "config.yaml", std::string_view(config));
  dir.write(fs::path(name) / "metrics.jsonl", std::string_view(metrics));
  return dir / name;
}
std::string config(int64_t seed, int64_t epochs = 2, const std::string& model = "plain_cnn") {
  return fmt::format("model: {{name: {}}}\ntrain: {{epochs: {}}}\nrun: {{seed: {}}}\n", model, epochs, seed);
}
// Two epochs that end at this accuracy.
std::string two_epochs(double accuracy, double train_seconds = 10) {
  return epoch_line(1, 10, accuracy - 5, train_seconds) + epoch_line(2, 20, accuracy, train_seconds);
}

Comparison compared(const std::vector<fs::path>& dirs) {
  return compare(read_runs(dirs), {.target = 60, .timing = false, .predictions = false});
}

TEST(Thin, KeepsFirstLastLowestAndHighest) {
  std::vector<double> values;
  for (int i = 0; i < 100'000; ++i) values.push_back(std::sin(i * 0.01) + 0.1 * std::cos(i * 1.7));
  values[12'345] = 50;
  values[77'777] = -50;
  const std::vector<size_t> kept = thin(values, 500);
  EXPECT_LE(kept.size(), 500U);
  EXPECT_GE(kept.size(), 400U);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  EXPECT_EQ(std::adjacent_find(kept.begin(), kept.end()), kept.end());
  for (const size_t needed : {size_t{0}, size_t{12'345}, size_t{77'777}, values.size() - 1})
    EXPECT_TRUE(std::binary_search(kept.begin(), kept.end(), needed)) << needed;
}

TEST(Thin, KeepsShortCurvesAndLeavesOutWhatIsNotFinite) {
  EXPECT_THAT(thin({1, 2, 3}, 4), ElementsAre(0, 1, 2));
  EXPECT_THAT(thin({1, NAN, 3, INFINITY}, 4), ElementsAre(0, 2));
  EXPECT_THAT(thin({}, 4), IsEmpty());
  EXPECT_THAT(thin(std::vector<double>(100, 1.0), 10), SizeIs(testing::Le(10U)));
}

TEST(RunRecord, ReportsAndSkipsWhatIsCorrupted) {
  const TempDir dir;
  const fs::path run = write_run(dir, "run",
                                 step_line(1, 5, 2.5) + "{\"kind\":\"step\",\"ep\n" + "[1, 2]\n" +
                                     R"({"kind":"step","epoch":1,"step":7,"loss":null,"top1":1,"lr":1,"seconds":1})"
                                     "\n" +
                                     step_line(1, 4, 2.0) + R"({"kind":"later","anything":1})" + "\n" +
                                     epoch_line(1, 10, 60) + epoch_line(2, 20, 70) + "{\"kind\":\"epo",
                                 config(0));
  const RunRecord record = read_run(run);
  ASSERT_THAT(record.steps, SizeIs(1));
  EXPECT_EQ(record.steps[0].loss, 2.5);
  ASSERT_THAT(record.epochs, SizeIs(2));
  EXPECT_EQ(record.last_test()->test_top1, 70);
  const std::string file = (run / "metrics.jsonl").string();
  EXPECT_THAT(record.problems,
              ElementsAre(AllOf(HasSubstr(file + ":2: "), HasSubstr("left out")), HasSubstr(file + ":3: "),
                          AllOf(HasSubstr(file + ":4: "), HasSubstr("\"loss\"")),
                          AllOf(HasSubstr(file + ":5: "), HasSubstr("step 4 after step 5")),
                          AllOf(HasSubstr(file + ":9: "), HasSubstr("cut short"))));
}

TEST(RunRecord, CountsFurtherProblemsOfAFile) {
  const TempDir dir;
  std::string lines;
  for (int i = 0; i < 30; ++i) lines += "?\n";
  const RunRecord record = read_run(write_run(dir, "run", lines, config(0)));
  ASSERT_THAT(record.problems, SizeIs(6));
  EXPECT_THAT(record.problems.back(), HasSubstr("25 more lines"));
}

TEST(RunRecord, TellsWhatBecameOfARun) {
  const TempDir dir;
  EXPECT_EQ(read_run(write_run(dir, "whole", two_epochs(70), config(0))).state, RunState::finished);
  const RunRecord cut = read_run(write_run(dir, "cut", epoch_line(1, 10, 60) + step_line(2, 15, 1), config(0)));
  EXPECT_EQ(cut.state, RunState::crashed);
  EXPECT_THAT(cut.state_text, HasSubstr("epoch 2 of 2"));

  const fs::path failed = write_run(dir, "failed", epoch_line(1, 10, 60), config(0));
  dir.write("failed/train.log", std::string_view("2026-01-01 00:00:00.000 info: epoch 1\n"
                                                 "2026-01-01 00:00:01.000 error: ghost-train: the loss became NaN\n"));
  EXPECT_EQ(read_run(failed).state_text, "crashed in epoch 2 of 2: the loss became NaN");

  const fs::path live = write_run(dir, "live", epoch_line(1, 10, 60) + "{\"kin", config(0));
  {
    const RunLock writer(live);
    const RunRecord record = read_run(live);
    EXPECT_EQ(record.state, RunState::running);
    EXPECT_EQ(record.state_text, "running: epoch 2 of 2");
    EXPECT_THAT(record.problems, IsEmpty()) << "a line that is being written has no end yet";
  }
  EXPECT_EQ(read_run(live).state, RunState::crashed);
}

TEST(RunRecord, TakesNoNumberThatIsOutOfRange) {
  const TempDir dir;
  std::string huge = epoch_line(2, 20, 70);
  huge.replace(huge.find("1048576"), 7, "1e300");
  const RunRecord record = read_run(write_run(dir, "run", epoch_line(1, 10, 60) + huge, config(0)));
  EXPECT_THAT(record.epochs, SizeIs(1));
  EXPECT_THAT(record.problems, ElementsAre(HasSubstr("peak_memory is 1e+300, but must be an integer of 64 bits")));
}

TEST(RunRecord, RefusesFoldersWithoutARun) {
  const TempDir dir;
  EXPECT_THAT(test::error_of([&] { read_run(dir / "nowhere"); }), HasSubstr("no such run directory"));
  write_run(dir, "runs/one", "", config(0));
  EXPECT_THAT(test::error_of([&] { read_run(dir / "runs"); }), AllOf(HasSubstr("holds no run"), HasSubstr("runs/one")));
  EXPECT_THAT(test::error_of([&] {
                read_runs({dir / "runs/one", dir / "runs/../runs/one/"});
              }),
              HasSubstr("given twice"));
}

TEST(RunRecord, EqualNamesGetTheirFolders) {
  const TempDir dir;
  const auto runs = read_runs({write_run(dir, "a/x/run", "", config(0)), write_run(dir, "b/x/run", "", config(1)),
                               write_run(dir, "a/other", "", config(2))});
  EXPECT_EQ(runs[0].name, "a/x/run");
  EXPECT_EQ(runs[1].name, "b/x/run");
  EXPECT_EQ(runs[2].name, "other");
}

TEST(ConfigDifferences, NamesOptionsThatDifferAndThatOneLacks) {
  const Config a = load_config_text("model: {name: plain_cnn, channels: [8]}\noptimizer: {lr: 0.1}\n", "a", {}).config;
  const Config b = load_config_text("model: {name: mini_group_net}\noptimizer: {lr: 0.2}\n", "b", {}).config;
  std::map<std::string, std::vector<std::string>> rows;
  for (const OptionRow& row : config_differences({a, b})) rows[row.option] = row.values;
  EXPECT_THAT(rows["optimizer.lr"], ElementsAre("0.1", "0.2"));
  EXPECT_THAT(rows["model.channels"], ElementsAre("[8]", "–"));
  EXPECT_EQ(rows.count("optimizer.momentum"), 0U);
  Config elsewhere = a;
  elsewhere.run.dir = "elsewhere";
  elsewhere.run.threads = 3;
  EXPECT_THAT(differences_that_change_results(a, elsewhere), IsEmpty());
}

TEST(ConfigDifferences, ShowWhatListsAndBudgetsSay) {
  const auto config = [](const std::vector<std::string>& sets) {
    return load_config_text("model: {name: plain_cnn}\n", "a", sets).config;
  };
  const auto differ = [](const Config& a, const Config& b) {
    std::map<std::string, std::vector<std::string>> rows;
    for (const OptionRow& row : differences_that_change_results(a, b)) rows[row.option] = row.values;
    return rows;
  };
  auto rows = differ(config({}), config({"optimizer.groups=[{match: '*.bias', lr_scale: 64, weight_decay: 0}]",
                                         "data.image_size=[[0, 24], [5, 32]]", "train.precision=bf16"}));
  EXPECT_THAT(rows["optimizer.groups"], ElementsAre("[]", "[{match: \"*.bias\", lr_scale: 64, weight_decay: 0}]"));
  EXPECT_THAT(rows["data.image_size"], ElementsAre("0", "[[0, 24], [5, 32]]"));
  EXPECT_THAT(rows["train.precision"], ElementsAre("f32", "bf16"));
  EXPECT_EQ(rows.size(), 3U);
  EXPECT_THAT(differ(config({}), config({"train.epochs=10"})), IsEmpty()) << "auto is 10";
  rows = differ(config({}), config({"train.hours=2"}));
  EXPECT_THAT(rows["train.hours"], ElementsAre("0", "2"));
}

TEST(Comparison, RunsThatDifferInTheirSeedAreOneConfiguration) {
  const TempDir dir;
  const Comparison c = compared({write_run(dir, "net-s1", two_epochs(72), config(1)),
                                 write_run(dir, "other", two_epochs(50), config(0, 2, "resnet")),
                                 write_run(dir, "net-s0", two_epochs(70), config(0))});
  ASSERT_THAT(c.configurations, SizeIs(2));
  EXPECT_EQ(c.configurations[0].name, "net");
  EXPECT_THAT(c.configurations[0].runs, ElementsAre(2, 0)) << "by seed";
  EXPECT_NEAR(c.configurations[0].accuracy->mean, 71, 1e-12);
  EXPECT_NEAR(c.configurations[0].accuracy->deviation, std::sqrt(2), 1e-12);
  EXPECT_EQ(c.configurations[0].peak_memory, 1 << 20);
  EXPECT_EQ(c.configurations[0].to_target->reached, 2);
  EXPECT_EQ(c.configurations[1].to_target->reached, 0);
  EXPECT_EQ(c.configurations[1].name, "other");
}

TEST(Comparison, EqualNamesGetTheirFolders) {
  const TempDir dir;
  const Comparison c = compared({write_run(dir, "a/net-s0", two_epochs(70), config(0)),
                                 write_run(dir, "a/net-s1", two_epochs(70), config(1)),
                                 write_run(dir, "b/net-s0", two_epochs(70), config(0, 1)),
                                 write_run(dir, "b/net-s2", two_epochs(70), config(2, 1))});
  EXPECT_EQ(c.configurations[0].name, "a/net");
  EXPECT_EQ(c.configurations[1].name, "b/net");
  // A sweep in one folder.
  const Comparison sweep = compared(
      {write_run(dir, "run-0", two_epochs(70), config(0)), write_run(dir, "run-1", two_epochs(70), config(1)),
       write_run(dir, "run-2", two_epochs(70), config(0, 1)), write_run(dir, "run-3", two_epochs(70), config(1, 1))});
  EXPECT_EQ(sweep.configurations[0].name, "run-0");
  EXPECT_EQ(sweep.configurations[1].name, "run-2");
}

TEST(Comparison, UnfinishedRunsDoNotCountBesideFinishedOnes) {
  const TempDir dir;
  const Comparison c = compared({write_run(dir, "net-s0", two_epochs(70), config(0)),
                                 write_run(dir, "net-s1", epoch_line(1, 10, 20), config(1)),
                                 write_run(dir, "half", epoch_line(1, 10, 40), config(0, 9))});
  EXPECT_EQ(c.configurations[0].accuracy->mean, 70);
  EXPECT_FALSE(c.configurations[1].finished);
  EXPECT_EQ(c.configurations[1].accuracy->mean, 40);
  EXPECT_THAT(c.notes, testing::Contains(HasSubstr("net-s1 crashed in epoch 2 of 2")));
  EXPECT_THAT(c.notes, testing::Contains(HasSubstr("1 of 2 runs are finished")));
}

TEST(Comparison, AHundredRuns) {
  const TempDir dir;
  std::vector<fs::path> dirs;
  for (int64_t i = 0; i < 100; ++i)
    dirs.push_back(write_run(dir, fmt::format("run-{}", i), two_epochs(50 + 0.1 * static_cast<double>(i)),
                             config(i % 4, 2 + i / 4)));
  const Comparison c = compared(dirs);
  EXPECT_THAT(c.configurations, SizeIs(25));
  EXPECT_THAT(c.verdicts, SizeIs(24));
  EXPECT_THAT(comparison_json(c).at("runs"), SizeIs(100));
  const std::string csv = comparison_csv(c);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 101);
}

std::string verdict_of(const std::vector<fs::path>& dirs) { return compared(dirs).verdicts.at(0).text; }

TEST(Verdict, SaysNoMoreThanTheSeedsAllow) {
  const TempDir dir;
  std::vector<fs::path> dirs;
  const double standard[] = {70, 71, 72}, ghost[] = {69.8, 70.2, 71.8};
  for (int64_t seed = 0; seed < 3; ++seed) {
    dirs.push_back(write_run(dir, fmt::format("standard-s{}", seed), two_epochs(standard[seed], 16), config(seed)));
    dirs.push_back(
        write_run(dir, fmt::format("ghost-s{}", seed), two_epochs(ghost[seed], 10), config(seed, 2, "mini_group_net")));
  }
  EXPECT_EQ(verdict_of(dirs),
            "ghost is 1.6× as fast as standard per epoch; its accuracy is lower by 0.40 ± 1.53 points over 3 seeds "
            "and 10,000 test images: not distinguishable.");
}

TEST(Verdict, SaysWhatIsClear) {
  const TempDir dir;
  std::vector<fs::path> dirs;
  for (int64_t seed = 0; seed < 3; ++seed) {
    const double luck = 0.1 * static_cast<double>(seed);
    dirs.push_back(write_run(dir, fmt::format("a-s{}", seed), two_epochs(70 + luck, 10), config(seed)));
    dirs.push_back(
        write_run(dir, fmt::format("b-s{}", seed), two_epochs(74 - luck, 10.2), config(seed, 2, "mini_group_net")));
  }
  EXPECT_EQ(verdict_of(dirs),
            "b is about as fast as a per epoch; its accuracy is higher by 3.80 ± 1.34 points over 3 "
            "seeds and 10,000 test images.");
}

TEST(Verdict, DifferentSeedsAndLengths) {
  const TempDir dir;
  EXPECT_EQ(
      verdict_of({write_run(dir, "a-s0", two_epochs(70), config(0)), write_run(dir, "a-s1", two_epochs(71), config(1)),
                  write_run(dir, "b-s2", two_epochs(80, 30), config(2, 1)),
                  write_run(dir, "b-s3", two_epochs(81, 30), config(3, 1))}),
      "b takes 3.0× as long as a per epoch; its accuracy is higher by 10.00 ± 3.27 points over runs with different "
      "seeds and 10,000 test images (after 1 against 2 epochs).");
}

TEST(Verdict, OneSeedOfOneOfThem) {
  const TempDir dir;
  const fs::path one = write_run(dir, "one", two_epochs(70), config(7, 1));
  std::vector<RunRecord> runs = read_runs(
      {write_run(dir, "two-s0", two_epochs(60), config(0)), write_run(dir, "two-s1", two_epochs(61), config(1)), one});
  for (RunRecord& run : runs) {
    run.last = RunRecord::Position();
    run.last->test_images = 10'000;
    run.last->classes = {"a", "b"};
    run.last->image_size = 8;
    run.last->channels = 1;
  }
  EXPECT_THAT(compare(runs, {.target = {}, .timing = false, .predictions = false}).verdicts[0].text,
              HasSubstr("its accuracy is higher by 9.50 ± 1.32 points on 10,000 test images, and one has one seed: "
                        "another seed may differ"));
}

TEST(Verdict, FewTestImagesAreNoCertaintyHoweverAlikeTheSeeds) {
  const TempDir dir;
  const std::string few = "data: {name: idx, root: x}\n";
  std::vector<RunRecord> runs = read_runs(
      {write_run(dir, "a-s0", two_epochs(50), config(0) + few), write_run(dir, "a-s1", two_epochs(50), config(1) + few),
       write_run(dir, "b-s0", two_epochs(58.333), config(0, 2, "mini_group_net") + few),
       write_run(dir, "b-s1", two_epochs(58.333), config(1, 2, "mini_group_net") + few)});
  const CompareOptions quick{.target = {}, .timing = false, .predictions = false};
  EXPECT_THAT(compare(runs, quick).verdicts[0].text, HasSubstr("how many test images there were is not known"));
  for (RunRecord& run : runs)
    run.last = RunRecord::Position{.classes = {"a", "b"}, .image_size = 8, .channels = 1, .test_images = 12};
  const Comparison c = compare(runs, quick);
  EXPECT_THAT(c.verdicts[0].text,
              AllOf(HasSubstr("higher by 8.33 ± "), HasSubstr("over 2 seeds and 12 test images: not distinguishable")));
  const auto json = comparison_json(c).at("verdicts")[0].at("accuracy_difference");
  EXPECT_FALSE(json.at("distinguishable").get<bool>());
  EXPECT_GT(json.at("half_width"), 30);
  EXPECT_EQ(json.at("test_images"), 12);
}

TEST(Comparison, ACopyOfARunIsNoSecondObservation) {
  const TempDir dir;
  const Comparison c =
      compared({write_run(dir, "a-s0", two_epochs(70), config(0)), write_run(dir, "copy", two_epochs(70), config(0)),
                write_run(dir, "b-s0", two_epochs(75), config(0, 2, "mini_group_net")),
                write_run(dir, "b-copy", two_epochs(75), config(0, 2, "mini_group_net"))});
  EXPECT_THAT(c.configurations[0].runs, SizeIs(2));
  EXPECT_THAT(c.configurations[0].counted, ElementsAre(0));
  EXPECT_EQ(c.configurations[0].accuracy->count, 1);
  EXPECT_THAT(c.notes, testing::Contains(HasSubstr("a-s0 and copy have the same seed (0)")));
  EXPECT_THAT(c.verdicts[0].text, HasSubstr("one seed each: another seed may differ"));
}

TEST(Comparison, SeedsThatWereTestedOnDifferentImagesAreSaid) {
  const TempDir dir;
  std::vector<RunRecord> runs =
      read_runs({write_run(dir, "a-s0", two_epochs(70), config(0)), write_run(dir, "a-s1", two_epochs(72), config(1))});
  const auto notes = [&](const char* first, const char* second) {
    for (RunRecord& run : runs)
      run.last = RunRecord::Position{.classes = {"a", "b"}, .image_size = 8, .channels = 1, .test_images = 12};
    runs[0].last->tested_on = first, runs[1].last->tested_on = second;
    return compare(runs, {.target = {}, .timing = false, .predictions = false}).notes;
  };
  const auto said = testing::Contains(HasSubstr("a: its runs were tested on different images"));
  EXPECT_THAT(notes("0123", "4567"), said);
  EXPECT_THAT(notes("0123", "0123"), testing::Not(said));
  EXPECT_THAT(notes("0123", ""), testing::Not(said)) << "not known";
}

TEST(Verdict, WithoutATestThereIsNoDifference) {
  const TempDir dir;
  EXPECT_EQ(verdict_of({write_run(dir, "a", two_epochs(70), config(0)),
                        write_run(dir, "b", step_line(1, 1, 2.0), config(0, 3))}),
            "b against a; b has not been tested yet.");
  EXPECT_THAT(verdict_of({write_run(dir, "c", two_epochs(70), config(0)),
                          write_run(dir, "d", two_epochs(70), config(0) + "data: {limit_test: 5}\n")}),
              HasSubstr("accuracies do not compare"));
}

TEST(Table, CellsAreTheNumbersOfTheJson) {
  const TempDir dir;
  const Comparison c = compared(
      {write_run(dir, "net-s0", two_epochs(70), config(0)), write_run(dir, "net-s1", two_epochs(72), config(1))});
  const auto json = comparison_json(c);
  EXPECT_EQ(json.at("configurations")[0].at("accuracy").at("mean"), 71.0);
  EXPECT_EQ(json.at("configurations")[0].at("seconds_to_target").at("mean"), 11.0);
  EXPECT_EQ(json.at("runs")[1].at("accuracy"), 72.0);
  const std::string text = comparison_text(c, 80);
  EXPECT_THAT(text, AllOf(HasSubstr("71.00 ± 1.41 %"), HasSubstr("10.0 ± 0.0 s"), HasSubstr("time to 60 %")));
}

TEST(Table, CsvQuotesWhatNeedsIt) {
  const TempDir dir;
  const Comparison c = compared({write_run(dir, "a, \"b\"", two_epochs(70), config(0))});
  EXPECT_THAT(comparison_csv(c), HasSubstr("\"a, \"\"b\"\"\""));
}

TEST(EncodePng, ComesBackAsItWas) {
  for (const int64_t channels : {1, 3}) {
    const Image image = test::patterned_image(9, 13, channels);
    const Image back = decode_image(encode_png(image), "encoded");
    EXPECT_EQ(back.width, 13);
    EXPECT_EQ(back.channels, channels);
    EXPECT_EQ(back.pixels, image.pixels);
  }
  EXPECT_THROW(encode_png({}), ImageError);
}

}  // namespace
}  // namespace ghost
