// The folder of a run: one process at a time, nothing of others touched, and metrics that follow the checkpoint.
#include "train/run/run_dir.h"

#include <gmock/gmock.h>
#include <set>

#include "core/error.h"
#include "support/modules.h"
#include "support/temp_dir.h"
#include "train/run/metrics_log.h"
#include "train/run/run_lock.h"

namespace ghost {
namespace {

using test::error_of;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
namespace fs = std::filesystem;

// A run that has a checkpoint; what it holds is nobody's business here.
std::string begun(const TempDir& dir) {
  dir.write("run/checkpoints/last.safetensors", std::string_view("x"));
  dir.write("run/config.yaml", std::string_view("a: b\n"));
  return (dir / "run").string();
}

// Every file below the folder with its bytes.
std::map<std::string, std::string> content(const fs::path& dir) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(dir))
    files[entry.path().string()] = entry.is_regular_file() ? test::file_text(entry.path()) : "";
  return files;
}

TEST(RunDirectory, IsNeverTakenTwice) {
  const TempDir dir;
  const std::string name = begun(dir);
  EXPECT_THAT(error_of([&] { RunDir::create(name, "tiny"); }),
              AllOf(HasSubstr("--resume " + name), HasSubstr("--run " + name + "-1")));
  fs::create_directory(dir / "run-1");
  EXPECT_THAT(error_of([&] { RunDir::create(name + "/", "tiny"); }), HasSubstr("--run " + name + "-2"));
  EXPECT_THROW(RunDir::create(name, "tiny"), UsageError);
  for (const char* measured : {"metrics.jsonl", "train.log"}) {
    dir.write(fs::path("without") / measured, std::string_view("x"));
    EXPECT_THAT(error_of([&] { RunDir::create((dir / "without").string(), ""); }), HasSubstr("holds a run already"));
    fs::remove(dir / "without" / measured);
  }
}

TEST(RunDirectory, IsLockedWhileItIsInUse) {
  const TempDir dir;
  const std::string name = begun(dir);
  EXPECT_FALSE(run_in_use(name));
  {
    const RunDir run = RunDir::open(name);
    EXPECT_TRUE(run_in_use(name));
    const auto before = content(name);
    const auto time = fs::last_write_time(name);
    EXPECT_THAT(error_of([&] { RunDir::open(name); }), HasSubstr("another process is training this run"));
    EXPECT_THAT(error_of([&] { RunDir::create(name, ""); }), HasSubstr("another process is training this run"));
    EXPECT_EQ(content(name), before);
    EXPECT_EQ(fs::last_write_time(name), time) << "not even for a moment";
    const RunDir copy = run;  // NOLINT(performance-unnecessary-copy-initialization): shares the lock
    EXPECT_EQ(RunDir::find(name).path(), run.path()) << "looking needs no lock";
  }
  EXPECT_FALSE(run_in_use(name));
  EXPECT_NO_THROW(RunDir::open(name));
}

TEST(RunDirectory, OfARunThatIsGivenUpIsFree) {
  const TempDir dir;
  const std::string name = (dir / "run").string();
  const RunDir run = RunDir::create(name, "");
  EXPECT_THAT(error_of([&] { RunDir::create(name, ""); }), HasSubstr("another process"));
  run.abandon();
  EXPECT_NO_THROW(RunDir::create(name, "")) << "the lock is one of a file that is gone";
}

// Between config.yaml and the first checkpoint a run could neither be continued nor begun.
TEST(RunDirectory, WithoutACheckpointIsNoRun) {
  const TempDir dir;
  const std::string name = (dir / "run").string();
  RunDir::create(name, "tiny").begin("a: b\n");
  dir.write("run/checkpoints/.last.safetensors.77-0.tmp", std::string_view("half"));
  dir.write("run/.config.yaml.77-0.tmp", std::string_view("half"));
  EXPECT_THAT(error_of([&] { RunDir::open(name); }),
              AllOf(HasSubstr("no run to continue"), HasSubstr("--config " + name + "/config.yaml --run " + name)));
  const RunDir again = RunDir::create(name, "tiny");
  again.begin("c: d\n");
  EXPECT_EQ(test::file_text(dir / "run/config.yaml"), "c: d\n");
  EXPECT_TRUE(fs::is_empty(dir / "run/checkpoints"));
}

