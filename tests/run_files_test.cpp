// The files of a run as a user meets them: two programs that want the same run, streams that are closed, files that
// cannot be read, signals at the last moment, and what a resumed run says.
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include "core/kernels/rows.h"
#include "core/safetensors.h"
#include "support/metrics.h"
#include "support/process.h"
#include "support/tiny_images.h"

namespace ghost {
namespace {

using test::file_text;
using test::Finished;
using test::Process;
using test::TempDir;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

class RunFiles : public testing::Test {
 protected:
  explicit RunFiles(const test::TinyImages& images = {.train = 48, .test = 16}) { test::write_tiny_task(dir_, images); }
  Finished run(const std::string& program, const Words& arguments, test::ProcessOptions options = {}) const {
    options.directory = dir_.str();
    return test::run_program(program, arguments, options);
  }
  Finished train(const Words& arguments, const test::ProcessOptions& options = {}) const {
    return run("ghost-train", arguments, options);
  }
  Finished begin(const std::string& epochs, const Words& more = {}) const {
    Words arguments{"--config", "tiny.yaml", "--run", "run", "--set", "train.epochs=" + epochs};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return train(arguments);
  }
  Finished shell(const std::string& line) const {
    Process process({"/bin/sh", "-c", line}, {.directory = dir_.str()});
    const int status = process.wait();
    return {status, process.out(), process.err()};
  }
  static Words command(Words arguments) {
    arguments.insert(arguments.begin(), test::program_path("ghost-train"));
    return arguments;
  }
  fs::path last() const { return dir_ / "run/checkpoints/last.safetensors"; }
  std::string metadata(const std::string& key) const { return read_safetensors_metadata(last()).at(key); }
  int64_t lines() const { return test::metric_lines(dir_ / "run"); }
  TempDir dir_;
};

class LongRun : public RunFiles {
 protected:
  LongRun() : RunFiles({.train = 3200, .test = 16}) {}
};

TEST_F(LongRun, ARefusedProcessChangesNothing) {
  Process first(command({"--config", "tiny.yaml", "--run", "run", "--set", "train.epochs=100000"}),
                {.directory = dir_.str()});
  ASSERT_TRUE(test::wait_until([&] { return lines() >= 3 || !first.running(); })) << first.err();
  const std::string config = file_text(dir_ / "run/config.yaml");
  for (const Words& arguments : {Words{"--resume", "run", "--set", "train.epochs=99"},
                                 Words{"--config", "tiny.yaml", "--run", "run", "--set", "model.channels=[3]"}}) {
    const Finished second = train(arguments);
    EXPECT_EQ(second.status, 2);
    EXPECT_THAT(second.err, HasSubstr("another process is training this run"));
  }
  EXPECT_TRUE(first.running());
  EXPECT_EQ(file_text(dir_ / "run/config.yaml"), config);
  // To look at it touches nothing.
  EXPECT_EQ(train({"--resume", "run", "--print-config"}).status, 0);
  first.send(SIGKILL);
  first.wait();
  const Words resume = command({"--resume", "run"});
  Process a(resume, {.directory = dir_.str()}), b(resume, {.directory = dir_.str()});
  ASSERT_TRUE(test::wait_until([&] { return !a.running() || !b.running(); })) << "both of two that came at once train";
  Process &refused = a.running() ? b : a, &other = a.running() ? a : b;
  EXPECT_EQ(refused.wait(), 2) << refused.err();
  EXPECT_TRUE(other.running()) << other.err();
}

TEST_F(RunFiles, ClosedStreamsDoNotEndUpInFiles) {
  const std::string program = test::program_path("ghost-train");
  const Finished closed = shell(program + " --config tiny.yaml --run run --set train.epochs=1 >&- 2>&- <&-");
  EXPECT_EQ(closed.status, 0);
  std::ifstream in(dir_ / "run/metrics.jsonl");
  for (std::string line; std::getline(in, line);) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  EXPECT_THAT(file_text(dir_ / "run/train.log"), HasSubstr("Test accuracy"));
  EXPECT_EQ(begin("1").status, 2) << "and the run is whole";
}

TEST_F(RunFiles, ABadLineOfMetricsIsDroppedAndNamed) {
  ASSERT_EQ(begin("1").status, 0);
  std::ofstream(dir_ / "run/metrics.jsonl", std::ios::app) << "{\"step\":\"x\",\"epoch\":1}\n";
  const int64_t bad = lines();
  const Finished resumed = train({"--resume", "run", "--set", "train.epochs=2"});
  EXPECT_EQ(resumed.status, 0);
  EXPECT_THAT(resumed.err, AllOf(HasSubstr(fmt::format("run/metrics.jsonl:{}: ", bad)), HasSubstr("left out")));
  EXPECT_THAT(file_text(dir_ / "run/metrics.jsonl"), Not(HasSubstr("\"x\"")));
}

TEST_F(RunFiles, MoreEpochsSayTheRateBeforeAndAfter) {
  ASSERT_EQ(begin("1").status, 0);
  fs::copy(dir_ / "run", dir_ / "copy", fs::copy_options::recursive);
  const Finished stretched = train({"--resume", "run", "--set", "train.epochs=4"});
  EXPECT_THAT(stretched.out, AllOf(HasSubstr("was 0.0125 in the last step and is 0.0427 in the next"),
                                   HasSubstr("--set schedule.epochs=1")));
  const Finished goes_on = train({"--resume", "copy", "--set", "train.epochs=4", "--set", "schedule.epochs=1"});
  EXPECT_THAT(goes_on.out, HasSubstr("was 0.0125 in the last step and is 0.0125 in the next"));
  const auto later_rates = [&](const char* run) {
    std::vector<double> rates;
    for (const auto& line : test::metrics_of(dir_ / run))
      if (line.at("epoch") > 1 && line.contains("lr")) rates.push_back(line.at("lr"));
    return rates;
  };
  EXPECT_THAT(later_rates("copy"), AllOf(Not(testing::IsEmpty()), testing::Each(testing::DoubleNear(0.0125, 1e-9))));
  EXPECT_THAT(later_rates("run"), testing::Contains(testing::Gt(0.0126)));
}

TEST_F(RunFiles, TheNewestEpochsAreKeptAsFilesThatAnyProgramReads) {
  ASSERT_EQ(begin("4", {"--set", "train.keep=2"}).status, 0);
  const auto epochs = [&] {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_ / "run/checkpoints"))
      if (entry.path().filename().string().starts_with("epoch-")) names.insert(entry.path().stem().string());
    return names;
  };
  EXPECT_THAT(epochs(), testing::ElementsAre("epoch-3", "epoch-4"));
  EXPECT_TRUE(test::file_bytes(dir_ / "run/checkpoints/epoch-4.safetensors") == test::file_bytes(last()));
  const std::string old = "run/checkpoints/epoch-3.safetensors";
  const Finished tested = run("ghost-eval", {"--checkpoint", old});
  EXPECT_THAT(tested.out, HasSubstr("epoch-3.safetensors (epoch 3, step 9)")) << tested.err;
  for (const Words& words : {Words{"ghost-info", "--checkpoint", old},
                             Words{"ghost-convert", "--checkpoint", old, "--output", "weights.safetensors"}})
    EXPECT_EQ(run(words.front(), Words(words.begin() + 1, words.end())).status, 0) << words.front();
  const Finished tuned =
      train({"--config", "tiny.yaml", "--run", "tuned", "--set", "model.pretrained=" + old, "--set", "train.epochs=1"});
  EXPECT_EQ(tuned.status, 0) << tuned.err;

