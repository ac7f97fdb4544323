// A program of one's own with a model of one's own (examples/own_model), and what register_model refuses.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "nn/models/registry.h"
#include "support/modules.h"
#include "support/picture_files.h"
#include "support/process.h"
#include "support/tiny_images.h"
#include "train/config/config.h"

namespace ghost {
namespace {

using test::error_of;
using test::Finished;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

ModulePtr build_nothing(const ModelConfig&) { return nullptr; }

TEST(RegisterModel, RefusesWhatCannotBeALine) {
  EXPECT_THAT(error_of([] { register_model({.name = "", .summary = "", .options = {}, .build = build_nothing}); }),
              HasSubstr("needs a name"));
  EXPECT_THAT(
      error_of([] { register_model({.name = "resnet", .summary = "", .options = {}, .build = build_nothing}); }),
      HasSubstr("there is a model 'resnet' already"));
  EXPECT_THAT(error_of([] { register_model({.name = "hollow", .summary = "", .options = {}, .build = nullptr}); }),
              HasSubstr("'hollow' has no function"));
  for (const ModelEntry& entry : model_table()) EXPECT_NE(entry.name, "hollow");
}

// Last of this process: the table keeps what is registered.
TEST(RegisterModel, NamesAnOptionThatThereIsNot) {
  register_model({.name = "misspelt", .summary = "", .options = {"widht"}, .build = build_nothing});
  EXPECT_THAT(error_of([] { load_config_text("model: {name: misspelt}", "a.yaml", {}); }),
              AllOf(HasSubstr("'misspelt'"), HasSubstr("'widht'"), HasSubstr("did you mean 'width'?")));
}

class OwnModel : public testing::Test {
 protected:
  OwnModel() { test::write_tiny_idx(dir_ / "data"); }
  Finished run(const Words& arguments) const {
    return test::run_program("own-model", arguments, {.directory = dir_.str()});
  }
  Finished train(const Words& more) const {
    Words arguments{"train",
                    "--config",
                    GHOST_SOURCE_DIR "/examples/own_model/own_model.yaml",
                    "--set",
                    "data.name=idx",
                    "--set",
                    "data.root=data",
                    "--set",
                    "train.batch_size=16",
                    "--threads",
                    "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  test::TempDir dir_;
};

TEST_F(OwnModel, TrainsResumesAndPredicts) {
  const Finished first = train({"--run", "run", "--set", "train.epochs=1"});
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("own_net"));
  const Finished second = run({"train", "--resume", "run", "--set", "train.epochs=2"});
  ASSERT_EQ(second.status, 0) << second.err;
  EXPECT_THAT(second.out, HasSubstr("epoch 2/2"));

  dir_.write("picture.png", test::png_bytes(test::patterned_image(9, 7, 3)));
  const Finished prediction = run({"predict", "--checkpoint", "run", "--json", "picture.png"});
  ASSERT_EQ(prediction.status, 0) << prediction.err;
  EXPECT_EQ(nlohmann::json::parse(prediction.out).at(0).at("top").size(), 4U);
}

TEST_F(OwnModel, IsMeasuredAndTested) {
  const Finished info = run({"info", "--config", GHOST_SOURCE_DIR "/examples/own_model/own_model.yaml", "--json"});
  ASSERT_EQ(info.status, 0) << info.err;
  EXPECT_EQ(nlohmann::json::parse(info.out).at("parameters"), 11698);
  const Finished trained = train({"--run", "run", "--set", "train.epochs=1"});
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_THAT(trained.out, HasSubstr("own-model eval --checkpoint run/"));
  const Finished eval = run({"eval", "--checkpoint", "run", "--json"});
  ASSERT_EQ(eval.status, 0) << eval.err;
  EXPECT_EQ(nlohmann::json::parse(eval.out).at("count"), 40);
}

TEST_F(OwnModel, StandsInTheListAndTakesItsOptions) {
  const Finished list = run({"train", "--list"});
  EXPECT_EQ(list.status, 0);
  EXPECT_THAT(list.out, AllOf(HasSubstr("own_net"), HasSubstr("options: model.groups")));
  const Finished groups = train({"--run", "run", "--set", "train.epochs=1", "--set", "model.groups=3"});
  EXPECT_EQ(groups.status, 2);
  EXPECT_THAT(groups.err, AllOf(HasSubstr("own-model train: "), HasSubstr("groups"), HasSubstr("grouped")));
  const Finished width = train({"--set", "model.width=2"});
  EXPECT_EQ(width.status, 2);
  EXPECT_THAT(width.err, HasSubstr("model.width is an option of ghostnet"));
}

TEST_F(OwnModel, IsUnknownToTheProgramsThatDoNotRegisterIt) {
  ASSERT_EQ(train({"--run", "run", "--set", "train.epochs=1"}).status, 0);
  const Finished other =
      test::run_program("ghost-predict", {"--checkpoint", "run", "x.png"}, {.directory = dir_.str()});
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err, AllOf(HasSubstr("own_net"), Not(HasSubstr("terminate"))));
}

TEST_F(OwnModel, HasCommands) {
  const Finished none = run({});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, AllOf(HasSubstr("Usage: own-model COMMAND"), HasSubstr("train"), HasSubstr("predict")));
  const Finished wrong = run({"trian"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean 'train'?"));
  const Finished help = run({"predict", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("own-model predict --checkpoint"));
}

}  // namespace
}  // namespace ghost