TEST(RunDirectory, WithFilesOfOthersIsRefusedAndLeftAsItIs) {
  const TempDir dir;
  dir.write("mine/notes.txt", std::string_view("mine"));
  const auto before = content(dir.path());
  EXPECT_THAT(error_of([&] { RunDir::create((dir / "mine").string(), ""); }),
              AllOf(HasSubstr("'notes.txt'"), HasSubstr("--run " + (dir / "mine/run-1").string())));
  EXPECT_EQ(content(dir.path()), before);
  EXPECT_THAT(error_of([&] { RunDir::create("/", ""); }), HasSubstr("run directory / holds other files"));
  EXPECT_FALSE(fs::exists("/.lock"));
  dir.write("checkpoints-only/checkpoints/notes.txt", std::string_view("mine"));
  EXPECT_THAT(error_of([&] { RunDir::create((dir / "checkpoints-only").string(), ""); }),
              HasSubstr("'checkpoints/notes.txt'"));
  dir.write("own/config.yaml", std::string_view("# mine\n"));
  EXPECT_THAT(error_of([&] { RunDir::create((dir / "own").string(), ""); }), HasSubstr("'config.yaml'"));
  fs::create_directory(dir / "empty");
  EXPECT_NO_THROW(RunDir::create((dir / "empty").string(), ""));
}

TEST(RunDirectory, ThatNeverBeganLeavesNoTrace) {
  const TempDir dir;
  const RunDir run = RunDir::create((dir / "run").string(), "tiny");
  EXPECT_TRUE(fs::exists(dir / "run"));
  run.abandon();
  EXPECT_FALSE(fs::exists(dir / "run"));
  const RunDir begun = RunDir::create((dir / "run").string(), "tiny");
  begun.begin("a: b\n");
  dir.write("run/notes.txt", std::string_view("mine"));
  begun.abandon();
  EXPECT_FALSE(fs::exists(dir / "run/config.yaml"));
  EXPECT_TRUE(fs::exists(dir / "run/notes.txt"));
}

TEST(RunDirectory, WithACheckpointIsNeverAbandoned) {
  const TempDir dir;
  const RunDir run = RunDir::open(begun(dir));
  run.abandon();
  EXPECT_TRUE(fs::exists(run.config()));
  EXPECT_TRUE(fs::exists(run.last()));
}

TEST(RunDirectory, ThatCannotBeWrittenSaysWhy) {
  const TempDir dir;
  dir.write("file", std::string_view("x"));
  EXPECT_THAT(error_of([&] { RunDir::create((dir / "file/run").string(), "tiny"); }),
              AllOf(HasSubstr("file/run"), HasSubstr("Not a directory"), HasSubstr("--run")));
  EXPECT_THAT(error_of([&] { RunDir::create("/proc/ghost-run", "tiny"); }), HasSubstr("/proc/ghost-run"));
}

TEST(RunDirectory, ToResumeIsFoundFromItsCheckpoints) {
  const TempDir dir;
  const std::string name = (dir / "run").string();
  EXPECT_THAT(error_of([&] { RunDir::open(name); }), HasSubstr("no such directory"));
  fs::create_directory(name);
  EXPECT_THAT(error_of([&] { RunDir::open(name); }),
              AllOf(HasSubstr("no checkpoints/last.safetensors"), Not(HasSubstr("--config"))));
  begun(dir);
  EXPECT_EQ(RunDir::open(name + "/").path(), dir / "run");
  for (const char* slip : {"/checkpoints", "/checkpoints/last.safetensors"})
    EXPECT_THAT(error_of([&] { RunDir::open(name + slip); }), HasSubstr("which is " + name));
}

TEST(RunDirectory, ResumedLosesWhatKilledProcessesLeft) {
  const TempDir dir;
  const std::string name = begun(dir);
  const char* const left[] = {"checkpoints/.last.safetensors.123-0.tmp",
                              "checkpoints/.best.safetensors.9-14.tmp",
                              ".report.html.5-0.tmp",
                              ".metrics.jsonl.5-0.tmp",
                              ".write-test",
                              "checkpoints/.epoch-12.safetensors.5-0.tmp"};
  const char* const kept[] = {"checkpoints/.last.safetensors.old.tmp", "checkpoints/.epoch-x.safetensors.5-0.tmp",
                              ".notes.5-0.tmp", "report.html"};
  for (const char* const file : left) dir.write(fs::path("run") / file, std::string_view("x"));
  for (const char* const file : kept) dir.write(fs::path("run") / file, std::string_view("x"));
  RunDir::find(name);
  for (const char* const file : left) EXPECT_TRUE(fs::exists(dir / "run" / file)) << file;
  RunDir::open(name);
  for (const char* const file : left) EXPECT_FALSE(fs::exists(dir / "run" / file)) << file;
  for (const char* const file : kept) EXPECT_TRUE(fs::exists(dir / "run" / file)) << file;
}

