// ghost-train, killed at places where it touches the disk, refused by the system there, and on disks that are full. No
// checkpoint is ever lost, and what is resumed ends with the bytes of a run that was not disturbed.
//   faults_test --kills 1000 --faults 1000     more places than the few of a usual test, in another order each
#include <cerrno>
#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "support/metrics.h"
#include "support/process.h"
#include "support/tiny_images.h"
#include "train/run/checkpoint.h"

namespace ghost {
namespace {

using test::Finished;
using testing::AnyOf;
using testing::Eq;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

int kills = 20, faults = 20;

constexpr const char* kRun = "disturbed-run";  // no other path contains this

Words begin(const std::string& run, const Words& more = {}) {
  Words words{"--config", "tiny.yaml", "--set", "train.epochs=2", "--set", "train.keep=1", "--run", run};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

class Faults : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 0);  // nobody needs to wait for a disk
    dir_ = std::make_unique<test::TempDir>();
    test::write_tiny_task(*dir_, {.train = 32, .test = 8});
    const Finished whole = train(begin("whole"));
    ASSERT_EQ(whole.status, 0) << whole.err;
  }
  static void TearDownTestSuite() { dir_.reset(); }
  void SetUp() override {
#ifndef GHOST_FAULTS_LIBRARY
    GTEST_SKIP() << "the library of faults cannot be loaded before a sanitizer's";
#endif
  }

  static Finished train(const Words& arguments, const std::string& fault = "", int64_t file_size_limit = -1) {
    Words command;
#ifdef GHOST_FAULTS_LIBRARY
    if (!fault.empty())
      command = {"/usr/bin/env", "LD_PRELOAD=" GHOST_FAULTS_LIBRARY, std::string("GHOST_FAULT_PATH=") + kRun,
                 "GHOST_FAULT=" + fault, "GHOST_FAULT_LOG=" + (*dir_ / "log").string()};
#endif
    command.push_back(test::program_path("ghost-train"));
    command.insert(command.end(), arguments.begin(), arguments.end());
    test::Process process(command, {.directory = dir_->str(), .file_size_limit = file_size_limit});
    const int status = process.wait();
    return {status, process.out(), process.err()};
  }
  static fs::path checkpoint(const std::string& run, const std::string& name) {
    return *dir_ / run / "checkpoints" / (name + ".safetensors");
  }
  // As a user would: continues the run, or begins it where there is nothing to continue.
  static Finished go_on(const std::string& fault = "", int64_t file_size_limit = -1, const Words& more = {}) {
    fs::remove(*dir_ / "log");
    if (fs::exists(checkpoint(kRun, "last"))) return train({"--resume", kRun}, fault, file_size_limit);
    return train(begin(kRun, more), fault, file_size_limit);
  }
  // The calls of an undisturbed run from its beginning, "rename …/last.safetensors".
  static std::vector<std::string> calls(const Words& more = {}) {
    fs::remove_all(*dir_ / kRun);
    EXPECT_EQ(go_on("none", -1, more).status, 0);
    std::vector<std::string> lines;
    std::ifstream in(*dir_ / "log");
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  // -1: there is no checkpoint. A checkpoint that cannot be read, to the last bit, fails the test.
  static int64_t step_of_last() {
    if (!fs::exists(checkpoint(kRun, "last"))) return -1;
    EXPECT_NO_THROW({
      if (fs::exists(checkpoint(kRun, "best"))) read_checkpoint(checkpoint(kRun, "best"));
      return read_checkpoint(checkpoint(kRun, "last")).progress.step;
    });
    return -1;
  }
  // Goes on without faults, to the end.
  static void expect_same_as_whole(const std::string& whole = "whole") {
    const Finished end = go_on();
    ASSERT_EQ(end.status, 0) << end.err;
    for (const char* name : {"last", "best", "epoch-2"})
      EXPECT_TRUE(test::file_bytes(checkpoint(kRun, name)) == test::file_bytes(checkpoint(whole, name))) << name;
    EXPECT_EQ(test::metrics_of(*dir_ / kRun), test::metrics_of(*dir_ / whole));
    const std::string csv = test::file_text(*dir_ / kRun / "metrics.csv");
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3) << csv;
    EXPECT_EQ(test::file_text(*dir_ / kRun / "config.yaml"), test::file_text(*dir_ / whole / "config.yaml"));
    // A run that was complete already is left as it is, temporary files of its report included, until it is resumed.
    for (const auto& entry : fs::recursive_directory_iterator(*dir_ / kRun))
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  }