  ASSERT_EQ(train({"--resume", "run", "--set", "train.epochs=5", "--set", "train.keep=1"}).status, 0);
  EXPECT_THAT(epochs(), testing::ElementsAre("epoch-5"));
  ASSERT_EQ(train({"--resume", "run", "--set", "train.epochs=6", "--set", "train.keep=0"}).status, 0);
  EXPECT_THAT(epochs(), testing::ElementsAre("epoch-5")) << "off, nothing is removed";
}

TEST_F(RunFiles, AnotherInstructionSetIsSaid) {
  if (std::string(isa_in_use()) == "baseline") GTEST_SKIP() << "there is no other one here";
  ASSERT_EQ(begin("1").status, 0);
  EXPECT_EQ(nlohmann::json::parse(metadata("made_with")).at("isa"), isa_in_use());
  const Finished same = train({"--resume", "run", "--set", "train.epochs=2"});
  EXPECT_THAT(same.err, Not(HasSubstr("bits may differ")));
  const Finished other =
      shell("GHOST_ISA=baseline " + test::program_path("ghost-train") + " --resume run --set train.epochs=3");
  EXPECT_EQ(other.status, 0);
  EXPECT_THAT(other.err,
              AllOf(HasSubstr(fmt::format("{} then, baseline now", isa_in_use())), HasSubstr("bits may differ")));
}

TEST_F(RunFiles, YoungStatisticsOfBatchNormAreSaid) {
  const Finished young = begin("1");
  const char* const sentence = "the running statistics of batch norm have seen 3 steps and still consist to 73 % of";
  EXPECT_THAT(young.err, HasSubstr(sentence));
  EXPECT_THAT(file_text(dir_ / "run/train.log"), HasSubstr(sentence));
  EXPECT_THAT(run("ghost-eval", {"--checkpoint", "run"}).err, HasSubstr(sentence));
  const Finished grown = train({"--resume", "run", "--set", "train.epochs=5", "--set", "train.eval_every=5"});
  EXPECT_THAT(grown.err, Not(HasSubstr("running statistics")));
  EXPECT_THAT(run("ghost-eval", {"--checkpoint", last()}).err, Not(HasSubstr("running statistics")));
}