std::string step_line(int64_t epoch, int64_t step, double seconds) {
  return fmt::format(R"({{"kind":"step","epoch":{},"step":{},"loss":1,"top1":2,"lr":0.1,"seconds":{}}})"
                     "\n",
                     epoch, step, seconds);
}
std::string epoch_line(int64_t epoch, int64_t step, double seconds) {
  return fmt::format(
      R"({{"kind":"epoch","epoch":{},"step":{},"loss":1,"top1":2,"lr":0.1,"seconds":{},"images_per_second":1,)"
      R"("train_seconds":1,"test_seconds":0}})"
      "\n",
      epoch, step, seconds);
}

TEST(TrimMetrics, KeepsWhatTheCheckpointHasSeen) {
  const TempDir dir;
  const std::string kept = step_line(1, 6, 1.5) + epoch_line(1, 6, 2.5) + step_line(2, 8, 3.5);
  const auto file = dir.write("metrics.jsonl", std::string_view(kept + step_line(2, 10, 4.5) + epoch_line(2, 12, 5.5)));
  std::vector<std::string> warnings;
  const auto trim = [&](int64_t step, int64_t epoch) {
    return trim_metrics(file, step, epoch, [&](const std::string& text) { warnings.push_back(text); });
  };
  EXPECT_EQ(trim(9, 1), 3.5);
  EXPECT_EQ(test::file_text(file), kept);
  EXPECT_EQ(trim(9, 1), 3.5);
  EXPECT_EQ(test::file_text(file), kept);
  EXPECT_EQ(trim(6, 0), 1.5) << "stopped in the first epoch's test: its line comes again";
  EXPECT_EQ(trim(0, 0), 0);
  EXPECT_EQ(test::file_text(file), "");
  EXPECT_EQ(trim_metrics(dir / "none", 5, 5, {}), 0);
  EXPECT_FALSE(fs::exists(dir / "none"));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(TrimMetrics, DropsAndNamesWhatCannotBeRead) {
  const TempDir dir;
  const std::string kept = step_line(1, 2, 0.5);
  for (const auto& [last, because] :
       {std::pair("{\"step\":\"x\",\"epoch\":1}\n", "has no \"kind\""),
        {"{\"kind\":\"step\",\"step\":\"x\",\"epoch\":1}\n", "step is string, but must be an integer"},
        {"{\"kind\":\"step\",\"step\":1e300,\"loss\":1}\n", "step is 1e+300, but must be an integer"},
        {"{\"kind\":\"step\",\"step\":99999999999999999999,\"loss\":1}\n", "must be an integer"},
        {"[]\n", "is not a JSON object"},
        {"\xff\xfe\n", "is not a JSON object"},
        {"{\"kind\":\"st", "is cut short"}}) {
    const auto file = dir.write("metrics.jsonl", std::string_view(kept + last));
    std::vector<std::string> warnings;
    EXPECT_EQ(trim_metrics(file, 9, 9, [&](const std::string& text) { warnings.push_back(text); }), 0.5);
    EXPECT_EQ(test::file_text(file), kept) << last;
    EXPECT_THAT(warnings, ElementsAre(AllOf(HasSubstr("metrics.jsonl:2: "), HasSubstr(because), HasSubstr("left out"))))
        << last;
  }
}

TEST(RunDirectory, KeepsTheNewestEpochs) {
  const TempDir dir;
  const RunDir run = RunDir::open(begun(dir));
  const auto names = [&] {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(dir / "run/checkpoints"))
      found.insert(entry.path().filename().string());
    return found;
  };
  // Others than the run's own are nobody's business.
  const std::vector<std::string> foreign{"epoch-.safetensors", "epoch-03.safetensors", "epoch-3.safetensors.copy",
                                         "epoch-0.safetensors", "my-epoch-1.safetensors"};
  std::set<std::string> expected(foreign.begin(), foreign.end());
  for (const std::string& name : foreign) dir.write("run/checkpoints/" + name, std::string_view("x"));
  for (const int64_t epoch : {1, 2, 9, 10, 11, 12}) dir.write(run.of_epoch(epoch), std::string_view("x"));
  run.remove_epochs(3, 11);
  expected.insert({"last.safetensors", "epoch-9.safetensors", "epoch-10.safetensors", "epoch-11.safetensors"});
  EXPECT_EQ(names(), expected) << "by number, and epoch 12 was never finished";
}

}  // namespace
}  // namespace ghost
