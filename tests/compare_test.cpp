// ghost-compare as a user meets it, and the report that ghost-train leaves.
#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "support/process.h"
#include "support/report_pages.h"
#include "support/tiny_images.h"

namespace ghost {
namespace {

using test::file_text;
using test::Finished;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

// Two small configurations, standard.yaml and grouped.yaml, in a folder in which the programs run.
class Compare : public testing::Test {
 protected:
  Compare() { test::write_tiny_comparison(dir_); }
  Finished compare(Words arguments) const {
    return test::run_program("ghost-compare", arguments, {.directory = dir_.str()});
  }
  Finished quick(Words arguments) const {  // without measuring
    arguments.emplace_back("--no-timing");
    return compare(std::move(arguments));
  }
  Finished train(const Words& arguments) const {
    return test::run_program("ghost-train", arguments, {.directory = dir_.str()});
  }
  std::string metrics(const std::string& run) const { return file_text(dir_ / run / "metrics.jsonl"); }
  test::TempDir dir_;
};

TEST_F(Compare, TrainsWhatIsMissingAndReadsWhatIsThere) {
  const Words both{"standard.yaml", "grouped.yaml",       "--seeds",  "2", "--set", "train.epochs=2",
                   "--set",         "train.batch_size=8", "--target", "10"};
  const Finished first = quick(both);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.err, "");
  EXPECT_THAT(first.out, AllOf(HasSubstr("Run 4 of 4: runs/grouped-s1"), HasSubstr("test accuracy"), HasSubstr(" ± "),
                               HasSubstr("time to 10 %"), HasSubstr("over 2 seeds"), Not(HasSubstr("\033"))));
  const std::string before = metrics("runs/standard-s0");
  const Finished again = quick(both);
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, AllOf(HasSubstr("runs/standard-s0 is finished"), Not(HasSubstr("epoch 1/2"))));
  EXPECT_EQ(metrics("runs/standard-s0"), before);

  // The same numbers, whether they are configurations or runs, and as JSON as in the files.
  const auto json = nlohmann::json::parse(
      quick({"runs/standard-s0", "runs/grouped-s0", "runs/standard-s1", "runs/grouped-s1", "--json"}).out);
  ASSERT_THAT(json.at("configurations"), SizeIs(2));
  const auto& standard = json.at("configurations")[0];
  EXPECT_EQ(standard.at("name"), "standard");
  double mean = 0;
  for (const char* run : {"runs/standard-s0", "runs/standard-s1"}) {
    std::string last;
    std::ifstream in(dir_ / run / "metrics.jsonl");
    for (std::string line; std::getline(in, line);) last = line;
    mean += nlohmann::json::parse(last).at("test_top1").get<double>() / 2;
  }
  EXPECT_DOUBLE_EQ(standard.at("accuracy").at("mean").get<double>(), mean);
  EXPECT_GT(standard.at("macs"), json.at("configurations")[1].at("macs"));
  EXPECT_GT(standard.at("peak_memory"), 0);
  EXPECT_EQ(json.at("runs")[0].at("seed"), 0);
  const auto& answers = standard.at("predictions");
  EXPECT_DOUBLE_EQ(answers.at("accuracy").get<double>(), json.at("runs")[0].at("accuracy").get<double>());
  const auto& d = json.at("disagreements")[0];
  EXPECT_EQ(d.at("both_right").get<int>() + d.at("only_a_right").get<int>() + d.at("only_b_right").get<int>() +
                d.at("both_wrong").get<int>(),
            40);
}

TEST_F(Compare, MeasuresSpeedInTurns) {
  ASSERT_EQ(quick({"standard.yaml", "--set", "train.epochs=1"}).status, 0);
  const auto json = nlohmann::json::parse(compare({"runs/standard-s3", "--json", "--no-predictions"}).out);
  const auto& c = json.at("configurations")[0];
  EXPECT_GT(c.at("training_images_per_second"), 0);
  EXPECT_GT(c.at("inference_images_per_second"), 0);
  EXPECT_EQ(c.at("timing").at("batch"), 16);
  bool convolution = false;
  for (const auto& layer : c.at("timing").at("layers")) {
    if (layer.at("kind") != "3×3 convolution") continue;
    convolution = layer.at("forward_seconds") > 0 && layer.at("backward_seconds") > 0;
  }
  EXPECT_TRUE(convolution) << c.at("timing").dump(1);
}

