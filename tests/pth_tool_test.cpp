// tools/pth-to-safetensors, with files as torch.save writes them that are made without PyTorch.
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "core/safetensors.h"
#include "support/command.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using nlohmann::json;
using test::TempDir;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;
namespace fs = std::filesystem;

class PthTool : public testing::Test {
 protected:
  // Once for all files: starting Python takes longer than what it does here.
  static void SetUpTestSuite() {
    if (test::run_command("python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))'").status != 0) return;
    dir_ = std::make_unique<TempDir>();
    const fs::path source = GHOST_SOURCE_DIR;
    said_ = test::run_command(
        fmt::format("python3 '{0}/make_files.py' '{1}' && python3 '{0}/convert_all.py' '{2}' '{1}'",
                    (source / "tests/pth_tool").string(), dir_->str(), (source / "tools/pth-to-safetensors").string()));
  }
  static void TearDownTestSuite() { dir_.reset(); }
  void SetUp() override {
    if (!dir_) GTEST_SKIP() << "Python 3.8 or newer is not installed";
    ASSERT_EQ(said_.status, 0) << said_.output;
    answers_ = json::parse(said_.output);
  }
  int status_of(const std::string& arguments) const { return answers_.at(arguments).at("status"); }
  std::string answer_to(const std::string& arguments) const { return answers_.at(arguments).at("output"); }
  static std::vector<float> values(const SafetensorsFile& file, const std::string& name) {
    const Tensor* const t = file.find(name);
    return t ? t->to_vector<float>() : std::vector<float>{};
  }
  static void expect_state(const std::string& name, float shift) {
    const SafetensorsFile file = read_safetensors(*dir_ / name);
    ASSERT_EQ(file.tensors.size(), 10U);
    EXPECT_EQ(file.tensors.front().name, "whole") << "the order is that of the state dict";
    std::vector<float> whole(24), last;
    for (size_t i = 0; i < whole.size(); i++) whole[i] = shift + static_cast<float>(i);
    for (const size_t channel : {0U, 1U})
      for (size_t pixel = 0; pixel < 12; pixel++) last.push_back(whole[2 * pixel + channel]);
    EXPECT_EQ(values(file, "whole"), whole);
    EXPECT_EQ(file.find("whole")->shape(), (Shape{2, 3, 4}));
    EXPECT_EQ(values(file, "last"), last) << "channels last in memory";
    EXPECT_EQ(file.find("last")->shape(), (Shape{1, 2, 3, 4}));
    EXPECT_EQ(values(file, "parameter"), (std::vector<float>{shift, shift + 1}));
    EXPECT_EQ(values(file, "row"), (std::vector<float>{shift + 8, shift + 9, shift + 10, shift + 11}));
    const float a = shift + 4, b = shift + 5;
    EXPECT_EQ(values(file, "repeated"), (std::vector<float>{a, b, a, b, a, b}));
    EXPECT_EQ(values(file, "half"), (std::vector<float>{0.5, -2}));
    EXPECT_EQ(file.find("counter")->item<int64_t>(), 1234);
    EXPECT_EQ(file.find("index")->to_vector<int64_t>(), (std::vector<int64_t>{-1, 2}));
    EXPECT_EQ(file.find("mask")->to_vector<int64_t>(), (std::vector<int64_t>{1, 0}));
    EXPECT_EQ(file.find("empty")->shape(), (Shape{0, 3}));
  }

  json answers_;
  static inline std::unique_ptr<TempDir> dir_;
  static inline test::CommandResult said_;
};

TEST_F(PthTool, ReadsEveryKindOfTensor) {
  EXPECT_EQ(answer_to("plain.pth"), "plain.safetensors: 10 entries\n");
  expect_state("plain.safetensors", 0);
}

// Options, paths, devices, NumPy's numbers, sets and counters stand beside the weights, and one tensor of another sort.
TEST_F(PthTool, OfATrainingCheckpointItTakesTheStateDictAndNamesTheOthers) {
  EXPECT_EQ(answer_to("checkpoint.pth"),
            "note: took the state dict under 'state_dict'; there are also 'state_dict_ema' (10 entries), which --key "
            "takes\ncheckpoint.safetensors: 10 entries\n");
  expect_state("checkpoint.safetensors", 0);
  EXPECT_EQ(status_of("checkpoint.pth checkpoint.state_dict_ema.safetensors --key state_dict_ema"), 0);
  expect_state("checkpoint.state_dict_ema.safetensors", 100);
  EXPECT_THAT(answer_to("checkpoint.pth none --key ema"),
              AllOf(HasSubstr("there is no 'ema' of --key ema"), HasSubstr("state_dict_ema")));
  EXPECT_THAT(answer_to("two.pth"),
              HasSubstr("has several state dicts, 'generator' (10 entries), 'critic' (10 entries): --key names"));
}

TEST_F(PthTool, ReadsFilesOfOldVersions) {
  EXPECT_EQ(answer_to("legacy.pth"), "note: took the state dict under 'model'\nlegacy.safetensors: 10 entries\n");
  expect_state("legacy.safetensors", 0);
}

TEST_F(PthTool, RunsNothingOfAFileAndNamesTheClassInTheWay) {
  for (const char* file : {"evil.pth", "evil_legacy.pth"}) {
    EXPECT_EQ(status_of(file), 1);
    EXPECT_THAT(answer_to(file), AllOf(HasSubstr("an object of the class posix.system"), HasSubstr("torch.save(")));
  }
  EXPECT_FALSE(fs::exists(*dir_ / "executed"));
  EXPECT_THAT(answer_to("module.pth"),
              AllOf(HasSubstr("torchvision.models.resnet.ResNet"), HasSubstr("a whole model was saved")));
  EXPECT_THAT(answer_to("getattr.pth"), HasSubstr("builtins.getattr"));
}

TEST_F(PthTool, EveryRefusalIsOneCleanSentence) {
  const std::vector<std::pair<std::string, std::string>> rows{{"colour.pth", "a?[31mb.C?[0m?D"},
                                                              {"beyond.pth", "reaches beyond its 2 numbers"},
                                                              {"huge.pth", "reaches beyond its 2 numbers"},
                                                              {"other.zip", "a zip archive, but not of torch.save"},
                                                              {"page.pth", "an HTML page"},
                                                              {"pointer.pth", "a pointer of git-lfs"},
                                                              {"weights.pth", "a safetensors file already"},
                                                              {"nothing.pth", "is empty"},
                                                              {"words.pth", "no file of torch.save"},
                                                              {"nowhere.pth", "cannot be read: No such file"}};
  for (const auto& [file, says] : rows) {
    const std::string text = answer_to(file);
    EXPECT_EQ(status_of(file), 1) << file;
    EXPECT_THAT(text, AllOf(StartsWith("pth-to-safetensors: " + file + ": "), HasSubstr(says)));
    EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  }
  for (const std::string file : {"plain.pth", "legacy.pth"})
    for (int part = 0; part < 100; part += 3) {
      const std::string cut = fmt::format("cut {} {}", part, file);
      EXPECT_EQ(status_of(cut), 1) << cut;
      EXPECT_THAT(answer_to(cut), AnyOf(HasSubstr("damaged"), HasSubstr("is empty"))) << cut;
    }
}

}  // namespace
}  // namespace ghost
