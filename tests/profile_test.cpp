// ghost-train --profile and GHOST_LOG as a user meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>

#include "support/process.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"

namespace ghost {
namespace {

using test::Finished;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

class Profile : public testing::Test {
 protected:
  Profile() { test::write_tiny_task(dir_); }
  Finished train(const Words& more) const { return test::train_tiny(dir_, more); }
  nlohmann::json profile(Words more = {}) const {
    more.insert(more.end(), {"--profile", "--json"});
    const Finished run = train(more);
    EXPECT_EQ(run.status, 0) << run.err;
    return nlohmann::json::parse(run.out);
  }
  // With GHOST_LOG set.
  Finished logged(const std::string& level, const Words& arguments) const {
    Words command{"/usr/bin/env", "GHOST_LOG=" + level, test::program_path("ghost-train"), "--config", "tiny.yaml"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    test::Process process(command, {.directory = dir_.str()});
    const int status = process.wait();
    return {status, process.out(), process.err()};
  }

  test::TempDir dir_;
};

double passes(const nlohmann::json& row) {
  return row["forward_seconds"].get<double>() + row["backward_seconds"].get<double>();
}

// Calls of convolutions in a step.
double convolutions(const nlohmann::json& profile) {
  double calls = 0;
  for (const auto& kernel : profile["kernels"])
    if (kernel["name"].get<std::string>().starts_with("conv2d ")) calls += kernel["calls"].get<double>();
  return calls;
}

std::vector<std::string> names(const nlohmann::json& rows) {
  std::vector<std::string> all;
  for (const auto& row : rows) all.push_back(row["name"]);
  return all;
}

TEST_F(Profile, PrintsBothTablesAndTouchesNoRun) {
  const Finished run = train({"--profile"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith("plain_cnn: "));
  EXPECT_THAT(run.out, AllOf(HasSubstr("batch 16, 1 thread, "), HasSubstr("20 steps"), HasSubstr("\nmodule "),
                             HasSubstr("\nPlainCnn "), HasSubstr("\nkernel "), HasSubstr("\nconv2d "),
                             HasSubstr("\nwaiting for data "), HasSubstr("\nupdate "), HasSubstr("100.0 %\n")));
  EXPECT_FALSE(fs::exists(dir_ / "runs"));
}

TEST_F(Profile, ModulesAndKernelsAddUpToTheStep) {
  const nlohmann::json json = profile();
  const double step = json["step_seconds"];
  double outside = 0, kernels = 0, own = 0;
  for (const auto& [name, seconds] : json["outside_seconds"].items()) outside += seconds.get<double>();
  for (const auto& kernel : json["kernels"]) kernels += passes(kernel);
  for (const auto& module : json["modules"]) own += module["own_seconds"].get<double>();
  ASSERT_GT(step, 0);
  EXPECT_NEAR(kernels + outside, step, 1e-9);
  EXPECT_NEAR(passes(json["modules"][0]) + passes(json["loss"]) + outside, step, 1e-9);
  EXPECT_NEAR(own, passes(json["modules"][0]), 1e-9);
  EXPECT_GT(passes(json["loss"]), 0);
  EXPECT_EQ(json["steps"], 20);
  EXPECT_EQ(json["modules"][0]["name"], "");
  EXPECT_NEAR(json["images_per_second"].get<double>() * step, 16, 1e-6);
  EXPECT_THAT(names(json["kernels"]), testing::IsSupersetOf({"batch_norm", "relu", "cross_entropy", "linear"}));
  EXPECT_EQ(convolutions(json), 4);
}

TEST_F(Profile, MeasuresTheTrainingThatIsConfigured) {
  const nlohmann::json halves = profile({"--set", "train.accumulate=2"});
  EXPECT_EQ(convolutions(halves), 8);
  EXPECT_NEAR(halves["images_per_second"].get<double>() * halves["step_seconds"].get<double>(), 16, 1e-6);
  // What is frozen runs forward only.
  const nlohmann::json frozen = profile({"--set", "train.freeze=[stages]"});
  for (const auto& module : frozen["modules"])
    if (module["name"] == "stages") {
      EXPECT_GT(module["forward_seconds"].get<double>(), 0);
      EXPECT_EQ(module["backward_seconds"].get<double>(), 0);
    }
  EXPECT_GT(passes(frozen["modules"][0]), 0);
}

TEST_F(Profile, OfARunThatCouldContinueLeavesItAsItIs) {
  ASSERT_EQ(train({"--set", "train.epochs=1", "--run", "run"}).status, 0);
  std::map<fs::path, std::vector<uint8_t>> before, after;
  const auto read = [&](auto& files) {
    for (const auto& entry : fs::recursive_directory_iterator(dir_ / "run"))
      if (entry.is_regular_file()) files[entry.path()] = test::file_bytes(entry.path());
  };
  read(before);
  const Finished run = test::run_program("ghost-train", {"--resume", "run", "--profile"}, {.directory = dir_.str()});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("\nconv2d "));
  read(after);
  EXPECT_EQ(before, after);
}

TEST_F(Profile, RefusesWhatDoesNotGoTogether) {
  const Finished json = train({"--json"});
  EXPECT_EQ(json.status, 2);
  EXPECT_THAT(json.err, AllOf(StartsWith("ghost-train: "), HasSubstr("--profile")));
  const Finished run = train({"--profile", "--run", "run"});
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.err, AllOf(StartsWith("ghost-train: "), HasSubstr("--run")));
}

TEST_F(Profile, DebugMessagesNameTheKernelOfEverySizeOnce) {
  const Words one_epoch{"--set", "train.epochs=1", "--run"};
  const auto arguments = [&](const char* run) {
    Words words = one_epoch;
    words.emplace_back(run);
    return words;
  };
  const Finished usual = logged("", arguments("usual")), debug = logged("debug", arguments("debug"));
  ASSERT_EQ(debug.status, 0) << debug.err;
  EXPECT_THAT(usual.out, Not(HasSubstr("conv2d (")));
  const size_t first = debug.out.find("conv2d (16, ");
  ASSERT_NE(first, std::string::npos) << debug.out;
  const std::string said = debug.out.substr(first, debug.out.find('\n', first) - first);
  EXPECT_EQ(debug.out.find(said + "\n", first + 1), std::string::npos) << said;
  EXPECT_THAT(test::file_text(dir_ / "debug/train.log"), HasSubstr(said));
  const Finished wrong = logged("loud", arguments("wrong"));
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("GHOST_LOG is 'loud', but must be debug, info, warning or error"));
}

}  // namespace
}  // namespace ghost