TEST_F(Compare, SameSeedSameData) {
  // A configuration compared with a copy of itself: the runs are one, to the last bit.
  fs::copy_file(dir_ / "standard.yaml", dir_ / "copy.yaml");
  ASSERT_EQ(quick({"standard.yaml", "copy.yaml", "--set", "train.epochs=1"}).status, 0);
  const auto read = [&](const std::string& run) {
    return nlohmann::json::parse(
        test::run_program("ghost-eval", {"--checkpoint", run, "--json"}, {.directory = dir_.str()}).out);
  };
  EXPECT_EQ(read("runs/standard-s3").at("loss"), read("runs/copy-s3").at("loss"));
}

TEST_F(Compare, GoesOnWhereItWasStopped) {
  const Words arguments{"standard.yaml", "--set", "train.epochs=200"};
  Words command = arguments;
  command.insert(command.begin(), test::program_path("ghost-compare"));
  test::Process process(command, {.directory = dir_.str()});
  ASSERT_TRUE(test::wait_until([&] {
    std::error_code ignored;
    return (fs::exists(dir_ / "runs/standard-s3/metrics.jsonl", ignored) &&
            metrics("runs/standard-s3").size() > 2000) ||
           !process.running();
  })) << process.err();
  const Finished live = quick({"runs/standard-s3", "--no-predictions"});
  EXPECT_THAT(live.err, HasSubstr("standard-s3 running: epoch "));
  const Finished second = quick(arguments);
  EXPECT_EQ(second.status, 2);
  EXPECT_THAT(second.err, HasSubstr("is being trained by another process"));
  process.send(SIGINT);
  EXPECT_EQ(process.wait(), 128 + SIGINT) << process.err();
  EXPECT_THAT(process.out(), HasSubstr("The same command goes on from here"));

  const Finished stopped = quick({"runs/standard-s3"});
  EXPECT_THAT(stopped.err, HasSubstr("stopped in epoch "));
  const Finished shorter = quick({"standard.yaml", "--set", "train.epochs=199"});
  EXPECT_EQ(shorter.status, 2);
  EXPECT_THAT(shorter.err, AllOf(HasSubstr("holds another run"), HasSubstr("train.epochs is 200 there and 199 here")));
}

