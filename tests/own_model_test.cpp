// A program of one's own with a model of one's own (examples/own_model), and what register_model refuses.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "nn/models/registry.h"
#include "nn/sequential.h"
#include "support/modules.h"
#include "support/picture_files.h"
#include "support/process.h"
#include "support/tiny_images.h"
#include "train/config/config.h"
#include "train/config/reference.h"

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

TEST(RegisterModel, NamesAnOptionThatThereIsNot) {
  EXPECT_THAT(
      error_of([] { register_model({.name = "odd", .summary = "", .options = {"widht"}, .build = build_nothing}); }),
      AllOf(HasSubstr("'odd'"), HasSubstr("'widht'"), HasSubstr("did you mean 'width'?")));
  EXPECT_NO_THROW(load_config_text("model: {name: resnet}", "a.yaml", {})) << "what is refused leaves nothing behind";
}

TEST(RegisterModel, RefusesOwnOptionsThatCannotBe) {
  const auto message = [](OwnOption option) {
    return error_of([&] {
      register_model(
          {.name = "odd", .summary = "", .options = {}, .build = build_nothing, .own_options = {std::move(option)}});
    });
  };
  EXPECT_THAT(message({"width", 1.0, ""}), HasSubstr("there is a model.width already; list it in `options`"));
  EXPECT_THAT(message({"conv", 1.0, ""}), HasSubstr("there is a model.conv already"));
  EXPECT_THAT(message({"a.b", 1.0, ""}), HasSubstr("names are letters, digits and _"));
  EXPECT_EQ(message({"share", 2.0, "", rule::share()}), "model.share is 2, but must be in [0, 1]");
  EXPECT_EQ(message({"kind", "c", "", rule::one_of({"a", "b"})}), "model.kind is 'c', but must be a or b");
}

// The last tests of this process: the table keeps what is registered.
class OwnOptions : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    static bool squeezed;
    register_model({.name = "first",
                    .summary = "",
                    .options = {"width"},
                    .build = [](const ModelConfig& c) -> ModulePtr {
                      squeezed = c.own.get<bool>("squeezed");
                      return std::make_shared<Sequential>();
                    },
                    .own_options = {{"squeezed", true, "whether"},
                                    {"growth", 32, "channels of each layer", rule::at_least(1, 1000)},
                                    {"share", 0.5, "", rule::share()},
                                    {"kind", "a", "", rule::one_of({"a", "b"})},
                                    {"sizes", std::vector<int64_t>{1, 2}, "", rule::at_least(1)}}});
    register_model({.name = "second", .summary = "", .options = {"growth"}, .build = build_nothing});
    was_squeezed = &squeezed;
  }
  static ModelConfig read(const std::string& model, const Words& overrides = {}) {
    return load_config_text("model: " + model, "a.yaml", overrides).config.model;
  }
  static std::string refusal(const std::string& model, const Words& overrides = {}) {
    return error_of([&] { read(model, overrides); });
  }
  inline static const bool* was_squeezed = nullptr;
};

TEST_F(OwnOptions, AreReadWithTheirTypesAndDefaults) {
  const ModelConfig c = read("{name: first, growth: 12, sizes: [3]}", {"model.kind=b", "model.squeezed=false"});
  EXPECT_EQ(c.own.get<int64_t>("growth"), 12);
  EXPECT_EQ(c.own.get<double>("share"), 0.5);
  EXPECT_EQ(c.own.get<std::string>("kind"), "b");
  EXPECT_FALSE(c.own.get<bool>("squeezed"));
  EXPECT_THAT(c.own.get<std::vector<int64_t>>("sizes"), testing::ElementsAre(3));
  EXPECT_THAT(error_of([&] { c.own.get<double>("growth"); }), HasSubstr("'growth' is an integer, but was asked for"));
  EXPECT_THAT(error_of([&] { c.own.get<double>("shar"); }), HasSubstr("did you mean 'share'?"));
}

TEST_F(OwnOptions, AreCheckedLikeAllOthers) {
  EXPECT_EQ(refusal("{name: first, growth: 0}"), "a.yaml:1:30: model.growth is 0, but must be at least 1");
  EXPECT_THAT(refusal("{name: first}", {"model.grwth=3"}), HasSubstr("did you mean model.growth?"));
  EXPECT_THAT(refusal("{name: first}", {"model.kind=c"}), HasSubstr("model.kind is 'c', but must be a or b"));
  EXPECT_THAT(refusal("{name: resnet}", {"model.share=1"}), HasSubstr("model.share is an option of first, but"));
  EXPECT_THAT(refusal("{name: resnet}", {"model.growth=1"}), HasSubstr("is an option of first or second"));
  EXPECT_EQ(read("{name: second, growth: 7}").own.get<int64_t>("growth"), 7) << "shared by listing it";
}

