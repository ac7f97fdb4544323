// ghost-train and ghost-eval as a user meets them: what they print, what they leave behind, and how they end.
#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "core/safetensors.h"
#include "support/metrics.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"

namespace ghost {
namespace {

using test::file_bytes;
using test::file_text;
using test::Finished;
using test::Process;
using test::TempDir;
using testing::AllOf;
using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

// Tiny pictures and a configuration, tiny.yaml, in a folder in which the programs run.
class Programs : public testing::Test {
 protected:
  explicit Programs(const test::TinyImages& images = {}) { test::write_tiny_task(dir_, images); }

  Finished train(Words arguments, test::ProcessOptions options = {}) const {
    options.directory = dir_.str();
    return test::run_program("ghost-train", arguments, options);
  }
  Finished train_tiny(const std::string& run, const Words& more = {}, const test::ProcessOptions& options = {}) const {
    return train(tiny(run, more), options);
  }
  Finished eval(const Words& arguments) const {
    return test::run_program("ghost-eval", arguments, {.directory = dir_.str()});
  }
  static Words tiny(const std::string& run, const Words& more = {}) {
    Words arguments{"--config", "tiny.yaml", "--run", run};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  static Words command(Words arguments) {
    arguments.insert(arguments.begin(), test::program_path("ghost-train"));
    return arguments;
  }

  fs::path last(const std::string& run) const { return dir_ / run / "checkpoints/last.safetensors"; }
  fs::path best(const std::string& run) const { return dir_ / run / "checkpoints/best.safetensors"; }

  // Bit for bit, by name; what the metadata say (threads, workers) may differ.
  static std::map<std::string, std::vector<double>> tensors(const fs::path& checkpoint) {
    std::map<std::string, std::vector<double>> values;
    for (const NamedTensor& t : read_safetensors(checkpoint).tensors) values[t.name] = t.tensor.to_vector<double>();
    return values;
  }
  std::vector<nlohmann::json> metrics(const std::string& run) const { return test::metrics_of(dir_ / run); }
  // Lines so far of a run that is under way.
  int64_t lines(const std::string& run) const { return test::metric_lines(dir_ / run); }

  TempDir dir_;
};

// An error is a sentence on stderr: one line, from the program, and nothing of the machine that made it.
testing::Matcher<std::string> sentence(const std::string& program, const testing::Matcher<std::string>& about) {
  return AllOf(StartsWith(program + ": "), EndsWith("\n"), Not(HasSubstr("terminate")), Not(HasSubstr("std::")), about);
}

TEST_F(Programs, TrainAndTestAgree) {
  const Finished run = train_tiny("run");
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.err, "");
  for (const char* file : {"config.yaml", "metrics.jsonl", "train.log"}) EXPECT_TRUE(fs::exists(dir_ / "run" / file));
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("plain_cnn"), HasSubstr("96 training and 40 test images"), HasSubstr("epoch 3/3"),
                    HasSubstr("Test accuracy"), HasSubstr("run/checkpoints/best.safetensors"),
                    HasSubstr("ghost-eval --checkpoint"), Not(HasSubstr("\033"))));
  EXPECT_THAT(file_text(dir_ / "run/train.log"), HasSubstr("Test accuracy"));

  const auto epoch = metrics("run").back();
  const Finished test = eval({"--checkpoint", "run/checkpoints/last.safetensors", "--json"});
  ASSERT_EQ(test.status, 0) << test.err;
  const auto json = nlohmann::json::parse(test.out);
  EXPECT_EQ(json.at("top1"), epoch.at("test_top1"));
  EXPECT_EQ(json.at("top5"), epoch.at("test_top5"));
  EXPECT_EQ(json.at("loss"), epoch.at("test_loss"));
  EXPECT_EQ(json.at("count"), 40);
  EXPECT_GT(json.at("images_per_second").get<double>(), 0);

  // A run directory stands for its best checkpoint.
  const auto of_dir = nlohmann::json::parse(eval({"--checkpoint", "run", "--json"}).out);
  EXPECT_EQ(of_dir.at("top1"), epoch.at("best_top1"));
  EXPECT_THAT(of_dir.at("checkpoint").get<std::string>(), EndsWith("best.safetensors"));
}