TEST_F(RunFiles, AFlippedBitOfACheckpointIsNamed) {
  ASSERT_EQ(begin("1").status, 0);
  std::string bytes = file_text(last());
  bytes[bytes.size() - 9] = static_cast<char>(bytes[bytes.size() - 9] ^ 4);
  dir_.write("run/checkpoints/last.safetensors", std::string_view(bytes));
  for (const Finished& reader :
       {train({"--resume", "run", "--set", "train.epochs=2"}), run("ghost-eval", {"--checkpoint", last().string()})}) {
    EXPECT_EQ(reader.status, 1);
    EXPECT_THAT(reader.err, AllOf(HasSubstr("last.safetensors: tensor '"), HasSubstr("the file is damaged")));
  }
}

TEST_F(RunFiles, AConfigurationThatCannotBeReadSaysWhy) {
  const Finished memory = train({"--config", "/proc/self/mem"});
  EXPECT_EQ(memory.status, 2);
  EXPECT_THAT(memory.err, HasSubstr("cannot be read: Input/output error"));
  fs::permissions(dir_ / "tiny.yaml", fs::perms::none);
  fs::permissions(dir_.path(), fs::perms::all);
  const Finished closed = train({"--config", "tiny.yaml", "--print-config"}, {.unprivileged = true});
  if (closed.status == 127) GTEST_SKIP() << "an unprivileged user cannot reach the programs here";
  EXPECT_THAT(closed.err, HasSubstr("cannot be read: Permission denied"));
}

TEST_F(RunFiles, AConfigurationMayBeAPipeAndASignalEndsTheWait) {
  const fs::path pipe = dir_ / "pipe.yaml";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  Process waits(command({"--config", "pipe.yaml", "--print-config"}), {.directory = dir_.str()});
  int writer = -1;  // can be opened once the program reads
  ASSERT_TRUE(test::wait_until([&] { return (writer = open(pipe.c_str(), O_WRONLY | O_NONBLOCK)) >= 0; }));
  waits.send(SIGTERM);
  EXPECT_EQ(waits.wait(), 1000 + SIGTERM);
  close(writer);
  const Finished piped = shell("cat tiny.yaml >pipe.yaml & exec " + test::program_path("ghost-train") +
                               " --config pipe.yaml --print-config");
  EXPECT_EQ(piped.status, 0) << piped.err;
  EXPECT_EQ(piped.out, train({"--config", "tiny.yaml", "--print-config"}).out);
}

TEST_F(RunFiles, ALimitOfFileSizesIsAnErrorOfEveryProgram) {
  ASSERT_EQ(begin("1").status, 0);
  const Finished limited =
      run("ghost-convert", {"--checkpoint", "run", "--output", "weights.safetensors"}, {.file_size_limit = 2000});
  EXPECT_EQ(limited.status, 1) << limited.err;
  EXPECT_THAT(limited.err, HasSubstr("weights.safetensors: cannot be written: File too large"));
  const Finished report =
      run("ghost-compare", {"run", "--no-timing", "--output", "report.html"}, {.file_size_limit = 2000});
  EXPECT_EQ(report.status, 1) << report.err;
  for (const auto& entry : fs::directory_iterator(dir_.path())) EXPECT_NE(entry.path().extension(), ".tmp");
}

TEST_F(RunFiles, ARunNeedsAFolderOfItsOwn) {
  for (const char* folder : {"/", ".", "data"}) {
    const Finished refused = train({"--config", "tiny.yaml", "--run", folder});
    EXPECT_EQ(refused.status, 2) << folder;
    EXPECT_THAT(refused.err, HasSubstr("holds other files"));
    EXPECT_FALSE(fs::exists(dir_ / folder / ".lock"));
  }
}

class ManyTestImages : public RunFiles {
 protected:
  ManyTestImages() : RunFiles({.train = 16, .test = 60000}) {}
};

// The page of the run takes one more test, when the run itself is complete.
TEST_F(ManyTestImages, ASignalDuringTheLastTestEndsIt) {
  Process process(command({"--config", "tiny.yaml", "--run", "run", "--set", "train.epochs=1"}),
                  {.directory = dir_.str()});
  ASSERT_TRUE(test::wait_until([&] { return !process.running() || (fs::exists(last()) && metadata("epoch") == "1"); }))
      << process.err();
  process.send(SIGTERM);
  const int status = process.wait();
  if (status == 0) GTEST_SKIP() << "the last test was over before the signal came";
  EXPECT_EQ(status, 128 + SIGTERM) << process.err();
  EXPECT_EQ(metadata("epoch"), "1");
  EXPECT_TRUE(fs::exists(dir_ / "run/report.html"));
}

}  // namespace
}  // namespace ghost