  // Disturbs a run, and sometimes its continuation, at places that lie evenly over the calls or, of many, at random.
  static void disturb(const Words& kinds, int times, const testing::Matcher<int>& status) {
    const auto all = static_cast<int>(calls().size());
    ASSERT_GT(all, 20) << "the library of faults sees nothing";
    int disturbed = 0;
    for (int i = 0; i < times; ++i) {
      std::mt19937 random(static_cast<unsigned>(i));
      const auto place = [&] { return times > all ? 1 + static_cast<int>(random() % all) : 1 + i * all / times; };
      fs::remove_all(*dir_ / kRun);
      const std::string first = kinds[i % kinds.size()], second = kinds[(i + 1) % kinds.size()];
      int64_t step = -1;
      for (const std::string& kind : i % 3 == 2 ? Words{first, second} : Words{first}) {
        std::string fault = kind;
        fault.replace(fault.find('N'), 1, std::to_string(place()));
        SCOPED_TRACE(fault);
        const Finished run = go_on(fault);
        EXPECT_THAT(run.status, status) << run.err;
        disturbed += run.status != 0;
        const int64_t before = std::exchange(step, step_of_last());
        EXPECT_GE(step, before) << "a checkpoint was lost";
        expect_sentence(run);
      }
      SCOPED_TRACE(first);
      expect_same_as_whole();
      if (HasFailure()) return;
    }
    EXPECT_GE(disturbed, times / 4) << "the library of faults disturbs nothing";
  }
  static void expect_sentence(const Finished& run) {
    if (run.status == 1) {
      EXPECT_THAT(run.err, testing::HasSubstr("ghost-train: "));
    }
  }

  static inline std::unique_ptr<test::TempDir> dir_;
};

TEST_F(Faults, KilledAnywhereNothingIsLost) {
  disturb({"before:N", "after:N", "half:N"}, kills, AnyOf(Eq(1000 + SIGKILL), Eq(0)));
}

TEST_F(Faults, RefusedByTheSystemNothingIsLost) {
  disturb({fmt::format("fail:N:{}", EIO), "full:N", fmt::format("fail:N:{}", ENOSPC), "short:N",
           fmt::format("fail:N:{}", EACCES), "full:N"},
          faults, AnyOf(Eq(0), Eq(1)));
}

TEST_F(Faults, OnADiskThatIsFullNothingIsLost) {
  const auto size = static_cast<int64_t>(fs::file_size(checkpoint("whole", "last")));
  for (const int64_t limit : {int64_t{1}, size / 8, size / 2, size * 3 / 4, size - 1}) {
    SCOPED_TRACE(limit);
    fs::remove_all(*dir_ / kRun);
    const Finished run = go_on("", limit);
    EXPECT_EQ(run.status, 1) << run.err;
    step_of_last();
    expect_same_as_whole();
  }
}

// However long an epoch is: the step that was saved last is the one that the run goes on from.
TEST_F(Faults, KilledWithinAnEpochItGoesOnFromThere) {
  const Words each_step{"--set", "train.checkpoint_minutes=1e-9"};
  ASSERT_EQ(train(begin("each-step", each_step)).status, 0);
  const std::vector<std::string> all = calls(each_step);
  std::set<std::pair<int64_t, int64_t>> places;  // step, micro-batches of its epoch
  for (size_t i = 0; i < all.size(); ++i) {
    if (!all[i].starts_with("rename") || !all[i].ends_with("/last.safetensors")) continue;
    SCOPED_TRACE(i);
    fs::remove_all(*dir_ / kRun);
    EXPECT_EQ(go_on(fmt::format("after:{}", i + 1), -1, each_step).status, 1000 + SIGKILL);
    const Progress progress = read_checkpoint(checkpoint(kRun, "last")).progress;
    places.insert({progress.step, progress.batch});
    expect_same_as_whole("each-step");
  }
  using Places = std::set<std::pair<int64_t, int64_t>>;
  EXPECT_EQ(places, (Places{{0, 0}, {1, 1}, {2, 2}, {2, 0}, {3, 1}, {4, 2}, {4, 0}}));
}

// What a checkpoint counts on is on the disk before it.
TEST_F(Faults, MetricsReachTheDiskBeforeTheCheckpoint) {
  bool written = false;
  int checkpoints = 0;
  for (const std::string& call : calls()) {
    if (call.ends_with("/metrics.jsonl")) written = call.starts_with("write");
    if (!call.starts_with("rename") || !call.ends_with("/last.safetensors")) continue;
    EXPECT_FALSE(written) << "lines that are not synced";
    ++checkpoints;
  }
  EXPECT_EQ(checkpoints, 3) << "at the start and after each epoch";
}

}  // namespace

}  // namespace ghost

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--kills") ghost::kills = std::stoi(argv[i + 1]);
    if (std::string(argv[i]) == "--faults") ghost::faults = std::stoi(argv[i + 1]);
  }
  return RUN_ALL_TESTS();
}