TEST_F(Programs, EvalPrintsClassesAndConfusion) {
  ASSERT_EQ(train_tiny("run", {"--set", "train.epochs=1"}).status, 0);
  const auto json = nlohmann::json::parse(eval({"--checkpoint", "run", "--json", "--per-class"}).out);
  ASSERT_EQ(json.at("per_class").size(), 4U);
  int64_t right = 0, all = 0;
  double mean = 0;
  for (size_t t = 0; t < 4; ++t) {
    int64_t row = 0;
    for (size_t p = 0; p < 4; ++p) {
      row += json.at("confusion")[t][p].get<int64_t>();
      if (t == p) right += json.at("confusion")[t][p].get<int64_t>();
    }
    EXPECT_EQ(row, json.at("per_class")[t].at("count"));
    mean += json.at("per_class")[t].at("top1").get<double>() * static_cast<double>(row);
    all += row;
  }
  EXPECT_EQ(all, 40);
  EXPECT_DOUBLE_EQ(json.at("top1").get<double>(), 100.0 * static_cast<double>(right) / 40);
  EXPECT_DOUBLE_EQ(json.at("top1").get<double>(), mean / 40);
  const Finished text = eval({"--checkpoint", "run", "--per-class"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("top1"), HasSubstr("top5"), HasSubstr("confusion matrix"), HasSubstr(" %")));
}

TEST_F(Programs, PrintConfigGivesAFileThatGivesTheSame) {
  const Finished first = train({"--config", "tiny.yaml", "--set", "model.channels=[3,5]", "--print-config"});
  ASSERT_EQ(first.status, 0) << first.err;
  dir_.write("printed.yaml", std::string_view(first.out));
  const Finished second = train({"--config", "printed.yaml", "--print-config"});
  ASSERT_EQ(second.status, 0) << second.err;
  EXPECT_EQ(second.out, first.out);
  EXPECT_FALSE(fs::exists(dir_ / "runs"));
  // And so does the copy in the run directory.
  ASSERT_EQ(train_tiny("run", {"--set", "train.epochs=1"}).status, 0);
  const Finished copy = train({"--config", "run/config.yaml", "--print-config"});
  EXPECT_EQ(copy.out, train({"--config", "tiny.yaml", "--set", "train.epochs=1", "--print-config"}).out);
}

TEST_F(Programs, PrintConfigRefusesWhatTrainingRefuses) {
  struct Wrong {
    const char* because;
    Words sets;
  };
  const std::vector<Wrong> all{
      {"data.augment.brightness is 11, but must be in [0, 10]", {"data.augment.brightness=11"}},
      {"data.resize is 9000, but must be at most 8192", {"data.resize=9000"}},
      {"train.accumulate is 3, which does not divide", {"train.batch_size=16", "train.accumulate=3"}},
      {"train.freeze: 'nothing.like.it' matches no parameter", {"train.freeze=[nothing.like.it]"}},
      {"model.in_channels is 3, but data.channels", {"model.in_channels=3", "data.channels=1"}},
      {"ratio=2.5, but must be a whole number", {"model.conv.name=ghost", "model.conv.ratio=2.5"}},
      {"cheap_kernel=4 is even", {"model.conv.name=ghost", "model.conv.cheap_kernel=4"}},
      {"groups=3 does not divide", {"model.conv.name=grouped", "model.conv.groups=3"}},
      {"depth=21, but it is one of", {"model.name=resnet", "model.depth=21"}}};
  for (const auto& [because, sets] : all) {
    Words arguments{"--config", "tiny.yaml"};
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    const Finished trained = train(arguments);
    arguments.emplace_back("--print-config");
    const Finished printed = train(arguments);
    EXPECT_EQ(printed.status, 2) << because;
    EXPECT_EQ(printed.out, "") << because;
    EXPECT_THAT(printed.err, HasSubstr(because));
    EXPECT_THAT(trained.err, HasSubstr(because));
  }
  const Finished known =
      train({"--config", "tiny.yaml", "--set", "data.name=cifar10", "--set", "model.num_classes=3", "--print-config"});
  EXPECT_EQ(known.status, 2);
  EXPECT_THAT(known.err, HasSubstr("model.num_classes is 3, but cifar10 has 10 classes")) << "without its files";
}

TEST_F(Programs, ListNamesEveryChoice) {
  const Finished list = train({"--list"});
  EXPECT_EQ(list.status, 0);
  for (const char* name : {"ghostnet", "mini_group_net", "plain_cnn", "ghost_conv", "haar", "cifar10", "fashion_mnist",
                           "image_folder", "sgd", "adamw", "cosine", "one_cycle"})
    EXPECT_THAT(list.out, HasSubstr(std::string("  ") + name + " "));
}

TEST_F(Programs, ListOptionsIsThePageOfTheDocumentation) {
  const Finished list = train({"--list-options"});
  EXPECT_EQ(list.status, 0);
  EXPECT_EQ(list.out, test::file_text(GHOST_SOURCE_DIR "/docs/configuration.md"));
}