TEST_F(Compare, ResumesAnUnfinishedRun) {
  // The state of a run that was stopped after its first epoch: 1 of 4.
  ASSERT_EQ(train({"--config", "standard.yaml", "--set", "train.epochs=1", "--set", "schedule.name=constant", "--run",
                   "runs/standard-s3"})
                .status,
            0);
  ASSERT_EQ(train({"--resume", "runs/standard-s3", "--set", "train.epochs=2"}).status, 0);
  // config.yaml says 2 of 2 now; pretend that 4 were wanted from the start.
  const fs::path config = dir_ / "runs/standard-s3/config.yaml";
  std::string text = file_text(config);
  text.replace(text.find("epochs: 2"), 9, "epochs: 4");
  dir_.write("runs/standard-s3/config.yaml", std::string_view(text));
  const Finished resumed = quick({"standard.yaml", "--set", "train.epochs=4", "--set", "schedule.name=constant"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_THAT(resumed.out,
              AllOf(HasSubstr("resumed  after 2 epochs"), HasSubstr("epoch 4/4"), Not(HasSubstr("epoch 2/4"))));
}

TEST_F(Compare, ADivergedNetworkIsAResult) {
  const Finished run = quick({"standard.yaml", "grouped.yaml", "--set", "optimizer.lr=1e30", "--set",
                              "schedule.name=constant", "--set", "train.epochs=1"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, AllOf(HasSubstr("standard-s3 crashed in epoch 1 of 1: training stopped at epoch 1"),
                             HasSubstr("grouped-s3 crashed in epoch 1 of 1")));
  EXPECT_THAT(run.out, HasSubstr("neither has been tested yet"));
}

TEST_F(Compare, KeepsStdoutForWhatWasAsked) {
  const Finished json = quick({"standard.yaml", "--set", "train.epochs=1", "--json", "--output", "page.html"});
  ASSERT_EQ(json.status, 0) << json.err;
  EXPECT_THAT(json.out, StartsWith("{"));
  EXPECT_THAT(json.err, AllOf(HasSubstr("epoch 1/1"), HasSubstr("page.html")));
  const Finished csv = quick({"standard.yaml", "--set", "train.epochs=1", "--csv"});
  EXPECT_THAT(csv.out, StartsWith("name,configuration,directory,"));
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), 2);
}

TEST_F(Compare, SaysWhatIsWrong) {
  const auto refused = [&](const Words& arguments, const std::string& what) {
    const Finished run = quick(arguments);
    EXPECT_EQ(run.status, 2) << run.out;
    EXPECT_THAT(run.err, AllOf(StartsWith("ghost-compare: "), EndsWith("\n"), HasSubstr(what)));
  };
  refused({"nowhere"}, "nowhere: there is no such run directory or configuration");
  refused({"data"}, "data: holds no run");
  refused({"data/train-images-idx3-ubyte"}, "is neither a run directory nor a configuration");
  refused({"standard.yaml", "--seeds", "0"}, "--seeds");
  refused({"standard.yaml", "--target", "101"}, "--target");
  refused({"standard.yaml", "standard.yaml"}, "would both be trained in runs/standard-s3");
  refused({"standard.yaml", "--set", "train.epoch=1"}, "train.epochs");
  refused({"standard.yaml", "--json", "--csv"}, "--csv");
  refused({"--seed", "3"}, "--seeds");
  ASSERT_EQ(train({"--config", "standard.yaml", "--set", "train.epochs=1", "--run", "one"}).status, 0);
  refused({"one", "--seeds", "2"}, "only runs are given");
  refused({"one", "one/"}, "given twice");
  refused({"one/config.yaml"}, "one/config.yaml belongs to a run: name its folder, one, or copy");
  refused({"standard.yaml", "--output", "data"}, "--output data: is a directory");
  const Finished unwritable = quick({"standard.yaml", "--output", "standard.yaml/page.html"});
  EXPECT_EQ(unwritable.status, 1);
  EXPECT_THAT(unwritable.err, HasSubstr("--output standard.yaml/page.html: its folder cannot be made"));
  EXPECT_FALSE(fs::exists(dir_ / "runs")) << "nothing is trained before everything is known to fit";
  EXPECT_EQ(quick({"one", "--output", "new/folder/page.html"}).status, 0);
  EXPECT_TRUE(fs::exists(dir_ / "new/folder/page.html"));
}

TEST_F(Compare, MissingDataLeaveOutWhatNeedsThem) {
  ASSERT_EQ(train({"--config", "standard.yaml", "--set", "train.epochs=1", "--run", "one"}).status, 0);
  fs::rename(dir_ / "data", dir_ / "elsewhere");
  const Finished run = quick({"one", "--output", "page.html"});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.err, HasSubstr("one: what it answers is not shown: "));
  EXPECT_THAT(run.out, HasSubstr("test accuracy"));
  EXPECT_TRUE(fs::exists(dir_ / "page.html"));
}

TEST_F(Compare, TrainingLeavesAReportOfItself) {
  ASSERT_EQ(train({"--config", "standard.yaml", "--set", "train.epochs=2", "--run", "one"}).status, 0);
  const auto page = test::page_data(file_text(dir_ / "one/report.html"));
  const auto& run = page.at("report").at("runs")[0];
  EXPECT_EQ(run.at("state"), "finished");
  EXPECT_EQ(run.at("epoch"), 2);
  EXPECT_THAT(page.at("report").at("configurations")[0].at("predictions").at("per_class"), SizeIs(4));
  EXPECT_THAT(page.at("curves")[0].at("test_accuracy").at("value"), SizeIs(2));
}

}  // namespace
}  // namespace ghost
