// Runs that are killed, stopped, resumed, or that meet a full disk, a folder that cannot be written, a NaN or a broken
// checkpoint.
#include <csignal>
#include <sys/stat.h>
#include <unistd.h>

#include "program/programs.h"

namespace ghost {
namespace {

TEST_F(Programs, NeverOverwriteARun) {
  ASSERT_EQ(train_tiny("run", {"--set", "train.epochs=1"}).status, 0);
  const auto before = file_bytes(last("run"));
  const Finished again = train_tiny("run", {"--set", "train.epochs=1", "--set", "run.seed=9"});
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, sentence("ghost-train", AllOf(HasSubstr("--resume run"), HasSubstr("--run run-1"))));
  EXPECT_EQ(file_bytes(last("run")), before);
  // Without a name, each run gets its own.
  for (const char* name : {"runs/tiny-1", "runs/tiny-2"}) {
    EXPECT_EQ(train({"--config", "tiny.yaml", "--set", "train.epochs=1"}).status, 0);
    EXPECT_TRUE(fs::exists(last(name)));
  }
}

TEST_F(Programs, CannotWriteAReadOnlyDirectory) {
  const Finished proc = train_tiny("/proc/ghost");
  EXPECT_EQ(proc.status, 1);
  EXPECT_THAT(proc.err, sentence("ghost-train", HasSubstr("/proc/ghost")));

  fs::create_directory(dir_ / "closed");
  fs::permissions(dir_ / "closed",
                  fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  fs::permissions(dir_.path(), fs::perms::all);
  for (const char* run : {"closed", "closed/run"}) {
    const Finished closed = train_tiny(run, {}, {.unprivileged = true});
    if (closed.status == 127) GTEST_SKIP() << "an unprivileged user cannot reach the programs here";
    EXPECT_EQ(closed.status, 1);
    EXPECT_THAT(closed.err, sentence("ghost-train", AllOf(HasSubstr(run), HasSubstr("ermission denied"))));
  }
}

TEST_F(Programs, KeepEarlierCheckpointsWhenTheDiskIsFull) {
  // The first checkpoint, without the optimizer's memory, still fits; the next does not.
  ASSERT_EQ(train_tiny("probe", {"--set", "train.epochs=1"}).status, 0);
  const auto full = static_cast<int64_t>(fs::file_size(last("probe")));
  const Finished run = train_tiny("run", {}, {.file_size_limit = full - 100});
  EXPECT_EQ(run.status, 1) << run.err;
  EXPECT_THAT(run.err, sentence("ghost-train", AllOf(HasSubstr("safetensors"), HasSubstr("File too large"))));
  const auto kept = read_safetensors(last("run"));
  EXPECT_EQ(kept.metadata.at("step"), "0");
  for (const auto& entry : fs::directory_iterator(dir_ / "run/checkpoints"))
    EXPECT_THAT(entry.path().filename().string(), EndsWith(".safetensors")) << "half a file is left behind";
  // Where not even the first fits, nothing is left that would be in the way of another try.
  // config.yaml does fit; the checkpoint, which holds the same text and the weights, does not.
  const auto config = static_cast<int64_t>(fs::file_size(dir_ / "probe/config.yaml"));
  const Finished none = train_tiny("none", {}, {.file_size_limit = config + 500});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, sentence("ghost-train", HasSubstr("last.safetensors")));
  EXPECT_FALSE(fs::exists(dir_ / "none"));
}

// Enough steps that a signal finds the run under way.
class LongRun : public Programs {
 protected:
  LongRun() : Programs({.train = 3200, .test = 40}) {}
  static Words arguments(const std::string& run) { return tiny(run, {"--set", "train.epochs=3"}); }
  void train_whole() const { ASSERT_EQ(train(arguments("whole")).status, 0); }
  void expect_same_as_whole(const std::string& run) const {
    EXPECT_EQ(file_bytes(last(run)), file_bytes(last("whole")));
    EXPECT_EQ(file_bytes(best(run)), file_bytes(best("whole")));
    EXPECT_EQ(metrics(run), metrics("whole"));
  }
};

TEST_F(LongRun, KilledAndResumedEndsWithTheSameBits) {
  train_whole();
  Process process(command(arguments("run")), {.directory = dir_.str()});
  ASSERT_TRUE(test::wait_until([&] { return lines("run") >= 120 || !process.running(); })) << process.err();
  process.send(SIGKILL);
  ASSERT_EQ(process.wait(), 1000 + SIGKILL) << "the run had ended before it was killed";
  // What a crash in the middle of a write leaves is tidied up.
  std::ofstream(dir_ / "run/metrics.jsonl", std::ios::app) << "{\"kind\": \"st";
  const Finished resumed = train({"--resume", "run"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  expect_same_as_whole("run");
}

TEST_F(LongRun, StoppedByASignalSavesTheStepAndResumesWithTheSameBits) {
  train_whole();
  for (const auto& [signal, name] : {std::pair(SIGTERM, "term"), {SIGINT, "int"}, {SIGHUP, "hup"}}) {
    Process process(command(arguments(name)), {.directory = dir_.str()});
    ASSERT_TRUE(test::wait_until([&] { return lines(name) >= 5 || !process.running(); })) << process.err();
    process.send(signal);
    EXPECT_EQ(process.wait(), 128 + signal) << process.err();
    EXPECT_THAT(process.out(), HasSubstr(std::string("--resume ") + name));
    const int64_t step = std::stoll(read_safetensors_metadata(last(name)).at("step"));
    EXPECT_GE(step, 10);
    EXPECT_LT(step, 600);
    const Finished resumed = train({"--resume", name});
    ASSERT_EQ(resumed.status, 0) << resumed.err;
    EXPECT_THAT(resumed.out, HasSubstr("resumed"));
    expect_same_as_whole(name);
  }
}

TEST_F(Programs, ResumeNeedsNoConfigAndChangesOnlyWhatIsSafe) {
  ASSERT_EQ(train_tiny("run", {"--set", "train.epochs=1"}).status, 0);
  const Finished complete = train({"--resume", "run"});
  EXPECT_EQ(complete.status, 0);
  EXPECT_THAT(complete.out, AllOf(HasSubstr("all its epochs (1)"), HasSubstr("--set train.epochs=")));

  const Finished unsafe = train({"--resume", "run", "--set", "optimizer.lr=1"});
  EXPECT_EQ(unsafe.status, 2);
  EXPECT_THAT(unsafe.err, sentence("ghost-train", HasSubstr("optimizer.lr (0.05 to 1)")));

  const Finished longer = train({"--resume", "run", "--set", "train.epochs=2", "--threads", "2"});
  EXPECT_EQ(longer.status, 0) << longer.err;
  EXPECT_EQ(metrics("run").back().at("epoch"), 2);
  EXPECT_EQ(read_safetensors_metadata(last("run")).at("epoch"), "2");

  const Finished slip = train({"--resume", "run/checkpoints"});
  EXPECT_EQ(slip.status, 2);
  EXPECT_THAT(slip.err, sentence("ghost-train", HasSubstr("which is run")));
}

TEST_F(Programs, StopAtNaNNamingTheLayer) {
  const Finished run = train_tiny("run", {"--set", "optimizer.lr=1e30", "--set", "schedule.name=constant"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, sentence("ghost-train", AllOf(HasSubstr("epoch 1, step "), HasSubstr("lr 1e+30"),
                                                     HasSubstr("stages."), HasSubstr("last good checkpoint"))));
  EXPECT_THAT(file_text(dir_ / "run/train.log"), HasSubstr("last good checkpoint"));
  EXPECT_EQ(eval({"--checkpoint", "run/checkpoints/last.safetensors"}).status, 0);
  EXPECT_FALSE(fs::exists(best("run")));
}

TEST_F(Programs, NameABrokenCheckpoint) {
  ASSERT_EQ(train_tiny("run", {"--set", "train.epochs=1"}).status, 0);
  const auto good = file_bytes(last("run"));
  const auto broken_is_refused = [&](std::span<const uint8_t> bytes) {
    dir_.write("run/checkpoints/last.safetensors", bytes);
    for (const Finished& run : {train({"--resume", "run", "--set", "train.epochs=2"}),
                                eval({"--checkpoint", "run/checkpoints/last.safetensors"})}) {
      EXPECT_EQ(run.status, 1);
      EXPECT_THAT(run.err, HasSubstr("run/checkpoints/last.safetensors"));
    }
  };
  broken_is_refused(std::span(good).first(good.size() / 2));
  broken_is_refused(std::span(good).first(4));
  std::vector<uint8_t> scribbled = good;
  for (size_t i = 8; i < 40; ++i) scribbled[i] = '#';
  broken_is_refused(scribbled);
  EXPECT_EQ(eval({"--checkpoint", "nowhere"}).status, 1);
  EXPECT_EQ(eval({"--checkpoint", "data"}).status, 1);
}

}  // namespace
}  // namespace ghost