TEST_F(Programs, ExplainThemselves) {
  for (const char* program : {"ghost-train", "ghost-eval"}) {
    const Finished help = test::run_program(program, {"--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_THAT(help.out, AllOf(HasSubstr("--set"), HasSubstr("Examples"), HasSubstr("Exit status")));
    const Finished nothing = test::run_program(program, {});
    EXPECT_EQ(nothing.status, 2);
    EXPECT_EQ(nothing.out, "");
    EXPECT_THAT(nothing.err, HasSubstr("Examples"));
    EXPECT_THAT(test::run_program(program, {"--version"}).out, StartsWith(program));
  }
}

TEST_F(Programs, RefuseWrongUsageWithASentence) {
  const auto refuses = [&](const Words& arguments, const std::string& about) {
    const Finished run = train(arguments);
    EXPECT_EQ(run.status, 2) << about;
    EXPECT_THAT(run.err, sentence("ghost-train", HasSubstr(about)));
    EXPECT_EQ(run.out, "");
  };
  refuses({"--config", "tiny.yaml", "--thread", "2"}, "--threads");
  refuses({"--config", "tiny.yaml", "extra"}, "extra");
  refuses({"--config"}, "--config");
  refuses({"--config", "tiny.yaml", "--threads", "many"}, "--threads");
  refuses({"--config", "tiny.yaml", "--threads", "-1"}, "--threads");
  refuses({"--set", "train.epochs=1"}, "--config");
  refuses({"--config", "tiny.yaml", "--run", "a", "--resume", "b"}, "--resume");
  refuses({"--config", "none.yaml"}, "none.yaml");
  refuses({"--config", "tiny.yaml", "--set", "model.widht=2"}, "model.widht");
  refuses({"--config", "tiny.yaml", "--set", "train.epohcs=2"}, "train.epochs");
  refuses({"--config", "tiny.yaml", "--set", "train.epochs=soon"}, "train.epochs");
  refuses({"--config", "tiny.yaml", "--set", "train.accumulate=3"}, "train.accumulate");
  refuses({"--config", "tiny.yaml", "--set", "model.num_classes=2"}, "model.num_classes");
  refuses({"--resume", "nowhere"}, "nowhere");
  EXPECT_FALSE(fs::exists(dir_ / "runs/tiny-1")) << "a run that never began";
}

TEST_F(Programs, NameEveryWrongKeyOfAFileWithItsPlace) {
  dir_.write("wrong.yaml", std::string_view("model:\n  nam: ghostnet\ntrain:\n  epochs: -1\n"));
  const Finished run = train({"--config", "wrong.yaml"});
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("wrong.yaml:2:3"), HasSubstr("name"), HasSubstr("wrong.yaml:4:"), HasSubstr("epochs")));
}

TEST_F(Programs, SayWhatDataIsMissing) {
  fs::remove(dir_ / "data/t10k-labels-idx1-ubyte");
  const Finished run = train_tiny("run");
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, sentence("ghost-train", HasSubstr("t10k-labels-idx1-ubyte")));
  EXPECT_FALSE(fs::exists(dir_ / "run"));
}

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

TEST_F(Programs, ThreadsAndWorkersChangeNoBit) {
  ASSERT_EQ(train_tiny("one", {"--threads", "1", "--set", "data.workers=1"}).status, 0);
  ASSERT_EQ(train_tiny("two", {"--threads", "2", "--set", "data.workers=1"}).status, 0);
  ASSERT_EQ(train_tiny("four", {"--threads", "1", "--set", "data.workers=4"}).status, 0);
  EXPECT_EQ(tensors(last("one")), tensors(last("two")));
  EXPECT_EQ(tensors(last("one")), tensors(last("four")));
  EXPECT_EQ(metrics("one"), metrics("two"));
  EXPECT_EQ(metrics("one"), metrics("four"));
  ASSERT_EQ(train_tiny("seed", {"--set", "run.seed=4"}).status, 0);
  EXPECT_NE(tensors(last("one")), tensors(last("seed")));
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

TEST_F(Programs, IgnoreOptionsOfADataSetThatIsNotSelected) {
  // The file is for CIFAR; --set turns to the pictures at hand.
  dir_.write("cifar.yaml",
             std::string_view("model: {name: plain_cnn, channels: [4]}\n"
                              "data: {name: cifar10, root: nowhere, mean: [0.5, 0.5, 0.5], std: [1, 1, 1]}\n"
                              "train: {epochs: 1, batch_size: 32}\n"));
  const Finished run = train({"--config", "cifar.yaml", "--run", "run", "--set", "data.name=idx", "--set",
                              "data.root=data", "--threads", "1"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("data.mean"));
  EXPECT_THAT(file_text(dir_ / "run/train.log"), HasSubstr("data.mean"));
}

}  // namespace
}  // namespace ghost