TEST_F(OwnOptions, ArePrintedAndReadBack) {
  const Config config = load_config_text("model: {name: first, growth: 12, share: 0.1}", "a.yaml", {}).config;
  const std::string text = config_to_yaml(config);
  EXPECT_THAT(text, AllOf(HasSubstr("  growth: 12"), HasSubstr("# channels of each layer"), HasSubstr("  share: 0.1")));
  EXPECT_EQ(config_to_yaml(load_config_text(text, "b.yaml", {}).config), text);
  EXPECT_THAT(config_to_yaml(Config()), Not(HasSubstr("growth"))) << "of another model";
  EXPECT_THAT(options_markdown(), HasSubstr("| `growth` | integer 1 to 1000 | `32` | `first`, `second` | channels of"));
}

TEST_F(OwnOptions, ReachTheModelFromCodeToo) {
  ModelConfig config{.name = "first"};
  build_model(config, 0);
  EXPECT_TRUE(*was_squeezed) << "the default";
  config.own.set("squeezed", false);
  build_model(config, 0);
  EXPECT_FALSE(*was_squeezed);
  config.own.set("share", 1);
  EXPECT_NO_THROW(build_model(config, 0)) << "an integer is a number";
  config.own.set("share", 1.5);
  EXPECT_EQ(error_of([&] { build_model(config, 0); }), "model.share is 1.5, but must be in [0, 1]");
  config.own.set("share", "much");
  EXPECT_EQ(error_of([&] { build_model(config, 0); }), "the option 'share' is text, but must be a number");
  EXPECT_THAT(error_of([] { build_model({.name = "second"}, 0); }), HasSubstr("gave no module"));
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
  EXPECT_THAT(list.out,
              AllOf(HasSubstr("own_net"), HasSubstr("options: model.groups, model.conv, model.squeeze_ratio\n")));
  const Finished groups = train({"--run", "run", "--set", "train.epochs=1", "--set", "model.groups=3"});
  EXPECT_EQ(groups.status, 2);
  EXPECT_THAT(groups.err, AllOf(HasSubstr("own-model train: "), HasSubstr("groups"), HasSubstr("grouped")));
  const Finished width = train({"--set", "model.width=2"});
  EXPECT_EQ(width.status, 2);
  EXPECT_THAT(width.err, HasSubstr("model.width is an option of ghostnet"));
}

TEST_F(OwnModel, TrainsWithAnOptionOfItsOwn) {
  const Words half{"--set", "model.squeeze_ratio=0.5", "--set", "train.epochs=1"};
  const Finished printed = train({half[0], half[1], "--print-config"});
  ASSERT_EQ(printed.status, 0) << printed.err;
  EXPECT_THAT(printed.out, HasSubstr("squeeze_ratio: 0.5"));
  const Finished first = train({"--run", "run", half[0], half[1], half[2], half[3]});
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(test::file_text(dir_ / "run/config.yaml"), HasSubstr("squeeze_ratio: 0.5"));
  const Finished changed = run({"train", "--resume", "run", "--set", "model.squeeze_ratio=0.25"});
  EXPECT_EQ(changed.status, 2);
  EXPECT_THAT(changed.err, HasSubstr("this would change model.squeeze_ratio (0.5 to 0.25)"));
  const Finished second = run({"train", "--resume", "run", "--set", "train.epochs=2"});
  ASSERT_EQ(second.status, 0) << second.err;
  EXPECT_THAT(second.out, HasSubstr("epoch 2/2"));
  const Finished info = run({"info", "--config", GHOST_SOURCE_DIR "/examples/own_model/own_model.yaml", "--set",
                             "model.squeeze_ratio=0.5", "--json"});
  ASSERT_EQ(info.status, 0) << info.err;
  EXPECT_EQ(nlohmann::json::parse(info.out).at("parameters"), 11698 + 2 * 8 * 32 + 8) << "8 more channels inside";
}

TEST_F(OwnModel, RefusesWrongValuesOfItsOption) {
  const Finished wrong = train({"--set", "model.squeeze_ratio=2"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("model.squeeze_ratio is 2, but must be in (0, 1]"));
  const Finished misspelt = train({"--set", "model.squeze_ratio=0.5"});
  EXPECT_EQ(misspelt.status, 2);
  EXPECT_THAT(misspelt.err, HasSubstr("did you mean model.squeeze_ratio?"));
  const Finished elsewhere = train({"--set", "model.name=resnet", "--set", "model.squeeze_ratio=0.5"});
  EXPECT_EQ(elsewhere.status, 2);
  EXPECT_THAT(elsewhere.err, HasSubstr("model.squeeze_ratio is an option of own_net, but model.name is resnet"));
}

TEST_F(OwnModel, IsUnknownToTheProgramsThatDoNotRegisterIt) {
  ASSERT_EQ(train({"--run", "run", "--set", "train.epochs=1"}).status, 0);
  const Finished other =
      test::run_program("ghost-predict", {"--checkpoint", "run", "x.png"}, {.directory = dir_.str()});
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err, AllOf(HasSubstr("model.name is 'own_net', but must be"), Not(HasSubstr("squeeze_ratio")),
                               Not(HasSubstr("terminate"))));
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
